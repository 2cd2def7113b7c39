"""What was agreed for a booking, where it stands and how it ended; proposals; what a shrunken day cannot give."""

from alembic import op

revision = "0004"
down_revision = "0003"

BUCKET = """
ALTER TABLE bucket
    ADD COLUMN unattainable int NOT NULL DEFAULT 0 CHECK (unattainable BETWEEN 0 AND published),
    ADD CONSTRAINT nothing_free_while_short CHECK (unattainable = 0 OR held + committed + blocked = published)
"""
HOLD = "ALTER TABLE hold ADD COLUMN proposal jsonb, DROP CONSTRAINT hold_check3"
REASON = """
ALTER TABLE hold ADD CONSTRAINT reason CHECK (
    CASE state WHEN 'refused' THEN refusal IS NOT NULL WHEN 'released' THEN true ELSE refusal IS NULL END)
"""
BOOKING = """
ALTER TABLE booking
    ADD COLUMN agreed jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN ending jsonb,
    ADD COLUMN stage text NOT NULL DEFAULT 'firm' CHECK (stage IN
        ('awaiting_material', 'firm', 'displaced', 'moved', 'started', 'completed', 'cancelled')),
    ADD COLUMN deadline timestamptz,
    ADD COLUMN material_by timestamptz,
    ADD COLUMN material_at timestamptz,
    ADD COLUMN actual jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN displaced_by jsonb NOT NULL DEFAULT '[]'
"""
# Whoever owns a table with forced row-level security sees none of its rows.
ENDED = """
ALTER TABLE booking NO FORCE ROW LEVEL SECURITY;
UPDATE booking SET stage = 'cancelled', ending = '{"by": "buyer", "code": "CANCELLED", "message": "Cancelled."}'
 WHERE state = 'cancelled';
ALTER TABLE booking FORCE ROW LEVEL SECURITY;
ALTER TABLE booking
    ADD CONSTRAINT ended CHECK ((state = 'cancelled') = (ending IS NOT NULL)),
    ADD CONSTRAINT stands CHECK ((state = 'cancelled') = (stage = 'cancelled')),
    ADD CONSTRAINT waits CHECK ((stage IN ('awaiting_material', 'displaced', 'moved')) = (deadline IS NOT NULL))
"""
INDEXES = (
    "CREATE INDEX bucket_short ON bucket (id) WHERE unattainable > 0",
    "CREATE INDEX booking_takes ON booking USING gin (allocations jsonb_path_ops) WHERE state <> 'cancelled'",
    "CREATE INDEX booking_deadline ON booking (deadline) WHERE deadline IS NOT NULL",
    "CREATE INDEX booking_of ON booking (party_id) WHERE state <> 'cancelled'",
    "CREATE INDEX booking_displaced ON booking (id) WHERE stage = 'displaced'",
)


def upgrade() -> None:
    for statement in (BUCKET, HOLD, REASON, BOOKING, *ENDED.split(";"), *INDEXES):
        op.execute(statement)
