"""Search over HTTP."""

from datetime import date
from typing import Annotated, Self
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints, model_validator

from libs.contracts.capacity_answers import SearchAnswer
from libs.service.commands import Body, Caller, answers
from libs.service.runtime import KitOf
from services.capacity.domain.search import Lot, Order, Wanted
from services.capacity.domain.terms import MOST, MOST_TO_PAY
from services.capacity.handlers import search

router = APIRouter(tags=["capacity"])
Scheme = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]


class SearchFor(Body):
    """What is searched for. Dates are local days of each site; a place is WGS 84 degrees."""

    process: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
    quantity: Annotated[int, Field(ge=1, le=MOST)]
    unit: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,19}$")] = "minutes"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    first: date | None = None
    last: date | None = None
    latitude: Annotated[float, Field(ge=-85, le=85)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    km: Annotated[float, Field(gt=0, le=1000)] | None = None
    price: Annotated[int, Field(ge=0, le=MOST_TO_PAY)] | None = None
    qualifications: list[Scheme] = Field(default=[], max_length=10)
    lot: Lot = "resource"
    order: Order = "earliest"
    limit: Annotated[int, Field(ge=1, le=100)] = 20

    @model_validator(mode="after")
    def _whole_places(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("a place has a latitude and a longitude; give both or neither")
        if self.latitude is None and (self.km is not None or self.order == "nearest"):
            raise ValueError("to say how near, give the latitude and longitude of the place that it is near to")
        if self.first and self.last and self.last < self.first:
            raise ValueError("last is not before first")
        return self

    def to_domain(self, party: UUID) -> Wanted:
        """The same, asked by this party, with what was left open."""
        near = None if self.latitude is None or self.longitude is None else (self.latitude, self.longitude)
        told = self.model_dump(exclude={"latitude", "longitude"})
        told["first"], told["last"] = self.first or date.min, self.last or date.max
        return Wanted(**told | {"party": party, "near": near, "qualifications": frozenset(self.qualifications)})


@router.get("/search", **answers(SearchAnswer))
async def find(asked: Annotated[SearchFor, Query()], kit: KitOf, caller: Caller) -> Response:
    """Where there is room for so much of a process, the best windows first. Holding one decides whether it is so."""
    found = await search.search(kit, asked.to_domain(caller.party))
    return Response(msgspec.json.encode(found), media_type="application/json")
