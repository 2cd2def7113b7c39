"""The catalog, wired: `uvicorn services.catalog.app:api`."""

from libs.service.app import service
from services.catalog.api import router
from services.catalog.subscriptions import SUBSCRIPTIONS

api = service("catalog", routers=[router], subscriptions=SUBSCRIPTIONS)
