"""On which days a recurrence rule (RFC 5545, section 3.3.10) falls.

A rule is worked out period by period: the days of a day, week, month or year that agree with every BY part, of these
the positions that BYSETPOS names. So its work is bounded by the days that are looked at, whether or not any agrees.
"""

import re
from calendar import monthrange
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_PERIODS = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_PARTS = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of days, as RRULE tells it; `days` are pairs of an ordinal (0: every) and a weekday (0: Monday)."""

    every: str
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    """With UTC, or on the clock of whoever it is for."""
    week_start: int = 0
    days: tuple[tuple[int, int], ...] = ()
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()


def parts_of(text: str) -> dict[str, str]:
    """The parts of an RRULE's value, by their names. Raises ValueError if one comes twice."""
    pairs = [part.partition("=")[::2] for part in text.upper().split(";") if part]
    if twice := [name for name, often in Counter(name for name, _ in pairs).items() if often > 1]:
        raise ValueError(f"{twice[0]} comes twice in one rule; say it once")
    return dict(pairs)


def parse(text: str) -> Rule:
    """The rule that an RRULE's value tells. Raises ValueError with what is wrong, or not understood here."""
    parts = parts_of(text)
    if unknown := parts.keys() - set(_PARTS):
        raise ValueError(f"{min(unknown)} is not understood; use {', '.join(_PARTS[5:])} on FREQ=DAILY to YEARLY")
    if parts.get("FREQ") not in _PERIODS:
        raise ValueError(f"FREQ={parts.get('FREQ', '')} is none of {', '.join(_PERIODS)}")
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError("COUNT and UNTIL exclude each other; leave one out")
    if "BYSETPOS" in parts and not parts.keys() & {"BYDAY", "BYMONTHDAY", "BYMONTH"}:
        raise ValueError("BYSETPOS chooses from days that another part names; add BYDAY, BYMONTHDAY or BYMONTH")
    if any(day[:-2] for day in parts.get("BYDAY", "").split(",")) and parts["FREQ"] in ("DAILY", "WEEKLY"):
        counts = f"BYDAY={parts['BYDAY']} counts weekdays, which FREQ={parts['FREQ']} cannot"
        raise ValueError(f"{counts}; use MONTHLY or YEARLY")
    return Rule(
        every=parts["FREQ"],
        interval=_numbers(parts, "INTERVAL", 1, 1000)[0] if "INTERVAL" in parts else 1,
        count=_numbers(parts, "COUNT", 1, 10_000)[0] if "COUNT" in parts else None,
        until=_until(parts["UNTIL"]) if "UNTIL" in parts else None,
        week_start=_weekday(parts.get("WKST", "MO")),
        days=tuple(_ordinal_day(day) for day in parts.get("BYDAY", "").split(",") if day),
        month_days=_numbers(parts, "BYMONTHDAY", -31, 31),
        months=_numbers(parts, "BYMONTH", 1, 12),
        positions=_numbers(parts, "BYSETPOS", -366, 366),
    )


def occurrences(rule: Rule, starts: datetime, zone: ZoneInfo, first: date, last: date) -> Iterator[date]:
    """The days of a rule that begins at `starts`, on the clock of a zone; of these, those from first to last."""
    rule, begins = _with_defaults(rule, starts.date()), starts.date()
    # A rule that counts must be counted from its beginning; any other is taken up where it is looked at.
    number, left = 0 if rule.count else _periods_before(rule, begins, first), rule.count
    end = min(last, _last_day(rule, starts.time(), zone))
    while (period := _period(rule, begins, number))[0] <= end and left != 0:
        for day in (day for day in _chosen(rule, *period) if begins <= day <= end):
            if left is not None and (left := left - 1) < 0:
                return
            if day >= first:
                yield day
        number += 1


# --- periods ---------------------------------------------------------------------------------------------------------


def _period(rule: Rule, begins: date, number: int) -> tuple[date, date]:
    """The first day of a rule's period, and of the next."""
    ahead = number * rule.interval
    if rule.every == "DAILY":
        return (day := begins + ahead * _DAY), day + _DAY
    if rule.every == "WEEKLY":
        monday = begins - (begins.weekday() - rule.week_start) % 7 * _DAY + 7 * ahead * _DAY
        return monday, monday + 7 * _DAY
    if rule.every == "MONTHLY":
        month = begins.year * 12 + begins.month - 1 + ahead
        return _first_of(month), _first_of(month + 1)
    return date(begins.year + ahead, 1, 1), date(begins.year + ahead + 1, 1, 1)


def _first_of(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def _periods_before(rule: Rule, begins: date, first: date) -> int:
    """How many periods end before a day, or fewer."""
    days, months = (first - begins).days, (first.year - begins.year) * 12 + first.month - begins.month
    gone = {"DAILY": days, "WEEKLY": days // 7, "MONTHLY": months, "YEARLY": first.year - begins.year}[rule.every]
    return max(0, gone // rule.interval)


# --- days ------------------------------------------------------------------------------------------------------------


def _chosen(rule: Rule, start: date, end: date) -> list[date]:
    days = [day for day in (start + n * _DAY for n in range((end - start).days)) if _agrees(rule, day)]
    if not rule.positions:
        return days
    found = {n - 1 if n > 0 else len(days) + n for n in rule.positions}
    return [day for number, day in enumerate(days) if number in found]


def _agrees(rule: Rule, day: date) -> bool:
    if rule.months and day.month not in rule.months:
        return False
    if rule.days and not any(weekday == day.weekday() and _nth(rule, day, ordinal) for ordinal, weekday in rule.days):
        return False
    return not rule.month_days or not {day.day, day.day - _length(day) - 1}.isdisjoint(rule.month_days)


def _nth(rule: Rule, day: date, ordinal: int) -> bool:
    """Whether a day is that one of its weekdays in the month; in the year, if a yearly rule names no months."""
    if not ordinal:
        return True
    number, length = day.day, _length(day)
    if rule.every == "YEARLY" and not rule.months:
        number, length = day.timetuple().tm_yday, date(day.year, 12, 31).timetuple().tm_yday
    return ordinal in ((number + 6) // 7, -((length - number) // 7 + 1))


def _length(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def _with_defaults(rule: Rule, begins: date) -> Rule:
    """What a rule leaves open is as it is on the day that it begins."""
    if rule.days or rule.month_days or rule.every == "DAILY":
        return rule
    if rule.every == "WEEKLY":
        return replace(rule, days=((0, begins.weekday()),))
    months = rule.months or ((begins.month,) if rule.every == "YEARLY" else ())
    return replace(rule, month_days=(begins.day,), months=months)


def _last_day(rule: Rule, at: time, zone: ZoneInfo) -> date:
    if rule.until is None:
        return date.max
    until = rule.until.astimezone(zone).replace(tzinfo=None) if rule.until.tzinfo else rule.until
    return until.date() if at <= until.time() else until.date() - _DAY


# --- reading ---------------------------------------------------------------------------------------------------------


def _numbers(parts: dict[str, str], name: str, least: int, most: int) -> tuple[int, ...]:
    numbers = [part for part in parts.get(name, "").split(",") if part]
    if not all(re.fullmatch(r"[+-]?\d{1,5}", part) and least <= int(part) <= most and int(part) for part in numbers):
        raise ValueError(f"{name}={parts[name]} is not from {least} to {most}")
    return tuple(map(int, numbers))


def _weekday(code: str) -> int:
    if code not in _WEEKDAYS:
        raise ValueError(f"{code} is no weekday; use {', '.join(_WEEKDAYS)}")
    return _WEEKDAYS.index(code)


def _ordinal_day(text: str) -> tuple[int, int]:
    ordinal = text[:-2] or "0"
    if not re.fullmatch(r"[+-]?\d{1,2}", ordinal):
        raise ValueError(f"BYDAY={text} is no weekday, nor one that is counted, as 2MO or -1FR are")
    return int(ordinal), _weekday(text[-2:])


def _until(text: str) -> datetime:
    if re.fullmatch(r"\d{8}", text):
        return datetime.combine(datetime.strptime(text, "%Y%m%d").date(), time.max)  # noqa: DTZ007 - a local day
    try:
        read = datetime.strptime(text.rstrip("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007 - of a zone only if it says so
    except ValueError:
        raise ValueError(f"UNTIL={text} is neither a day nor a time, as 20261231 and 20261231T225959Z are") from None
    return read.replace(tzinfo=UTC) if text.endswith("Z") else read
