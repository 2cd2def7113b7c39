"""What capacity reacts to: whatever happens to an order."""

from libs.contracts import REGISTRY, orders
from libs.messaging.consumer import batch
from services.capacity.handlers.orders import follow_orders

ORDERS = tuple(event for event in REGISTRY.values() if issubclass(event, orders.Order))

SUBSCRIPTIONS = [batch(ORDERS, follow_orders)]
