"""What search and promises know of a resource has its work too: what it takes for each process."""

from alembic import op

revision = "0008"
down_revision = "0007"

# The owner too sees nothing of what row-level security is forced on.
OPEN = "ALTER TABLE {} NO FORCE ROW LEVEL SECURITY"
CLOSE = "ALTER TABLE {} FORCE ROW LEVEL SECURITY"
COLUMN = "ALTER TABLE availability ADD work jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(work) = 'object')"
FILL = """UPDATE availability SET work = resource.work FROM resource
     WHERE resource.id = availability.id AND resource.work <> '{}'"""


def upgrade() -> None:
    op.execute(COLUMN)
    for table in ("availability", "resource"):
        op.execute(OPEN.format(table))
    op.execute(FILL)
    for table in ("availability", "resource"):
        op.execute(CLOSE.format(table))
