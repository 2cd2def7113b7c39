"""What was agreed for a booking, and how it ended."""

from alembic import op

revision = "0004"
down_revision = "0003"

BOOKING = """
ALTER TABLE booking
    ADD COLUMN agreed jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN ending jsonb,
    ADD CONSTRAINT ended CHECK ((state = 'cancelled') = (ending IS NOT NULL)) NOT VALID
"""


def upgrade() -> None:
    op.execute(BOOKING)
