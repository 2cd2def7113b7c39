"""Which values of the contracts an input may hold, and with which fields."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import strawberry
from strawberry import ID, field

from libs.contracts import orders, values
from libs.graphql_commands.inputs import Inputs
from services.gateway.api.types import PATTERN, TERMS

_inputs = Inputs()
fields_of = _inputs.fields_of


@strawberry.input(description="As in `DayQuantity`.")
class DayQuantityInput:
    day: date = field(description="A local day of the resource's site.")
    quantity: int = field(description="In the resource's unit; 0 closes.")


def _by_day(given: Sequence[Any]) -> dict[str, int]:
    return {item.day.isoformat(): item.quantity for item in given}


def _exceptions(description: str) -> Any:
    days: Any = list[DayQuantityInput]
    return field(description=description, graphql_type=days, default_factory=list, metadata={"json": _by_day})


_INVITED = field(
    description="Ids of the parties it is sold to.",
    graphql_type=list[ID],
    default_factory=list,
    metadata={"id_of": "Party"},
)
_inputs.whole(values.Money, values.Variant, values.Operation, values.Rung)
_inputs.whole(values.Span, values.Shift, values.Overtime, values.CalendarEvent)
_inputs.value(values.Terms, TERMS, invited=_INVITED)
_inputs.value(values.Allocation, "resource_id day quantity")
_inputs.value(orders.Line, "product_id sku quantity")
PatternInput = _inputs.value(
    values.Pattern, PATTERN, exceptions=_exceptions("Days by themselves, whatever the rest says.")
)
_inputs.value(
    values.Calendar, "weekly starts_on ends_on", exceptions=_exceptions("Public holidays, closures, overtime.")
)
