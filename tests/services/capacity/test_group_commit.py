"""Those who ask together are decided together, and nobody pays for another."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest
from asyncpg import PostgresError
from fastapi import Response
from sqlalchemy import text

from libs.kit.db import Database, WriteSession
from libs.kit.errors import Conflict, Unavailable
from libs.kit.ids import new_id
from libs.kit.testing import eventually
from libs.service import group_commit
from libs.service.group_commit import Decided, GroupCommit
from services.capacity import store
from services.capacity.domain.offer import Resource
from services.capacity.handlers.holds import LEDGER, Ask, place_holds, placing
from tests.services.capacity import world
from tests.services.capacity.world import ask, bucket, day, faults


async def test_a_batch_that_fails_as_a_whole_is_decided_one_by_one(db: Database, bench: Resource) -> None:
    commit = placing(db)
    poison = ask(new_id(), (bench, day(1), 10), key="a\x00b")  # PostgreSQL takes no such text
    good = [ask(new_id(), (bench, day(1), 10)) for _ in range(3)]
    outcomes = await asyncio.gather(*map(commit.run, [good[0], poison, *good[1:]]), return_exceptions=True)
    assert [isinstance(outcome, PostgresError) for outcome in outcomes] == [False, True, False, False]
    assert await bucket(db, bench, day(1)) == (480, 30, 0)


async def test_a_caller_who_goes_away_does_not_disturb_the_others(db: Database, bench: Resource) -> None:
    commit = placing(db)
    gone, stays = [asyncio.create_task(commit.run(ask(new_id(), (bench, day(1), 10)))) for _ in range(2)]
    await asyncio.sleep(0)
    gone.cancel()
    assert world.body(await stays)["state"] == "held"
    assert await faults(db, bench) == []


async def test_who_waits_too_long_is_told_to_send_again_and_finds_the_answer(
    db: Database, bench: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "SECONDS_TO_WAIT", 0.05)
    commit, request = placing(db), ask(new_id(), (bench, day(1), 10))
    async with db.work() as session:
        await session.execute(text("SELECT FROM resource WHERE id = :id FOR UPDATE"), {"id": bench.id})
        with pytest.raises(Unavailable, match="again with the same Idempotency-Key"):
            await commit.run(request)
    monkeypatch.undo()

    async def answered() -> bool:
        with suppress(Conflict):
            return world.body(await commit.run(request))["state"] == "held"
        return False

    await eventually(answered)
    assert await bucket(db, bench, day(1)) == (480, 10, 0)


async def test_after_a_stall_those_who_have_just_come_are_not_refused_with_those_who_have_waited(
    db: Database, bench: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "SECONDS_TO_WAIT", 4)
    turns = asyncio.Semaphore(0)

    async def decide(session: WriteSession, asks: Sequence[Ask]) -> Decided:
        await turns.acquire()
        return await place_holds(session, asks)

    commit = GroupCommit(db, LEDGER, store.TURN, decide)

    def asks() -> asyncio.Task[Response]:
        return asyncio.create_task(commit.run(ask(new_id(), (bench, day(1), 10))))

    first = asks()
    await asyncio.sleep(0.1)
    waiting = asks()
    await asyncio.sleep(2.9)
    comes_last = asks()
    turns.release()
    await first
    await asyncio.sleep(1.5)
    turns.release()
    for answer in await asyncio.gather(waiting, comes_last):
        assert world.body(answer)["state"] == "held"


async def test_a_crowd_does_not_wait_for_one_batch_that_waits(db: Database, bench: Resource) -> None:
    other = world.a_resource()
    await world.publish(db, other)
    for resource in (bench, other):
        await world.hold(db, new_id(), (resource, day(1), 10))
    commit = placing(db)
    async with db.work() as session:
        await session.execute(text("SELECT FROM bucket WHERE resource_id = :id FOR UPDATE"), {"id": bench.id})
        stuck = asyncio.create_task(commit.run(ask(new_id(), (bench, day(1), 10))))
        await asyncio.sleep(0.1)
        crowd = [ask(new_id(), (other, day(1), 10)) for _ in range(group_commit.WORTH_A_LANE)]
        await asyncio.gather(*map(commit.run, crowd))
        assert not stuck.done()
    assert world.body(await stuck)["state"] == "held"
    assert await faults(db, bench, other) == []


async def test_no_more_wait_than_can_be_served_in_time(
    db: Database, bench: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MOST_WAITING", 3)
    commit = placing(db)
    asks = [ask(new_id(), (bench, day(1), 10)) for _ in range(5)]
    outcomes = await asyncio.gather(*map(commit.run, asks), return_exceptions=True)
    assert [isinstance(outcome, Unavailable) for outcome in outcomes] == [False] * 3 + [True] * 2
    assert await bucket(db, bench, day(1)) == (480, 30, 0)
