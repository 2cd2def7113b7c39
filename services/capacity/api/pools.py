"""Pools over HTTP."""

from datetime import date
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Response
from pydantic import AwareDatetime, Field, StrictInt

from libs.contracts import capacity_queues as queues
from libs.contracts.capacity_answers import Pledge
from libs.service.commands import Body, Caller, Commanded, answers
from libs.service.runtime import KitOf
from services.capacity.domain.terms import MOST
from services.capacity.handlers import pools
from services.capacity.handlers.holds import LEDGER

router = APIRouter(tags=["capacity"])
_Quantity = Annotated[StrictInt, Field(ge=1, le=MOST)]


class OpenPool(Body):
    """What to set aside, the least that must come together (the terms' minimum unless stated), and until when."""

    resource_id: UUID
    day: date
    quantity: _Quantity
    minimum: _Quantity | None = None
    closes_at: AwareDatetime


class JoinPool(Body):
    """How much of it."""

    quantity: _Quantity


@router.post("/pools", **answers(queues.Pool, 201))
async def open_pool(body: OpenPool, command: Commanded) -> Response:
    """Set room of the caller's aside, for firms that each need less than the minimum."""
    opening = pools.Opening(**dict(body))
    return await command.run(lambda session: pools.open_pool(session, command.caller, opening), 201, role=LEDGER)


@router.post("/pools/{pool_id}/join", **answers(Pledge, 201))
async def join_pool(pool_id: UUID, body: JoinPool, command: Commanded) -> Response:
    """Pledge a share. When the minimum is met, all shares are booked at once, setting up paid by quantity."""
    return await command.run(
        lambda session: pools.join_pool(session, command.caller, pool_id, body.quantity), 201, role=LEDGER
    )


@router.post("/pools/{pool_id}/leave", **answers(Pledge))
async def leave_pool(pool_id: UUID, command: Commanded) -> Response:
    """Take a pledge back while the pool is open."""
    return await command.run(lambda session: pools.leave_pool(session, command.caller, pool_id), role=LEDGER)


@router.post("/pools/{pool_id}/close", **answers(queues.Pool))
async def close_pool(pool_id: UUID, command: Commanded) -> Response:
    """Let everybody go, and free the room."""
    return await command.run(lambda session: pools.close_pool(session, command.caller, pool_id), role=LEDGER)


@router.get("/pools/{pool_id}", **answers(pools.Pooled))
async def look_at_pool(pool_id: UUID, kit: KitOf, caller: Caller) -> Response:
    """What has come together, and the caller's own share."""
    seen = await pools.look_at_pool(kit, caller, pool_id)
    return Response(msgspec.json.encode(seen), media_type="application/json")
