"""Promises over HTTP."""

from datetime import date
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

import msgspec
from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import AliasChoices, Field, StrictBool, StrictInt, model_validator

from libs.contracts.capacity_promises import BestAt
from libs.kit.auth import Principal
from libs.kit.errors import Problem
from libs.service.commands import Body, Caller, answers, command
from libs.service.group_commit import GroupCommit
from libs.service.runtime import KitOf
from services.capacity.api.search import Scheme
from services.capacity.handlers import promises
from services.capacity.promise.question import Carriage, Operation, Place, Question, Tool
from services.capacity.promise.wanted import Wanted

router = APIRouter(tags=["capacity"])

_Process = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
Pieces = Annotated[StrictInt, Field(ge=1, le=100_000)]
_Elapsed = Annotated[StrictInt, Field(ge=0, le=60 * 24 * 60)]
_Weekday = Annotated[StrictInt, Field(ge=0, le=6)]
_Price = Annotated[StrictInt, Field(ge=0, le=1_000_000)]


class ToolBody(Body):
    """So many of a tool set at the same site, on each day that the operation works."""

    process: _Process
    unit: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,19}$")] = "pieces"
    quantity: Annotated[StrictInt, Field(ge=1, le=1_000_000)]


class OperationBody(Body):
    """One operation. Set-up and run are minutes of the resource's time; queue and wait are minutes of the clock.

    A resource that publishes its work for the process goes by that: set-up, run and transfer batch are for the others.
    `changed` names what changes from the work before, as for an estimate. `qualifications` are schemes, as for a
    search: the workshop has each on every day on which it works at this.
    """

    process: _Process
    setup_minutes: Annotated[StrictInt, Field(ge=0, le=10_000)] = 0
    run_minutes: Annotated[StrictInt, Field(ge=1, le=10_000)]
    queue_minutes: _Elapsed = 0
    wait_minutes: _Elapsed = 0
    transfer_batch: Pieces | None = None
    split_over: Annotated[StrictInt, Field(ge=1, le=8)] = 1
    stays_whole: Literal["dye_lot", "hide", "alloy"] | None = None
    changed: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    tools: Annotated[tuple[ToolBody, ...], Field(max_length=5)] = ()
    qualifications: list[Scheme] = Field(default=[], max_length=10)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.stays_whole and self.split_over > 1:
            raise ValueError(f"a lot of one {self.stays_whole} is not shared; leave split_over at 1")
        return self

    def to_domain(self) -> Operation:
        tools = tuple(Tool(one.process, one.unit, one.quantity) for one in self.tools)
        rest = self.model_dump(exclude={"tools", "qualifications"})
        return Operation(**rest, tools=tools, qualifications=frozenset(self.qualifications))


class PlaceBody(Body):
    """Where the material is and the goods are wanted: WGS 84 degrees."""

    latitude: Annotated[float, Field(ge=-85, le=85)]
    longitude: Annotated[float, Field(ge=-180, le=180)]


class CarriageBody(Body):
    """How lots travel, as the crow flies; prices in minor units, none if they are not to be counted."""

    # No tuple: of that Pydantic takes wrong items away, and says that too few are left.
    weekdays: list[_Weekday] = Field(default=[0, 1, 2, 3, 4], min_length=1, max_length=7)
    cut_off: Annotated[StrictInt, Field(ge=8 * 60, le=18 * 60)] = 16 * 60
    loading_minutes: Annotated[StrictInt, Field(ge=0, le=1440)] = 30
    km_per_hour: Annotated[StrictInt, Field(ge=1, le=200)] = 25
    price_per_trip: _Price = 0
    price_per_km: _Price = 0

    def to_domain(self) -> Carriage:
        return Carriage(**self.model_dump() | {"weekdays": tuple(self.weekdays)})


class AskPromise(Body):
    """A lot, its routing, and where it is wanted: as soon as can be from the first day on, of today in the hours that
    are left; or, backward, as late as the due day allows, and never before tomorrow. `dryRun`, as is usual, only tells;
    `hold` takes the whole of the plan that is best at `prefer`."""

    quantity: Pieces
    routing: Annotated[list[OperationBody], Field(min_length=1, max_length=12)]
    place: PlaceBody
    first_day: date = date.min
    due_day: date | None = None
    backward: StrictBool = False
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    carriage: CarriageBody = CarriageBody()
    dry_run: Annotated[StrictBool | None, Field(validation_alias=AliasChoices("dryRun", "dry_run"))] = None
    hold: StrictBool = False
    prefer: BestAt = BestAt.EARLIEST
    seconds: Annotated[StrictInt, Field(ge=1, le=86_400)] = 900

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.backward and self.due_day is None:
            raise ValueError("backward is from a day on which the goods are due; give due_day")
        if self.due_day is not None and self.due_day < self.first_day:
            raise ValueError("due_day is not before first_day")
        if self.dry_run is (self.hold):
            raise ValueError("either dryRun, which only tells, or hold, which takes")
        return self

    def to_domain(self, caller: Principal) -> Wanted:
        """What the caller asks."""
        question = Question(
            party=caller.party,
            pieces=self.quantity,
            routing=tuple(one.to_domain() for one in self.routing),
            place=Place(**self.place.model_dump()),
            backward=self.backward,
            carriage=self.carriage.to_domain(),
        )
        days: dict[str, Any] = {"first": self.first_day, "due": self.due_day}
        return Wanted(question=question, currency=self.currency, **days)


_commits = lru_cache(maxsize=8)(promises.holding)


async def _group_commit(kit: KitOf) -> GroupCommit[promises.Ask]:
    """Where this process holds promises."""
    return _commits(kit.database)


Holding = Annotated[GroupCommit[promises.Ask], Depends(_group_commit)]
Key = Annotated[str | None, Header(max_length=255)]


@router.post("/promises", **answers(promises.Promise))
async def ask_promise(
    body: AskPromise, request: Request, kit: KitOf, caller: Caller, holding: Holding, idempotency_key: Key = None
) -> Response:
    """When, where and for how much a lot can be made: the answers that no other answer beats, with their reasons.

    Holding takes an Idempotency-Key, as every command; only telling takes none, and changes nothing.
    """
    wanted = body.to_domain(caller)
    if not body.hold:
        found = await promises.find(kit, wanted)
        return Response(msgspec.json.encode(found.told), media_type="application/json")
    asked = (await command(request, idempotency_key)).asked
    try:
        ask = promises.ask(asked, await promises.find(kit, wanted), body.prefer, body.seconds)
    except Problem as problem:
        ask = promises.Ask(asked, problem)
    return await holding.run(ask)
