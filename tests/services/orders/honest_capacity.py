"""Capacity as orders may rely on it: tiny, honest, driven by the events of orders alone.

Placed: a hold, or a refusal, once. Reserved: the hold becomes a booking, if it is still alive. Cancelled, refused or
failed: whatever is alive of that order is let go. A hold may expire whenever it is alive. A version already seen is
skipped, as the kit's consumer does.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Room(StrEnum):
    """What capacity keeps for an order."""

    NONE = "none"
    HELD = "held"
    BOOKED = "booked"


@dataclass
class HonestCapacity:
    """The capacity side of one order; `grants` is its answer, None if it stands still for so long."""

    grants: bool | None
    room: Room = Room.NONE
    granted: bool = False
    seen: int = 0
    told: list[str] = field(default_factory=list)
    """Names of the capacity events published, in order."""

    def hear(self, version: int, state: str) -> None:
        """An event of orders arrived."""
        if version <= self.seen or self.grants is None:
            return
        self.seen = version
        if state == "placed":
            self._answer()
        elif state == "reserved" and self.room is Room.HELD:
            self._move(Room.BOOKED, "HoldConfirmed", "BookingConfirmed")
        elif state in {"cancelled", "refused", "failed"} and self.room is not Room.NONE:
            self._move(Room.NONE, "HoldReleased" if self.room is Room.HELD else "BookingCancelled")

    def expire(self) -> None:
        """Nobody confirmed the hold in time."""
        if self.room is Room.HELD:
            self._move(Room.NONE, "HoldExpired")

    def _answer(self) -> None:
        if self.grants:
            self.granted = True
            self._move(Room.HELD, "HoldPlaced")
        else:
            self.told.append("HoldRefused")

    def _move(self, room: Room, *told: str) -> None:
        self.room = room
        self.told += told
