"""When lots can be made is answered, and held, by capacity itself, over real ports."""

import json
from typing import Any
from uuid import UUID

import pytest

from libs.contracts import capacity_questions as questions
from libs.contracts.values import Operation
from libs.kit.ids import new_id
from libs.kit.testing import eventually
from services.capacity.api.promises import AskPromise, CarriageBody, OperationBody, PlaceBody, ToolBody
from services.capacity.api.together import AskTogether, LotBody
from services.capacity.domain.terms import Money
from tests.conftest import Databases
from tests.services.capacity.world import a_resource, day, publish
from tests.services.gateway import world
from tests.services.gateway.conftest import Tell

PLACE = {"latitude": 45.47, "longitude": 9.19}
PLAN = """bestAt leavesDay readyDay price { amount currency } lines { what step quantity amount { amount } }
    says { en it } steps { operation process worksBy resource { id name } workshop { id } staysWhole
        waits { code until resource { id } } takes { day quantity resource { id } } } trips { source target metres }"""
HOLD = "hold { id state holder { id } allocations { day quantity } }"
PROMISE = f"query($for: PromiseInput!) {{ promise(for: $for) {{ held {HOLD} answers {{ {PLAN} }} }} }}"
TOGETHER = f"""query($for: BasketInput!) {{ promiseTogether(for: $for) {{
    foundBy optimiser price {{ amount }} value {{ daysLate lastReady }} lots {{ daysLate answer {{ {PLAN} }} }} }} }}"""
FAILURE = "__typename ... on Failure { code message } ... on InvalidInput { fields { path } }"
HOLD_PROMISE = f"""mutation($input: HoldPromiseInput!) {{ holdPromise(input: $input) {{ {FAILURE}
    ... on HoldPromiseSuccess {{ after promise {{ held {HOLD} answers {{ {PLAN} }} }} }} }} }}"""
HOLD_TOGETHER = f"""mutation($input: HoldTogetherInput!) {{ holdTogether(input: $input) {{ {FAILURE}
    ... on HoldTogetherSuccess {{ after promise {{ {HOLD} lots {{ answer {{ {PLAN} }} }} }} }} }} }}"""


def lot(process: str, **changes: Any) -> dict[str, Any]:
    return {"quantity": 12, "place": PLACE, "routing": [{"process": process, "runMinutes": 10}]} | changes


async def promised(me: world.Asker, **given: Any) -> Any:
    """On a busy machine what is free is not always known well enough: ask again, as the answer says."""
    return await eventually(lambda: _promised(me, given))


async def _promised(me: world.Asker, given: dict[str, Any]) -> Any:
    answer = await me.answer(PROMISE, {}, **{"for": given})
    known = answer.get("errors", [{}])[0].get("extensions", {}).get("code") not in ("ASK_AGAIN", "NOT_OFFERED")
    return answer["data"]["promise"] if known else None


async def test_a_promise_tells_plan_price_and_reasons_and_is_held_whole(live: world.Asker, database: Databases) -> None:
    cutting, sewing, me = f"p{new_id().hex}", f"p{new_id().hex}", live.as_(new_id(), "brand")
    near = a_resource(processes=[cutting], setup_price=Money(90_000), weekly=[480] * 7)
    cheap = a_resource(processes=[cutting], notice_days=5, weekly=[480] * 7)
    sewer = a_resource(processes=[sewing], notice_days=3, weekly=[480] * 7)
    await publish(await database("capacity"), near, cheap, sewer)
    steps = [{"process": cutting, "runMinutes": 10, "staysWhole": "DYE_LOT"}, {"process": sewing, "runMinutes": 5}]

    async def both() -> Any:
        told = await promised(me, **lot("", routing=steps))
        known = all(step["resource"] for answer in told["answers"] for step in answer["steps"])
        return told if len(told["answers"]) == 2 and known else None

    told = await eventually(both)
    assert (told["held"], told["hold"]) == (None, None)
    soon, late = told["answers"]
    assert "EARLIEST" in soon["bestAt"]
    assert "CHEAPEST" in late["bestAt"]
    assert [one["resource"]["id"] for one in soon["steps"]] == [world.gid("Resource", one.id) for one in (near, sewer)]
    assert soon["steps"][0]["staysWhole"] == "DYE_LOT"
    assert [(one["code"], one["until"][:10]) for one in soon["steps"][1]["waits"]][-1] == ("NOTICE", str(day(3)))
    assert sum(line["amount"]["amount"] for line in soon["lines"]) == soon["price"]["amount"]
    assert [(line["what"], line["step"]) for line in soon["lines"]][:2] == [("SET_UP", 0), ("TIME", 0)]
    assert soon["says"]["en"].startswith("12 pieces can be ready on ")
    assert soon["says"]["it"].startswith("12 pezzi possono essere pronti ")

    await it_is_held(me, lot("", routing=steps), late)
    await what_is_wrong_is_told(live, me, lot(cutting))


async def it_is_held(me: world.Asker, wanted: dict[str, Any], best: Any) -> None:
    """The whole of the plan that was preferred, once for a key; the hold can be found at once."""
    given = wanted | {"prefer": "CHEAPEST", "seconds": 600, "idempotencyKey": str(new_id())}
    held = (await me.data(HOLD_PROMISE, input=given))["holdPromise"]
    assert held["__typename"] == "HoldPromiseSuccess", held
    hold, plan = held["promise"]["hold"], held["promise"]["answers"][held["promise"]["held"]]
    assert plan["steps"][0]["resource"] == best["steps"][0]["resource"]
    taken = sorted((one["day"], one["quantity"]) for step in plan["steps"] for one in step["takes"])
    assert sorted((one["day"], one["quantity"]) for one in hold["allocations"]) == taken
    assert hold["state"] == "HELD"
    again = (await me.data(HOLD_PROMISE, input=given))["holdPromise"]
    assert (again["promise"]["hold"]["id"], again["after"]) == (hold["id"], held["after"])


async def what_is_wrong_is_told(live: world.Asker, me: world.Asker, wanted: dict[str, Any]) -> None:
    """A question's as an error with a code, a mutation's as a type; both by the same code."""
    product = world.gid("Product", new_id())
    for asker, given, code, type_ in (
        (live, wanted, "UNAUTHENTICATED", "NotAllowed"),
        (me, wanted | {"quantity": 0}, "INVALID", "InvalidInput"),
        (me, wanted | {"routing": []}, "INVALID", "InvalidInput"),
        (me, wanted | {"productId": product}, "INVALID", "InvalidInput"),
        (me, wanted | {"productId": world.gid("Party", new_id()), "routing": []}, "INVALID_ID", "InvalidInput"),
        (me, wanted | {"productId": product, "routing": []}, "UNKNOWN_PRODUCT", "NotFound"),
        (me, wanted | {"routing": [{"process": "nobody_does_this", "runMinutes": 1}]}, "NOT_OFFERED", "Conflict"),
    ):
        error = await asker.error(PROMISE, **{"for": given})
        assert (error["extensions"]["code"], error["path"]) == (code, ["promise"]), error
        failed = (await asker.data(HOLD_PROMISE, input=given))["holdPromise"]
        assert (failed["code"], failed["__typename"]) == (code, type_)


async def test_a_product_is_made_by_its_routing_and_a_basket_is_held_in_one_hold(
    live: world.Asker, database: Databases, tell: Tell
) -> None:
    process, brand, me = f"p{new_id().hex}", new_id(), live.as_(new_id(), "retailer")
    bench = a_resource(processes=[process], weekly=[480] * 7)
    await publish(await database("capacity"), bench)
    routing = [Operation(process=process, setup_minutes=30, run_minutes=4)]
    shirt, gone = world.product(brand, routing=routing), world.product(brand, routing=routing)
    await tell(shirt, gone, world.later(gone, world.catalog.ProductWithdrawn))

    def of(product: UUID, quantity: int) -> dict[str, Any]:
        return {"quantity": quantity, "place": PLACE, "productId": world.gid("Product", product)}

    told = await promised(me, **of(shirt.id, 10))
    assert [one["quantity"] for one in told["answers"][0]["steps"][0]["takes"]] == [30 + 10 * 4]
    error = await me.error(PROMISE, **{"for": of(gone.id, 1)})
    assert error["extensions"] == {"code": "UNKNOWN_PRODUCT"}

    basket = {"lots": [of(shirt.id, 10), of(shirt.id, 20) | {"dueDay": str(day(30))}], "optimiseSeconds": 0}
    joint = (await me.data(TOGETHER, **{"for": basket}))["promiseTogether"]
    assert (joint["foundBy"], [one["daysLate"] for one in joint["lots"]]) == ("GREEDY", [None, 0])
    held = (await me.data(HOLD_TOGETHER, input=basket))["holdTogether"]
    assert held["__typename"] == "HoldTogetherSuccess", held
    allocated = sum(one["quantity"] for one in held["promise"]["hold"]["allocations"])
    assert allocated == 2 * 30 + 30 * 4
    nothing = await me.error(TOGETHER, **{"for": {"lots": []}})
    assert (nothing["extensions"], "lots" in nothing["message"]) == ({"code": "INVALID"}, True)
    withdrawn = (await me.data(HOLD_TOGETHER, input={"lots": [of(shirt.id, 1), of(gone.id, 1)]}))["holdTogether"]
    assert (withdrawn["__typename"], withdrawn["code"]) == ("NotFound", "UNKNOWN_PRODUCT")


@pytest.mark.parametrize(
    ("question", "body", "ours", "theirs"),
    [
        (questions.Tool, ToolBody, (), ()),
        (questions.RoutingStep, OperationBody, (), ()),
        (questions.Place, PlaceBody, (), ()),
        (questions.Carriage, CarriageBody, (), ()),
        (questions.Lot, LotBody, ("product_id",), ()),
        (questions.Promise, AskPromise, ("product_id",), ("dry_run", "hold", "prefer", "seconds")),
        (questions.Basket, AskTogether, (), ("dry_run", "hold", "seconds")),
        (questions.Holding, AskPromise, (), set(AskPromise.model_fields) - {"prefer", "seconds"}),
    ],
)
def test_whatever_capacity_can_be_asked_the_graph_can_ask(question: Any, body: Any, ours: Any, theirs: Any) -> None:
    assert set(question.__struct_fields__) - set(ours) == set(body.model_fields) - set(theirs)
    same = [name for name in question.__struct_fields__ if name not in (*ours, "first_day", "carriage")]
    defaults = {one.name: one for one in world.msgspec.structs.fields(question)}
    for name in same:
        told = defaults[name].default
        if told is not world.msgspec.NODEFAULT:
            assert json.dumps(told) == json.dumps(body.model_fields[name].default), name
