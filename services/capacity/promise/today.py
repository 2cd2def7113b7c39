"""What may still be promised of today: nobody knows in which of its hours others work.

So whatever is taken may lie in the hours to come, and what is published of those that are over is gone. Of 480 minutes,
with 6 hours of 10 to come, the first is promised 288, and whoever asks then nothing: together never more than the part
of the published day that is left.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import numpy as np

from services.capacity.domain.ledger import Ledger, NoRoomError
from services.capacity.domain.offer import Allocation, Resource
from services.capacity.promise.hours import SPAN, Longs

IN_HOURS = "minutes"
"""The unit of what lies in the hours of a day. A tool set is there all day."""


def left(free: Longs, taken: Longs, late: int) -> Longs:
    """What may be promised where so much is free and taken, and so many minutes of the hours are over."""
    return np.maximum(0, free - -(-(free + taken) * late // SPAN))


@dataclass(frozen=True)
class Today:
    """The day that was today when a plan was made, and how many minutes of its hours were over."""

    day: date
    late: int

    def check(self, ledger: Ledger, known: Mapping[UUID, Resource], parts: Iterable[Allocation]) -> None:
        """By the ledger, which knows what search may not have heard yet. Raises NoRoomError."""
        for part in parts:
            if part.day != self.day or known[part.resource_id].unit != IN_HOURS:
                continue
            bucket = ledger.buckets[part.bucket_id]
            room = int(left(np.array(bucket.available), np.array(bucket.taken), self.late))
            if room < part.quantity:
                raise NoRoomError(part, room)
