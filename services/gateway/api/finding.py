"""What capacity alone can answer, when it is asked: where there is room."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import strawberry
from strawberry import ID

from libs.contracts import capacity_answers as answers
from libs.contracts.capacity_questions import WindowOrder
from libs.graphql.opaque import key_of
from libs.graphql.paging import First, check_first
from libs.graphql.services import Call
from libs.graphql.shapes import translated
from libs.graphql_commands.failures import told_as_errors
from libs.graphql_commands.inputs import body_of
from services.gateway.api.context import Context, Info
from services.gateway.api.inputs import SearchInput
from services.gateway.api.types import shape, whole

A = TypeVar("A")
translated(WindowOrder, {})
By = Annotated[WindowOrder, strawberry.argument(description="What is best.")]
whole(answers.WindowDay)
shape(answers.Window, "resource_id workshop_id site_id starts_on ends_on quantity price km sold_to_you days")
SearchAnswer, PlaceInLine = shape(answers.SearchAnswer), shape(answers.PlaceInLine)
EntryId = Annotated[ID, strawberry.argument(description="Which place in line.")]
_SEARCH = Call("capacity", "/search", answers.SearchAnswer)
_PLACE = Call("capacity", "/waitlist/{id}", answers.PlaceInLine, "WaitlistEntry")


def argument(given: Any, description: str) -> Any:
    """The argument `for` of a question."""
    return Annotated[given, strawberry.argument(name="for", description=description)]


async def ask(context: Context, call: Call[A], question: Mapping[str, Any]) -> A:
    """What a service answers to the caller. Raises its Problem."""
    await context.release()  # waiting for a service must not keep a connection of the pool
    return await context.connection.services.ask(call, question, context.connection.authorization)


async def search(info: Info, wanted: Any, order: By = WindowOrder.EARLIEST, first: First = 20) -> Any:
    """The best windows. Raises Malformed with the code of what is wrong."""
    check_first(first)
    with told_as_errors(info.context.connection.told, wanted):
        return await ask(info.context, _SEARCH, _question(body_of(wanted)) | {"order": order.value, "limit": first})


search.__annotations__["wanted"] = argument(SearchInput, "What there should be room for.")


async def place_in_line(info: Info, id: EntryId) -> Any:  # noqa: A002 - the customary name
    """Where the caller stands. Raises Malformed with the code of what is wrong."""
    with told_as_errors(info.context.connection.told):
        return await ask(info.context, _PLACE, {"id": key_of(id, "WaitlistEntry")})


def _question(given: dict[str, Any]) -> dict[str, Any]:
    lot = "day" if given.pop("one_day") else "resource"
    near: dict[str, Any] = given.pop("near", {})
    return near | given | {"lot": lot}
