"""The commands of orders over HTTP."""

from datetime import date
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import StrictInt

from libs.contracts import orders
from libs.service.commands import Body, Commanded, answers
from services.orders import handlers
from services.orders.domain import Wish

router = APIRouter(tags=["orders"])


class LineBody(Body):
    """So many pieces of a variant."""

    product_id: UUID
    sku: str
    quantity: StrictInt

    def to_domain(self) -> Wish:
        return Wish(self.product_id, self.sku, self.quantity)


class PlaceOrder(Body):
    """What a shop asks for, and the local days between which it may be made."""

    lines: list[LineBody]
    earliest_day: date
    due_day: date


@router.post("/orders", **answers(orders.Order, 201))
async def place_order(body: PlaceOrder, command: Commanded) -> Response:
    """Place an order. What comes of it is told by events: `reserved`, then `confirmed`, or why not."""
    wishes = [line.to_domain() for line in body.lines]
    return await command.run(
        lambda session: handlers.place_order(session, command.caller, wishes, body.earliest_day, body.due_day), 201
    )


@router.post("/orders/{order_id}/cancel", **answers(orders.Order))
async def cancel_order(order_id: UUID, command: Commanded) -> Response:
    """Withdraw an order that is placed, reserved or confirmed; its room is given back."""
    return await command.run(lambda session: handlers.cancel_order(session, command.caller, order_id))
