"""What the tests of the gateway share: events of the other services, and a client that asks."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from uuid import UUID

import httpx
import msgspec

from libs.contracts import Event, capacity, catalog, orders
from libs.contracts import capacity_queues as queues
from libs.contracts.values import (
    Allocation,
    Calendar,
    Money,
    Need,
    Operation,
    PartyKind,
    Terms,
    Variant,
)
from libs.kit.ids import new_id
from libs.kit.testing import token

MONDAY = date(2031, 3, 3)
LOOKS = 8
"""How often who has just written asks, at most; the gateway waits 2 s each time."""
E = TypeVar("E", bound=Event)


def party(kind: str = "workshop", name: str = "Sartoria", **changes: Any) -> catalog.PartyRegistered:
    return _made(catalog.PartyRegistered, changes, kind=PartyKind(kind), name=name)


def site(owner: UUID, **changes: Any) -> catalog.SiteRegistered:
    place = {"municipality": "Milano", "latitude": 45.47, "longitude": 9.19, "time_zone": "Europe/Rome"}
    return _made(catalog.SiteRegistered, changes, party_id=owner, name="Via Padova", **place)


def product(brand: UUID, **changes: Any) -> catalog.ProductRegistered:
    routing = [Operation(process="cutting", setup_minutes=30, run_minutes=4)]
    fields = {"name": "Overshirt", "description": "Poplin.", "price": Money(9_900), "routing": routing}
    variants = [Variant(sku="S", label="Small")]
    return _made(catalog.ProductRegistered, changes, party_id=brand, variants=variants, **fields)


def resource(workshop: UUID, **changes: Any) -> capacity.ResourcePublished:
    calendar = Calendar(
        weekly=[480] * 5 + [0, 0],
        exceptions={"2031-03-05": 240},
        starts_on=date(2031, 1, 1),
        ends_on=date(2031, 12, 31),
    )
    fields = {"name": "Bench", "kind": "bench", "processes": ["cutting"], "unit": "minutes", "calendar": calendar}
    terms = Terms(price_per_unit=Money(45), setup_price=Money(1_500))
    where = {"site_id": new_id(), "time_zone": "Europe/Rome"}
    return _made(capacity.ResourcePublished, changes, party_id=workshop, terms=terms, **where, **fields)


def bucket(of: capacity.Resource, day: date = MONDAY, **changes: Any) -> capacity.BucketChanged:
    split = {"published": 480, "held": 60, "committed": 100, "blocked": 20}
    return _made(capacity.BucketChanged, changes, party_id=of.party_id, resource_id=of.id, day=day, **split)


def allocation(of: capacity.Resource, quantity: int = 60) -> Allocation:
    return Allocation(bucket_id=new_id(), resource_id=of.id, workshop_id=of.party_id, day=MONDAY, quantity=quantity)


def hold(holder: UUID, *of: capacity.Resource, **changes: Any) -> capacity.HoldPlaced:
    fields = {"state": capacity.HoldState.HELD, "expires_at": datetime(2031, 3, 1, tzinfo=UTC)}
    return _made(capacity.HoldPlaced, changes, party_id=holder, allocations=[allocation(o) for o in of], **fields)


def booking(holder: UUID, *of: capacity.Resource, **changes: Any) -> capacity.BookingConfirmed:
    fields = {"state": capacity.BookingState.CONFIRMED, "price": Money(4_200)}
    return _made(capacity.BookingConfirmed, changes, party_id=holder, allocations=[allocation(o) for o in of], **fields)


def waiting(party: UUID, on: capacity.Resource | None = None, **changes: Any) -> queues.WaitlistJoined:
    wish: dict[str, Any] = {"resource_id": on.id} if on else {"process": "cutting", "currency": "EUR"}
    days = {"first_day": MONDAY, "last_day": MONDAY, "joined_at": datetime(2031, 2, 1, tzinfo=UTC)}
    state = queues.WaitlistState.WAITING
    return _made(queues.WaitlistJoined, changes, party_id=party, state=state, quantity=60, **wish, **days)


def offered(entry: queues.WaitlistEntry, on: capacity.Resource) -> queues.WaitlistOffered:
    until = datetime(2031, 2, 2, tzinfo=UTC)
    state = queues.WaitlistState.OFFERED
    return later(entry, queues.WaitlistOffered, state=state, allocations=[allocation(on)], expires_at=until)


def pool(of: capacity.Resource, **changes: Any) -> queues.PoolOpened:
    prices = {"price_per_unit": Money(45), "setup_price": Money(1_500)}
    fields = {"quantity": 240, "minimum": 120, "pledged": 0, "closes_at": datetime(2031, 2, 20, tzinfo=UTC)} | prices
    state = queues.PoolState.OPEN
    return _made(queues.PoolOpened, changes, party_id=of.party_id, resource_id=of.id, day=MONDAY, state=state, **fields)


def share(party: UUID, of: queues.Pool, **changes: Any) -> queues.SharePledged:
    fields = {"quantity": 60, "at_most": Money(4_200), "joined_at": datetime(2031, 2, 1, tzinfo=UTC)}
    state = queues.ShareState.PLEDGED
    return _made(queues.SharePledged, changes, party_id=party, pool_id=of.id, state=state, **fields)


def order(
    buyer: UUID, sold: Sequence[catalog.Product], made_on: Sequence[capacity.Resource] = (), **changes: Any
) -> orders.OrderPlaced:
    lines = [
        orders.Line(
            product_id=one.id,
            brand_id=one.party_id,
            sku="S",
            quantity=3,
            price=one.price,
            needs=[Need(process="cutting", minutes=42)],
        )
        for one in sold
    ]
    fields = {"state": orders.OrderState.PLACED, "earliest_day": MONDAY, "due_day": date(2031, 3, 20)}
    plan = [allocation(one) for one in made_on]
    return _made(
        orders.OrderPlaced, changes, party_id=buyer, lines=lines, total=Money(29_700), allocations=plan, **fields
    )


def later(event: Event, as_: type[E], **changes: Any) -> E:
    """The next event of the same aggregate."""
    state = {name: getattr(event, name) for name in event.__struct_fields__}
    return as_(**state | {"version": event.version + 1} | changes)


def _made(event: type[E], changes: dict[str, Any], **fields: Any) -> E:
    return event(**{"id": new_id(), "version": 1} | fields | changes)


def gid(name: str, key: object) -> str:
    return base64.b64encode(f"{name}:{key}".encode()).decode()


def bare(gid_: str) -> str:
    """The key inside a global id."""
    return base64.b64decode(gid_).decode().partition(":")[2]


@dataclass
class Asker:
    """Somebody who asks the gateway, with or without a token."""

    http: httpx.AsyncClient
    party: UUID | None = None
    role: str = "retailer"

    def as_(self, party: UUID, role: str = "retailer") -> "Asker":
        return Asker(self.http, party, role)

    async def answer(self, query: str, headers: dict[str, str] | None = None, **variables: Any) -> dict[str, Any]:
        """The whole answer but for what it cost, which test_budget.py looks at, and the lag, for test_lag.py."""
        who = {"Authorization": f"Bearer {token(self.party, self.role)}"} if self.party else {}
        body = {"query": query, "variables": variables}
        response = await self.http.post("/graphql", json=body, headers=who | (headers or {}))
        answer: dict[str, Any] = msgspec.json.decode(response.content)
        del answer["extensions"]["budget"], answer["extensions"]["lag"]
        return answer if answer["extensions"] else {key: answer[key] for key in answer if key != "extensions"}

    async def data(self, query: str, headers: dict[str, str] | None = None, **variables: Any) -> Any:
        """The data of an answer without errors; asked again, as clients do, while it lacks what was just written."""
        for _ in range(LOOKS):
            answer = await self.answer(query, headers, **variables)
            if not answer.get("extensions", {}).get("stale"):
                break
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def error(self, query: str, **variables: Any) -> dict[str, Any]:
        """The one error of an answer."""
        [error] = (await self.answer(query, **variables))["errors"]
        return error
