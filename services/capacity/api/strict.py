"""Values of the domain in bodies have the fields that they have and no others: a misspelt `holidays` would otherwise be
work on Christmas Day."""

from typing import Any

from pydantic import ConfigDict, with_config

from services.capacity.domain import calendar, events, shifts, terms, work

_VALUES: tuple[type[Any], ...] = (
    terms.Money,
    terms.Rung,
    terms.Terms,
    calendar.Calendar,
    work.Work,
    events.Event,
    shifts.Span,
    shifts.Shift,
    shifts.Overtime,
    shifts.Pattern,
)
for _value in _VALUES:
    with_config(ConfigDict(extra="forbid"))(_value)
