"""The read models are built anew from Kafka while the old ones answer: what was damaged is mended, nothing is lost."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from libs.contracts import Event, catalog
from libs.graphql_cache.answers import ANSWERS
from libs.kit.db import Database, ReadSession
from libs.kit.ids import new_id
from libs.kit.refusal import RefusedError
from libs.kit.settings import Settings
from libs.kit.testing import eventually
from libs.messaging import outbox, parking, queue
from libs.messaging.consumer import deliver
from libs.messaging.delivery import Handlers, Message
from libs.read_models.beside import beside
from libs.read_models.rebuild import rebuild
from services.gateway import store, tables
from services.gateway.subscriptions import SUBSCRIPTIONS
from tests.conftest import Clients, Databases
from tests.services.gateway import world
from tests.services.gateway.world import Asker

ROOT = Path(__file__).parents[3]
MODELS = list(tables.OF_TOPIC.values())
NAMES = [model.table for model in MODELS]
NAMED = "query($id: ID!) { node(id: $id) { ... on Party { name } } }"

Stage = tuple[Database, Asker]


@pytest.fixture
async def stage(client: Clients, database: Databases) -> Stage:
    """The gateway at work, with relay and consumer. What its own outbox is given plays the other services."""
    return await database("gateway", "rebuilt"), Asker(await client("gateway", "rebuilt"))


async def tell(db: Database, *events: Event) -> None:
    async with db.write(role="gateway_worker") as session:
        await outbox.add(session, *events)


async def heard(db: Database, *events: Event) -> None:
    """Wait until the read models have these."""

    async def have_them() -> bool:
        return all([await kept(db, event) == event for event in events])

    await eventually(have_them, 30)


async def kept(db: Database, event: Event) -> Event | None:
    async with db.work() as session:
        return (await store.by_ids(ReadSession(session), event.topic, [event.id])).get(event.id)


async def damage(db: Database, statement: str, **given: object) -> None:
    async with db.work() as session:
        await session.execute(text(statement), given)


async def nobody(topics: Collection[str]) -> None:
    raise AssertionError(f"the log has all, and yet {topics} were to be sent again")


@asynccontextmanager
async def asking(ask: Asker, event: catalog.Party) -> AsyncIterator[list[int]]:
    """Ask for a party again and again while the block runs; each answer must be there, and right."""
    answers = [0]

    async def go_on() -> None:
        while True:
            found = await ask.data(NAMED, id=world.gid("Party", event.id))
            assert found["node"] == {"name": event.name}
            answers[0] += 1

    asked = [asyncio.create_task(go_on()) for _ in range(4)]
    yield answers
    for one in asked:
        one.cancel()
    ended = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(one) for one in ended} == {asyncio.CancelledError}, ended


async def tables_as_they_are(db: Database) -> Sequence[tuple[Any, ...]]:
    """All that a migration has said of them: columns, indexes, rules of access."""
    statement = """
        SELECT 'column', table_name, column_name,
               concat_ws(' ', ordinal_position, data_type, is_nullable, column_default)
          FROM information_schema.columns WHERE table_schema = 'public'
        UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
          FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT 'policy', tablename, policyname, concat_ws(' ', permissive, roles, cmd, qual, with_check)
          FROM pg_policies WHERE schemaname = 'public'
        UNION ALL SELECT 'table', relname, relowner::regrole::text,
               concat_ws(' ', relrowsecurity, relforcerowsecurity, reloptions,
                         (SELECT array_agg(one::text ORDER BY one::text) FROM unnest(relacl) AS one))
          FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
        ORDER BY 1, 2, 3, 4
    """
    async with db.work() as session:
        return [tuple(row) for row in await session.execute(text(statement))]


async def beside_them(db: Database) -> int:
    """How many new tables there are beside the old."""
    async with db.work() as session:
        found = await session.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'rebuilt'"))
        return int(found or 0)


async def test_what_was_damaged_is_mended_while_queries_are_answered(stage: Stage) -> None:
    db, ask = stage
    calm, deleted, altered = (world.party(name=name) for name in ("Calm", "Deleted", "Altered"))
    bench = world.resource(calm.id)
    held = world.hold(new_id(), bench)
    await tell(db, calm, deleted, altered, bench, held)
    await heard(db, calm, deleted, altered, bench, held)
    await damage(db, "DELETE FROM party WHERE id = :id", id=deleted.id)
    await damage(db, "UPDATE party SET name = 'X', event = '{}' WHERE id = :id", id=altered.id)
    await damage(db, "UPDATE hold SET audience = '{}' WHERE id = :id", id=held.id)
    await damage(
        db, "INSERT INTO site SELECT id, 9, type, event, id, 'never told' FROM party WHERE id = :id", id=calm.id
    )
    before = await tables_as_they_are(db)
    async with asking(ask, calm) as answers:
        asked_before = answers[0]
        assert await rebuild(Settings(service="gateway"), MODELS, nobody, patience=30) >= 5
        assert answers[0] > asked_before
        await eventually(lambda: answers[0] > asked_before + 20)
    for event in (calm, deleted, altered, bench, held):
        assert await kept(db, event) == event
    async with db.work() as session:
        assert await session.scalar(text("SELECT name FROM party WHERE id = :id"), {"id": altered.id}) == "Altered"
        assert await session.scalar(text("SELECT count(*) FROM site WHERE name = 'never told'")) == 0
    assert await tables_as_they_are(db) == before
    assert await beside_them(db) == 0
    renamed = world.later(calm, catalog.PartyRenamed, name="Calmer")
    await tell(db, renamed)
    await heard(db, renamed)


async def test_what_is_kept_of_the_old_tables_is_given_no_more(stage: Stage) -> None:
    db, ask = stage
    party = world.party(name="Right")
    await tell(db, party)
    await heard(db, party)
    wrong = "UPDATE party SET event = jsonb_set(event::jsonb, '{name}', '\"Wrong\"') WHERE id = :id"
    await damage(db, wrong, id=party.id)
    before = given()

    async def is_kept() -> bool:
        found = await ask.data(NAMED, id=world.gid("Party", party.id))
        assert found["node"] == {"name": "Wrong"}
        return given() > before

    await eventually(is_kept, 30)
    await rebuild(Settings(service="gateway"), MODELS, nobody, patience=30, swapping=tables.SWAPPING)
    assert (await ask.data(NAMED, id=world.gid("Party", party.id)))["node"] == {"name": "Right"}


def given() -> float:
    """How many answers were kept ones."""
    return ANSWERS.labels("kept")._value.get()


async def test_nothing_newer_is_lost_while_events_go_on_arriving(stage: Stage) -> None:
    db, _ = stage
    newest: dict[object, Event] = {one.id: one for one in (world.party(name="0") for _ in range(20))}
    await tell(db, *newest.values())
    ended = asyncio.Event()

    async def go_on() -> None:
        version = 1
        while not ended.is_set():
            version += 1
            for key, event in list(newest.items()):
                newest[key] = world.later(event, catalog.PartyRenamed, name=f"{version}")
            await tell(db, *newest.values())
            await asyncio.sleep(0.02)

    telling = asyncio.create_task(go_on())
    await rebuild(Settings(service="gateway"), MODELS, nobody, patience=30)
    ended.set()
    await telling
    await heard(db, *newest.values())


async def test_what_the_log_has_lost_is_sent_again_by_its_owner_before_anything_is_swapped(stage: Stage) -> None:
    db, _ = stage
    old, first = world.party(name="Older than the log"), world.party()
    await tell(db, first)
    await heard(db, first)  # from now on the relay knows this log
    await told_beside_the_log(db, old)
    async with db.work() as session:
        await outbox.add(session, old)
        await session.execute(text("UPDATE outbox SET sent_at = now() WHERE aggregateid = :id"), {"id": old.id})
    await damage(db, "DELETE FROM party WHERE id = :id", id=old.id)

    async def never(topics: Collection[str]) -> None:
        assert list(topics) == ["catalog.party"]

    with pytest.raises(RefusedError, match=r"does not have all .* \(1 of catalog.party at least\): nothing is swapped"):
        await rebuild(Settings(service="gateway"), MODELS, never, patience=2)
    assert (await kept(db, old), await beside_them(db)) == (None, 0)

    async def its_owner(topics: Collection[str]) -> None:
        async with db.work() as session:
            for topic in topics:
                await queue.republish(session, topic)

    await rebuild(Settings(service="gateway"), MODELS, its_owner, patience=30)
    assert await kept(db, old) == old


async def test_whoever_reads_for_long_is_not_disturbed_and_nothing_is_swapped_meanwhile(stage: Stage) -> None:
    db, _ = stage
    seen = world.party()
    await tell(db, seen)
    await heard(db, seen)
    async with db.read() as session:
        assert await store.by_ids(session, seen.topic, [seen.id])
        with pytest.raises(RefusedError, match="are read for long, again and again: nothing is swapped"):
            await rebuild(Settings(service="gateway"), MODELS, nobody, patience=1)
        assert await store.by_ids(session, seen.topic, [seen.id])


async def test_what_is_parked_does_not_hold_it_up(stage: Stage) -> None:
    db, _ = stage
    broken = world.party()
    message = Message(broken.topic, broken.id, 1, {"ce_type": broken.type}, b'{"kind": "circus"}')
    async with db.work() as session:
        await deliver(session, "gateway", Handlers(SUBSCRIPTIONS), [message])
        assert await parking.keys_parked(session, "gateway", [message.key])
    await rebuild(Settings(service="gateway"), MODELS, nobody, patience=30)


async def test_killed_half_way_it_leaves_the_old_tables_and_is_started_again(stage: Stage) -> None:
    db, ask = stage
    calm, lost = world.party(name="Calm"), world.party(name="Not in the log")
    await tell(db, calm)
    await heard(db, calm)
    await told_beside_the_log(db, lost)
    killed = await waiting_for_the_owner()
    assert await beside_them(db) == len(MODELS)
    with pytest.raises(RefusedError, match="are being rebuilt by somebody else: wait until that ends"):
        await rebuild(Settings(service="gateway"), MODELS, nobody)
    killed.kill()
    await killed.wait()
    assert (await ask.data(NAMED, id=world.gid("Party", calm.id)))["node"] == {"name": "Calm"}
    await tell(db, lost)

    async def again() -> bool:
        try:
            return bool(await rebuild(Settings(service="gateway"), MODELS, nobody, patience=30))
        except RefusedError:  # its connection is not known to be gone yet
            return False

    assert await eventually(again, 30)
    assert (await kept(db, calm), await kept(db, lost), await beside_them(db)) == (calm, lost, 0)


async def test_interrupted_it_says_so_and_leaves_nothing(stage: Stage) -> None:
    db, _ = stage
    lost = world.party(name="Not in the log")
    await told_beside_the_log(db, lost)
    command = await waiting_for_the_owner()
    command.send_signal(signal.SIGINT)
    _, said = await asyncio.wait_for(command.communicate(), 60)
    assert said.decode().splitlines()[1:] == ["Ended; nothing half built is left."]
    assert (command.returncode, await beside_them(db)) == (130, 0)
    await tell(db, lost)  # whoever rebuilds after this misses nothing


async def test_who_may_see_a_row_is_said_before_there_is_one(stage: Stage) -> None:
    db, _ = stage
    rules = "SELECT tablename, policyname, permissive, roles, cmd, qual, with_check FROM pg_policies"
    forced = "SELECT relname FROM pg_class WHERE relforcerowsecurity AND relrowsecurity"
    async with beside(Settings(service="gateway").url, "gateway", MODELS):
        async with db.work() as session:
            hidden = f"{forced} AND relnamespace = 'rebuilt'::regnamespace"
            private = {"resource", "hold", "booking", "orders", "waitlist", "pool", "share"}
            assert set(await session.scalars(text(hidden))) >= private
            where = "WHERE tablename = ANY(:names) AND schemaname = '{}' ORDER BY 1, 2"
            [old, new] = [
                (await session.execute(text(f"{rules} {where.format(schema)}"), {"names": NAMES})).all()
                for schema in ("public", "rebuilt")
            ]
            assert old == new
        with pytest.raises(ProgrammingError, match="permission denied for schema rebuilt"):
            async with db.read(new_id()) as session:
                await session.execute(text("SELECT FROM rebuilt.hold"))


async def test_what_is_swapped_in_is_seen_by_whom_it_concerns_alone(stage: Stage) -> None:
    db, _ = stage
    bench = world.resource(new_id())
    private = msgspec.structs.replace(bench, terms=msgspec.structs.replace(bench.terms, visibility="private"))
    held, pool = world.hold(new_id(), private), world.pool(private)
    await tell(db, private, held, pool)
    await heard(db, private, held, pool)
    await rebuild(Settings(service="gateway"), MODELS, nobody, patience=30)
    for party, seen in ((held.party_id, ["hold"]), (private.party_id, ["hold", "pool"]), (new_id(), [])):
        query = "SELECT 'hold' FROM hold WHERE id = :hold UNION SELECT 'pool' FROM pool WHERE id = :pool ORDER BY 1"
        async with db.read(party) as session:
            assert list(await session.scalars(text(query), {"hold": held.id, "pool": pool.id})) == seen


async def test_only_the_worker_may_have_tables_made_or_swapped(stage: Stage) -> None:
    db, _ = stage
    for call in ("rebuilt_make('{}')", "rebuilt_analyze()", "rebuilt_swap('{}', '')"):
        with pytest.raises(ProgrammingError, match="permission denied for function"):
            async with db.write(new_id()) as session:
                await session.execute(text(f"SELECT {call}"))


@pytest.mark.parametrize("call", ["rebuilt_make('{party,consumed}')", "rebuilt_swap('{consumed}', '0005')"])
async def test_nothing_but_read_models_can_be_made_or_swapped(stage: Stage, call: str) -> None:
    db, _ = stage
    async with db.work() as session:
        with pytest.raises(Exception, match="are read models"):
            await session.execute(text(f"SELECT {call}"))


async def test_a_migration_meanwhile_ends_it(stage: Stage) -> None:
    db, _ = stage
    async with db.work() as session:
        with pytest.raises(Exception, match="changed by a migration meanwhile"):
            await session.execute(text("SELECT rebuilt_swap('{party}', 'another revision')"))


async def waiting_for_the_owner() -> asyncio.subprocess.Process:
    """The command, which has built what it could, and waits for what the log does not have."""
    begun = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "libs.read_models.rebuild", "gateway"), cwd=ROOT, stdout=PIPE, stderr=PIPE
    )
    assert begun.stdout
    told = await asyncio.wait_for(begun.stdout.readline(), 60)
    assert b"run `python -m libs.service.events republish catalog`" in told
    return begun


async def told_beside_the_log(db: Database, event: Event) -> None:
    """The gateway has it, and the log does not: it was lost."""
    message = Message(event.topic, event.id, event.version, {"ce_type": event.type}, msgspec.json.encode(event))
    async with db.work() as session:
        await deliver(session, "gateway", Handlers(SUBSCRIPTIONS), [message])
