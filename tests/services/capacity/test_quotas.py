"""Fair shares of a day: what one party may have, what is kept for newcomers, and that every answer says so."""

from random import Random
from typing import Any
from uuid import UUID

import pytest

from libs.kit.db import Database
from libs.kit.errors import Conflict
from libs.kit.ids import new_id
from services.capacity.domain.offer import Resource
from services.capacity.domain.quota import NEW_UNTIL
from services.capacity.domain.terms import Refused
from services.capacity.domain.waitlist import Entry, Wish, check_hope
from services.capacity.handlers.holds import placing
from tests.services.capacity import world
from tests.services.capacity.test_ledger import crowd
from tests.services.capacity.test_life import NOW
from tests.services.capacity.world import a_resource, an_order, ask, bucket, day, faults, hold, publish, told


async def an_old_hand(db: Database) -> UUID:
    """A party that has had its bookings."""
    bench, party = a_resource(), new_id()
    await publish(db, bench)
    for _ in range(NEW_UNTIL):
        await world.book(db, party, (bench, day(1), 1))
    return party


def of(answer: dict[str, Any], code: str) -> list[tuple[int, int]]:
    return [(one["used"], one["most"]) for one in answer["limits"] if one["code"] == code]


async def test_a_party_has_no_more_of_a_day_than_its_share_in_holds_and_bookings_together(db: Database) -> None:
    bench, party = a_resource(party_percent=50), new_id()
    await publish(db, bench)
    await world.book(db, party, (bench, day(1), 100))
    placed = await hold(db, party, (bench, day(1), 100), (bench, day(2), 30))
    assert of(placed, "of_day") == [(200, 240), (30, 240)]
    told_so = f"A party may have 240 minutes of Bench on {day(1)}; you have 200, 41 were asked for"
    with pytest.raises(Conflict, match=told_so) as refused:
        await hold(db, party, (bench, day(1), 41))
    assert refused.value.code == "QUOTA"
    await hold(db, new_id(), (bench, day(1), 240))
    await world.release(db, party, placed["id"])
    await hold(db, party, (bench, day(1), 140))
    assert await bucket(db, bench, day(1)) == (480, 380, 100)
    assert await faults(db, bench) == []


async def test_a_share_is_exact_whoever_decides_and_however_many_at_once(db: Database) -> None:
    bench, party = a_resource(party_percent=25), new_id()
    await publish(db, bench)

    async def work(own: Database, number: int) -> None:
        commit, dice = placing(own), Random(number)
        for _ in range(6):
            await commit.together([ask(party, (bench, day(1), dice.choice([7, 11, 13]))) for _ in range(3)])

    await crowd(db, work)
    _, held, _ = await bucket(db, bench, day(1)) or (0, 0, 0)
    assert 120 - 7 < held <= 120
    assert await faults(db, bench) == []


async def test_a_share_of_each_day_is_kept_for_firms_new_to_the_platform(db: Database) -> None:
    bench = a_resource(newcomers_percent=25)
    await publish(db, bench)
    old, new = await an_old_hand(db), new_id()
    placed = await hold(db, old, (bench, day(1), 300))
    assert of(placed, "but_newcomers") == [(300, 360)]
    with pytest.raises(
        Conflict, match="for firms new to the platform: 61 asked for, 60 minutes left for you"
    ) as refused:
        await hold(db, old, (bench, day(1), 61))
    assert refused.value.code == "KEPT_FOR_NEWCOMERS"
    assert of(await hold(db, new, (bench, day(1), 100)), "but_newcomers") == []
    await hold(db, old, (bench, day(1), 60))
    await hold(db, new_id(), (bench, day(1), 20))
    assert await bucket(db, bench, day(1)) == (480, 480, 0)


async def test_a_party_is_new_until_it_has_had_its_bookings_and_cancelled_ones_do_not_count(db: Database) -> None:
    bench, party = a_resource(newcomers_percent=100), new_id()
    await publish(db, bench)
    for _ in range(NEW_UNTIL):
        booked = await world.book(db, party, (bench, day(1), 1))
    with pytest.raises(Conflict, match="firms new to the platform"):
        await hold(db, party, (bench, day(1), 1))
    await world.cancel(db, party, booked.id)
    await hold(db, party, (bench, day(1), 1))


async def test_a_workshop_is_not_bound_by_its_own_shares(db: Database) -> None:
    bench = a_resource(newcomers_percent=100, party_percent=1)
    await publish(db, bench)
    assert len((await hold(db, bench.party_id, (bench, day(1), 480)))["limits"]) == 1


async def test_every_answer_says_how_many_holds_are_open(db: Database) -> None:
    bench, party = a_resource(), new_id()
    await publish(db, bench)
    answers = [await hold(db, party, (bench, day(1), 1)) for _ in range(2)]
    assert [of(one, "open_holds") for one in answers] == [[(1, 200)], [(2, 200)]]
    assert "limits" not in await world.last_told(db, answers[0]["id"])


def test_there_is_no_line_for_what_is_sold_in_shares() -> None:
    craft = f"craft_{new_id().hex}"
    shared, open_to_all = a_resource(processes=[craft], party_percent=50), a_resource(processes=[craft])
    wish: dict[str, Any] = {
        "process": craft,
        "currency": "EUR",
        "quantity": 10,
        "first_day": day(1),
        "last_day": day(2),
    }
    entry = Entry(**wish, id=new_id(), party_id=new_id(), joined_at=NOW)
    assert [entry.is_met_by(one) for one in (shared, open_to_all)] == [False, True]
    with pytest.raises(Refused, match="has no line") as refused:
        check_hope(Wish(**wish), shared, NOW)
    assert refused.value.code == "NO_LINE"


async def test_orders_leave_alone_what_is_sold_in_shares(db: Database) -> None:
    craft = f"craft_{new_id().hex}"
    shared: list[Resource] = [
        a_resource(processes=[craft], **terms) for terms in ({"party_percent": 90}, {"newcomers_percent": 1})
    ]
    await publish(db, *shared)
    order = an_order((craft, 10))
    await world.hear(db, order)
    assert await told(db, order.id) == ["hold_refused"]
