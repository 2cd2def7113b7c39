"""Orders, wired: `uvicorn services.orders.app:api`."""

from libs.service.app import Job, service
from services.orders.api import router
from services.orders.handlers import let_deadlines_pass
from services.orders.subscriptions import SUBSCRIPTIONS

api = service("orders", routers=[router], subscriptions=SUBSCRIPTIONS, jobs=[Job("deadlines", 0.5, let_deadlines_pass)])
