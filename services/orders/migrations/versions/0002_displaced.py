"""An order follows its booking: displaced, moved, completed."""

from alembic import op

revision = "0002"
down_revision = "0001"

STATES = """
ALTER TABLE orders DROP CONSTRAINT orders_state_check, ADD CONSTRAINT orders_state_check CHECK (
    state IN ('placed', 'reserved', 'confirmed', 'displaced', 'moved', 'completed',
              'refused', 'cancelled', 'failed', 'quarantined'))
"""


def upgrade() -> None:
    op.execute(STATES)
