"""What capacity is asked: where there is room, and when a lot, or several, can be made. The service checks that."""

from datetime import date
from enum import StrEnum
from uuid import UUID

import msgspec

from libs.contracts.capacity_promises import BestAt, StaysWhole


class WindowOrder(StrEnum):
    """What is best."""

    EARLIEST = "earliest"
    """What ends first."""
    NEAREST = "nearest"
    """What is the least way from `near`."""
    CHEAPEST = "cheapest"
    """What costs the least."""


class UploadKind(StrEnum):
    """What a file of a workshop's does."""

    RESOURCES_CSV = "resources_csv"
    """A table: its resources are published; what is published already is not changed."""
    RESOURCE_CHANGES_CSV = "resource_changes_csv"
    """A table: what of it is new is published, what is otherwise than before is changed."""
    CALENDARS_ICS = "calendars_ics"
    """A calendar file: resources work by its events."""


class Near(msgspec.Struct, frozen=True, kw_only=True):
    """A place, and how far from it."""

    latitude: float
    """WGS 84 degrees."""
    longitude: float
    """WGS 84 degrees."""
    km: float | None = None
    """No farther than this, as the crow flies."""


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What there should be room for."""

    process: str
    """Of the shared taxonomy, e.g. `cutting`, `lockstitch`."""
    quantity: int
    """In `unit`. It stays at one resource."""
    unit: str = "minutes"
    """Minutes, unless a trade counts otherwise."""
    first: date | None = None
    """The first day that may be worked on."""
    last: date | None = None
    """The last one."""
    near: Near | None = None
    """Where, if that matters."""
    price: int | None = None
    """No dearer than this, for all of it, in minor units of `currency`."""
    currency: str = "EUR"
    """ISO 4217."""
    qualifications: list[str] = msgspec.field(default_factory=list)
    """Schemes that the workshop must have on every day of the work."""
    one_day: bool = False
    """All on one day, as a dye bath or a casting is."""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """So many of a tool set at the same site, on each day that the operation works."""

    process: str
    """What the tool set is published for, e.g. `lasts_42`."""
    unit: str = "pieces"
    """What its buckets count."""
    quantity: int
    """How many."""


class RoutingStep(msgspec.Struct, frozen=True, kw_only=True):
    """One operation. A resource that publishes its work for the process goes by that: set-up, run and transfer batch
    are for the others."""

    process: str
    """A process of the shared taxonomy, e.g. `cutting`, `lockstitch`."""
    setup_minutes: int = 0
    """Once on each resource, of its time."""
    run_minutes: int
    """For each piece, of the resource's time."""
    queue_minutes: int = 0
    """Of the clock: the lot lies before the operation may begin."""
    wait_minutes: int = 0
    """Of the clock: the lot lies after it, at least."""
    transfer_batch: int | None = None
    """So many pieces go on as soon as they are done, if the next operation is at the same place."""
    split_over: int = 1
    """The lot may be shared by so many resources, 8 at most."""
    stays_whole: StaysWhole | None = None
    """Why it may not."""
    changed: list[str] = msgspec.field(default_factory=list)
    """What changes from the work before: colour, thread, gauge, alloy. It counts where a resource publishes it."""
    tools: list[Tool] = msgspec.field(default_factory=list)
    """What it needs besides, 5 at most."""
    qualifications: list[str] = msgspec.field(default_factory=list)
    """Schemes that the workshop must have on every day on which it works at this."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the material is and the goods are wanted."""

    latitude: float
    """WGS 84 degrees."""
    longitude: float
    """WGS 84 degrees."""


class Carriage(msgspec.Struct, frozen=True, kw_only=True):
    """How lots travel, as the crow flies."""

    weekdays: list[int] = msgspec.field(default_factory=lambda: [0, 1, 2, 3, 4])
    """On which carriers leave: 0, Monday, to 6, Sunday."""
    cut_off: int = 16 * 60
    """Minutes after midnight until which they leave."""
    loading_minutes: int = 30
    """For each trip, both ends together."""
    km_per_hour: int = 25
    """Of the crow: the way by road is longer."""
    price_per_trip: int = 0
    """Minor units; none if it is not to be counted."""
    price_per_km: int = 0
    """Minor units; none if it is not to be counted."""


class Lot(msgspec.Struct, frozen=True, kw_only=True):
    """A lot of a product, made by its routing, or by one that is told; as soon as can be: in what is left of today, but
    in a basket, and backward, tomorrow at the soonest."""

    quantity: int
    """Pieces."""
    product_id: UUID | None = None
    """What is made; else `routing` says how."""
    routing: list[RoutingStep] = msgspec.field(default_factory=list)
    """How it is made, in order, in 12 operations at most; of a product its own."""
    place: Place
    """Where the material is and the goods are wanted."""
    first_day: date | None = None
    """The first day that may be worked on; as soon as can be unless told."""
    due_day: date | None = None
    """The goods are to be at their place on this day."""
    carriage: Carriage | None = None
    """How it travels; on working days until 16:00, not counted in the price, unless told."""


class Promise(Lot, frozen=True, kw_only=True):
    """A lot and how it is wanted."""

    backward: bool = False
    """As late as the due day allows, instead of as soon as can be."""
    currency: str = "EUR"
    """ISO 4217: what is sold in another is left out."""


class Basket(msgspec.Struct, frozen=True, kw_only=True):
    """Several lots to be made beside each other. What is ready after its due day is late, not refused."""

    lots: list[Lot]
    """2 to 20."""
    currency: str = "EUR"
    """ISO 4217: what is sold in another is left out."""
    optimise_seconds: int = 2
    """So long an optimiser may look for what is better than lot by lot; 0, and it is not asked."""


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """How a promise is held."""

    prefer: BestAt = BestAt.EARLIEST
    """Which answer: the one that is best at this."""
    seconds: int = 900
    """How long."""
