"""What orders react to."""

from libs.contracts import capacity, catalog
from libs.messaging.consumer import batch
from services.orders import handlers

HOLDS_AND_BOOKINGS: tuple[type[handlers.CapacityEvent], ...] = (
    capacity.HoldPlaced,
    capacity.HoldRefused,
    capacity.HoldConfirmed,
    capacity.HoldReleased,
    capacity.HoldExpired,
    capacity.BookingConfirmed,
    capacity.BookingCancelled,
)

SUBSCRIPTIONS = [
    batch((catalog.ProductRegistered, catalog.ProductWithdrawn), handlers.on_products),
    batch(HOLDS_AND_BOOKINGS, handlers.on_capacity),
]
