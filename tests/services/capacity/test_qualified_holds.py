"""A hold says in what its workshops are to be qualified, and the ledger has the last word on it."""

from dataclasses import replace
from datetime import date
from types import ModuleType
from typing import Any

import httpx
import pytest

from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.testing import headers
from services.capacity import store
from services.capacity.domain.offer import Resource
from services.capacity.domain.qualification import Qualification
from services.capacity.handlers import promises, together
from tests.services.capacity.test_promises import PLACE, a_bench, a_process, known, operation
from tests.services.capacity.world import bucket, day, faults, once_found, publish


async def show(db: Database, bench: Resource, scheme: str, first: date, last: date) -> Qualification:
    span = {"valid_from": first, "valid_until": last}
    shown = Qualification(id=new_id(), party_id=bench.party_id, version=1, scheme=scheme, state="shown", **span)
    await keep(db, shown)
    return shown


async def keep(db: Database, shown: Qualification) -> None:
    """As the consumer does."""
    async with db.work() as session:
        await store.keep_qualifications(session, [shown])


async def ask(
    api: httpx.AsyncClient, schemes: list[str], *days: tuple[Resource, date], path: str = "/holds", **more: Any
) -> httpx.Response:
    parts = [{"resource_id": str(bench.id), "day": str(on), "quantity": 60} for bench, on in days]
    body = {"allocations": parts, "qualifications": schemes} | more
    return await api.post(path, json=body, headers=headers(new_id(), "brand"))


async def test_a_hold_is_placed_on_days_on_which_its_workshop_is_qualified_and_on_no_other(
    api: httpx.AsyncClient, db: Database
) -> None:
    bench = a_bench(a_process())
    await publish(db, bench)
    await show(db, bench, "gots", day(2), day(3))
    await show(db, bench, "gots", day(4), day(4))
    await show(db, bench, "sa8000", day(1), day(3))
    for path in ("/quotes", "/holds"):
        for schemes, days, lacks in (
            (["gots"], (2, 3, 4), None),
            (["gots", "sa8000"], (2, 3), None),
            ([], (1, 5), None),
            (["gots"], (4, 5), f"gots on {day(5)}"),
            (["gots", "sa8000"], (3, 4), f"sa8000 on {day(4)}"),
            (["bcorp"], (2,), f"bcorp on {day(2)}"),
        ):
            answer = await ask(api, schemes, *((bench, day(number)) for number in days), path=path)
            if lacks is None:
                assert answer.status_code in (200, 201), answer.text
                continue
            assert (answer.status_code, answer.json()["code"]) == (409, "NOT_QUALIFIED")
            told = f"The workshop of {bench.name} is not qualified with {lacks}; choose another day or workshop."
            assert answer.json()["detail"] == told
    assert await bucket(db, bench, day(4)) == (480, 60, 0), "what was refused took nothing"


async def test_every_workshop_of_a_hold_is_qualified_or_none_is_held(api: httpx.AsyncClient, db: Database) -> None:
    cutter, sewer = a_bench(a_process()), a_bench(a_process())
    await publish(db, cutter, sewer)
    await show(db, cutter, "gots", day(1), day(9))
    answer = await ask(api, ["gots"], (cutter, day(1)), (sewer, day(1)))
    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_QUALIFIED")
    assert (await bucket(db, cutter, day(1)) or (0, 0, 0))[1] == 0
    assert await faults(db, cutter, sewer) == []


async def test_what_was_withdrawn_counts_no_more_at_once(api: httpx.AsyncClient, db: Database) -> None:
    """A search remembers for a second what a hold looks up every time."""
    bench = a_bench(a_process())
    await publish(db, bench)
    shown = await show(db, bench, "gots", day(1), day(9))
    assert (await ask(api, ["gots"], (bench, day(1)))).status_code == 201
    await keep(db, replace(shown, version=2, state="withdrawn"))
    assert (await ask(api, ["gots"], (bench, day(1)))).json()["code"] == "NOT_QUALIFIED"
    assert (await ask(api, [], (bench, day(1)))).status_code == 201


@pytest.mark.parametrize("planner", [promises, together])
@pytest.mark.parametrize("lapses", [True, False])
async def test_a_promise_whose_workshop_is_qualified_no_more_is_refused_with_ask_again_and_takes_nothing(
    api: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch, planner: ModuleType, lapses: bool
) -> None:
    """The qualification is withdrawn between planning and holding: of one of two workshops, or of another scheme."""
    cutter, sewer, scheme, other = a_bench(a_process()), a_bench(a_process()), a_process(), a_process()
    await publish(db, cutter, sewer)
    shown = await show(db, sewer, scheme, day(1), day(9))
    unasked = await show(db, sewer, other, day(1), day(9))
    await known(api, *cutter.processes, *sewer.processes)
    ended = replace(shown if lapses else unasked, version=2, state="withdrawn")
    once_found(monkeypatch, planner, lambda: keep(db, ended))
    routing = [operation(cutter.processes[0]), operation(sewer.processes[0], qualifications=[scheme])]
    answer = await _held(api, planner, routing)
    if lapses:
        assert (answer.status_code, answer.json()["code"]) == (409, "ASK_AGAIN")
        lacks = f"{sewer.name} is not qualified with {scheme} on {day(1)}"
        assert answer.json()["detail"].startswith(f"It is so no more: The workshop of {lacks}; ")
    else:
        assert answer.status_code == 201, answer.text
    assert ((await bucket(db, cutter, day(1)) or (0, 0, 0))[1] > 0) is not lapses
    assert await faults(db, cutter, sewer) == []


async def _held(api: httpx.AsyncClient, planner: ModuleType, routing: list[dict[str, Any]]) -> httpx.Response:
    lot = {"quantity": 12, "routing": routing, "place": PLACE, "first_day": str(day(1))}
    path, body = ("/promises", lot) if planner is promises else ("/promises/together", {"lots": [lot, lot]})
    given = headers(new_id(), "brand") | {"Idempotency-Key": str(new_id())}
    return await api.post(path, json=body | {"hold": True}, headers=given)


@pytest.mark.parametrize(("wrong", "path"), [(["no scheme"], "qualifications.0"), (["gots"] * 11, "qualifications")])
async def test_what_is_no_scheme_is_refused_naming_the_field(
    api: httpx.AsyncClient, wrong: list[str], path: str
) -> None:
    for asked in ("/holds", "/quotes"):
        answer = await ask(api, wrong, (a_bench("cutting"), day(1)), path=asked)
        assert (answer.status_code, [error["path"] for error in answer.json()["errors"]]) == (422, [path])
