"""Which values of the contracts an input may hold, and with which fields."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import strawberry
from strawberry import field

from libs.contracts import orders, values
from libs.graphql.inputs import Inputs

_inputs = Inputs()
fields_of = _inputs.fields_of


@strawberry.input(description="As in `DayQuantity`.")
class DayQuantityInput:
    day: date = field(description="A local day of the resource's site.")
    quantity: int = field(description="In the resource's unit; 0 closes.")


def _by_day(given: Sequence[Any]) -> dict[str, int]:
    return {item.day.isoformat(): item.quantity for item in given}


_inputs.value(values.Money)
_inputs.value(values.Variant)
_inputs.value(values.Operation)
_inputs.value(values.Terms, "price_per_unit setup_price minimum_quantity notice_days")
_inputs.value(values.Allocation, "resource_id day quantity")
_inputs.value(orders.Line, "product_id sku quantity")
_inputs.value(values.Span)
_inputs.value(values.Shift)
_inputs.value(values.Pattern, "shifts holidays august_weeks closures")
_inputs.value(
    values.Calendar,
    "weekly starts_on ends_on",
    exceptions=field(
        description="Public holidays, closures, overtime.",
        graphql_type=list[DayQuantityInput],
        default_factory=list,
        metadata={"json": _by_day},
    ),
)
