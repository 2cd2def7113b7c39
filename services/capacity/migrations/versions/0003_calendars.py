"""What a resource takes for each process, and the pattern that its calendar is worked out from."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE resource ADD work jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(work) = 'object')")
    op.execute("ALTER TABLE resource ADD pattern jsonb CHECK (jsonb_typeof(pattern) = 'object')")
    # ISO days are in order as texts are.
    op.execute("CREATE INDEX resource_ends ON resource ((calendar ->> 'ends_on')) WHERE pattern IS NOT NULL")
