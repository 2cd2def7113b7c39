"""What is asked: how many pieces, made how, from and to which place, by when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Literal
from uuid import UUID

from services.capacity.domain.search import Valid

MOST_BATCHES = 16
"""A lot moves on within a place in no more parts than this: smaller transfer batches are put together."""


Sold = tuple[str, str]
"""A process, and the unit it is sold in."""


@dataclass(frozen=True, slots=True)
class Tool:
    """What an operation needs beside the resource that does it, at the same site: so many, each day it works."""

    process: str
    """What the tool set is published for, e.g. `lasts_42`."""
    unit: str
    """What its buckets count."""
    quantity: int

    @property
    def sold(self) -> Sold:
        return self.process, self.unit


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One step of a routing. Minutes of set-up and run are of the resource; of queue and wait, of the clock.

    A resource that publishes what the process takes goes by that, and not by the set-up, run and transfer batch here.
    """

    process: str
    setup_minutes: int = 0
    """Once on each resource; the material need not be there yet."""
    run_minutes: int
    """For each piece."""
    queue_minutes: int = 0
    """How long the lot lies before the operation may begin."""
    wait_minutes: int = 0
    """How long it lies after it, at least: drying, cooling, burn-out."""
    transfer_batch: int | None = None
    """So many pieces go on to the next operation as soon as they are done, if that is at the same place."""
    changed: tuple[str, ...] = ()
    """What changes from the work before: colour, thread, gauge, alloy. It counts where a resource publishes it."""
    split_over: int = 1
    """The lot may be shared by so many resources."""
    stays_whole: Literal["dye_lot", "hide", "alloy"] | None = None
    """Why it may not."""
    tools: tuple[Tool, ...] = ()
    qualifications: frozenset[str] = frozenset()
    """Schemes; the workshop has each on every day on which it works at this."""

    @property
    def sold(self) -> Sold:
        return self.process, "minutes"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the material is, and where the goods are wanted. WGS 84 degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriage:
    """How lots travel: on which weekdays (Monday 0), until when on a day they may leave, how fast, at what price.

    The speed is of the crow: the way by road is longer, and the default allows for it.
    """

    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)
    cut_off: int = 16 * 60
    """Minutes after midnight; what is ready later leaves on the next day that has carriers."""
    loading_minutes: int = 30
    """For each trip, both ends together."""
    km_per_hour: int = 25
    price_per_trip: int = 0
    """Minor units."""
    price_per_km: int = 0


@dataclass(frozen=True, kw_only=True)
class Question:
    """A lot to be made. Days count from day 0 of the offers."""

    party: UUID
    """Who asks: what takes an invitation is left out for who has none."""
    pieces: int
    routing: tuple[Operation, ...]
    place: Place
    first_day: int = 0
    """The material is at its place when this day's work begins."""
    late: int = 0
    """Minutes of the first day's hours of work that are over: it is today. Forward alone, and less than all of them."""
    taken: Mapping[UUID, int] = field(default_factory=dict, hash=False)
    """How much of the first day is taken, of each resource, if it is today."""
    due_day: int | None = None
    """The goods must be at their place before this day's work ends. Backward needs it."""
    backward: bool = False
    """As late as possible before the due day, instead of as early as possible from the first."""
    carriage: Carriage = field(default_factory=Carriage)
    without: frozenset[UUID] = frozenset()
    """Resources that would refuse, as is known from an earlier answer."""
    valid: Mapping[frozenset[str], Valid] = field(default_factory=dict, hash=False)
    """By what an operation asks for, on which days workshops have all of it."""

    def spans(self, operation: Operation, workshop: UUID) -> Sequence[tuple[date, date]] | None:
        """The days on which a workshop may do it; none: on any."""
        if not operation.qualifications:
            return None
        return self.valid.get(operation.qualifications, {}).get(workshop, ())

    @cached_property
    def sold(self) -> set[Sold]:
        """All that must be known of, tools too."""
        return {one for step in self.routing for one in (step.sold, *(tool.sold for tool in step.tools))}
