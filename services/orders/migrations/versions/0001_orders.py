"""Orders, their deadlines, and the copy of the catalog's products."""

from alembic import op

from libs.service.schema import create_kit_tables, protect

revision = "0001"
down_revision = None

ORDERS = """
CREATE TABLE orders (
    id              uuid PRIMARY KEY,
    party_id        uuid NOT NULL,
    version         int NOT NULL CHECK (version > 0),
    state           text NOT NULL CHECK (state IN
        ('placed', 'reserved', 'confirmed', 'refused', 'cancelled', 'failed', 'quarantined')),
    lines           jsonb NOT NULL CHECK (jsonb_array_length(lines) BETWEEN 1 AND 100),
    total_amount    bigint NOT NULL CHECK (total_amount > 0),
    total_currency  char(3) NOT NULL,
    earliest_day    date NOT NULL,
    due_day         date NOT NULL CHECK (due_day >= earliest_day),
    allocations     jsonb NOT NULL CHECK (jsonb_typeof(allocations) = 'array'),
    refusal_code    text,
    refusal_message text,
    UNIQUE (party_id, id),
    CHECK ((refusal_code IS NULL) = (refusal_message IS NULL)),
    CHECK ((refusal_code IS NOT NULL) = (state IN ('refused', 'failed', 'quarantined')))
)
"""
DEADLINE = """
CREATE TABLE deadline (
    order_id uuid PRIMARY KEY,
    party_id uuid NOT NULL,
    kind     text NOT NULL CHECK (kind IN ('answer', 'booking')),
    due_at   timestamptz NOT NULL,
    FOREIGN KEY (party_id, order_id) REFERENCES orders (party_id, id)
)
"""
PRODUCT = """
CREATE TABLE product (
    id             uuid PRIMARY KEY,
    version        int NOT NULL CHECK (version > 0),
    brand_id       uuid NOT NULL,
    offered        boolean NOT NULL,
    price_amount   bigint NOT NULL,
    price_currency char(3) NOT NULL,
    skus           jsonb NOT NULL,
    routing        jsonb NOT NULL
)
"""


def upgrade() -> None:
    create_kit_tables("orders")
    for statement in (ORDERS, DEADLINE, PRODUCT, "CREATE INDEX deadline_due ON deadline (due_at)"):
        op.execute(statement)
    protect("orders", "orders")
    protect("deadline", "orders")
    op.execute("GRANT SELECT ON product TO orders")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON product TO orders_worker")
