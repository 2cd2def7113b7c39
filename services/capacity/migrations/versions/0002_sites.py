"""Sites as the catalog tells of them: a resource stands at one of its own workshop's."""

from alembic import op

from libs.service.schema import protect

revision = "0002"
down_revision = "0001"

SITE = """
CREATE TABLE site (
    id        uuid PRIMARY KEY,
    party_id  uuid NOT NULL,
    version   int NOT NULL CHECK (version > 0),
    time_zone text NOT NULL,
    UNIQUE (party_id, id)
)
"""


def upgrade() -> None:
    op.execute(SITE)
    protect("site", "capacity", also="true")
    # Not of resources that were published before sites were known here: their sites come with the next events.
    op.execute(
        "ALTER TABLE resource ADD CONSTRAINT at_own_site FOREIGN KEY (party_id, site_id)"
        " REFERENCES site (party_id, id) NOT VALID"
    )
