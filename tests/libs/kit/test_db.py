"""Sessions: what they may see and do."""

import asyncio

import pytest
from asyncpg import UniqueViolationError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from libs.kit.db import Database, Write, connect, rows, write
from libs.kit.ids import new_id
from libs.kit.settings import Settings

ADD = text("INSERT INTO thing VALUES (:id, :party, 1)")
COUNT = text("SELECT count(*) FROM thing")


async def test_a_party_sees_its_own_rows_alone(kit_database: Database) -> None:
    mine, theirs = new_id(), new_id()
    for party in (mine, theirs):
        async with kit_database.write(party) as session:
            await session.execute(ADD, {"id": new_id(), "party": party})
    async with kit_database.read(mine) as session:
        assert await session.scalar(COUNT) == 1
    async with kit_database.read() as session:
        assert await session.scalar(COUNT) == 0
    async with kit_database.work() as session:
        assert await session.scalar(COUNT) == 2


async def test_a_party_cannot_write_into_anothers_data(kit_database: Database) -> None:
    with pytest.raises(DBAPIError, match="row-level security"):
        async with kit_database.write(new_id()) as session:
            await session.execute(ADD, {"id": new_id(), "party": new_id()})


async def test_a_read_session_cannot_write(kit_database: Database) -> None:
    party = new_id()
    with pytest.raises(DBAPIError, match="read-only"):
        async with kit_database.read(party) as session:
            await session.execute(ADD, {"id": new_id(), "party": party})


async def test_a_block_that_raises_changes_nothing(kit_database: Database) -> None:
    party = new_id()

    async def fail() -> None:
        async with kit_database.write(party) as session:
            await session.execute(ADD, {"id": new_id(), "party": party})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with kit_database.read(party) as session:
        assert await session.scalar(COUNT) == 0


@pytest.mark.parametrize("end", ["raises", "is cancelled", "is not committed"])
async def test_who_comes_after_a_failed_batch_sees_nothing_of_it(kit_database: Database, end: str) -> None:
    one = Database(kit_database.url, pool_size=1)

    async def fail() -> None:
        async with one.batch("probe_worker") as session:
            await write(session, Write("INSERT INTO thing VALUES ($1, $1, 1)", (new_id(),)))
            if end == "is not committed":
                await rows(session, "SELECT pg_terminate_backend(pg_backend_pid())")
            if end == "is cancelled":
                await rows(session, "SELECT pg_sleep(30)")
            raise ZeroDivisionError

    failing = asyncio.create_task(fail())
    await asyncio.wait([failing], timeout=0.5)
    failing.cancel()
    await asyncio.wait([failing])
    assert failing.cancelled() or failing.exception() is not None
    async with one.batch("probe_worker") as session:
        assert [tuple(row) for row in await rows(session, "SELECT count(*) FROM thing")] == [(0,)]
    await one.close()


async def test_a_batch_writes_all_in_one_statement_or_nothing(kit_database: Database) -> None:
    ids = [new_id() for _ in range(3)]
    insert = "INSERT INTO thing SELECT id, id, $2 FROM unnest($1::uuid[]) id"
    async with kit_database.batch("probe_worker") as session:
        await write(session, Write(insert, (ids[:1], 1)), Write(insert, (ids[1:], 2)))
    with pytest.raises(UniqueViolationError):
        async with kit_database.batch("probe_worker") as session:
            await write(session, Write(insert, ([new_id()], 1)), Write(insert, (ids[:1], 1)))
    async with kit_database.work() as session:
        found = await rows(session, "SELECT version, count(*) FROM thing GROUP BY version ORDER BY version")
    assert [tuple(row) for row in found] == [(1, 1), (2, 2)]


async def test_the_service_owns_nothing_and_cannot_escape(kit_database: Database) -> None:
    async with kit_database.work() as session:
        owned = "SELECT count(*) FROM pg_tables WHERE tableowner IN ('probe', 'probe_worker')"
        assert await session.scalar(text(owned)) == 0
    for forbidden in ("ALTER TABLE thing DISABLE ROW LEVEL SECURITY", "SET ROLE probe_owner", "DELETE FROM outbox"):
        with pytest.raises(DBAPIError, match=r"must be owner|permission denied"):
            async with kit_database.write(new_id()) as session:
                await session.execute(text(forbidden))


async def test_a_crowd_of_requests_does_not_keep_background_work_waiting(kit_database: Database) -> None:
    narrow = Database(kit_database.url, pool_size=1)
    async with narrow.write(new_id()), narrow.work() as session:
        assert await session.scalar(text("SELECT 1")) == 1
    await narrow.close()


async def test_after_a_failover_no_request_is_given_a_dead_connection(kit_database: Database) -> None:
    async with kit_database.write() as one, kit_database.write() as other:
        victims = [await session.scalar(text("SELECT pg_backend_pid()")) for session in (one, other)]
    admin = await connect(Settings(service="postgres").server, timeout=10)
    await admin.execute("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) pid", victims, timeout=10)
    await admin.close(timeout=5)
    await asyncio.sleep(0.2)
    for _ in victims:
        async with kit_database.write() as session:
            assert await session.scalar(text("SELECT pg_backend_pid()")) not in victims
