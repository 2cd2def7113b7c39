"""The kit's tables, and a table of a tenant."""

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
