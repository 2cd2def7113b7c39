"""What capacity reacts to."""

from libs.contracts import orders
from libs.kit.consumer import batch
from services.capacity.handlers.orders import follow_orders

ORDERS: tuple[type[orders.Order], ...] = (
    orders.OrderPlaced,
    orders.OrderReserved,
    orders.OrderConfirmed,
    orders.OrderRefused,
    orders.OrderCancelled,
    orders.OrderFailed,
    orders.OrderQuarantined,
)

SUBSCRIPTIONS = [batch(ORDERS, follow_orders)]
