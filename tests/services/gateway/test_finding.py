"""Where there is room is answered by capacity itself, over real ports."""

from typing import Any

import pytest

from libs.kit.ids import new_id
from libs.kit.testing import eventually
from services.capacity.domain.terms import Money
from tests.conftest import Databases
from tests.services.capacity.world import a_resource, day, publish
from tests.services.gateway import world

SEARCH = """query($for: SearchInput!, $order: WindowOrder! = EARLIEST, $first: Int! = 20) {
    search(for: $for, order: $order, first: $first) { ageSeconds windows {
        startsOn endsOn quantity km soldToYou price { amount currency } days { day quantity } resource { name }
        workshop { name } } } }"""


async def windows(asker: world.Asker, **given: Any) -> list[Any]:
    """On a busy machine what is free is not always known well enough: ask again, as the answer says."""

    async def answered() -> Any:
        answer = await asker.answer(SEARCH, {}, **given)
        return answer if answer.get("errors", [{}])[0].get("extensions") != {"code": "SEARCH_STALE"} else None

    return list((await eventually(answered))["data"]["search"]["windows"])


async def test_search_finds_what_is_free_and_says_what_to_hold(live: world.Asker, database: Databases) -> None:
    process, me = f"p{new_id().hex}", live.as_(new_id(), "brand")
    dear = a_resource(processes=[process], notice_days=2, setup_price=Money(90_000))
    cheap = a_resource(processes=[process], notice_days=3, minimum_quantity=120)
    await publish(await database("capacity"), dear, cheap)
    near = {"latitude": 45.46, "longitude": 9.19, "km": 5}
    wanted: dict[str, Any] = {"process": process, "quantity": 100, "near": near}

    async def both() -> list[Any]:
        found = await windows(me, **{"for": wanted})
        return found if [one["resource"] for one in found] == [{"name": "Bench"}] * 2 else []

    first, second = await eventually(both)
    assert (first["startsOn"], second["startsOn"]) == (str(day(2)), str(day(3)))
    assert second["days"] == [{"day": str(day(3)), "quantity": 120}]
    assert second["price"] == {"amount": 1000 + 120 * 50, "currency": "EUR"}
    assert second["km"] == pytest.approx(1.112, abs=0.01)
    [cheapest] = await windows(me, **{"for": wanted, "order": "CHEAPEST", "first": 1})
    assert cheapest == second
    later = wanted | {"first": str(day(3)), "last": str(day(3)), "oneDay": True, "price": 7000}
    assert await windows(me, **{"for": later}) == [second]
    assert await windows(me, **{"for": wanted | {"qualifications": ["gots"]}}) == []

    await what_is_wrong_is_an_error_with_a_code(live, me, wanted)


async def what_is_wrong_is_an_error_with_a_code(live: world.Asker, me: world.Asker, wanted: dict[str, Any]) -> None:
    for asker, given, code in (
        (live, wanted, "UNAUTHENTICATED"),
        (me, wanted | {"process": "No such"}, "INVALID"),
        (me, wanted | {"first": str(day(3)), "last": str(day(2))}, "INVALID"),
    ):
        error = await asker.error(SEARCH, **{"for": given})
        assert (error["extensions"]["code"], error["path"]) == (code, ["search"]), error
    for first in (0, 101):
        error = await me.error(SEARCH, **{"for": wanted, "first": first})
        assert (error["message"], error["extensions"]) == ("`first` must be 1 to 100.", {"code": "INVALID_FIRST"})


async def test_a_capacity_that_does_not_answer_is_said_so(ask: world.Asker) -> None:
    given = {"process": "cutting", "quantity": 1}
    error = await ask.as_(new_id(), "brand").error(SEARCH, **{"for": given})
    assert error["extensions"] == {"code": "UNAVAILABLE"}
    assert "capacity does not answer. Ask again" in error["message"]
