"""The only SQL of orders.

Lock order: orders by id, then their deadlines. There is no way to load an order but locked, so a lock cannot be
forgotten; who takes deadlines skips what is locked and never waits, so nobody can wait for each other in a ring.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from libs.kit.db import WriteSession
from services.orders import domain
from services.orders.tables import Deadline, Order, Product

_WAIT = text("""
    INSERT INTO deadline (order_id, party_id, kind, due_at)
    VALUES (:order_id, :party_id, :kind, clock_timestamp() + make_interval(secs => :seconds))
    ON CONFLICT (order_id) DO UPDATE SET kind = excluded.kind, due_at = excluded.due_at
""")


async def locked(session: WriteSession, ids: Iterable[UUID]) -> dict[UUID, Order]:
    """These orders by id, each locked until the transaction ends; those that do not exist or show are not in it."""
    query = select(Order).where(col(Order.id).in_(set(ids))).order_by(col(Order.id)).with_for_update()
    found = await session.scalars(query.execution_options(populate_existing=True))
    return {order.id: order for order in found}


async def overdue(session: WriteSession, limit: int) -> dict[UUID, Order]:
    """Orders whose deadline has passed, each locked with its deadline; what another transaction works on is left."""
    query = select(Order).join(Deadline, col(Deadline.order_id) == Order.id).where(col(Deadline.due_at) <= func.now())
    query = query.order_by(col(Deadline.due_at)).limit(limit).with_for_update(skip_locked=True)
    found = await session.scalars(query.execution_options(populate_existing=True))
    return {order.id: order for order in found}


async def add_order(session: WriteSession, order: Order) -> None:
    """Write a new order."""
    session.add(order)
    await session.flush()


async def wait_for(session: WriteSession, waiting: Sequence[tuple[Order, domain.Deadline | None]]) -> None:
    """Set what each of these orders waits for from now on, or that it waits for nothing."""
    done = [order.id for order, deadline in waiting if deadline is None]
    if done:
        await session.execute(delete(Deadline).where(col(Deadline.order_id).in_(done)))
    rows = [_deadline_row(order, deadline) for order, deadline in waiting if deadline is not None]
    if rows:
        await session.execute(_WAIT, rows)


def _deadline_row(order: Order, deadline: domain.Deadline) -> dict[str, Any]:
    return {"order_id": order.id, "party_id": order.party_id, "kind": deadline.kind, "seconds": deadline.seconds}


async def today_where_it_is_earliest(session: WriteSession) -> date:
    """The date at UTC-12: a day before it is over wherever a workshop may stand."""
    found: date = await session.scalar(text("SELECT (clock_timestamp() AT TIME ZONE 'Etc/GMT+12')::date"))
    return found


async def products(session: WriteSession, ids: Iterable[UUID]) -> dict[UUID, domain.Product]:
    """What is known of these products."""
    found = await session.scalars(select(Product).where(col(Product.id).in_(set(ids))))
    return {product.id: _product(product) for product in found}


def _product(row: Product) -> domain.Product:
    price = domain.Money(row.price_amount, row.price_currency)
    routing = tuple(domain.Operation(**step) for step in row.routing)
    return domain.Product(row.brand_id, row.offered, price, frozenset(row.skus), routing)


async def keep_products(session: WriteSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Upsert products, each where the version is newer than what is kept."""
    new = insert(Product)
    changed = {name: new.excluded[name] for name in Product.model_fields if name != "id"}
    upsert = new.on_conflict_do_update(
        index_elements=["id"], set_=changed, where=col(Product.version) < new.excluded.version
    )
    await session.execute(upsert, rows)
