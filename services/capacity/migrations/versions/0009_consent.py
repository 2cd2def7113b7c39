"""What a booking's buyer agreed to last, and when a claim came, by the database's clock."""

from alembic import op

revision = "0009"
down_revision = "0008"

HOLD = "ALTER TABLE hold ADD COLUMN placed_at timestamptz"
BOOKING = """
ALTER TABLE booking
    ADD COLUMN placed_at timestamptz,
    ADD COLUMN promised jsonb NOT NULL DEFAULT '[]',
    ADD CONSTRAINT consent CHECK (promised = '[]' OR stage IN ('displaced', 'moved', 'cancelled'))
"""


def upgrade() -> None:
    op.execute(HOLD)
    op.execute(BOOKING)
