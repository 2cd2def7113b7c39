"""What the tests of orders share: a product to order, what capacity says, and what was told."""

from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import text

from libs.contracts import capacity, catalog, orders
from libs.contracts.values import Allocation, Money, Operation, PartyKind, Refusal, Variant
from libs.kit.auth import Principal, Verifier
from libs.kit.cache import Cache
from libs.kit.clock import SystemClock
from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.service.runtime import Kit
from services.orders import handlers
from services.orders.domain import Wish

DAY, DUE = date(2126, 3, 2), date(2126, 3, 20)
NO_ROOM = Refusal(code="NO_CAPACITY", message="Lockstitch is full until 20 March.")
PLAN = [Allocation(bucket_id=new_id(), resource_id=new_id(), workshop_id=new_id(), day=DAY, quantity=70)]

_TOLD = text("SELECT version, type, payload FROM outbox WHERE aggregateid = :id ORDER BY seq")
_ROW = text("SELECT state, version FROM orders WHERE id = :id")
_DEADLINE = text("SELECT kind FROM deadline WHERE order_id = :id")
_MAKE_OVERDUE = text("UPDATE deadline SET due_at = clock_timestamp() - interval '1 second' WHERE order_id = :id")


def product_event(event: type[catalog.Product] = catalog.ProductRegistered, **changes: object) -> catalog.Product:
    """A shirt that a brand sells."""
    fields = {
        "id": new_id(),
        "version": 1,
        "party_id": new_id(),
        "name": "Overshirt",
        "description": "",
        "price": Money(9_900),
        "variants": [Variant(sku="S", label="Small"), Variant(sku="M", label="Medium")],
        "routing": [
            Operation(process="cutting", setup_minutes=30, run_minutes=4),
            Operation(process="lockstitch", setup_minutes=10, run_minutes=25),
        ],
    }
    return event(**fields | changes)


def capacity_event(name: str, order_id: UUID, version: int = 1) -> capacity.Hold | capacity.Booking:
    """What capacity says about an order, by the event's name."""
    common = {"id": order_id, "version": version, "party_id": new_id(), "order_id": order_id}
    if name.startswith("Booking"):
        state = capacity.BookingState(name.removeprefix("Booking").lower())
        return getattr(capacity, name)(**common, state=state, allocations=PLAN, price=Money(5_000))
    held = capacity.HoldState("held" if name == "HoldPlaced" else name.removeprefix("Hold").lower())
    refused = name == "HoldRefused"
    return getattr(capacity, name)(
        **common,
        state=held,
        allocations=[] if refused else PLAN,
        expires_at=None if refused else datetime(2126, 3, 1, tzinfo=UTC),
        refusal=NO_ROOM if refused else None,
    )


def shop() -> Principal:
    """A shop of its own."""
    return Principal(new_id(), PartyKind.RETAILER, "test", datetime.max.replace(tzinfo=UTC))


async def sell(database: Database, product: catalog.Product) -> catalog.Product:
    """Let orders know of a product."""
    async with database.work() as session:
        await handlers.on_products(session, [product])
    return product


async def place(database: Database, buyer: Principal, product_id: UUID, quantity: int = 1) -> orders.Order:
    """Place an order of one line."""
    async with database.write(buyer.party) as session:
        return await handlers.place_order(session, buyer, [Wish(product_id, "S", quantity)], DAY, DUE)


async def cancel(database: Database, buyer: Principal, order_id: UUID) -> orders.Order:
    """Withdraw an order."""
    async with database.write(buyer.party) as session:
        return await handlers.cancel_order(session, buyer, order_id)


async def hear(database: Database, *events: capacity.Hold | capacity.Booking) -> None:
    """Let orders hear of capacity's events, as one batch."""
    async with database.work() as session:
        await handlers.on_capacity(session, events)


async def told(database: Database, order_id: UUID) -> list[tuple[int, str]]:
    """Version and short name of what was told about an order, in order."""
    async with database.work() as session:
        rows = (await session.execute(_TOLD, {"id": order_id})).all()
    return [(row.version, row.type.removeprefix("filiera.orders.order_").removesuffix(".v1")) for row in rows]


async def told_states(database: Database, order_id: UUID) -> list[tuple[int, str]]:
    """Version and state of every event about an order, as who knows no stages reads them."""
    async with database.work() as session:
        return [(row.version, row.payload["state"]) for row in await session.execute(_TOLD, {"id": order_id})]


async def last_told(database: Database, order_id: UUID) -> dict[str, object]:
    """The payload of the last event about an order."""
    async with database.work() as session:
        return (await session.execute(_TOLD, {"id": order_id})).all()[-1].payload


async def state_of(database: Database, order_id: UUID) -> str:
    """The state of an order."""
    async with database.work() as session:
        return (await session.execute(_ROW, {"id": order_id})).one().state


async def deadline_of(database: Database, order_id: UUID) -> str | None:
    """What an order waits for."""
    async with database.work() as session:
        return await session.scalar(_DEADLINE, {"id": order_id})


async def make_overdue(database: Database, order_id: UUID) -> None:
    """Move an order's deadline, if it has one, into the past."""
    async with database.work() as session:
        await session.execute(_MAKE_OVERDUE, {"id": order_id})


async def let_deadlines_pass(database: Database) -> None:
    """Run the job once, on this database."""
    settings, clock = Settings(service="orders"), SystemClock()
    cache = Cache(settings.redis)
    await handlers.let_deadlines_pass(Kit(settings, database, cache, clock, Verifier(settings, clock)))
    await cache.close()
