"""Parties that trade, through the public API alone."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.demo.client import Actor, Platform, RefusedError
from libs.kit.testing import eventually

TODAY = datetime.now(UTC).date()
MONEY = {"amount": 50, "currency": "EUR"}


def bare(global_id: str) -> str:
    """The UUID inside a global id."""
    padded = global_id + "=" * (-len(global_id) % 4)
    return base64.urlsafe_b64decode(padded).decode().rpartition(":")[2]


def day(ahead: int) -> str:
    """A local day so many days from now; far enough ahead that no time zone matters."""
    return (TODAY + timedelta(days=ahead)).isoformat()


@dataclass(frozen=True)
class Workshop:
    """A workshop with one site and one resource."""

    actor: Actor
    site: str
    resource: str


async def register(platform: Platform, role: str, name: str) -> Actor:
    actor = platform.actor(role, name)
    await actor.do("registerParty", "party { id }", {"kind": role.upper(), "name": name})
    return actor


async def workshop(platform: Platform, process: str, minutes: int = 480) -> Workshop:
    """A workshop that can do one process so many minutes every day for the next 60 days."""
    actor = await register(platform, "workshop", "Sartoria di prova")
    place = {"name": "Via Padova", "municipality": "Milano", "latitude": 45.493, "longitude": 9.222}
    site = await actor.do("registerSite", "site { id }", place | {"timeZone": "Europe/Rome"})
    resource = await publish_resource(actor, site["site"]["id"], process, minutes)
    return Workshop(actor, site["site"]["id"], resource)


async def publish_resource(actor: Actor, site: str, process: str, minutes: int) -> str:
    """Publish a resource that works every day; returns its id."""
    terms = {"pricePerUnit": MONEY, "setupPrice": MONEY, "minimumQuantity": 1, "noticeDays": 0}
    calendar = {"weekly": [minutes] * 7, "exceptions": [], "startsOn": day(0), "endsOn": day(60)}
    given = {"siteId": site, "name": "Bench 1", "kind": "bench", "processes": [process]}
    done = await actor.do("publishResource", "resource { id }", given | {"terms": terms, "calendar": calendar})
    return str(done["resource"]["id"])


async def product(brand: Actor, process: str, run_minutes: int = 10) -> str:
    """A product made by one process; returns its id."""
    given = {
        "name": "Camicia Navigli",
        "description": "A shirt.",
        "price": {"amount": 12_000, "currency": "EUR"},
        "variants": [{"sku": "NAV-M", "label": "M"}],
        "routing": [{"process": process, "setupMinutes": 0, "runMinutes": run_minutes}],
    }
    done = await brand.do("registerProduct", "product { id }", given)
    return str(done["product"]["id"])


async def order(shop: Actor, product_id: str, quantity: int = 1, ahead: int = 30, patience: float = 0) -> str:
    """Place an order as soon as orders has heard of the product; returns its id."""
    line = {"productId": product_id, "sku": "NAV-M", "quantity": quantity}
    given: dict[str, Any] = {"lines": [line], "earliestDay": day(2), "dueDay": day(ahead)}

    async def place() -> str | None:
        try:
            return str((await shop.do("placeOrder", "order { id state }", given, patience))["order"]["id"])
        except RefusedError as refused:
            if "try again shortly" not in str(refused):
                raise
            return None

    return await eventually(place)


async def hold(brand: Actor, resource: str, ahead: int, quantity: int, seconds: int = 900) -> str:
    """Hold minutes on one day; returns the hold's id."""
    slot = {"resourceId": resource, "day": day(ahead), "quantity": quantity}
    done = await brand.do("placeHold", "hold { id state }", {"allocations": [slot], "seconds": seconds})
    return str(done["hold"]["id"])


async def wait(brand: Actor, resource: str, ahead: int, quantity: int) -> str:
    """Wait in line for minutes of one day; returns the id of the place."""
    given = {"resourceId": resource, "quantity": quantity, "firstDay": day(ahead), "lastDay": day(ahead)}
    return str((await brand.do("joinWaitlist", "waitlistEntry { id }", given))["waitlistEntry"]["id"])


async def pledge(brand: Actor, place: Workshop, ahead: int, quantity: int) -> str:
    """Pledge the half of a new pool of a workshop; returns the share's id."""
    room = {"resourceId": place.resource, "day": day(ahead), "quantity": 2 * quantity, "minimum": 2 * quantity}
    pool = (await place.actor.do("openPool", "pool { id }", room | {"closesAt": f"{day(2)}T12:00:00Z"}))["pool"]["id"]
    done = await brand.do("joinPool", "poolShare { id }", {"id": pool, "quantity": quantity})
    return str(done["poolShare"]["id"])


async def state_of(actor: Actor, identity: str) -> str | None:
    """The state of an order, hold, booking or place in line as this party sees it; None if it does not."""
    kinds = ("Order", "Hold", "Booking", "WaitlistEntry")
    parts = " ".join(f"... on {kind} {{ {kind.lower()}State: state }}" for kind in kinds)
    node = (await actor.ask(f"query Look($id: ID!) {{ node(id: $id) {{ __typename {parts} }} }}", id=identity))["node"]
    return None if node is None else str(node[f"{node['__typename'].lower()}State"])


async def free(actor: Actor, resource: str, ahead: int) -> int | None:
    """The minutes that are free on a day, as the gateway knows; None if it does not know the resource yet."""
    buckets = "... on Resource { buckets(from: $from, days: 1) { available } }"
    query = f"query Free($id: ID!, $from: Date!) {{ node(id: $id) {{ {buckets} }} }}"
    data = await actor.ask(query, **{"id": resource, "from": day(ahead)})
    return int(data["node"]["buckets"][0]["available"]) if data["node"] else None
