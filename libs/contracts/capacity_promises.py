"""What capacity answers at once to who asks when, where and for how much a lot, or several, can be made."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from libs.contracts.capacity import Hold
from libs.contracts.values import Money


class BestAt(StrEnum):
    """What an answer is better at than all others."""

    EARLIEST = "earliest"
    """The goods are there first; backward, the material leaves last."""
    NEAREST = "nearest"
    """The lot is carried the least way."""
    CHEAPEST = "cheapest"
    """It costs the least, carriage included."""


class PricedFor(StrEnum):
    """What a line of a price is for."""

    SET_UP = "set_up"
    """Setting up a resource."""
    TIME = "time"
    """Minutes of a resource."""
    TOOLS = "tools"
    """Tool sets."""
    MINIMUM_CHARGE = "minimum_charge"
    """What lacks to the least that a resource is booked for."""
    CARRIAGE = "carriage"
    """A trip."""


class WaitReason(StrEnum):
    """Why a step does not begin sooner."""

    PREVIOUS = "PREVIOUS"
    """The operation before is under way."""
    REST = "REST"
    """The lot lies after it, by the routing."""
    DRYING = "DRYING"
    """It dries, cools or burns out, as that resource publishes."""
    CARRIERS = "CARRIERS"
    """None leaves yet."""
    TRAVEL = "TRAVEL"
    """It is on the road."""
    QUEUE = "QUEUE"
    """It lies before the operation."""
    NOTICE = "NOTICE"
    """The workshop takes no work sooner."""
    QUALIFICATION = "QUALIFICATION"
    """The workshop is not qualified yet, or again."""
    TOOLS = "TOOLS"
    """Too few are free."""
    ROOM = "ROOM"
    """The resource is not free."""
    SET_UP = "SET_UP"
    """It is set up."""
    PACE = "PACE"
    """Sooner it would run dry."""
    NOT_SOONER = "NOT_SOONER"
    """The due day lets it wait."""


class WorksBy(StrEnum):
    """Whose figures a step is planned by."""

    RESOURCE = "resource"
    """What the resource publishes of its work."""
    ROUTING = "routing"
    """What was asked: the resource publishes nothing for the process."""


class StaysWhole(StrEnum):
    """Why a lot may not be shared by several resources."""

    DYE_LOT = "dye_lot"
    """Its colour comes from one bath."""
    HIDE = "hide"
    """It is cut from one hide."""
    ALLOY = "alloy"
    """It is cast from one melt."""


class PriceLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a price."""

    what: PricedFor
    """What it is for."""
    step: int | None
    """Which step it is for; none for carriage to the place where the goods are wanted, and for a minimum charge, which
    is for all that is taken of a resource."""
    quantity: int
    """Minutes of time; metres of carriage; days of tools; else 1."""
    amount: Money
    """What it costs."""


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """What a step waits for. Times are by the clock of the sites."""

    code: WaitReason
    """Why."""
    waits_for: str
    """A process, a tool, a name of a resource; empty if the code says it all."""
    resource_id: UUID | None
    """The resource or tool set, if it is one."""
    since: datetime
    """From when."""
    until: datetime
    """Until when."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity of a resource on a day: what a hold takes."""

    resource_id: UUID
    """Whose time."""
    day: date
    """A local day of its site."""
    quantity: int
    """In its unit."""


class PromisedStep(msgspec.Struct, frozen=True, kw_only=True):
    """An operation, or its part at one resource. Times are by the clock of the sites, as if a day's free minutes lay
    evenly in its hours; the workshop is bound to the days alone."""

    operation: int
    """Its place in the routing, from 0."""
    process: str
    """What is done."""
    resource_id: UUID
    """What does it."""
    workshop_id: UUID
    """Whose that is."""
    site_id: UUID
    """Where it stands."""
    name: str
    """Of the resource."""
    pieces: int
    """Of the lot that go on from here."""
    lot: int
    """Pieces that the run is long enough for: the resource works in whole lots, and in no fewer than its minimum."""
    works_by: WorksBy
    """Whose figures these are."""
    setup_minutes: int
    """Before the run, changing over included."""
    run_minutes: int
    """Of the lot."""
    cleanup_minutes: int
    """After `ends_at`, while the lot goes on."""
    extra_minutes: int
    """Taken because the workshop sells no less."""
    starts_at: datetime
    """When setting up begins."""
    run_starts_at: datetime
    """When the run begins: the lot must be there."""
    ends_at: datetime
    """When the run ends."""
    elapsed_minutes: int
    """Of the clock, after `ends_at`: the lot dries, cools or lies."""
    stays_whole: StaysWhole | None
    """Why the lot is not shared."""
    waits: list[Wait]
    """Why it does not begin sooner, in the order of time."""
    takes: list[Taken]
    """Day by day, the tool sets with it."""


class Trip(msgspec.Struct, frozen=True, kw_only=True):
    """A trip from one step to another; none is the place of the material and the goods."""

    source: int | None
    """The step from which it goes, from 0."""
    target: int | None
    """The step to which it goes, from 0."""
    metres: int
    """As the crow flies."""
    leaves_at: datetime
    """By the clock of the sites."""
    arrives_at: datetime
    """By the clock of the sites."""


class Sentence(msgspec.Struct, frozen=True, kw_only=True):
    """A plain sentence, for people."""

    en: str
    """In English."""
    it: str
    """In Italian."""


class PromisedPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan that no other answer beats in all of day, whole kilometres and price."""

    best_at: list[BestAt]
    """What no other answer is better at; nothing if it is only a good compromise, or one of several lots."""
    leaves_day: date
    """The day on which the material must be handed over at the latest; backward, as late as can be."""
    ready_day: date
    """The day on which all goods are at the place."""
    metres: int
    """Of all trips, as the crow flies."""
    price: Money
    """What a booking of it costs today, and carriage."""
    lines: list[PriceLine]
    """The price, line by line."""
    steps: list[PromisedStep]
    """Who does what when, in the order of the routing."""
    trips: list[Trip]
    """Every way that a part of the lot goes."""
    says: Sentence
    """When, for how much, how far, and what the longest wait is for."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What can be made. What is not held may be taken by others."""

    as_of: datetime
    """All that was held, booked, published or shown before this instant is taken into account."""
    age_seconds: float
    """How long ago that was."""
    hold: Hold | None = None
    """All of it, or nothing."""


class LotPromise(Told, frozen=True, kw_only=True):
    """When, where and for how much a lot can be made. What is not held may be taken by others."""

    answers: list[PromisedPlan]
    """The soonest first; backward, what starts last."""
    held: int | None = None
    """Which of them is held, from 0."""


class FoundBy(StrEnum):
    """Who found a joint plan."""

    GREEDY = "greedy"
    """Lot by lot, as they were asked for."""
    OPTIMISER = "optimiser"
    """A constraint solver; what it found is better."""


class Outcome(StrEnum):
    """What became of the optimiser's pass."""

    BETTER = "BETTER"
    """It found what is told."""
    NO_BETTER = "NO_BETTER"
    """It found nothing better."""
    AT_BOUND = "AT_BOUND"
    """Nothing better could be found, so it was not made."""
    NOT_ASKED = "NOT_ASKED"
    """It was not asked for."""
    NOT_INSTALLED = "NOT_INSTALLED"
    """There is no optimiser here."""
    BUSY = "BUSY"
    """It was at another."""
    TOO_SLOW = "TOO_SLOW"
    """It was ended when its time was over."""
    FAILED = "FAILED"
    """It broke; what is told was found without it."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """By what joint plans are compared: the first that differs decides, and then the price."""

    days_late: int
    """Of the lots that have a due day, in sum."""
    last_ready: int
    """Days until all lots are ready, from `day_0`."""
    days_in_all: int
    """Days until each lot is ready, in sum."""


class PromisedLot(msgspec.Struct, frozen=True, kw_only=True):
    """What of a joint plan is for one lot."""

    days_late: int | None
    """None if it has no due day."""
    answer: PromisedPlan
    """As if it were booked by itself."""


class JointPromise(Told, frozen=True, kw_only=True):
    """Plans for several lots that fit beside each other, and how good they are."""

    day_0: date
    """Days are counted from this one, yesterday by UTC; nothing begins before tomorrow."""
    found_by: FoundBy
    """Lot by lot, or by the optimiser."""
    optimiser: Outcome
    """What became of its pass."""
    value: Figures
    """What is told comes to."""
    greedy: Figures
    """What lot by lot came to."""
    bound: Figures
    """No joint plan at all is better than that in any of these, if nothing else is taken or freed."""
    gap: Figures
    """By how much the value is above the bound: it may be better by that at most."""
    price: Money
    """Of one booking of all, with carriage: setting a resource up is paid once, however many lots go to it."""
    lots: list[PromisedLot]
    """In the order in which they were asked for."""
