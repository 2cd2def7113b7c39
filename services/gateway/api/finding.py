"""What capacity alone can answer, when it is asked: where there is room."""

from datetime import date
from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry import field

from libs.contracts import capacity_answers as answers
from libs.graphql.opaque import Malformed
from libs.graphql.paging import First, check_first
from libs.graphql.services import Call
from libs.kit.errors import Problem
from services.gateway.api.context import Info
from services.gateway.api.types import one, shape


@strawberry.enum(description="What is best.")
class WindowOrder(Enum):
    EARLIEST = strawberry.enum_value("earliest", description="What ends first.")
    NEAREST = strawberry.enum_value("nearest", description="What is the least way from `near`.")
    CHEAPEST = strawberry.enum_value("cheapest", description="What costs the least.")


@strawberry.input(description="A place, and how far from it.")
class NearInput:
    latitude: float = field(description="WGS 84 degrees.")
    longitude: float = field(description="WGS 84 degrees.")
    km: float | None = field(description="No farther than this, as the crow flies.", default=None)


@strawberry.input(description="What there should be room for.")
class SearchInput:
    process: str = field(description="Of the shared taxonomy, e.g. `cutting`, `lockstitch`.")
    quantity: int = field(description="In `unit`. It stays at one resource.")
    unit: str = field(description="Minutes, unless a trade counts otherwise.", default="minutes")
    first: date | None = field(description="The first day that may be worked on.", default=None)
    last: date | None = field(description="The last one.", default=None)
    near: NearInput | None = field(description="Where, if that matters.", default=None)
    price: int | None = field(
        description="No dearer than this, for all of it, in minor units of `currency`.", default=None
    )
    currency: str = field(description="ISO 4217.", default="EUR")
    qualifications: list[str] = field(
        description="Schemes that the workshop must have on every day of the work.", default_factory=list
    )
    one_day: bool = field(description="All on one day, as a dye bath or a casting is.", default=False)


WindowDay = shape(answers.WindowDay)
Window = shape(
    answers.Window,
    "starts_on ends_on quantity price km sold_to_you days",
    resource=one("Resource", "resource_id", "What is free."),
    workshop=one("Party", "workshop_id", "Whose it is."),
    site=one("Site", "site_id", "Where it stands."),
)
SearchAnswer = shape(answers.SearchAnswer)
Wanted = Annotated[SearchInput, strawberry.argument(name="for", description="What there should be room for.")]
By = Annotated[WindowOrder, strawberry.argument(description="What is best.")]
_SEARCH = Call("capacity", "/search", answers.SearchAnswer)


async def search(info: Info, wanted: Wanted, order: By = WindowOrder.EARLIEST, first: First = 20) -> Any:
    """The best windows. Raises Malformed with the code of what is wrong."""
    check_first(first)
    connection = info.context.connection
    question = _question(wanted) | {"order": order.value, "limit": first}
    try:
        return await connection.services.ask(_SEARCH, question, connection.authorization)
    except Problem as problem:
        raise _told(problem) from None


def _question(wanted: SearchInput) -> dict[str, Any]:
    given = {name: value for name, value in vars(wanted).items() if value not in (None, [])}
    near = given.pop("near", None)
    lot = "day" if given.pop("one_day") else "resource"
    place = {name: value for name, value in vars(near).items() if value is not None} if near else {}
    return given | place | {"lot": lot}


def _told(problem: Problem) -> Exception:
    """A question has no types for its failures: what the caller can mend is an error with a code."""
    if problem.status == 500:
        return problem
    wrong = "; ".join(f"{one.path}: {one.message}" for one in problem.errors)
    return Malformed(f"{problem.detail} {wrong}".strip(), problem.code)
