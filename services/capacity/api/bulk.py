"""Publishing by the thousand over HTTP, as JSON or as a table: every row is judged for itself."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, Field, ValidationError

from libs.contracts.values import PartyKind
from libs.kit.db import WriteSession
from libs.kit.errors import FieldError, field_errors
from libs.service.commands import Body, Command, Commanded, answers
from services.capacity.api.calendars import ICS
from services.capacity.api.resources import NO_SITE, PublishResource, printable
from services.capacity.domain.calendar import Calendar
from services.capacity.domain.offer import Site
from services.capacity.files import Fault, FaultyFileError, table
from services.capacity.handlers import bulk, calendars
from services.capacity.handlers.sites import known_sites

router = APIRouter(tags=["capacity"])
_MOST_PATTERNS = 500
"""Each is a year of days to work out, and each event of theirs is another."""
_CSV = {"text/csv": {"schema": {"type": "string"}}}


class BulkResource(PublishResource):
    """A resource under the name that the workshop's own lists have for it: sent again, it is the same one."""

    reference: Annotated[str, Field(min_length=1, max_length=60), AfterValidator(printable)]


class PublishMany(Body):
    """Rows as `PublishResource` has them, each with a `reference`; a row is checked by itself, not with the rest."""

    rows: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=table.MOST_ROWS)]


@dataclass(frozen=True)
class _Read:
    """A row that was read: what it publishes, or what is wrong with it."""

    line: int
    reference: str
    body: BulkResource | None
    faults: list[FieldError]


class _Made:
    """Rows with their resources. Many work by the same pattern: its days are worked out once."""

    def __init__(self, party: UUID, sites: Mapping[UUID, Site], now: datetime) -> None:
        self._party, self._sites, self._now = party, sites, now
        self._days: dict[tuple[str, str], Calendar] = {}
        self._left = _MOST_PATTERNS

    def __call__(self, one: _Read) -> bulk.Row:
        """A row with its resource, if it stands at a site of the party's."""
        if one.body is None:
            return bulk.Row(one.line, one.reference, None, one.faults)
        site = self._sites.get(one.body.site_id)
        if site is None or site.party_id != self._party:
            return _refused(one, "site_id", NO_SITE)
        if (calendar := self._calendar(one.body, site)) is None:
            return _refused(
                one, "pattern", f"is over the {_MOST_PATTERNS} different ones that go at a time; send it again"
            )
        resource_id = bulk.resource_id(self._party, one.reference)
        return bulk.Row(one.line, one.reference, one.body.named(resource_id, site, calendar))

    def _calendar(self, body: BulkResource, site: Site) -> Calendar | None:
        if body.calendar:
            return body.calendar
        key = repr(body.pattern), site.time_zone
        if key not in self._days and self._left > 0:
            self._days[key] = body.days(site, self._now)
            self._left -= 1 + (len(body.pattern.events) if body.pattern else 0)
        return self._days.get(key)


def _refused(one: _Read, where: str, why: str) -> bulk.Row:
    return bulk.Row(one.line, one.reference, None, [FieldError(where, why)])


@router.post("/bulk/resources", **answers(bulk.Report))
async def publish_many(body: PublishMany, command: Commanded) -> Response:
    """Publish up to 10,000 resources; one that is refused does not spoil the rest, and twice is as good as once."""
    command.caller.must_be(PartyKind.WORKSHOP, PartyKind.LAB)
    rows = ((number, str(row.get("reference", ""))[:60], row) for number, row in enumerate(body.rows, 1))
    return await _publish(command, await asyncio.to_thread(_read, rows))


@router.post(
    "/bulk/resources.csv",
    openapi_extra={"requestBody": {"content": _CSV, "required": True}},
    **answers(bulk.Report),
)
async def publish_table(request: Request, command: Commanded) -> Response:
    """The same from a table (CSV); docs/publishing.md tells its columns."""
    command.caller.must_be(PartyKind.WORKSHOP, PartyKind.LAB)
    body = await request.body()
    try:
        return await _publish(command, await asyncio.to_thread(lambda: _read(table.rows(body))))
    except FaultyFileError as error:
        raise calendars.faulty(error) from None


@router.post(
    "/bulk/calendars.ics",
    openapi_extra={"requestBody": {"content": ICS, "required": True}},
    **answers(bulk.Report),
)
async def import_many(request: Request, command: Commanded) -> Response:
    """Have many resources work by the events of one calendar file: each says by X-FILIERA-REFERENCE whose it is."""
    if (known := await command.answered()) is not None:
        return known
    report = await calendars.import_many(command.kit, command.caller, await request.body())

    async def told(_session: WriteSession) -> bulk.Report:
        return report

    return await command.run(told)


def _read(rows: Iterable[tuple[int, str, dict[str, Any] | Fault]]) -> list[_Read]:
    return [_checked(line, reference, row) for line, reference, row in rows]


def _checked(line: int, reference: str, row: dict[str, Any] | Fault) -> _Read:
    if isinstance(row, Fault):
        return _Read(line, reference, None, [FieldError(row.where, row.message)])
    try:
        body = BulkResource.model_validate(row)
    except ValidationError as error:
        found = ({"loc": ("row", *one["loc"]), "msg": one["msg"]} for one in error.errors())
        return _Read(line, reference, None, field_errors(found))
    return _Read(line, body.reference, body, [])


async def _publish(command: Command, read: Sequence[_Read]) -> Response:
    ids = {one.body.site_id for one in read if one.body}
    sites, now = await known_sites(command.kit, ids)
    made = _Made(command.caller.party, sites, now)
    rows = await asyncio.to_thread(lambda: [*map(made, read)])
    return await command.run(lambda session: bulk.publish_rows(session, rows))
