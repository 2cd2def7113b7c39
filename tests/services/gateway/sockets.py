"""A client of subscriptions over a real web socket, and what it follows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from libs.contracts import orders
from libs.kit.ids import new_id
from libs.kit.testing import token
from tests.services.gateway import world
from tests.services.gateway.conftest import Tell

ORDER = "subscription($id: ID!) { order(id: $id) { version state lines { brand { name } } } }"
OFFER = "subscription($id: ID!) { waitlistOffer(id: $id) { state holdId expiresAt } }"
DAY = 'subscription { workshopDay(day: "2031-03-03") { published available held resource { name } } }'


class Wire:
    """A client of graphql-transport-ws, frame by frame."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, **frame: Any) -> None:
        await self.socket.send(msgspec.json.encode(frame).decode())

    async def receive(self, seconds: float = 8) -> dict[str, Any]:
        async with asyncio.timeout(seconds):
            return msgspec.json.decode(await self.socket.recv())

    async def begin(self, party: UUID | None = None, role: str = "retailer", **claims: Any) -> None:
        payload = {"authorization": f"Bearer {token(party, role, **claims)}"} if party else {}
        await self.send(type="connection_init", payload=payload)
        assert (await self.receive())["type"] == "connection_ack"

    async def subscribe(self, query: str, number: str = "1", last: str = "", **variables: Any) -> None:
        payload = {"query": query, "variables": variables, "extensions": {"lastEventId": last}}
        await self.send(type="subscribe", id=number, payload=payload)

    async def next(self, field: str, seconds: float = 8) -> Any:
        frame = await self.receive(seconds)
        assert frame["type"] == "next", frame
        assert "errors" not in frame["payload"], frame
        return frame["payload"]["data"][field]

    async def silent(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await self.receive(seconds)
            return False
        return True

    async def closed(self) -> tuple[int, str]:
        with suppress(ConnectionClosed):
            while True:
                await self.receive()
        return self.socket.close_code or 0, self.socket.close_reason or ""


@asynccontextmanager
async def wire(address: str, protocol: str = "graphql-transport-ws", **options: Any) -> AsyncIterator[Wire]:
    where, protocols = f"ws://{address}/graphql", [Subprotocol(protocol)]
    async with connect(where, subprotocols=protocols, proxy=None, **options) as socket:
        yield Wire(socket)


def placed(buyer: UUID) -> orders.OrderPlaced:
    return world.order(buyer, [world.product(new_id())])


async def an_order(tell: Tell) -> tuple[UUID, orders.OrderPlaced, dict[str, Any]]:
    """A shop, its order, and the variables that ask for it."""
    shop = new_id()
    order = placed(shop)
    await tell(order)
    return shop, order, {"id": world.gid("Order", order.id)}


@asynccontextmanager
async def following(address: str, tell: Tell) -> AsyncIterator[tuple[Wire, orders.OrderPlaced]]:
    """A shop that follows an order of its own, which has been told of as placed."""
    shop, order, its = await an_order(tell)
    async with wire(address) as client:
        await client.begin(shop)
        await client.subscribe(ORDER, **its)
        yield client, order
