"""Publishing by the thousand over HTTP, as JSON or as a table: every row is judged for itself."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import AfterValidator, Field, ValidationError

from libs.contracts.values import PartyKind
from libs.kit.errors import FieldError, field_errors, language_of
from libs.language import Language, told
from libs.service.commands import Body, Command, Commanded, answers
from services.capacity.api import in_parts
from services.capacity.api.calendars import ICS
from services.capacity.api.resources import NO_SITE, PublishResource, printable
from services.capacity.domain.calendar import Calendar
from services.capacity.domain.offer import Resource, Site
from services.capacity.files import Fault, FaultyFileError, table
from services.capacity.handlers import bulk, calendars
from services.capacity.handlers.sites import known_sites

T = TypeVar("T")


class InLanguage(APIRoute):
    """A report tells why rows were refused in the language of who reads it: as it is kept, it is English."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            response, language = await handle(request), language_of(request)
            if language != "en":
                response.body = await asyncio.to_thread(_translated, language, bytes(response.body))
                response.headers["Content-Length"] = str(len(response.body))
            response.headers.update({"Content-Language": language, "Vary": "Accept-Language"})
            return response

        return answer


router = APIRouter(tags=["capacity"], route_class=InLanguage)
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
    known: Resource | None = None
    """What is published already, of a row that may change it."""


_Said = dict[str, Any] | Fault
_Sent = tuple[int, str, _Said]
"""A row as it was sent: its line, its reference, and what it says."""


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
        same = one.known if one.known and one.known.pattern and one.known.pattern == one.body.pattern else None
        if (calendar := same.calendar if same else self._calendar(one.body, site)) is None:
            return _refused(
                one, "pattern", f"is over the {_MOST_PATTERNS} different ones that go at a time; send it again"
            )
        resource = one.body.named(bulk.resource_id(self._party, one.reference), site, calendar)
        if one.known:
            resource = replace(resource, version=one.known.version, time_zone=one.known.time_zone)
        return bulk.Row(one.line, one.reference, resource)

    def _calendar(self, body: BulkResource, site: Site) -> Calendar | None:
        if body.calendar:
            return body.calendar
        key = repr(body.pattern), site.time_zone
        if key not in self._days and self._left > 0:
            self._days[key] = body.days(site, self._now)
            self._left -= 1 + (len(body.pattern.events) if body.pattern else 0)
        return self._days.get(key)


def _translated(language: Language, report: bytes) -> bytes:
    """A report with its sentences in a language."""
    said = msgspec.json.decode(report)
    for fault in (fault for line in said.get("lines", ()) for fault in line.get("errors", ())):
        fault["message"] = told(fault["message"], language)
    return msgspec.json.encode(said)


def _refused(one: _Read, where: str, why: str) -> bulk.Row:
    return bulk.Row(one.line, one.reference, None, [FieldError(where, why)])


@router.post("/bulk/resources", **answers(bulk.Report))
async def publish_many(body: PublishMany, command: Commanded) -> Response:
    """Publish up to 10,000 resources; one that is refused does not spoil the rest, and twice is as good as once."""
    command.caller.must_be(PartyKind.WORKSHOP, PartyKind.LAB)
    return await _publish(command, await asyncio.to_thread(_read, _numbered(body)))


@router.post(
    "/bulk/resources.csv",
    openapi_extra={"requestBody": {"content": _CSV, "required": True}},
    **answers(bulk.Report),
)
async def publish_table(request: Request, command: Commanded) -> Response:
    """The same from a table (CSV); docs/publishing.md tells its columns."""
    return await published(command, await request.body())


@router.put("/bulk/resources", **answers(bulk.Report))
async def change_many(body: PublishMany, command: Commanded) -> Response:
    """Publish what is new, and change what is published otherwise; what a row does not say stays as it is. Where days
    give less than is taken of them, who gives way is as for a single calendar. Twice is as good as once."""
    command.caller.must_be(PartyKind.WORKSHOP, PartyKind.LAB)
    return await _change(command, [*_numbered(body)])


@router.put(
    "/bulk/resources.csv",
    openapi_extra={"requestBody": {"content": _CSV, "required": True}},
    **answers(bulk.Report),
)
async def change_table(request: Request, command: Commanded) -> Response:
    """The same from a table (CSV), which may leave out all columns but `reference`, and cells."""
    return await changed(command, await request.body())


async def _of_table(body: bytes, read: Callable[[bytes], list[T]]) -> list[T]:
    """Its rows, read in a thread. Raises Invalid (FAULTY_FILE)."""
    try:
        return await asyncio.to_thread(read, body)
    except FaultyFileError as error:
        raise calendars.faulty(error) from None


@router.post(
    "/bulk/calendars.ics",
    openapi_extra={"requestBody": {"content": ICS, "required": True}},
    **answers(bulk.Report),
)
async def import_many(request: Request, command: Commanded) -> Response:
    """Have many resources work by the events of one calendar file: each says by X-FILIERA-REFERENCE whose it is."""
    return await imported(command, await request.body())


async def published(command: Command, body: bytes) -> Response:
    """Publish the new resources of a table."""
    command.caller.must_be(PartyKind.WORKSHOP, PartyKind.LAB)
    return await _publish(command, await _of_table(body, lambda body: _read(table.rows(body))))


async def changed(command: Command, body: bytes) -> Response:
    """Publish what is new in a table, and change the rest."""
    command.caller.must_be(PartyKind.WORKSHOP, PartyKind.LAB)
    return await _change(command, await _of_table(body, lambda body: [*table.rows(body, ("reference",))]))


async def imported(command: Command, body: bytes) -> Response:
    """Have resources work by the events of a calendar file."""
    return await in_parts.run(command, lambda: calendars.import_many(command.kit, command.caller, body))


def _numbered(body: PublishMany) -> Iterable[_Sent]:
    return ((number, str(row.get("reference", ""))[:60], row) for number, row in enumerate(body.rows, 1))


def _read(rows: Iterable[_Sent]) -> list[_Read]:
    return [_checked(*row) for row in rows]


def _checked(line: int, reference: str, row: _Said) -> _Read:
    if isinstance(row, Fault):
        return _Read(line, reference, None, [FieldError(row.where, row.message)])
    try:
        body = BulkResource.model_validate(row)
    except ValidationError as error:
        found = ({"loc": ("row", *one["loc"]), "msg": one["msg"]} for one in error.errors())
        return _Read(line, reference, None, field_errors(found))
    return _Read(line, body.reference, body, [])


async def _publish(command: Command, read: Sequence[_Read]) -> Response:
    rows = await _rows(command, read)
    return await command.run(lambda session: bulk.publish_rows(session, rows))


async def _rows(command: Command, read: Sequence[_Read]) -> list[bulk.Row]:
    sites, now = await known_sites(command.kit, {one.body.site_id for one in read if one.body})
    made = _Made(command.caller.party, sites, now)
    return await asyncio.to_thread(lambda: [*map(made, read)])


async def _change(command: Command, sent: Sequence[_Sent]) -> Response:
    return await in_parts.run(command, lambda: _changes(command, sent))


async def _changes(command: Command, sent: Sequence[_Sent]) -> bulk.Report:
    party = command.caller.party
    known = await bulk.known_resources(command.kit, party, {reference.strip() for _, reference, _ in sent})
    read = await asyncio.to_thread(lambda: [_read_over(known.get(row[1].strip()), *row) for row in sent])
    return await bulk.change_rows(command.kit, party, await _rows(command, read))


def _read_over(known: Resource | None, line: int, reference: str, row: _Said) -> _Read:
    """A row that may change what is known."""
    said = row if known is None or isinstance(row, Fault) else _over(known, row)
    return replace(_checked(line, reference, said), known=known)


def _over(known: Resource, row: dict[str, Any]) -> dict[str, Any]:
    """What a row says, and what it does not say as it is published."""
    told = msgspec.to_builtins(known)
    published = {name: told[name] for name in PublishResource.model_fields}
    if row.keys() & {"calendar", "pattern"}:
        published |= {"calendar": None, "pattern": None}
    elif known.pattern:
        published["calendar"] = None
    if isinstance(does := row.get("processes"), list):
        published["work"] = {process: work for process, work in published["work"].items() if process in does}
    return published | row | {part: _merged(published[part], row[part]) for part in ("terms", "work") if part in row}


def _merged(known: Any, said: Any) -> Any:
    if not (isinstance(known, dict) and isinstance(said, dict)):
        return said
    return known | {name: _merged(known.get(name), value) for name, value in said.items()}
