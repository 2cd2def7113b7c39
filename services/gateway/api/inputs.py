"""Which values of the contracts an input may hold, and with which fields."""

from libs.contracts import capacity_questions as questions
from libs.contracts import orders, values
from libs.graphql_commands.inputs import Inputs
from services.gateway.api.types import ENTRIES

_inputs = Inputs({"invited": "Party"}, **ENTRIES)
fields_of = _inputs.fields_of


_inputs.whole(values.Money, values.Variant, values.Operation, values.Rung, values.Terms)
_inputs.whole(values.Span, values.Shift, values.Overtime, values.CalendarEvent)
_inputs.value(values.Allocation, "resource_id day quantity")
_inputs.value(orders.Line, "product_id sku quantity")
_inputs.whole(values.DayQuantity, values.Calendar, values.Change, values.Work, values.ProcessWork)
PatternInput = _inputs.value(values.Pattern)
_inputs.whole(questions.Tool, questions.RoutingStep, questions.Place, questions.Carriage, questions.Lot)
PromiseInput, BasketInput = _inputs.value(questions.Promise), _inputs.value(questions.Basket)
_inputs.whole(questions.Near)
SearchInput = _inputs.value(questions.Search)
