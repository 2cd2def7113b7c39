"""One believable aggregate per topic, for the documents: the same order all through."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec

from libs.contracts import capacity, catalog, orders
from libs.contracts import capacity_queues as queues
from libs.contracts._base import Event, source
from libs.contracts.values import Allocation, Calendar, Money, Need, Operation, PartyKind, Terms, Variant, Work

WORKSHOP, BRAND, SHOP = (UUID(f"0a6f3c1e-5b7d-4e2a-9c10-00000000000{n}") for n in (1, 2, 3))
SITE, RESOURCE, BUCKET, PRODUCT, ORDER, RECORD, ENTRY, QUALIFICATION = (
    UUID(f"0199b2d0-6c00-7a3e-8f41-00000000000{n}") for n in range(1, 9)
)
POOL, SHARE = (UUID(f"0199b2d0-6c00-7a3e-8f41-00000000001{n}") for n in range(2))
DAY = date(2026, 3, 2)
NOW = datetime(2026, 2, 20, 9, 30, tzinfo=UTC)
PLAN = [Allocation(bucket_id=BUCKET, resource_id=RESOURCE, workshop_id=WORKSHOP, day=DAY, quantity=190)]

EXAMPLES: tuple[Event, ...] = (
    catalog.PartyRegistered(id=WORKSHOP, version=1, kind=PartyKind.WORKSHOP, name="Sartoria Lambrate"),
    catalog.SiteRegistered(
        id=SITE,
        version=1,
        party_id=WORKSHOP,
        name="Via Conte Rosso",
        municipality="Milano",
        latitude=45.4837,
        longitude=9.2391,
        time_zone="Europe/Rome",
    ),
    catalog.ProductRegistered(
        id=PRODUCT,
        version=1,
        party_id=BRAND,
        name="Overshirt",
        description="Unlined cotton overshirt",
        price=Money(18_500),
        variants=[Variant(sku="OVS-NAVY-M", label="Navy, M")],
        routing=[Operation(process="lockstitch", setup_minutes=10, run_minutes=45)],
    ),
    catalog.QualificationRegistered(
        id=QUALIFICATION,
        version=1,
        party_id=WORKSHOP,
        scheme="gots",
        issuer="ICEA",
        evidence_url="https://example.org/certificates/4711",
        valid_from=date(2026, 1, 1),
        valid_until=date(2026, 12, 31),
        state=catalog.QualificationState.SHOWN,
    ),
    capacity.ResourcePublished(
        id=RESOURCE,
        version=1,
        party_id=WORKSHOP,
        site_id=SITE,
        name="Sewing bench 1",
        kind="bench",
        processes=["lockstitch"],
        unit="minutes",
        time_zone="Europe/Rome",
        terms=Terms(price_per_unit=Money(55), setup_price=Money(2_000), minimum_quantity=30, notice_days=3),
        calendar=Calendar(
            weekly=[480, 480, 480, 480, 480, 0, 0],
            exceptions={"2026-08-14": 0},
            starts_on=date(2026, 1, 1),
            ends_on=date(2026, 12, 31),
        ),
        work={"lockstitch": Work(run=45, setup=10, lot_multiple=4, changes={"thread": 5})},
    ),
    capacity.BucketChanged(
        id=BUCKET,
        version=1,
        party_id=WORKSHOP,
        resource_id=RESOURCE,
        day=DAY,
        published=480,
        held=190,
        committed=0,
        blocked=0,
    ),
    capacity.HoldPlaced(
        id=ORDER,
        version=1,
        party_id=SHOP,
        order_id=ORDER,
        state=capacity.HoldState.HELD,
        allocations=PLAN,
        expires_at=NOW.replace(minute=45),
    ),
    capacity.BookingConfirmed(
        id=ORDER,
        version=1,
        party_id=SHOP,
        order_id=ORDER,
        state=capacity.BookingState.CONFIRMED,
        allocations=PLAN,
        price=Money(12_450),
    ),
    queues.WaitlistOffered(
        id=ENTRY,
        version=2,
        party_id=BRAND,
        state=queues.WaitlistState.OFFERED,
        process="lockstitch",
        currency="EUR",
        quantity=190,
        first_day=date(2026, 3, 2),
        last_day=date(2026, 3, 6),
        joined_at=NOW,
        allocations=PLAN,
        expires_at=NOW.replace(hour=10),
    ),
    queues.PoolFired(
        id=POOL,
        version=4,
        party_id=WORKSHOP,
        state=queues.PoolState.FIRED,
        resource_id=RESOURCE,
        day=DAY,
        quantity=300,
        minimum=240,
        pledged=250,
        price_per_unit=Money(55),
        setup_price=Money(2_000),
        closes_at=NOW.replace(day=27),
    ),
    queues.ShareBooked(
        id=SHARE,
        version=2,
        party_id=BRAND,
        pool_id=POOL,
        state=queues.ShareState.BOOKED,
        quantity=100,
        joined_at=NOW,
        at_most=Money(6_334),
        price=Money(6_300),
    ),
    orders.OrderReserved(
        id=ORDER,
        version=2,
        party_id=SHOP,
        state=orders.OrderState.RESERVED,
        lines=[
            orders.Line(
                product_id=PRODUCT,
                brand_id=BRAND,
                sku="OVS-NAVY-M",
                quantity=4,
                price=Money(18_500),
                needs=[Need(process="lockstitch", minutes=190)],
            )
        ],
        total=Money(74_000),
        earliest_day=date(2026, 2, 23),
        due_day=date(2026, 3, 6),
        allocations=PLAN,
    ),
)


def example(topic: str) -> Event:
    """The example of a topic."""
    return next(event for event in EXAMPLES if event.topic == topic)


def headers(event: Event) -> dict[str, str]:
    """The headers of the example's Kafka record (CloudEvents 1.0, binary content mode)."""
    return {
        "ce_specversion": "1.0",
        "ce_id": str(RECORD),
        "ce_source": source(event.topic),
        "ce_type": event.type,
        "ce_time": NOW.isoformat().replace("+00:00", "Z"),
        "ce_subject": str(event.id),
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "content-type": "application/json",
    }


def value(event: Event) -> dict[str, Any]:
    """The JSON value of the example's record."""
    built: dict[str, Any] = msgspec.to_builtins(event)
    return built
