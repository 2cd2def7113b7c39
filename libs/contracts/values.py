"""Values that several events share."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec


class Money(msgspec.Struct, frozen=True):
    """An amount in integer minor units (cents) of an ISO 4217 currency."""

    amount: int
    """Minor units: 1250 is 12.50 EUR."""
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] = "EUR"
    """ISO 4217, three capital letters."""


class PartyKind(StrEnum):
    """What a party does on the platform; also the role in its tokens."""

    BRAND = "brand"
    """Designs, reserves production and orders."""
    WORKSHOP = "workshop"
    """Makes, and publishes its capacity."""
    RETAILER = "retailer"
    """Sells what is made to order, in a shop or online."""
    LAB = "lab"
    """A FabLab: makes, and publishes its capacity."""
    HUB = "hub"
    """A city or district that runs an instance, and may import for others."""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a routing: time on a resource that can do `process`."""

    process: str
    """A process of the shared taxonomy, e.g. `cutting`, `lockstitch`."""
    setup_minutes: int
    """Once for a lot."""
    run_minutes: int
    """For each piece."""


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A size or colour form of a product, by its stock keeping unit."""

    sku: str
    """Names the form in orders."""
    label: str
    """For people, e.g. `Navy, M`."""


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """Time that an order asks for: `minutes` of `process`, in the order of the routing."""

    process: str
    """A process of the shared taxonomy."""
    minutes: int
    """For the whole lot, set-up included."""
    steps: int = 1
    """How many steps of the routing these are, one after the other: a lot is set up for in each."""


class Allocation(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity of one bucket: one resource of one workshop on one local day of its site."""

    bucket_id: UUID
    """The bucket."""
    resource_id: UUID
    """The bucket's resource."""
    workshop_id: UUID
    """The party whose resource it is."""
    day: date
    """The bucket's day."""
    quantity: int
    """In the resource's unit (minutes unless stated)."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why not: a stable code for programs and a plain sentence for people."""

    code: str
    """For programs; never reworded."""
    message: str
    """For people."""


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """Of a cancellation ladder: what is owed by who cancels with fewer days left."""

    days_before: int
    """Local days before the first day of the workshop's work."""
    buyer_percent: int
    """Of the price, from who booked to the workshop."""
    workshop_percent: int = 0
    """Of the price, from the workshop to who booked."""


class Agreed(msgspec.Struct, frozen=True, kw_only=True):
    """The terms of one resource as they stood when its time was booked."""

    resource_id: UUID
    """What was booked."""
    workshop_id: UUID
    """Whose it is."""
    price: Money
    """For all of its time, set-up included."""
    deposit: Money
    """To be paid when booking; it counts towards whatever becomes due."""
    cancellation: list[Rung] = msgspec.field(default_factory=list)
    """Who cancels owes this; the nearest rung comes first."""
    material_days: int | None = None
    """How many local days before its first day the material must be in house."""


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What a hold shall be booked for, where its workshop decides by hand."""

    awaiting: str
    """workshop or holder: whose answer is awaited."""
    price: Money
    """For all of it, set-up included."""


class Actual(msgspec.Struct, frozen=True, kw_only=True):
    """What a workshop reports of its part of a booking, in sum."""

    workshop_id: UUID
    """Who reports."""
    quantity: int = 0
    """What it took, in the unit of its resources (minutes unless stated)."""
    good: int = 0
    """Pieces."""
    scrap: int = 0
    """Pieces."""
    completed: bool = False
    """Whether its part is completed."""


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """What one party owes another."""

    debtor_id: UUID
    """Who owes."""
    creditor_id: UUID
    """Whom."""
    amount: Money
    """How much."""


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a booking ended before its time."""

    by: str
    """buyer, workshop or platform: a deadline, or an order that failed."""
    code: str
    """For programs; never reworded."""
    message: str
    """For people."""
    due: list[Due] = msgspec.field(default_factory=list)
    """What the cancellation ladder says; nothing if empty."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """A resource's terms."""

    price_per_unit: Money
    """For one unit of the resource (a minute unless stated)."""
    setup_price: Money
    """Once for a booking."""
    minimum_quantity: int = 1
    """In the resource's unit."""
    notice_days: int = 0
    """How many local days ahead a slot must be taken."""
    minimum_charge: Money | None = None
    """A booking costs no less."""
    lot_multiple: int = 1
    """It is sold in multiples of this, in the resource's unit."""
    window_days: int | None = None
    """How many local days ahead a slot may be taken at most; as far as the calendar goes if absent."""
    deposit_percent: int = 0
    """Of the price, to be paid when booking."""
    cancellation: list[Rung] = msgspec.field(default_factory=list)
    """What who cancels owes; the nearest rung comes first."""
    visibility: str = "public"
    """public: sold to everybody; invited: seen by all, sold to the invited; private: seen by the invited alone."""
    invited: list[UUID] = msgspec.field(default_factory=list)
    """Parties that an invited or private resource is sold to."""
    samples: bool = False
    """Whether less than the minimum is sold as a sample or one-off."""
    approval: str = "automatic"
    """automatic: a hold is confirmed at once; by_hand: it is proposed, and the workshop decides."""
    answer_hours: int = 48
    """So long the workshop, and then who holds, may think about a proposal."""
    material_days: int | None = None
    """How many local days before its first day the material must be in house; none is asked for if absent."""
    party_percent: int | None = None
    """Of what a day gives: the most that one party may have of it."""
    newcomers_percent: int = 0
    """Of what a day gives: kept for firms that are new to the platform."""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What a process takes of a resource, in the resource's unit: `run` for `pieces`, and what comes with a lot."""

    run: int
    """Run time of so many `pieces`: 1 for 5 is exact, 0.2 would not be."""
    pieces: int = 1
    """Of which `run` speaks."""
    setup: int = 0
    """Once for a lot."""
    cleanup: int = 0
    """Once for a lot."""
    changes: dict[str, int] = msgspec.field(default_factory=dict)
    """What changing over costs, by what changes: colour, thread, gauge, alloy."""
    efficiency_percent: int = 100
    """How much standard run time is done in a unit."""
    ramp_percent: list[int] = msgspec.field(default_factory=list)
    """The pace of a lot's first days."""
    lot_multiple: int = 1
    """Pieces are made in multiples of this."""
    minimum_pieces: int = 1
    """No lot is smaller."""
    transfer_batch: int | None = None
    """Pieces handed on together while the lot goes on; none: the whole lot."""
    elapsed_minutes: int = 0
    """Time that passes after the work and takes nobody's: drying, burn-out."""


class Change(msgspec.Struct, frozen=True):
    """What changing over costs when one thing changes from the work before."""

    what: str
    """Colour, thread, gauge, alloy."""
    quantity: int
    """In the resource's unit."""


class ProcessWork(msgspec.Struct, frozen=True):
    """What one process takes of a resource."""

    process: str
    """A process of the resource, from the shared taxonomy."""
    work: Work
    """What it takes here."""


class DayQuantity(msgspec.Struct, frozen=True):
    """What one day offers, whatever the week says."""

    day: date
    """A local day of the resource's site."""
    quantity: int
    """In the resource's unit; 0 closes."""


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """When a resource works: weekly shifts with dated exceptions."""

    weekly: Annotated[list[int], msgspec.Meta(min_length=7, max_length=7)]
    """Seven quantities, Monday first, in the resource's unit."""
    exceptions: dict[str, int] = msgspec.field(default_factory=dict)
    """By ISO day, in the resource's unit: public holidays, closures, overtime."""
    starts_on: date
    """The first day published."""
    ends_on: date
    """The last day published."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Days from one to another, both of them too."""

    starts_on: date
    """The first day."""
    ends_on: date
    """The last day."""


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """Hours on the site's clock; one that ends no later than it starts ends on the next day."""

    weekdays: list[int]
    """1, Monday, to 7, Sunday (ISO 8601): the days on which it begins."""
    starts: time
    """On the site's clock."""
    ends: time
    """On the site's clock."""
    break_minutes: int = 0
    """Not worked."""
    teams: int = 1
    """How many work side by side."""
    quantity: int | None = None
    """What it gives in the resource's unit; none: its minutes, of every team."""


class Overtime(msgspec.Struct, frozen=True, kw_only=True):
    """More on some weekdays of a span; never on days that are closed."""

    span: Span
    """When the rule holds."""
    weekdays: list[int]
    """1, Monday, to 7, Sunday."""
    quantity: int
    """Of each of these days, in the resource's unit."""
    most_a_week: int | None = None
    """From Monday to Sunday, if there is a limit."""


class CalendarEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a calendar file (RFC 5545): work if it has clock times, else what whole days give."""

    starts: datetime
    """On the clock of `zone`; midnight of whole days."""
    minutes: int
    """How long it lasts, each time."""
    zone: str = ""
    """IANA name; none: the site's."""
    all_day: bool = False
    """Whether it is of whole days."""
    rule: str = ""
    """As RRULE has it; none: once."""
    without: list[datetime] = msgspec.field(default_factory=list)
    """Times left out."""
    also: list[datetime] = msgspec.field(default_factory=list)
    """Times added."""
    quantity: int | None = None
    """What each time gives, in the resource's unit; none: the minutes of work, or nothing of whole days."""


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """When a resource works, for as long as the workshop does not say otherwise; its calendar is worked out from it."""

    shifts: list[Shift] = msgspec.field(default_factory=list)
    """What a week is made of."""
    holidays: str | None = None
    """Public holidays that are kept, by name: `IT`, or `IT-MI` with Sant'Ambrogio."""
    august_weeks: int = 0
    """Weeks of summer closure, that of Ferragosto among them."""
    closures: list[Span] = msgspec.field(default_factory=list)
    """Closed besides."""
    overtime: list[Overtime] = msgspec.field(default_factory=list)
    """More than the shifts give."""
    events: list[CalendarEvent] = msgspec.field(default_factory=list)
    """What a calendar file said."""
    exceptions: dict[str, int] = msgspec.field(default_factory=dict)
    """By ISO day, in the resource's unit, whatever the rest says."""
