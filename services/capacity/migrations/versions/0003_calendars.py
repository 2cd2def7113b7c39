"""What a resource takes for each process."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE resource ADD work jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(work) = 'object')")
