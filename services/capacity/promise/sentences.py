"""What a plan comes to, in one plain sentence in English and in Italian."""

from collections.abc import Mapping
from datetime import date

from services.capacity.promise.plan import Plan
from services.capacity.promise.question import Question
from services.capacity.promise.reasons import IDLE, reasons

_DAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "it": ("lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"),
}
_MONTHS = {
    "en": "January/February/March/April/May/June/July/August/September/October/November/December",
    "it": "gennaio/febbraio/marzo/aprile/maggio/giugno/luglio/agosto/settembre/ottobre/novembre/dicembre",
}
_WAITS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "REST": "the lot rests after {waits_for} until {day}",
        "DRYING": "the lot dries or cools after {waits_for} until {day}",
        "CARRIERS": "before {process} at {name} the lot waits for carriers until {day}",
        "QUEUE": "the lot queues before {process} at {name} until {day}",
        "NOTICE": "{process} at {name} takes no work before {day}",
        "QUALIFICATION": "{name} is not qualified ({waits_for}) for {process} before {day}",
        "TOOLS": "{process} at {name} waits for {waits_for} until {day}",
        "ROOM": "{process} at {name} has no free time before {day}",
        "NOT_SOONER": "{process} at {name} need not begin before {day}",
    },
    "it": {
        "REST": "il lotto riposa dopo {waits_for} fino a {day}",
        "DRYING": "il lotto asciuga o si raffredda dopo {waits_for} fino a {day}",
        "CARRIERS": "prima di {process} presso {name} il lotto aspetta il corriere fino a {day}",
        "QUEUE": "il lotto è in coda prima di {process} presso {name} fino a {day}",
        "NOTICE": "{process} presso {name} non accetta lavoro prima di {day}",
        "QUALIFICATION": "{name} non è qualificato ({waits_for}) per {process} prima di {day}",
        "TOOLS": "{process} presso {name} aspetta {waits_for} fino a {day}",
        "ROOM": "{process} presso {name} non ha tempo libero prima di {day}",
        "NOT_SOONER": "{process} presso {name} può non cominciare prima di {day}",
    },
}
_FRAMES = {
    "en": "{pieces} on {ready} for {price}, with {km} km of carriage, if the material leaves on {leaves}; {wait}.",
    "it": "{pieces} {ready} per {price}, con {km} km di trasporto, se il materiale parte {leaves}; {wait}.",
}
_PIECES = {
    "en": ("1 piece can be ready", "{} pieces can be ready"),
    "it": ("1 pezzo può essere pronto", "{} pezzi possono essere pronti"),
}
_LONGEST = {"en": "the longest wait: {}", "it": "l'attesa più lunga: {}"}
_NOTHING = {"en": "nothing has to wait", "it": "niente deve aspettare"}
LANGUAGES = ("en", "it")


def sentence(question: Question, plan: Plan, price: int, currency: str, language: str) -> str:
    """`price`: minor units, a hundred to one of the currency."""
    wait = _longest(question, plan, language)
    return _FRAMES[language].format(
        pieces=_PIECES[language][question.pieces > 1].format(question.pieces),
        ready=_day(plan.on(plan.ready_day), language),
        price=f"{_number(price / 100, 2, language)} {currency}",
        km=_number(plan.metres / 1000, 1, language),
        leaves=_day(plan.on(plan.leaves_day), language),
        wait=_LONGEST[language].format(wait) if wait else _NOTHING[language],
    )


def _longest(question: Question, plan: Plan, language: str) -> str | None:
    """What idle time is spent on, where it is longest."""
    waits = [
        (one.until - one.since, number, one)
        for number in range(len(plan.steps))
        for one in reasons(question, plan, number)
        if one.code in IDLE
    ]
    if not waits:
        return None
    _, number, longest = max(waits, key=lambda wait: (wait[0], -wait[1]))
    step, until = plan.steps[number], _day(plan.at(longest.until).date(), language)
    said = _WAITS[language][longest.code]
    return said.format(process=step.process, name=step.name, waits_for=longest.waits_for, day=until)


def _day(day: date, language: str) -> str:
    return f"{_DAYS[language][day.weekday()]} {day.day} {_MONTHS[language].split('/')[day.month - 1]} {day.year}"


def _number(number: float, decimals: int, language: str) -> str:
    english = f"{number:,.{decimals}f}"
    return english.translate(str.maketrans(",.", ".,")) if language == "it" else english
