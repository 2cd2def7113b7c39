"""The ledger rebuilt from the log is the ledger; and a ledger that is not what was told does not pass."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import text

from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.migrate import migrate
from libs.kit.settings import Settings
from libs.kit.testing import eventually
from libs.messaging.broker import Broker
from services.capacity.audit import audit
from services.capacity.domain.audit import Books, differences
from services.capacity.domain.claims import Booking, Hold
from services.capacity.domain.ledger import Ledger
from services.capacity.domain.terms import Money
from services.capacity.handlers import bookings
from tests.services.capacity import world
from tests.services.capacity.test_life import NOW
from tests.services.capacity.world import a_resource, act, day, hold, publish

SHORT = replace(a_resource().calendar, weekly=[50] * 7)


@pytest.fixture
async def worker() -> str:
    """A database and a log that nobody else writes to: the audit is of all that there is."""
    name = f"audit_{new_id().hex}"
    await migrate("capacity", database=f"capacity_{name}")
    return name


@pytest.fixture
async def broker(api: httpx.AsyncClient, topic_prefix: str) -> AsyncIterator[Broker]:
    made = Broker(Settings(service="capacity", topic_prefix=topic_prefix))
    yield made
    await made.close()


async def test_the_ledger_is_what_the_log_tells_until_somebody_changes_it_in_silence(
    db: Database, broker: Broker
) -> None:
    bench, brand = a_resource(), new_id()
    await publish(db, bench)
    booked = [await world.book(db, brand, (bench, day(n), 100)) for n in (1, 2, 3)]
    await hold(db, brand, (bench, day(1), 50), seconds=0)
    await act(db, bookings.start, bench.party_id, booked[0].id)
    await world.cancel(db, brand, booked[1].id)
    await world.change_calendar(db, bench, exceptions={day(3): 40})

    async def all_sent() -> bool:
        async with db.work() as session:
            unsent = "SELECT count(*) FROM outbox WHERE sent_at IS NULL"
            displaced = (await world.told(db, booked[2].id, "capacity.booking"))[-1] == "booking_displaced"
            return displaced and not await session.scalar(text(unsent))

    await eventually(all_sent, 30)
    told, found = await audit(db, broker)
    assert found == []
    assert {one.id for one in booked} <= told.bookings.keys()
    bucket = bench.allocate(day(2), 1).bucket_id
    async with db.work() as session:
        await session.execute(text("UPDATE bucket SET committed = 7 WHERE id = :id"), {"id": bucket})
    _, found = await audit(db, broker, looks=2)
    claimed = "holds and bookings make 0 held and 0 committed, the ledger has 0 held and 7 committed"
    unlike = "version 3 is one thing in the ledger and another in the log"
    assert found == [f"bucket {bucket} ({bench.id} on {day(2)}): {claimed}", f"bucket {bucket}: {unlike}"]


def some_books() -> Books:
    bench = a_resource()
    part = bench.allocate(day(1), 100)
    bucket = world.a_bucket(bench, day(1))
    ledger = Ledger([bucket])
    placed = ledger.place(Hold(id=new_id(), party_id=new_id(), allocations=[part], expires_at=NOW))
    [changed] = ledger.changed()
    firm = Booking(id=new_id(), party_id=new_id(), allocations=[part], price=Money(1))
    changed = replace(changed, committed=100)
    return Books({changed.id: changed}, {placed.id: placed}, {firm.id: firm}, {bench.id: bench})


def test_books_that_agree_have_no_differences() -> None:
    books = some_books()
    assert list(differences(books, books, NOW)) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"holds": {}}, "only the ledger knows it"),
        ({"bookings": {}}, "only the ledger knows it"),
        ({"buckets": {}}, "only the ledger knows it"),
        ({"resources": {}}, "its resource was never told"),
        ({"holds": {"version": 2}}, "the ledger has version 1, the log 2"),
        ({"buckets": {"held": 0}}, "is one thing in the ledger and another in the log"),
        ({"bookings": {"stage": "ready"}}, "is one thing in the ledger and another in the log"),
        ({"resources": {"calendar": SHORT}}, "by its calendar 200 are published and 150 unattainable"),
    ],
)
def test_each_difference_is_told(wrong: dict[str, dict[str, object]], said: str) -> None:
    live = some_books()
    told = replace(live)
    for what, changes in wrong.items():
        made = {key: replace(one, **changes) for key, one in getattr(live, what).items()} if changes else {}
        setattr(told, what, made)
    assert any(said in sentence for sentence in differences(live, told, NOW))


def test_claims_on_a_bucket_that_the_ledger_does_not_have_are_told() -> None:
    told = some_books()
    found = list(differences(replace(told, buckets={}), told, NOW))
    assert any("100 held and 100 committed were told, and the ledger has no such bucket" in one for one in found)
