"""The tables that every service has, and the row-level security of everybody's, for use in Alembic migrations."""

from alembic import op

KIT_TABLES = """
CREATE TABLE outbox (
    seq           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id            uuid NOT NULL,
    aggregatetype text NOT NULL,
    aggregateid   uuid NOT NULL,
    version       int  NOT NULL CHECK (version > 0),
    type          text NOT NULL,
    payload       json NOT NULL,
    traceparent   text,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    waiting_since timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at       timestamptz,
    UNIQUE (aggregatetype, aggregateid, version)
);
CREATE INDEX outbox_unsent ON outbox (seq) WHERE sent_at IS NULL;
CREATE INDEX outbox_sent ON outbox (sent_at) WHERE sent_at IS NOT NULL;

CREATE TABLE relay (
    name       text PRIMARY KEY,
    holder     uuid NOT NULL,
    fence      bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    cluster_id text
);
CREATE TABLE relay_progress (
    topic     text NOT NULL,
    partition int  NOT NULL,
    log_end   bigint NOT NULL,
    PRIMARY KEY (topic, partition)
);

CREATE TABLE consumed (
    consumer     text NOT NULL,
    topic        text NOT NULL,
    aggregate_id uuid NOT NULL,
    version      int  NOT NULL,
    PRIMARY KEY (consumer, topic, aggregate_id)
);
CREATE TABLE parked (
    seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer     text NOT NULL,
    topic        text NOT NULL,
    aggregate_id uuid NOT NULL,
    version      int  NOT NULL,
    headers      json NOT NULL,
    payload      bytea NOT NULL,
    reason       text NOT NULL,
    parked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (consumer, topic, aggregate_id, version)
);

CREATE TABLE idempotency_key (
    party_id     uuid NOT NULL,
    key          text NOT NULL,
    request_hash bytea NOT NULL,
    status       int  NOT NULL,
    body         bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (party_id, key)
);
CREATE INDEX idempotency_key_age ON idempotency_key (created_at);
"""


def create_kit_tables(service: str) -> None:
    """Create outbox, relay, consumer and idempotency tables with their grants."""
    _run(KIT_TABLES)
    worker = f"{service}_worker"
    _run(f"GRANT INSERT ON outbox TO {service}")
    for table in ("outbox", "relay", "relay_progress", "consumed", "parked"):
        _run(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {worker}")
    protect("idempotency_key", service)


def protect(table: str, service: str, *, visible: str = "party_id = ANY({parties})", also: str = "") -> None:
    """Force row-level security on a table: the service sees rows of the session's parties, its workers see all.

    `visible` is the condition for reading and writing, with `{parties}` for the session's parties;
    `also` widens what may be read (never what may be written), e.g. `true` for what is public.
    """
    parties = "(SELECT string_to_array(current_setting('app.parties', true), ','))::uuid[]"
    condition = visible.format(parties=parties)
    _run(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    _run(f"CREATE POLICY party ON {table} TO {service} USING ({condition}) WITH CHECK ({condition})")
    if also:
        _run(f"CREATE POLICY reader ON {table} FOR SELECT TO {service} USING ({also.format(parties=parties)})")
    open_to(table, f"{service}_worker")
    _run(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {service}")


def open_to(table: str, role: str) -> None:
    """Let a background role work on every party's rows of a table."""
    _run(f"CREATE POLICY {role} ON {table} TO {role} USING (true) WITH CHECK (true)")
    _run(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}")


def background_role(role: str, service: str) -> None:
    """Create a role that the service may take on for one transaction, and that owns nothing."""
    _run(f"""
        DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
                CREATE ROLE {role} NOLOGIN;
            END IF;
        END $$;
        GRANT {role} TO {service} WITH INHERIT FALSE, SET TRUE;
        GRANT USAGE ON SCHEMA public TO {role};
    """)


def _run(sql: str) -> None:
    for statement in _statements(sql):
        op.execute(statement)


def _statements(sql: str) -> list[str]:
    """asyncpg prepares one statement at a time; a DO block stays whole."""
    head, *blocks = sql.split("DO $$")
    parts = head.split(";")
    for block in blocks:
        body, rest = block.split("$$;", 1)
        parts += [f"DO $${body}$$", *rest.split(";")]
    return [part for part in parts if part.strip()]
