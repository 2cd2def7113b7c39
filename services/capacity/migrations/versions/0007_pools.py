"""Pools and their shares: those who need little share one setting up."""

from alembic import op

from libs.service.schema import open_to, protect

revision = "0007"
down_revision = "0006"

POOL = """
CREATE TABLE pool (
    id             uuid PRIMARY KEY,
    party_id       uuid NOT NULL,
    version        int NOT NULL CHECK (version > 0),
    state          text NOT NULL CHECK (state IN ('open', 'fired', 'lapsed', 'closed')),
    resource_id    uuid NOT NULL,
    day            date NOT NULL,
    quantity       int NOT NULL,
    minimum        int NOT NULL CHECK (minimum BETWEEN 1 AND quantity),
    pledged        int NOT NULL CHECK (pledged BETWEEN 0 AND quantity),
    price_per_unit jsonb NOT NULL,
    setup_price    jsonb NOT NULL,
    minimum_charge jsonb,
    closes_at      timestamptz NOT NULL,
    CHECK ((pledged >= minimum) = (state = 'fired')),
    FOREIGN KEY (party_id, id) REFERENCES hold (party_id, id)
)
"""
SHARE = """
CREATE TABLE pool_share (
    id        uuid PRIMARY KEY,
    party_id  uuid NOT NULL,
    version   int NOT NULL CHECK (version > 0),
    pool_id   uuid NOT NULL REFERENCES pool,
    state     text NOT NULL CHECK (state IN ('pledged', 'booked', 'withdrawn', 'released')),
    quantity  int NOT NULL CHECK (quantity > 0),
    joined_at timestamptz NOT NULL,
    at_most   jsonb NOT NULL,
    price     jsonb,
    CHECK ((price IS NULL) = (state <> 'booked'))
)
"""
INDEXES = (
    "CREATE INDEX pool_open ON pool (id) WHERE state = 'open'",
    "CREATE UNIQUE INDEX one_share ON pool_share (pool_id, party_id) WHERE state IN ('pledged', 'booked')",
    "CREATE INDEX share_of ON pool_share (pool_id, party_id, joined_at)",
    "CREATE INDEX share_open ON pool_share (party_id) WHERE state = 'pledged'",
)


def upgrade() -> None:
    for statement in (POOL, SHARE, *INDEXES):
        op.execute(statement)
    for table in ("pool", "pool_share"):
        protect(table, "capacity")
        open_to(table, "capacity_ledger")
