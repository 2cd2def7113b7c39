"""Promises for several lots together, over HTTP."""

from datetime import date
from typing import Annotated, Self

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import AliasChoices, Field, StrictBool, StrictInt, model_validator

from libs.kit.auth import Principal
from libs.kit.errors import Problem
from libs.service.commands import Body, Caller, answers, command
from libs.service.runtime import KitOf
from services.capacity.api.promises import CarriageBody, Holding, Key, OperationBody, Pieces, PlaceBody
from services.capacity.handlers import promises, together
from services.capacity.promise.question import Place, Question
from services.capacity.promise.wanted import Wanted
from services.capacity.together.optimiser import MOST_SECONDS

router = APIRouter(tags=["capacity"])


class LotBody(Body):
    """One lot: as soon as can be from its first day on, never before tomorrow. What is ready after its due day is late,
    not refused."""

    quantity: Pieces
    routing: Annotated[list[OperationBody], Field(min_length=1, max_length=12)]
    place: PlaceBody
    first_day: date = date.min
    due_day: date | None = None
    carriage: CarriageBody = CarriageBody()

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.due_day is not None and self.due_day < self.first_day:
            raise ValueError("due_day is not before first_day")
        return self

    def to_domain(self, caller: Principal, currency: str) -> Wanted:
        """As a question of the caller's."""
        question = Question(
            party=caller.party,
            pieces=self.quantity,
            routing=tuple(one.to_domain() for one in self.routing),
            place=Place(**self.place.model_dump()),
            carriage=self.carriage.to_domain(),
        )
        return Wanted(question=question, currency=currency, first=self.first_day, due=self.due_day)


class AskTogether(Body):
    """Lots to be planned together. `dryRun`, as is usual, only tells; `hold` takes the plans of all lots in one hold.
    The optimiser has so many seconds to find what is better than lot by lot; 0, and it is not asked."""

    lots: Annotated[list[LotBody], Field(min_length=2, max_length=20)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    optimise_seconds: Annotated[StrictInt, Field(ge=0, le=MOST_SECONDS)] = 2
    dry_run: Annotated[StrictBool | None, Field(validation_alias=AliasChoices("dryRun", "dry_run"))] = None
    hold: StrictBool = False
    seconds: Annotated[StrictInt, Field(ge=1, le=86_400)] = 900

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.dry_run is self.hold:
            raise ValueError("either dryRun, which only tells, or hold, which takes")
        return self

    def to_domain(self, caller: Principal) -> together.Asked:
        """What the caller asks."""
        lots = [one.to_domain(caller, self.currency) for one in self.lots]
        return together.Asked(lots=lots, seconds=self.optimise_seconds)


@router.post("/promises/together", **answers(together.Together))
async def ask_together(
    body: AskTogether, request: Request, kit: KitOf, caller: Caller, holding: Holding, idempotency_key: Key = None
) -> Response:
    """When, where and for how much several lots can be made beside each other, who found it, and how much better it
    may be at most.

    Holding takes an Idempotency-Key, as every command; only telling takes none, and changes nothing.
    """
    asked = body.to_domain(caller)
    if not body.hold:
        found = await together.find(kit, asked)
        return Response(msgspec.json.encode(found.told), media_type="application/json")
    given = await command(request, idempotency_key)
    if (known := await given.answered()) is not None:
        return known
    try:
        found = await together.find(kit, asked)
        ask = promises.whole(given.asked, found.told, found.plans, body.seconds)
    except Problem as problem:
        ask = promises.Ask(given.asked, problem)
    return await holding.run(ask)
