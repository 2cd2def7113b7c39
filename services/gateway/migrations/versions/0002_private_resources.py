"""A resource may be private: its workshop and who is invited see it. Its days are looked up through it alone."""

from alembic import op

from libs.service.schema import protect

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE resource ADD COLUMN audience uuid[]")
    protect("resource", "gateway", visible="audience IS NULL OR audience && {parties}")
    op.execute("REVOKE INSERT, UPDATE, DELETE ON resource FROM gateway")
