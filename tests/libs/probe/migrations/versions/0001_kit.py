"""The kit's tables, a table of a tenant, and a read model."""

from alembic import op

from libs.service.schema import create_kit_tables, protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_kit_tables("probe")
    op.execute("CREATE TABLE thing (id uuid PRIMARY KEY, party_id uuid NOT NULL, version int NOT NULL)")
    op.execute("CREATE TABLE effect (aggregate_id uuid NOT NULL, version int NOT NULL)")
    op.execute("GRANT SELECT, INSERT ON effect TO probe_worker")
    protect("thing", "probe")
    op.execute(
        "CREATE TABLE place (id uuid PRIMARY KEY, version int NOT NULL, type text NOT NULL, event json NOT NULL,"
        " party_id uuid NOT NULL, name text NOT NULL, words text[] NOT NULL)"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON place TO probe_worker")
