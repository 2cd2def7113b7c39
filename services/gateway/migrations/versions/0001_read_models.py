"""Read models: one table per aggregate of the other services, fed by their events.

No foreign keys between them: events of different topics arrive in any order.
"""

from alembic import op

from libs.service.schema import create_kit_tables, protect

revision = "0001"
down_revision = None

COMMON = """
    id      uuid PRIMARY KEY,
    version int  NOT NULL CHECK (version > 0),
    type    text NOT NULL,
    event   json NOT NULL,
"""
PUBLIC = {
    "party": ("kind text NOT NULL, name text NOT NULL", ["(name, id)", "(lower(name) text_pattern_ops)"]),
    "site": ("party_id uuid NOT NULL, name text NOT NULL", ["(party_id, name, id)"]),
    "product": (
        "party_id uuid NOT NULL, offered boolean NOT NULL",
        ["(id) WHERE offered", "(party_id, id) WHERE offered"],
    ),
    "resource": (
        "party_id uuid NOT NULL, site_id uuid NOT NULL, processes text[] NOT NULL",
        ["(party_id, id)", "(site_id, id)"],
    ),
    "bucket": (
        "party_id uuid NOT NULL, resource_id uuid NOT NULL, day date NOT NULL, UNIQUE (resource_id, day)",
        ["(party_id, day)"],
    ),
}
PRIVATE = ("hold", "booking", "orders")


def upgrade() -> None:
    create_kit_tables("gateway")
    for table, (columns, indexes) in PUBLIC.items():
        op.execute(f"CREATE TABLE {table} ({COMMON} {columns})")
        for index in indexes:
            op.execute(f"CREATE INDEX ON {table} {index}")
        op.execute(f"GRANT SELECT ON {table} TO gateway")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO gateway_worker")
    op.execute("CREATE INDEX ON resource USING gin (processes)")
    for table in PRIVATE:
        op.execute(f"CREATE TABLE {table} ({COMMON} state text NOT NULL, audience uuid[] NOT NULL)")
        op.execute(f"CREATE INDEX ON {table} USING gin (audience)")
        protect(table, "gateway", visible="audience && {parties}")
        op.execute(f"REVOKE INSERT, UPDATE, DELETE ON {table} FROM gateway")
