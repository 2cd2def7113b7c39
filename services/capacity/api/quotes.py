"""Quotes over HTTP."""

import msgspec
from fastapi import APIRouter, Response

from libs.service.commands import Caller, answers
from libs.service.runtime import KitOf
from services.capacity.api.holds import Sale
from services.capacity.handlers import quotes
from services.capacity.handlers.holds import LEDGER

router = APIRouter(tags=["capacity"])


@router.post("/quotes", **answers(quotes.Quote))
async def ask_quote(body: Sale, caller: Caller, kit: KitOf) -> Response:
    """What these days would cost, on which terms, and what is free of them: nothing is held."""
    async with kit.database.write(caller.party, role=LEDGER) as session:
        answer = await quotes.quote(session, caller.party, body.days(), body.needed(), sample=body.sample)
    return Response(msgspec.json.encode(answer), media_type="application/json")
