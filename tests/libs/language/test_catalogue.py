"""Everything that a caller may be told can be told in Italian."""

import re
from collections.abc import Iterator
from datetime import date, datetime, time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from pydantic_core._pydantic_core import list_all_errors

from libs.graphql_transports import http  # noqa: F401 - so that every kind of problem is defined
from libs.kit import auth, errors
from libs.language import plain, told
from libs.language.catalogue import catalogue, parts
from libs.uploads import passing  # noqa: F401 - likewise
from services.capacity.domain.units import UNITS
from tests.libs.language.sentences import ROOT, SAID, Sentences

SILENT = {"contracts", "demo", "graphql_compiler", "language", "messaging", "stack"}
"""Libraries that tell callers nothing: what they say is for the log, or on a terminal."""
NOT_TOLD = {
    "the conservation law would be broken: {} held, {} committed of {}": "a fault of ours",
    "{}: {}": "how a calendar file is read: in the words of the library that reads it",
    'There can be only one fragment named "{}".': "as graphql-core says it: for whoever writes the document",
    'Fragment "{}" is never used.': "as graphql-core says it",
    "FILIERA_JWKS is not set, and FILIERA_ISSUER is no URL": "in the log",
    "the issuer at {} calls itself {}": "in the log",
    "no key for {}": "in the log",
    "not three parts in base64url": "told as malformed",
    "no key id": "told as malformed",
    "the subject is too long": "told as malformed",
}
NOT_SENT = re.compile(
    r"argument|Argument|Assertion|attribute|bytes?\b|callable|Cannot check|complex|Counter|Data|[Dd]ecimal"
    r"|default factory|deque|Ellipsis|[Ff]raction( |$)|frozen|hashable|instance|iterabl|iterating|mapping|MISSING"
    r"|OrderedDict|python|subclass|URL|Value error"
)
"""Kinds of Pydantic's errors that no body or query of ours can have."""


FOR_THE_LOG = {"AssertionError", "RefusedError", "RuntimeError", "SettingsError", "SystemExit", "UnknownOrderError"}
"""What is raised with words that no caller is told."""
SPEAKING = (folder.name for folder in (ROOT / "libs").iterdir() if folder.is_dir() and folder.name not in SILENT)
SENTENCES = Sentences("services", *(f"libs/{name}" for name in SPEAKING))


def literals(template: str) -> tuple[str, ...]:
    return parts(template)[0]


def problems(kind: type[errors.Problem] = errors.Problem) -> Iterator[type[errors.Problem]]:
    yield kind
    for one in kind.__subclasses__():
        yield from problems(one)


WORDS = {*UNITS, *auth._REASONS.values(), "it is malformed", *(kind.title for kind in problems())}
"""What stands in no sentence's place, and is told all the same."""


def test_every_sentence_has_its_italian_and_none_is_left_over() -> None:
    said = SENTENCES.found()
    thrown = {literals(one): where for one, where in said.items() if one not in NOT_TOLD}
    ours = [one for owner, pairs in catalogue().items() if owner != "pydantic" for one in pairs]
    known = {literals(one) for one in ours}
    assert [f"{where}: {'{}'.join(one)}" for one, where in thrown.items() if one not in known] == []
    assert [one for one in ours if literals(one) not in thrown and one not in WORDS] == []
    assert [one for one in NOT_TOLD if one not in said] == []


def test_no_sentence_is_raised_past_the_catalogue() -> None:
    """Neither by a class of its own (it is read for sentences, or its words are for the log), nor in an odd form."""
    assert {kind.__name__ for kind in problems()} - SAID.keys() == set()
    assert SENTENCES.raised_otherwise() == FOR_THE_LOG
    assert SENTENCES.unread() == []


def test_every_word_has_its_italian() -> None:
    known = {one for pairs in catalogue().values() for one in pairs}
    assert WORDS - {"kg", "g", "m2", "dm2", "ml"} - known == set()


def test_what_pydantic_says_has_its_italian() -> None:
    known = set(map(literals, catalogue()["pydantic"]))
    said = {one["message_template_python"] for one in list_all_errors()}
    passed_on = {plain(one) for said_ in said if not NOT_SENT.search(said_) for one in plurals(said_)}
    assert sorted(one for one in passed_on if literals(one) not in known) == []


def test_no_english_of_pydantics_parsers_is_within_an_italian_sentence() -> None:
    """What `{error}` stands for is put together deep in the libraries that read dates and JSON."""
    assert [one for one in catalogue()["pydantic"].values() if "error" in parts(one)[1]] == []


class Body(BaseModel):
    day: date
    at: datetime
    of: UUID
    starts: time


@pytest.mark.parametrize(
    "wrong", ["", "x", "2031-13-01", "2031-02-30T25:00:00Z", "0000-00-00", "2031-03-03T08:00:00+99:99", "-1", "1e9"]
)
def test_what_is_no_date_nor_id_is_told_in_italian_alone(wrong: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Body.model_validate(dict.fromkeys(Body.model_fields, wrong))
    known = {
        "deve essere una data nella forma AAAA-MM-GG",
        "deve essere una data esatta, senza orario",
        "deve essere un istante, p. es. 2031-03-03T08:00:00Z",
        "deve essere un orario, p. es. 08:30",
        "deve essere un UUID",
    }
    assert {told(plain(one["msg"]), "it") for one in refused.value.errors()} <= known


def test_json_that_cannot_be_read_is_told_in_italian_alone() -> None:
    with pytest.raises(ValidationError) as refused:
        Body.model_validate_json("{\n  x")
    [error] = refused.value.errors()
    assert told(plain(error["msg"]), "it") == "JSON non valido: riga 2, colonna 3"


def plurals(template: str) -> list[str]:
    if "{expected_plural}" not in template:
        return [template]
    one = re.sub(r"\{(min|max)_length\}", "1", template.replace("{expected_plural}", ""))
    return [one, template.replace("{expected_plural}", "s")]


PAIRS = [(owner, english, italian) for owner, pairs in catalogue().items() for english, italian in pairs.items()]


def test_both_say_the_same_values() -> None:
    for owner, english, italian in PAIRS:
        names, put = set(parts(english)[1]), set(parts(italian)[1])
        assert put <= names if owner == "pydantic" else put == names, english
        assert all(literals(english)[1:-1]), f"{english}: values with nothing between them cannot be told apart"
        assert english != italian


def test_a_sentence_is_told_as_its_own_and_no_other() -> None:
    for _, english, italian in PAIRS:
        values = {name: str(number) for number, name in enumerate(parts(english)[1], 11)}
        plain = {name: Plain(one) for name, one in values.items()}
        assert told(english.format(**values), "it") == italian.format(**plain)


def test_what_is_told_in_italian_is_not_told_again() -> None:
    """The gateway tells what services have told in Italian already."""
    for _, english, italian in PAIRS:
        said = italian.format(**{name: Plain(number) for number, name in enumerate(parts(english)[1], 11)})
        assert told(said, "it") == said


class Plain(str):
    """A value that is the same however it is to be told."""

    __slots__ = ()

    def __format__(self, how: str) -> str:
        return str(self)


def test_owners_agree_on_a_sentence() -> None:
    seen: dict[str, str] = {}
    for _, english, italian in PAIRS:
        assert seen.setdefault(english, italian) == italian


@given(st.text(max_size=300))
def test_what_is_not_ours_stays_as_it_is(text: str) -> None:
    assert told(text, "en") == text
    assert isinstance(told(text, "it"), str)


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=30), st.integers(1, 10**6))
def test_values_go_from_one_to_the_other(name: str, asked: int) -> None:
    sentence = f"{name} sells in multiples of 60 minutes, not {asked}."
    assert told(sentence, "it") == f"{name} vende per multipli di 60 minuti, non {asked}."


def test_sentences_in_a_row_are_told_one_by_one() -> None:
    one, other = (
        "You have no such order; check the id.",
        "No workshop offers lasting in this currency; ask for another process or currency.",
    )
    assert told(f"{one} {other}", "it") == f"{told(one, 'it')} {told(other, 'it')}" != f"{one} {other}"


def test_a_sentence_within_a_sentence_is_told_too() -> None:
    inner = "Rossi S.r.l. has 30 minutes free on 2026-12-01; 60 were asked for: take less, or another day."
    assert told(f"It is so no more: {inner} Ask again, with a new Idempotency-Key.", "it") == (
        "Non è più così: Rossi S.r.l. ha 30 minuti liberi il 2026-12-01; ne sono stati chiesti 60:"
        " prendine meno, o un altro giorno."
        " Chiedi di nuovo, con una nuova Idempotency-Key."
    )


def test_numbers_and_words_are_written_as_in_italian() -> None:
    assert told("A price is 1 to 2,147,483,647 minor units (cents).", "it") == (
        "Un prezzo va da 1 a 2.147.483.647 centesimi."
    )
    assert told("Your share is booked already; pledge in another pool.", "it").startswith(
        "La tua quota è già prenotata;"
    )
    assert told("must be 'brand' or 'lab'", "it") == "deve essere 'brand' o 'lab'"
    booked = "What moves is what was booked of you: 60 minutes of cutting, 5 kg of dyeing; name days that are as much."
    assert ": 60 minuti di cutting, 5 kg di dyeing; " in told(booked, "it")
