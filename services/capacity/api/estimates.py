"""Questions about pieces, before anything is held."""

from datetime import date
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Response
from pydantic import Field, StrictInt

from libs.service.commands import Body, Caller, answers
from libs.service.runtime import KitOf
from services.capacity.domain.terms import MOST
from services.capacity.domain.units import UNITS
from services.capacity.handlers import estimates
from services.capacity.handlers.holds import LEDGER

router = APIRouter(tags=["capacity"])


class AskEstimate(Body):
    """So many pieces of a process on a resource, from a local day on; what changes from the work before costs more."""

    resource_id: UUID
    process: str
    pieces: Annotated[StrictInt, Field(ge=1, le=MOST)]
    first_day: date | None = None
    changed: Annotated[list[str], Field(max_length=20)] = Field(default_factory=list)

    def to_domain(self) -> estimates.Question:
        """The question."""
        first = self.first_day or date.min
        return estimates.Question(self.resource_id, self.process, self.pieces, first, frozenset(self.changed))


@router.post("/estimates", **answers(estimates.Estimate))
async def ask_estimate(body: AskEstimate, caller: Caller, kit: KitOf) -> Response:
    """What so many pieces would take of a resource, which days, and the price: nothing is held."""
    async with kit.database.write(caller.party, role=LEDGER) as session:
        answer = await estimates.estimate(session, caller.party, body.to_domain())
    return Response(msgspec.json.encode(answer), media_type="application/json")


@router.get("/units")
async def units() -> dict[str, str]:
    """The units of capacity, and what is counted so."""
    return UNITS
