"""Resources as a table: a line each, CSV (RFC 4180) as spreadsheets write it, with commas or semicolons.

    reference,site_id,name,kind,processes,price_per_unit,setup_price,hours,holidays
    B1,0199…,Sewing bench,bench,lockstitch overlock,55,2000,Mon-Fri 08:00-12:00 13:00-17:00; Sat 08:00-12:00,IT-MI

Prices are in minor units. `work` tells run time, pieces and set-up: `lockstitch=20; cutting=1/5+21`. An empty cell says
nothing: what is new gets what is usual, and what is known stays as it is.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from services.capacity.files import Fault, FaultyFileError

MOST_ROWS = 10_000
NEEDED = ("reference", "site_id", "name", "kind", "processes", "price_per_unit", "setup_price", "hours")
_TERMS = ("minimum_quantity", "notice_days", "window_days", "lot_multiple", "deposit_percent", "visibility")
_HOURS_TOO = ("teams", "quantity")
OPTIONAL = ("unit", "currency", "minimum_charge", *_TERMS, *_HOURS_TOO, "holidays", "august_weeks", "work")
_ENGLISH = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ITALIAN = ("lun", "mar", "mer", "gio", "ven", "sab", "dom")
_WEEKDAYS = {name: number for names in (_ENGLISH, _ITALIAN) for number, name in enumerate(names, 1)}
_HOURS = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")
_WORK = re.compile(r"([a-z0-9_]+)=(\d{1,7})(?:/(\d{1,7}))?(?:\+(\d{1,7}))?")

Cells = dict[str, str]
Json = dict[str, Any]


def rows(body: bytes, needed: Sequence[str] = NEEDED) -> Iterator[tuple[int, str, Json | Fault]]:
    """Of each row its line in the file, its reference, and what is published or what is wrong with it.

    Raises FaultyFileError if this is no such table at all.
    """
    lines = _text(body).splitlines(keepends=True)
    delimiter = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    reader = csv.reader(lines, delimiter=delimiter)
    names = _header(reader, needed)
    for count, (line, values) in enumerate(_lines(reader), 1):
        if count > MOST_ROWS:
            raise FaultyFileError(Fault("file", f"has over {MOST_ROWS:,} rows; send them in several files"))
        cells = {name: value.strip() for name, value in zip(names, values, strict=False) if value.strip()}
        yield line, cells.get("reference", ""), _row(cells, needed, len(values) - len(names))


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except ValueError:
        raise FaultyFileError(Fault("file", "is not text in UTF-8; save it as CSV UTF-8")) from None


def _header(reader: Any, needed: Sequence[str]) -> list[str]:
    try:
        names = [name.strip().lower() for name in next(reader, [])]
    except csv.Error as error:
        raise FaultyFileError(Fault("line 1", str(error))) from None
    faults = [Fault("line 1", f"has no column {name}") for name in needed if name not in names]
    faults += [Fault("line 1", f"has an unknown column {name!r}") for name in names if name not in NEEDED + OPTIONAL]
    if faults or len(set(names)) < len(names):
        raise FaultyFileError(*(faults or [Fault("line 1", "has a column twice")]))
    return names


def _lines(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Rows with something in them; one that cannot be read at all has nothing."""
    while True:
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error:
            values = ["\N{REPLACEMENT CHARACTER}"]
        if any(value.strip() for value in values):
            yield reader.line_num, values


def _row(cells: Cells, needed: Sequence[str], too_many: int) -> Json | Fault:
    if too_many > 0:
        return Fault("row", f"has {too_many} cells more than there are columns; put quotes around what has separators")
    if missing := [name for name in needed if name not in cells]:
        return Fault(missing[0], "is empty")
    made: Json = {}
    for name, read in _READERS.items():
        try:
            made |= read(cells)
        except ValueError as error:
            return Fault(name, str(error))
    return made


def _plain(cells: Cells) -> Json:
    named = {name: cells[name] for name in ("reference", "site_id", "name", "kind", "unit") if name in cells}
    return named | ({"processes": re.split(r"[\s|]+", cells["processes"])} if "processes" in cells else {})


def _terms(cells: Cells) -> Json:
    prices = ("price_per_unit", "setup_price", "minimum_charge")
    money = {name: _money(cells, name) for name in prices if name in cells}
    if "currency" in cells and not {"price_per_unit", "setup_price"} <= money.keys():
        raise ValueError("a currency goes with both prices")
    terms = money | {name: cells[name] for name in _TERMS if name in cells}
    return {"terms": terms} if terms else {}


def _money(cells: Cells, name: str) -> Json:
    return {"amount": cells[name]} | {name: cells[name] for name in ("currency",) if name in cells}


def _pattern(cells: Cells) -> Json:
    closed = {name: cells[name] for name in ("holidays", "august_weeks") if name in cells}
    each = {name: cells[name] for name in _HOURS_TOO if name in cells}
    if "hours" not in cells:
        if closed or each:
            raise ValueError("are to be told beside teams, quantity, holidays and august_weeks")
        return {}
    parts = [part for part in cells["hours"].split(";") if part.strip()]
    return {"pattern": closed | {"shifts": [shift | each for part in parts for shift in _shifts(part)]}}


def _shifts(part: str) -> list[Json]:
    """`Mon-Fri 08:00-12:00 13:00-17:00`: the same days, each hours a shift of its own."""
    days, *hours = part.split()
    found = [match for one in hours if (match := _HOURS.fullmatch(one))]
    if not hours or len(found) < len(hours):
        raise ValueError(
            f"{part.strip()!r} is not understood; write e.g. Mon-Fri 08:00-12:00 13:00-17:00; Sat 08:00-12:00"
        )
    weekdays = [day for some in days.split(",") for day in _weekdays(some)]
    return [
        {"weekdays": weekdays, "starts": f"{a:0>2}:{b}", "ends": f"{c:0>2}:{d}"}
        for a, b, c, d in (match.groups() for match in found)
    ]


def _weekdays(some: str) -> list[int]:
    first, _, last = some.partition("-")
    numbers = [_WEEKDAYS.get(name.lower()[:3]) for name in (first, last or first)]
    if None in numbers:
        raise ValueError(f"{some!r} are no weekdays; write e.g. Mon-Fri or Lun-Ven")
    begins, ends = (number or 0 for number in numbers)
    return [*range(begins, ends + 1)] or [*range(begins, 8), *range(1, ends + 1)]


def _work(cells: Cells) -> Json:
    made: Json = {}
    for part in filter(None, (part.strip() for part in cells.get("work", "").split(";"))):
        if (found := _WORK.fullmatch(part)) is None:
            raise ValueError(f"{part!r} is not understood; write process=run, or process=run/pieces+setup")
        process, run, pieces, setup = found.groups()
        made[process] = {"run": run, "pieces": pieces or 1, "setup": setup or 0}
    return {"work": made} if made else {}


_READERS: dict[str, Callable[[Cells], Json]] = {"row": _plain, "terms": _terms, "hours": _pattern, "work": _work}
