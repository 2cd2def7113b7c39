"""Lists of resources and calendar files as workshops send them, and what is answered."""

from typing import Any
from uuid import UUID

import httpx

from libs.kit.db import Database
from libs.kit.testing import headers
from services.capacity.domain.offer import Resource
from services.capacity.handlers import bulk
from tests.services.capacity.test_calendar_files import a_file
from tests.services.capacity.test_patterns import the_resource

HEAD = "reference,site_id,name,kind,processes,price_per_unit,setup_price,hours,holidays,work"
ROW = (
    "{reference},{site},{name},bench,lockstitch overlock,55,2000,Mon-Fri 08:00-12:00 13:00-17:00,IT-MI,lockstitch=20+15"
)
DAILY = "{reference},{site},{name},bench,lockstitch overlock,55,2000,Mon-Sun 08:00-12:00 13:00-17:00,,lockstitch=20+15"


def a_table(*rows: str, head: str = HEAD) -> bytes:
    return "\r\n".join([head, *rows, ""]).encode()


async def send(
    api: httpx.AsyncClient, workshop: UUID, body: bytes, key: str | None = None, *, to: str = "POST resources.csv"
) -> dict[str, Any]:
    """What is answered to a file that is taken."""
    method, name = to.split()
    sent = headers(workshop, "workshop", key)
    answer = await api.request(method, f"/bulk/{name}", content=body, headers=sent, timeout=120)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def put(api: httpx.AsyncClient, workshop: UUID, body: bytes, key: str | None = None) -> dict[str, Any]:
    """A list that is sent again, corrected."""
    return await send(api, workshop, body, key, to="PUT resources.csv")


async def send_events(api: httpx.AsyncClient, workshop: UUID, body: bytes, key: str | None = None) -> dict[str, Any]:
    return await send(api, workshop, body, key, to="POST calendars.ics")


def events(*references: str, begins: str = "080000") -> bytes:
    rule = f"DTSTART;TZID=Europe/Rome:20260302T{begins}\nDURATION:PT6H\nRRULE:FREQ=DAILY"
    return a_file(*(f"{rule}\nX-FILIERA-REFERENCE:{reference}" for reference in references))


def counts(report: dict[str, Any], done: str = "published") -> tuple[int, int, int]:
    return report[done], report["unchanged"], report["refused"]


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {line["reference"]: line["outcome"] for line in report["lines"]}


async def resource(db: Database, workshop: UUID, reference: str) -> Resource:
    """The one that a workshop calls so."""
    return await the_resource(db, str(bulk.resource_id(workshop, reference)))
