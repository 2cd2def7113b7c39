"""What capacity reacts to: where workshops are, what they are qualified for, and whatever happens to an order."""

from libs.contracts import REGISTRY, catalog, orders
from libs.messaging.consumer import batch
from services.capacity.handlers.orders import follow_orders
from services.capacity.handlers.qualifications import keep_qualifications
from services.capacity.handlers.sites import keep_sites

ORDERS = tuple(event for event in REGISTRY.values() if issubclass(event, orders.Order))

QUALIFICATIONS = (catalog.QualificationRegistered, catalog.QualificationWithdrawn)

SUBSCRIPTIONS = [
    batch((catalog.SiteRegistered,), keep_sites),
    batch(QUALIFICATIONS, keep_qualifications),
    batch(ORDERS, follow_orders),
]
