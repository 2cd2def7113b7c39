"""When, where and for how much lots can be made: capacity answers, and holds what it has promised. A lot of a product
is made as that is, which the gateway knows."""

from typing import Any
from uuid import UUID

from strawberry import field

from libs.contracts import capacity, catalog
from libs.contracts import capacity_promises as promises
from libs.contracts import capacity_questions as questions
from libs.graphql.opaque import after_token
from libs.graphql.services import Call
from libs.graphql_commands.commands import mutation, with_after
from libs.graphql_commands.failures import told_as_errors
from libs.graphql_commands.inputs import body_of
from libs.graphql_limits.cost import CALLS_SERVICE
from libs.kit.errors import FieldError, Invalid, NotFound
from services.gateway.api.context import Context, Info
from services.gateway.api.finding import argument, ask
from services.gateway.api.inputs import BasketInput, PromiseInput, fields_of
from services.gateway.api.types import TOPICS, shape, whole

whole(promises.PriceLine, promises.Trip, promises.Sentence, promises.Figures, promises.Wait, promises.Taken)
whole(promises.PromisedStep, promises.PromisedPlan, promises.PromisedLot)
LotPromise, JointPromise = shape(promises.LotPromise), shape(promises.JointPromise)
_PROMISE = Call("capacity", "/promises", promises.LotPromise, posts=True)
_TOGETHER = Call("capacity", "/promises/together", promises.JointPromise, posts=True)


async def _made(context: Context, body: dict[str, Any]) -> dict[str, Any]:
    """The same, each lot with the routing of its product. Raises Invalid, NotFound."""
    lots = body.get("lots", [body])
    for number, lot in enumerate(lots):
        if bool(lot["routing"]) == ("product_id" in lot):
            path = f"lots.{number}.product_id" if "lots" in body else "product_id"
            error = FieldError(path, "give this or a `routing`, one of the two")
            raise Invalid("A lot is of a product, or tells how it is made.", errors=[error])
    of_products = [lot for lot in lots if "product_id" in lot]
    products = await context.find_all(TOPICS["Product"], [UUID(lot.pop("product_id")) for lot in of_products])
    for lot, product in zip(of_products, products, strict=True):
        if product is None or isinstance(product, catalog.ProductWithdrawn):
            raise NotFound("There is no such product on offer; choose another.", code="UNKNOWN_PRODUCT")
        lot["routing"] = product.routing
    return body


async def _to_hold(context: Context, body: dict[str, Any]) -> dict[str, Any]:
    return await _made(context, body) | {"hold": True}


def _asked(call: Call[Any], given: Any, shown: Any, description: str) -> Any:
    """A field of the query that only tells."""

    async def find(info: Info, wanted: Any) -> Any:
        with told_as_errors(info.context.connection.told, wanted):
            return await ask(info.context, call, await _made(info.context, body_of(wanted)) | {"dry_run": True})

    find.__annotations__["wanted"] = argument(given, "What is to be made.")
    return field(resolver=find, description=description, graphql_type=shown, metadata={CALLS_SERVICE: True})


def _held(name: str, call: Call[Any], fields: dict[str, Any], shown: Any, description: str) -> Any:
    """A mutation that takes all of what is promised in one hold."""
    written = {"promise": field(description="What is promised, with its hold.", graphql_type=shown)}

    def answer(_operation: Context, told: promises.Told, _body: Any) -> dict[str, Any]:
        assert told.hold  # noqa: S101 - it is what was asked for
        return {"promise": told, "after": after_token(capacity.HoldPlaced.topic, told.hold.id, told.hold.version)}

    return mutation(name, description, call, fields, with_after(written), answer, _to_hold)


promise = _asked(
    _PROMISE,
    PromiseInput,
    LotPromise,
    "When, where and for how much a lot can be made: the answers that no other answer beats, each with its plan, price"
    " and reasons. Nothing is held: `holdPromise` does. It needs a token.",
)
promise_together = _asked(
    _TOGETHER,
    BasketInput,
    JointPromise,
    "The same for several lots that fit beside each other, such as a basket of products. It needs a token.",
)
HOLDING = (
    _held(
        "holdPromise",
        _PROMISE,
        fields_of(questions.Promise) | fields_of(questions.Holding),
        LotPromise,
        "Hold the whole of the plan that is best at what you prefer; `confirmHold` books it.",
    ),
    _held(
        "holdTogether",
        _TOGETHER,
        fields_of(questions.Basket) | fields_of(questions.Holding, "seconds"),
        JointPromise,
        "Hold the plans of several lots, all or nothing; `confirmHold` books them.",
    ),
)
