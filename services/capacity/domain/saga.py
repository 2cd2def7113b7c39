"""What an order's state asks of the room that the ledger has for it: every pair is decided here."""

from datetime import datetime
from typing import Literal

from services.capacity.domain.ledger import Booking, Hold

Room = Literal["none", "live", "over", "booked", "made", "gone"]
"""No hold yet; a live one; one whose time has come, not yet written down; a booking; one whose work is completed; none
any more, as was told."""
Step = Literal["plan", "confirm", "release", "expire", "cancel", "refuse", "nothing"]

_NO: Step = "nothing"
_KEEP: dict[Room, Step] = {"none": _NO, "live": _NO, "over": "expire", "booked": _NO, "made": _NO, "gone": _NO}
# What is made is made, and its price due, though an order may end before it hears of that.
_FREE: dict[Room, Step] = {**_KEEP, "live": "release", "booked": "cancel"}
STEPS: dict[str, dict[Room, Step]] = {
    "placed": {**_KEEP, "none": "plan"},
    # Reserved without a hold of ours cannot be: orders is told, and shows it to a person.
    "reserved": {**_KEEP, "none": "refuse", "live": "confirm"},
    "confirmed": _KEEP,  # also while its booking is displaced or moved: its workshop and its buyer settle that here
    "refused": _FREE,
    "cancelled": _FREE,
    "failed": _FREE,
    "quarantined": _KEEP,  # until a person has looked, nothing is given and nothing taken away
}


def room_of(hold: Hold | None, booking: Booking | None, now: datetime) -> Room:
    """What the ledger has for an order."""
    if booking is not None and booking.state == "confirmed":
        return "made" if booking.stage == "completed" else "booked"
    if booking is not None:
        return "gone"
    if hold is None:
        return "none"
    if hold.state != "held":
        return "gone"
    return "over" if hold.is_over(now) else "live"
