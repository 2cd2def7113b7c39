"""Who waits, and who shares: a place in line and a share are their party's; a pool is there for whoever sees its
resource, as that is now."""

from alembic import op

from libs.service.schema import protect

revision = "0003"
down_revision = "0002"

COMMON = """
    id       uuid PRIMARY KEY,
    version  int  NOT NULL CHECK (version > 0),
    type     text NOT NULL,
    event    json NOT NULL,
    party_id uuid NOT NULL,
    state    text NOT NULL
"""
OWN = "party_id = ANY({parties})"
SEES_RESOURCE = """
CREATE FUNCTION resource_is_seen(uuid) RETURNS boolean LANGUAGE sql STABLE
AS 'SELECT EXISTS (SELECT FROM public.resource WHERE id = $1)'
"""
"""By whoever asks. A function, by its text: a policy with the query in it would hold on to the table."""
QUEUES = (
    ("waitlist", "", "(party_id, id)", OWN),
    ("pool", ", resource_id uuid NOT NULL", "(resource_id, id)", "resource_is_seen(resource_id)"),
    ("share", ", pool_id uuid NOT NULL", "(party_id, pool_id, id)", OWN),
)


def upgrade() -> None:
    op.execute(SEES_RESOURCE)
    for table, columns, index, visible in QUEUES:
        op.execute(f"CREATE TABLE {table} ({COMMON} {columns})")
        op.execute(f"CREATE INDEX ON {table} {index}")
        protect(table, "gateway", visible=visible)
        op.execute(f"REVOKE INSERT, UPDATE, DELETE ON {table} FROM gateway")
