"""Who decides holds sees which workshops are qualified."""

from alembic import op

revision = "0011"
down_revision = "0010"

LEDGER = "capacity_ledger"


def upgrade() -> None:
    op.execute(f"GRANT SELECT ON qualification TO {LEDGER}")
    op.execute(f"CREATE POLICY {LEDGER} ON qualification FOR SELECT TO {LEDGER} USING (true)")
