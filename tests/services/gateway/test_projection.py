"""The gateway's read models: what each holds, and which events bring it there."""

import random
from collections.abc import Sequence

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from libs.contracts import REGISTRY, Event, capacity, catalog, orders
from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.messaging import parking
from libs.messaging.delivery import Message
from services.gateway import tables
from services.gateway.subscriptions import SUBSCRIPTIONS
from tests.services.gateway import world
from tests.services.gateway.conftest import Tell


async def row(db: Database, event: Event) -> tuple[int, str]:
    async with db.work() as session:
        table = tables.OF_TOPIC[event.topic].table
        found = await session.execute(text(f"SELECT version, type FROM {table} WHERE id = :id"), {"id": event.id})
        return tuple(found.one())


def lives() -> list[list[Event]]:
    """Aggregates with several events each."""
    owner = new_id()
    first = [world.party(id=owner), world.product(owner), world.resource(owner)]
    party = [first[0], *(world.later(first[0], catalog.PartyRenamed, version=n, name=f"N{n}") for n in range(2, 6))]
    product = [first[1], world.later(first[1], catalog.ProductWithdrawn)]
    bucket = world.bucket(first[2])
    buckets = [bucket, *(world.later(bucket, capacity.BucketChanged, version=n, held=n) for n in range(2, 9))]
    order = world.order(owner, [first[1]])
    life = [order, world.later(order, orders.OrderReserved), world.later(order, orders.OrderConfirmed, version=3)]
    return [party, product, buckets, life]


@pytest.mark.parametrize("seed", range(2))
async def test_any_order_of_events_ends_in_the_newest_state(db: Database, tell: Tell, seed: int) -> None:
    all_ = lives()
    told = [event for life in all_ for event in life]
    random.Random(seed).shuffle(told)
    await tell(*told)
    assert [await row(db, life[-1]) for life in all_] == [(life[-1].version, life[-1].type) for life in all_]


async def test_a_party_unknown_so_far_does_not_stop_what_belongs_to_it(ask: world.Asker, tell: Tell) -> None:
    site = world.site(new_id())
    await tell(site)
    query = "query($id: ID!) { node(id: $id) { ... on Site { name party { name } } } }"
    assert (await ask.data(query, id=world.gid("Site", site.id)))["node"] == {"name": site.name, "party": None}


NOT_SHOWN = {"catalog.qualification"}
"""Aggregates that the graph does not have: their services answer for them over HTTP."""


def test_every_event_of_what_the_graph_shows_has_a_projection() -> None:
    listed = [event.type for subscription in SUBSCRIPTIONS for event in subscription.types]
    assert sorted(listed) == sorted(name for name, event in REGISTRY.items() if event.topic not in NOT_SHOWN)


async def test_parked_events_are_replayed_into_the_read_models(db: Database) -> None:
    late = world.party()
    headers = {"ce_type": late.type, "ce_aggregateversion": str(late.version)}
    message = Message(late.topic, late.id, late.version, headers, msgspec.json.encode(late))
    async with db.work() as session:
        await parking.park(session, "gateway", [(message, "a fault that is mended")])
    assert (await parking.replay(db, SUBSCRIPTIONS, "gateway", only=late.id))[0] == 1
    assert await row(db, late) == (late.version, late.type)


async def test_tables_are_what_the_migrations_made(db: Database) -> None:
    columns = text("SELECT column_name FROM information_schema.columns WHERE table_name = :name")
    async with db.work() as session:
        for model in tables.OF_TOPIC.values():
            made: Sequence[str] = (await session.execute(columns, {"name": model.table})).scalars().all()
            assert sorted(made) == sorted(model.columns)


async def test_processes_with_odd_letters_are_kept_as_they_are(ask: world.Asker, tell: Tell) -> None:
    odd = 'a,"b"\\{c}'
    one = world.resource(new_id(), processes=[odd, "cutting"])
    await tell(one)
    found = await ask.data("query($p: String) { resources(process: $p) { edges { node { id processes } } } }", p=odd)
    assert world.gid("Resource", one.id) in [edge["node"]["id"] for edge in found["resources"]["edges"]]


@pytest.mark.parametrize("table", sorted(model.table for model in tables.OF_TOPIC.values()))
async def test_whoever_answers_requests_cannot_write_a_read_model(db: Database, table: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with db.write(new_id()) as session:
            await session.execute(text(f"DELETE FROM {table}"))
