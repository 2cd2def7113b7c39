"""What orders react to."""

from libs.contracts import catalog
from libs.messaging.consumer import batch
from services.orders import handlers

SUBSCRIPTIONS = [
    batch((catalog.ProductRegistered, catalog.ProductWithdrawn), handlers.on_products),
    batch(tuple(handlers.FACTS), handlers.on_capacity),
]
