"""No kept answer is older than the read model, whatever races, dies, is away, forgets or comes back."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis

from libs.contracts import catalog
from libs.graphql_cache import answers
from libs.graphql_cache.answers import Kept
from libs.graphql_cache.epoch import nothing_kept
from libs.kit.db import Database, connect
from libs.stack.child import Child, start_and_wait, stop_all
from libs.stack.home import Home
from libs.stack.servers import redis, valkey
from tests.services.gateway import world
from tests.services.gateway.kept import LEASE, Process, named, process, said


@pytest.fixture(autouse=True)
def no_clock_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_MARGIN", 0.05)


@pytest.fixture
async def one(db: Database) -> AsyncIterator[Process]:
    async with process(db) as made:
        yield made


@pytest.fixture
async def another(db: Database, one: Process) -> AsyncIterator[Process]:
    async with process(db) as made:
        yield made


@pytest.fixture
async def party(one: Process) -> catalog.Party:
    made = world.party(name="old")
    await one.write(made)
    return made


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Child, Home]]:
    """A Valkey of this test's own."""
    home = Home(tmp_path)
    home.make()
    home.make_sockets()
    child = valkey(home)
    start_and_wait([child], home.log, seconds=20)
    yield child, home
    child.send(signal.SIGCONT)
    stop_all([child], seconds=5)


async def test_any_process_gives_what_any_has_made_until_any_has_news(
    one: Process, another: Process, party: catalog.Party
) -> None:
    assert await one.keep(party.id) == "old"
    assert said(await another.look(party.id)) == "old"
    await another.write(named("new", party))
    assert not isinstance(await one.look(party.id), Kept)
    assert await one.keep(party.id) == said(await another.look(party.id)) == "new"


async def test_what_there_is_none_of_is_an_answer_until_there_is(one: Process) -> None:
    made = world.party(name="new")
    assert await one.keep(made.id) is None
    await one.write(made)
    assert await one.ask(made.id) == "new"


async def test_an_answer_that_was_begun_before_the_news_is_not_kept(
    one: Process, another: Process, party: catalog.Party
) -> None:
    await one.ask(party.id)
    begun = await one.look(party.id)
    name = await one.read(begun, party.id)
    await another.write(named("new", party))
    await one.store(begun, name)
    assert name == "old"
    assert not isinstance(await one.look(party.id), Kept)
    await one.store(begun, name)  # nor once its tags are there again
    assert not isinstance(await one.look(party.id), Kept)
    assert await one.ask(party.id) == "new"


async def test_nothing_is_kept_of_what_is_about_to_be_committed(
    one: Process, another: Process, party: catalog.Party
) -> None:
    await one.keep(party.id)
    async with another.writing(named("new", party)):
        for _ in range(3):
            assert await one.ask(party.id) == "old"
            assert not isinstance(await one.look(party.id), Kept)
        begun = await one.look(party.id)
        name = await one.read(begun, party.id)
    await one.store(begun, name)  # begun before the commit, stored after it
    assert not isinstance(await one.look(party.id), Kept)
    assert await one.keep(party.id) == "new"


async def test_a_projection_that_dies_before_it_commits_leaves_what_there_was(
    one: Process, another: Process, party: catalog.Party
) -> None:
    await one.keep(party.id)
    with pytest.raises(RuntimeError, match="dies"):
        async with another.writing(named("never", party)):
            raise RuntimeError("dies")
    assert await one.keep(party.id) == "old"


async def test_one_that_writes_something_else_is_no_hindrance(one: Process, party: catalog.Party) -> None:
    async with one.kit.database.work() as session:
        await one.answers.forget(session, ["capacity.hold:1"])
        assert await one.keep(party.id) == "old"


async def test_a_process_that_cannot_tell_valkey_waits_until_nobody_gives_what_is_old(
    one: Process, party: catalog.Party
) -> None:
    """As `python -m libs.service.events replay` is, or one that a network has cut off from Valkey."""
    await one.keep(party.id)
    stranger = Process(one.kit)
    assert stranger.answers._kit is None
    await stranger.write(named("new", party))
    assert not isinstance(await one.look(party.id), Kept)
    assert await one.ask(party.id) == "new"
    await one.open()
    assert await one.keep(party.id) == "new"


async def test_nothing_is_kept_while_tables_are_put_in_the_place_of_others(
    one: Process, another: Process, party: catalog.Party
) -> None:
    await one.keep(party.id)
    connection = await connect(one.kit.settings.url)
    await connection.execute("SET ROLE gateway_worker")
    async with nothing_kept(connection):
        assert not isinstance(await one.look(party.id), Kept)
        await another.open()  # a new epoch has begun
        await one.open()
        for _ in range(3):
            assert await one.ask(party.id) == "old"
            assert not isinstance(await one.look(party.id), Kept)
        async with connection.transaction():
            await connection.execute(_NEW, party.id)
    assert await one.keep(party.id) == "new"
    await connection.close()


_NEW = "UPDATE party SET event = jsonb_set(event::jsonb, '{name}', '\"new\"') WHERE id = $1"


async def test_while_valkey_is_away_answers_are_made_and_projections_go_on(
    db: Database, server: tuple[Child, Home]
) -> None:
    child, home = server
    async with process(db, redis(home)) as one:
        made = world.party(name="old")
        await one.write(made)
        await one.keep(made.id)
        child.kill()
        assert await one.ask(made.id) == "old"
        await one.write(newer := named("new", made))
        await one.write(named("newest", newer))
        assert await one.ask(made.id) == "newest"
        start_and_wait([child], home.log, seconds=20)
        await one.open()
        one.answers._away_until = 0
        assert await one.keep(made.id) == "newest"


async def test_a_valkey_that_sleeps_and_wakes_with_all_it_had_gives_nothing_old(
    db: Database, server: tuple[Child, Home]
) -> None:
    child, home = server
    async with process(db, redis(home)) as one:
        made = world.party(name="old")
        await one.write(made)
        await one.keep(made.id)
        era = one.answers._epoch
        child.send(signal.SIGSTOP)
        await one.write(named("new", made))
        child.send(signal.SIGCONT)
        one.answers._away_until, one.answers._epoch = 0, era  # as one that has not heard that it is over
        assert not isinstance(await one.look(made.id), Kept)
        assert await one.ask(made.id) == "new"


async def test_a_valkey_that_comes_back_with_old_data_gives_none_of_it(
    db: Database, server: tuple[Child, Home]
) -> None:
    child, home = server
    async with process(db, redis(home)) as one:
        made = world.party(name="old")
        await one.write(made)
        await one.keep(made.id)
        era = one.answers._epoch
        async with Redis.from_url(redis(home)) as client:
            await client.persist(f"gateway.answers:{era}")  # or the epoch would have ended while Valkey started
            await client.save()
        await one.write(named("new", made))
        child.kill()
        start_and_wait([child], home.log, seconds=20)
        async with Redis.from_url(redis(home)) as client:
            assert [key async for key in client.scan_iter("*=*")]  # the old answer is there
        one.answers._away_until, one.answers._epoch = 0, era
        assert not isinstance(await one.look(made.id), Kept)
        assert await one.keep(made.id) == "new"


@pytest.mark.parametrize("lost", ["*", "*answers:????????????????????????????????", "*:catalog.party:*", "*=*"])
async def test_what_valkey_has_lost_makes_nothing_old_good(db: Database, server: tuple[Child, Home], lost: str) -> None:
    """Flushed or evicted: everything, the epoch, tags, answers; before a change, and between it and its commit."""
    _, home = server
    async with process(db, redis(home)) as one, process(db, redis(home)) as another:
        made = world.party(name="old")
        await one.write(made)
        await one.keep(made.id)
        await _lose(one, lost)
        assert await one.ask(made.id) == "old"
        async with another.writing(newer := named("new", made)):
            await one.ask(made.id)
            await _lose(one, lost)
            for _ in range(3):
                assert await one.ask(made.id) == "old"
        assert await one.ask(made.id) == "new"
        await _lose(one, lost)
        await another.write(named("newest", newer))
        assert await one.ask(made.id) == "newest"


async def _lose(one: Process, pattern: str) -> None:
    async with Redis.from_url(one.kit.settings.redis) as client:
        if keys := [key async for key in client.scan_iter(pattern)]:
            await client.delete(*keys)


async def test_an_epoch_that_nobody_renews_ends(one: Process, party: catalog.Party) -> None:
    await one.keep(party.id)
    era, one.answers._most = one.answers._epoch, 0  # it looks after it no more
    await asyncio.sleep(LEASE)
    one.answers._epoch = era
    assert await one.look(party.id) is None


async def test_old_and_new_are_told_apart_under_load(db: Database) -> None:
    """Two processes answer, two others project, and each answer is at least what was committed before it was asked."""
    async with AsyncExitStack() as stack:
        asked = [await stack.enter_async_context(process(db)) for _ in range(2)]
        told = [await stack.enter_async_context(process(db)) for _ in range(2)]
        parties = [world.party(name="0") for _ in range(2)]
        await told[0].write(*parties)
        committed, ends, kept = {one.id: 0 for one in parties}, asyncio.get_running_loop().time() + 2, [0]

        async def projects(one: Process, party: catalog.Party) -> None:
            number = 0
            while asyncio.get_running_loop().time() < ends:
                number += 1
                await one.write(catalog.PartyRenamed(**_fields(party) | {"version": number + 1, "name": str(number)}))
                committed[party.id] = number
                await asyncio.sleep(0.01 * (number % 3))

        async def asks(one: Process, party: UUID) -> None:
            while asyncio.get_running_loop().time() < ends:
                least, found = committed[party], await one.look(party)
                kept[0] += isinstance(found, Kept)
                name = said(found) if isinstance(found, Kept) else await one.read(found, party)
                assert name is not None
                assert int(name) >= least
                await one.store(found, name)

        await asyncio.gather(
            *(projects(one, party) for one, party in zip(told, parties, strict=True)),
            *(asks(one, party.id) for one in asked for party in parties),
        )
        assert kept[0]


def _fields(party: catalog.Party) -> dict[str, Any]:
    return {name: getattr(party, name) for name in party.__struct_fields__}
