"""The lives of holds and bookings: what each event does at each stage is decided in two tables. Places in line,
pools and shares have tables of this kind beside them.

A cell is the stage that follows, or, in capitals, the code of why not (`WHY_NOT`); `nothing` is for what nobody asked:
clocks and calendars. `stands` is firm, or waiting for its material; `back` is where a booking stood before it was
displaced: that, or moved to days that its buyer has not accepted.

The words of the Open Booking API (OpenActive) for these are in docs/open-booking.md.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal, TypeVar, get_args

from services.capacity.domain.terms import Refused

HoldStage = Literal["held", "proposed", "amended", "refused", "confirmed", "released", "expired"]
"""`proposed` waits for the workshop, `amended` for who holds; both are held as well."""
HoldEvent = Literal[
    "confirm", "propose", "amend", "accept by workshop", "accept by holder", "reject", "release", "expire", "displace"
]
BookingStage = Literal["awaiting_material", "firm", "displaced", "moved", "started", "completed", "cancelled"]
"""`displaced`: its day has shrunk, and its workshop must move it; `moved`: its buyer must say whether that will do."""
BookingEvent = Literal[
    "material ready",
    "start",
    "report",
    "complete",
    "cancel",
    "displace",
    "restore",
    "move",
    "accept",
    "reject",
    "deadline",
]
S = TypeVar("S", bound=str)


def row(stages: object, cells: str) -> dict[Any, str]:
    """What an event does at each of these stages, which are a Literal."""
    return dict(zip(get_args(stages), cells.split(), strict=True))


_hold, _booking = partial(row, HoldStage), partial(row, BookingStage)
_GONE = "HOLD_NOT_HELD HOLD_NOT_HELD HOLD_NOT_HELD HOLD_EXPIRED"
_OVER = "nothing nothing nothing nothing"
# Both tables are laid out by hand: what happens at each stage is read across.
HOLDS: dict[HoldEvent, dict[HoldStage, str]] = {
    #                             held          proposed           amended         refused .. expired
    "confirm":            _hold(f"confirmed     AWAITING_WORKSHOP  AWAITING_HOLDER {_GONE}"),
    "propose":            _hold(f"proposed      AWAITING_WORKSHOP  AWAITING_HOLDER {_GONE}"),
    "amend":              _hold(f"NOT_PROPOSED  amended            AWAITING_HOLDER {_GONE}"),
    "accept by workshop": _hold(f"NOT_PROPOSED  confirmed          AWAITING_HOLDER {_GONE}"),
    "accept by holder":   _hold(f"NOT_PROPOSED  AWAITING_WORKSHOP  confirmed       {_GONE}"),
    "reject":             _hold(f"NOT_PROPOSED  released           released        {_GONE}"),
    "release":            _hold(f"released      released           released        {_GONE}"),
    "expire":             _hold(f"expired       expired            expired         {_OVER}"),
    "displace":           _hold(f"released      released           released        {_OVER}"),
}  # fmt: skip # rows are read across

_DONE = "ALREADY_COMPLETED ALREADY_CANCELLED"
_PAST = "nothing nothing"
# Why so, where it is not plain:
# - Work that has begun is not displaced: what is left of the day goes to it.
# - A booking that is moved to a day which shrinks too is displaced again. That day's hours bring it back to waiting for
#   its buyer: nobody is moved without consent.
# - A deadline passes in silence where nothing is waited for any more.
BOOKINGS: dict[BookingEvent, dict[BookingStage, str]] = {
    #                        awaiting_material firm          displaced   moved          started         completed ..
    "material ready": _booking(f"firm             ALREADY_READY displaced   moved          ALREADY_STARTED {_DONE}"),
    "start":          _booking(f"MATERIAL_MISSING started       DISPLACED   DISPLACED      ALREADY_STARTED {_DONE}"),
    "report":         _booking(f"NOT_STARTED      NOT_STARTED   NOT_STARTED NOT_STARTED    started         {_DONE}"),
    "complete":       _booking(f"NOT_STARTED      NOT_STARTED   NOT_STARTED NOT_STARTED    completed       {_DONE}"),
    "cancel":         _booking(f"cancelled        cancelled     cancelled   cancelled      cancelled       {_DONE}"),
    "displace":       _booking(f"displaced        displaced     nothing     displaced      nothing         {_PAST}"),
    "restore":        _booking(f"nothing          nothing       back        nothing        nothing         {_PAST}"),
    "move":           _booking(f"NOT_DISPLACED    NOT_DISPLACED moved       AWAITING_BUYER ALREADY_STARTED {_DONE}"),
    "accept":         _booking(f"NOT_DISPLACED    NOT_DISPLACED NOT_MOVED   stands         ALREADY_STARTED {_DONE}"),
    "reject":         _booking(f"NOT_DISPLACED    NOT_DISPLACED NOT_MOVED   cancelled      ALREADY_STARTED {_DONE}"),
    "deadline":       _booking(f"cancelled        nothing       cancelled   cancelled      nothing         {_PAST}"),
}  # fmt: skip # rows are read across

WHY_NOT = {
    "HOLD_NOT_HELD": "The hold is {stage} already; for more room hold again.",
    "HOLD_EXPIRED": "The hold ended at {until:%Y-%m-%d %H:%M:%S} UTC; hold again.",
    "NOT_PROPOSED": "The hold has not been proposed to its workshop; propose it first.",
    "AWAITING_WORKSHOP": "The workshop must answer first; wait for that.",
    "AWAITING_HOLDER": "The workshop has proposed something else; who holds must accept or reject it.",
    "AWAITING_BUYER": "The buyer must first say whether the move will do; wait for that.",
    "ALREADY_READY": "Its material is in house already, or none was asked for; go on without declaring it.",
    "MATERIAL_MISSING": "Declare that its material is in house, then start.",
    "DISPLACED": "Its day has shrunk; move it or give it its hours back, then start.",
    "NOT_STARTED": "Start it first.",
    "NOT_DISPLACED": "It stands on its day; nothing is to be moved, accepted or rejected.",
    "NOT_MOVED": "The workshop has not said to which days it moves; wait until it does.",
    "ALREADY_STARTED": "The work has begun already; now it can only be reported and completed.",
    "ALREADY_COMPLETED": "The work is completed; nothing is left to be done.",
    "ALREADY_CANCELLED": "The booking is cancelled already; for other room hold again.",
}


def follow(cells: Mapping[S, str], stage: S, why_not: Mapping[str, str] = WHY_NOT, **details: object) -> str:
    """What follows at this stage: a stage, `stands`, `back` or `nothing`. Raises Refused, with `details` in its
    sentence."""
    cell = cells[stage]
    if cell.isupper():
        raise Refused(cell, why_not[cell].format(stage=stage, **details))
    return cell
