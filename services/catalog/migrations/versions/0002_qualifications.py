"""Qualifications of workshops."""

from alembic import op

from libs.service.schema import protect

revision = "0002"
down_revision = "0001"

QUALIFICATION = """
CREATE TABLE qualification (
    id           uuid PRIMARY KEY,
    party_id     uuid NOT NULL REFERENCES party (id),
    version      int NOT NULL CHECK (version > 0),
    scheme       text NOT NULL CHECK (scheme ~ '^[a-z][a-z0-9_]{1,39}$'),
    issuer       text NOT NULL CHECK (char_length(issuer) BETWEEN 1 AND 120),
    evidence_url text NOT NULL CHECK (char_length(evidence_url) <= 500),
    valid_from   date NOT NULL,
    valid_until  date NOT NULL CHECK (valid_until >= valid_from),
    state        text NOT NULL CHECK (state IN ('shown', 'withdrawn')),
    UNIQUE (party_id, id)
)
"""


def upgrade() -> None:
    op.execute(QUALIFICATION)
    protect("qualification", "catalog")
