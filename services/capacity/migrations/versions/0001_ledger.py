"""Resources, the bucket ledger, holds and bookings; and the role that works on the ledger for many parties at once."""

from alembic import op

from libs.service.schema import background_role, create_kit_tables, open_to, protect

revision = "0001"
down_revision = None

RESOURCE = """
CREATE TABLE resource (
    id               uuid PRIMARY KEY,
    party_id         uuid NOT NULL,
    version          int NOT NULL CHECK (version > 0),
    site_id          uuid NOT NULL,
    name             text NOT NULL,
    kind             text NOT NULL CHECK (kind IN ('machine', 'bench', 'operator_pool', 'tool_set', 'room')),
    processes        text[] NOT NULL CHECK (cardinality(processes) > 0),
    unit             text NOT NULL,
    time_zone        text NOT NULL,
    terms            jsonb NOT NULL,
    calendar         jsonb NOT NULL CHECK (jsonb_array_length(calendar -> 'weekly') = 7),
    UNIQUE (party_id, id)
)
"""
# Its quantities change often and its keys never: room in the page keeps an update off the indexes (HOT).
BUCKET = """
CREATE TABLE bucket (
    id          uuid PRIMARY KEY,
    party_id    uuid NOT NULL,
    version     int NOT NULL CHECK (version >= 0),
    resource_id uuid NOT NULL,
    day         date NOT NULL,
    published   int NOT NULL CHECK (published >= 0),
    held        int NOT NULL CHECK (held >= 0),
    committed   int NOT NULL CHECK (committed >= 0),
    blocked     int NOT NULL CHECK (blocked >= 0),
    CONSTRAINT conservation CHECK (held + committed + blocked <= published),
    UNIQUE (resource_id, day),
    FOREIGN KEY (party_id, resource_id) REFERENCES resource (party_id, id)
) WITH (fillfactor = 50)
"""
HOLD = """
CREATE TABLE hold (
    id              uuid PRIMARY KEY,
    party_id        uuid NOT NULL,
    version         int NOT NULL CHECK (version > 0),
    order_id        uuid CHECK (order_id = id),
    state           text NOT NULL CHECK (state IN ('held', 'refused', 'confirmed', 'released', 'expired')),
    allocations jsonb NOT NULL CHECK (NOT jsonb_path_exists(allocations, '$[*].quantity ? (@ <= 0)')),
    expires_at  timestamptz,
    refusal     jsonb,
    UNIQUE (party_id, id),
    CHECK ((state = 'refused') = (jsonb_array_length(allocations) = 0)),
    CHECK ((state = 'refused') = (expires_at IS NULL)),
    CHECK ((state = 'refused') = (refusal IS NOT NULL))
)
"""
BOOKING = """
CREATE TABLE booking (
    id         uuid PRIMARY KEY,
    party_id   uuid NOT NULL,
    version    int NOT NULL CHECK (version > 0),
    order_id   uuid CHECK (order_id = id),
    state      text NOT NULL CHECK (state IN ('confirmed', 'cancelled')),
    allocations jsonb NOT NULL CHECK (jsonb_array_length(allocations) > 0),
    price       jsonb NOT NULL,
    FOREIGN KEY (party_id, id) REFERENCES hold (party_id, id)
)
"""
INDEXES = (
    "CREATE INDEX resource_process ON resource USING gin (processes)",
    "CREATE INDEX hold_ends ON hold (expires_at) WHERE state = 'held'",
    "CREATE INDEX hold_open ON hold (party_id, expires_at) WHERE state = 'held' AND order_id IS NULL",
)
LEDGER = "capacity_ledger"


def upgrade() -> None:
    create_kit_tables("capacity")
    for statement in (RESOURCE, BUCKET, HOLD, BOOKING, *INDEXES):
        op.execute(statement)
    background_role(LEDGER, "capacity")
    for table in ("resource", "bucket", "hold", "booking"):
        protect(table, "capacity")
    for table in ("bucket", "hold", "booking", "idempotency_key"):
        open_to(table, LEDGER)
    op.execute(f"GRANT INSERT ON outbox TO {LEDGER}")
    # It reads resources; the right to update one column is what locking a row takes.
    op.execute(f"GRANT SELECT, UPDATE (id) ON resource TO {LEDGER}")
    op.execute(f"CREATE POLICY {LEDGER} ON resource TO {LEDGER} USING (true) WITH CHECK (false)")
