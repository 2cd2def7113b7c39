"""What the orders say."""

from datetime import date
from enum import StrEnum
from uuid import UUID

import msgspec

from libs.contracts._base import Event, event
from libs.contracts.values import Allocation, Money, Need, Refusal


class OrderState(StrEnum):
    """`placed` and `reserved` are on their way; `confirmed` stands, `stage` says how; the others are final."""

    PLACED = "placed"
    """Capacity is being looked for."""
    RESERVED = "reserved"
    """Held, and about to be booked."""
    CONFIRMED = "confirmed"
    """Booked: it will be made."""
    REFUSED = "refused"
    """It cannot be made; the reason says why."""
    CANCELLED = "cancelled"
    """Withdrawn; what was booked is given back."""
    FAILED = "failed"
    """What was held or booked was lost, or nobody answered by the deadline; nothing stays booked."""
    QUARANTINED = "quarantined"
    """Something happened that is not foreseen: an operator looks at it."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """So many pieces of a variant, made to order."""

    product_id: UUID
    """The product, of the catalog."""
    brand_id: UUID
    """The party whose product it is."""
    sku: str
    """Which variant."""
    quantity: int
    """Pieces."""
    price: Money
    """Of one piece."""
    needs: list[Need]
    """What the lot takes, in the order of the product's routing."""


class Order(Event, frozen=True, kw_only=True):
    """State of an order."""

    party_id: UUID
    """The buyer."""
    state: OrderState
    """Where in its life the order stands."""
    lines: list[Line]
    """What was asked."""
    total: Money
    """Price of all lines."""
    earliest_day: date
    """Work may begin on this local day."""
    due_day: date
    """Work must be done by the end of this local day. Later than asked for, if the buyer agreed to days that are."""
    allocations: list[Allocation] = msgspec.field(default_factory=list)
    """The plan, once room is reserved: what will be made when by whom."""
    refusal: Refusal | None = None
    """Why it was refused, or failed."""
    stage: str | None = None
    """The state or, of one that is confirmed, more: displaced, moved or completed, as its booking is. Until the buyer
    has agreed to other days, the plan is the one that was promised."""


@event("orders", "order", "order_placed")
class OrderPlaced(Order, frozen=True, kw_only=True):
    """A shop asked for pieces; capacity is to hold room."""


@event("orders", "order", "order_reserved")
class OrderReserved(Order, frozen=True, kw_only=True):
    """Room is held; capacity is to make it firm."""


@event("orders", "order", "order_confirmed")
class OrderConfirmed(Order, frozen=True, kw_only=True):
    """Room is booked: the pieces will be made."""


@event("orders", "order", "order_displaced")
class OrderDisplaced(Order, frozen=True, kw_only=True):
    """A workshop has the hours of its plan no more, and says to which days it moves the work, or the order fails."""


@event("orders", "order", "order_moved")
class OrderMoved(Order, frozen=True, kw_only=True):
    """A workshop moves the work to the days that the booking of the same id has; the buyer accepts or rejects it."""


@event("orders", "order", "order_completed")
class OrderCompleted(Order, frozen=True, kw_only=True):
    """Every workshop has completed its part."""


@event("orders", "order", "order_refused")
class OrderRefused(Order, frozen=True, kw_only=True):
    """There was no room; `refusal` says why."""


@event("orders", "order", "order_cancelled")
class OrderCancelled(Order, frozen=True, kw_only=True):
    """The buyer withdrew; capacity is to free what it holds or booked."""


@event("orders", "order", "order_failed")
class OrderFailed(Order, frozen=True, kw_only=True):
    """A deadline passed or the hold was lost; capacity is to free what it may still hold."""


@event("orders", "order", "order_quarantined")
class OrderQuarantined(Order, frozen=True, kw_only=True):
    """Something happened that no rule expects; a person must look."""
