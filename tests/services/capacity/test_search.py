"""Search over HTTP, on the real application with its jobs; and what it says when it is old."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from libs.contracts import catalog
from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.testing import eventually, headers
from services.capacity.handlers import search
from services.capacity.handlers.qualifications import keep_qualifications
from tests.services.capacity import world
from tests.services.capacity.world import a_resource, day, hold, publish


def a_process() -> str:
    """One that no other test sells."""
    return f"p{new_id().hex}"


async def ask(
    api: httpx.AsyncClient, process: str, quantity: int = 100, party: UUID | None = None, **asked: object
) -> httpx.Response:
    given: Any = {"process": process, "quantity": quantity} | asked
    return await api.get("/search", params=given, headers=headers(party or new_id(), "brand"))


async def found(api: httpx.AsyncClient, *asked: Any, **more: object) -> dict[str, Any]:
    async def answered() -> httpx.Response | None:
        """On a busy machine what is free is not always known well enough: ask again, as the answer says."""
        answer = await ask(api, *asked, **more)
        return None if answer.status_code == 503 else answer

    answer = await eventually(answered)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def windows(api: httpx.AsyncClient, *asked: Any, **more: object) -> list[dict[str, Any]]:
    return list((await found(api, *asked, **more))["windows"])


async def test_a_resource_is_found_a_moment_after_it_was_published(api: httpx.AsyncClient, db: Database) -> None:
    bench = a_resource(processes=[a_process()], notice_days=2, minimum_quantity=120)
    await publish(db, bench)
    [window] = await eventually(lambda: windows(api, bench.processes[0], latitude=45.46, longitude=9.19, km=5))
    assert window == {
        "resource_id": str(bench.id),
        "workshop_id": str(bench.party_id),
        "site_id": str(bench.site_id),
        "name": "Bench",
        "starts_on": str(day(2)),
        "ends_on": str(day(2)),
        "quantity": 120,
        "price": {"amount": 1000 + 120 * 50, "currency": "EUR"},
        "km": pytest.approx(1.112, abs=0.01),
        "sold_to_you": True,
        "days": [{"day": str(day(2)), "quantity": 120}],
    }


async def test_what_takes_an_invitation_is_shown_or_hidden_as_its_workshop_says(
    api: httpx.AsyncClient, db: Database
) -> None:
    process, friend = a_process(), new_id()
    shown, hidden = (
        a_resource(processes=[process], visibility=how, invited=[friend]) for how in ("invited", "private")
    )
    await publish(db, shown, hidden)

    async def told(party: UUID) -> dict[str, bool]:
        return {one["resource_id"]: one["sold_to_you"] for one in await windows(api, process, party=party)}

    async def both_are_heard_of() -> bool:
        return await told(friend) == {str(shown.id): True, str(hidden.id): True}

    await eventually(both_are_heard_of)
    assert await told(new_id()) == {str(shown.id): False}


async def test_what_is_found_can_be_held_as_it_is(api: httpx.AsyncClient, db: Database) -> None:
    bench = a_resource([300, 0, 100, 0, 0, 200, 50], processes=[a_process()])
    await publish(db, bench)
    [window] = await eventually(lambda: windows(api, bench.processes[0], 901))
    assert sum(part["quantity"] for part in window["days"]) == 901
    asked = {"allocations": [part | {"resource_id": window["resource_id"]} for part in window["days"]]}
    held = await api.post("/holds", json=asked, headers=headers(new_id(), "brand"))
    assert held.status_code == 201, held.text


async def test_what_is_held_is_found_no_more_and_what_is_released_again(api: httpx.AsyncClient, db: Database) -> None:
    bench, party = a_resource(processes=[a_process()]), new_id()
    await publish(db, bench)
    held = await hold(db, party, (bench, day(0), 480), (bench, day(1), 400))

    async def ends() -> list[str]:
        return [one["ends_on"] for one in await windows(api, bench.processes[0], 100)]

    await eventually(lambda: is_now(ends, [str(day(2))]))
    await world.release(db, party, held["id"])
    await eventually(lambda: is_now(ends, [str(day(0))]))


async def is_now(look: Any, expected: object) -> bool:
    return bool(await look() == expected)


async def test_a_search_says_how_old_its_answer_is(api: httpx.AsyncClient) -> None:
    answer = await found(api, a_process())
    assert 0 <= answer["age_seconds"] <= search.MOST_SECONDS
    assert answer["as_of"].endswith("Z")


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantity": 0},
        {"latitude": 45.4},
        {"km": 3},
        {"order": "nearest"},
        {"first": "2027-02-02", "last": "2027-02-01"},
        {"lot": "hide"},
        {"colour": "red"},
    ],
)
async def test_a_search_that_makes_no_sense_is_told_so(api: httpx.AsyncClient, wrong: dict[str, object]) -> None:
    answer = await ask(api, "lockstitch", **wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID")


async def test_a_stranger_without_a_token_searches_nothing(api: httpx.AsyncClient) -> None:
    assert (await api.get("/search", params={"process": "lockstitch", "quantity": 1})).status_code == 401


async def test_a_workshop_is_found_for_the_days_on_which_its_qualification_counts(
    api: httpx.AsyncClient, db: Database
) -> None:
    bench = a_resource(processes=[a_process()])
    await publish(db, bench)
    what = {"scheme": "gots", "issuer": "ICEA", "evidence_url": "https://example.org/4711"}
    span = {"valid_from": day(4), "valid_until": day(6)}
    what |= {"state": catalog.QualificationState.SHOWN}
    shown = catalog.QualificationRegistered(id=new_id(), version=1, party_id=bench.party_id, **what, **span)
    await keep(db, shown)

    async def starts() -> list[str]:
        return [one["starts_on"] for one in await windows(api, bench.processes[0], 3 * 480, qualifications="gots")]

    await eventually(lambda: is_now(starts, [str(day(4))]))
    assert await windows(api, bench.processes[0], 3 * 480 + 1, qualifications="gots") == []
    assert await windows(api, bench.processes[0], qualifications=["gots", "sa8000"]) == []
    fields = {name: getattr(shown, name) for name in shown.__struct_fields__}
    fields |= {"version": 2, "state": catalog.QualificationState.WITHDRAWN}
    await keep(db, catalog.QualificationWithdrawn(**fields))
    await eventually(lambda: is_now(starts, []))


async def keep(db: Database, event: catalog.Qualification) -> None:
    """As the consumer does."""
    async with db.work() as session:
        await keep_qualifications(session, [event])
