"""The waitlist, and the news of room that wake it.

Whoever frees room, or publishes more, says so in the same transaction by a trigger, as the conservation law is a CHECK
constraint: no command has to remember the waitlist. Nothing is written when room is taken.
"""

from alembic import op

from libs.service.schema import open_to, protect

revision = "0005"
down_revision = "0004"

ENTRY = """
CREATE TABLE waitlist_entry (
    id          uuid PRIMARY KEY,
    party_id    uuid NOT NULL,
    version     int NOT NULL CHECK (version > 0),
    state       text NOT NULL CHECK (
        state IN ('waiting', 'offered', 'accepted', 'declined', 'missed', 'withdrawn', 'lapsed')),
    resource_id uuid,
    process     text,
    currency    text,
    quantity    int NOT NULL CHECK (quantity > 0),
    first_day   date NOT NULL,
    last_day    date NOT NULL CHECK (last_day >= first_day),
    joined_at   timestamptz NOT NULL,
    allocations jsonb NOT NULL,
    expires_at  timestamptz,
    UNIQUE (party_id, id),
    CHECK ((resource_id IS NULL) <> (process IS NULL)),
    CHECK ((process IS NULL) = (currency IS NULL)),
    CHECK ((expires_at IS NULL) = (jsonb_array_length(allocations) = 0)),
    CHECK (state = 'withdrawn' OR (expires_at IS NULL) = (state IN ('waiting', 'lapsed')))
)
"""
NEWS = """
CREATE TABLE room_news (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    resource_id uuid NOT NULL
)
"""
TELL = """
CREATE FUNCTION tell_of_room() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN INSERT INTO room_news (resource_id) VALUES ((to_jsonb(NEW) ->> TG_ARGV[0])::uuid); RETURN NULL; END'
"""
FREED = """
CREATE TRIGGER freed AFTER UPDATE ON bucket FOR EACH ROW
WHEN (NEW.published > OLD.published OR NEW.held + NEW.committed + NEW.blocked < OLD.held + OLD.committed + OLD.blocked)
EXECUTE FUNCTION tell_of_room('resource_id')
"""
OFFERED = """
CREATE TRIGGER offered AFTER INSERT OR UPDATE ON resource FOR EACH ROW EXECUTE FUNCTION tell_of_room('id')
"""
INDEXES = (
    "CREATE INDEX waitlist_resource ON waitlist_entry (resource_id) WHERE state = 'waiting'",
    "CREATE INDEX waitlist_process ON waitlist_entry (process) WHERE state = 'waiting'",
    "CREATE INDEX waitlist_passed ON waitlist_entry (last_day) WHERE state = 'waiting'",
    "CREATE INDEX waitlist_open ON waitlist_entry (party_id) WHERE state IN ('waiting', 'offered')",
    "CREATE INDEX waitlist_offered ON waitlist_entry (id) WHERE state = 'offered'",
)


def upgrade() -> None:
    for statement in (ENTRY, NEWS, *INDEXES):
        op.execute(statement)
    protect("waitlist_entry", "capacity")
    open_to("waitlist_entry", "capacity_ledger")
    op.execute("GRANT INSERT ON room_news TO capacity, capacity_ledger")
    op.execute("GRANT SELECT, INSERT, DELETE ON room_news TO capacity_worker")
    for statement in (TELL, FREED, OFFERED):
        op.execute(statement)
