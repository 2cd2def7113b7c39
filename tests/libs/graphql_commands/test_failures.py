"""Problems of services as types of the schema."""

from typing import Any

import pytest
import strawberry

from libs.graphql.opaque import Malformed
from libs.graphql_commands import failures
from libs.graphql_commands.failures import failure, told_as_errors
from libs.kit.errors import (
    BadRequest,
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    Unauthenticated,
    Unavailable,
)
from libs.language import told


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Invalid, "InvalidInput"),
        (BadRequest, "InvalidInput"),
        (Unauthenticated, "NotAllowed"),
        (Forbidden, "NotAllowed"),
        (NotFound, "NotFound"),
        (Conflict, "Conflict"),
        (Unavailable, "Unavailable"),
    ],
)
def test_every_expected_problem_has_its_type(kind: type[Problem], name: str) -> None:
    answer = failure(kind("Because.", code="WHY"), "key", str)
    assert (type(answer).__name__, answer.code, answer.message) == (name, "WHY", "Because.")


@pytest.mark.parametrize("problem", [Unavailable("Away."), Conflict("Wait.", code="STILL_RUNNING")])
def test_what_may_have_been_done_can_be_sent_again_with_its_key(problem: Problem) -> None:
    answer = failure(problem, "key", str)
    assert isinstance(answer, failures.Unavailable)
    assert answer.idempotency_key == "key"


def test_a_fault_is_no_failure_to_be_told() -> None:
    with pytest.raises(Problem, match="broken"):
        failure(Problem("broken"), "key", str)


@strawberry.input
class Terms:
    window_days: int = 1


@strawberry.input
class Input:
    first_day: str = "2031-03-03"
    due_day: str | None = None
    terms: list[Terms] = strawberry.field(default_factory=lambda: [Terms()])


def in_italian(text: str) -> str:
    return told(text, "it")


def test_fields_are_in_the_spelling_of_the_schema_in_paths_and_in_sentences() -> None:
    wrong = [
        FieldError("terms.0.window_days", "window_days is from notice_days to 1,100"),
        FieldError("first_day", "of one dye_lot"),
        FieldError("exceptions.2031-01-01", "name"),
        FieldError("routing.0.setup_minutes", "x"),
    ]
    refused: Any = failure(Invalid("due_day is over.", errors=wrong), "key", str, Input())
    assert refused.message == "dueDay is over."
    assert [(field.path, field.message) for field in refused.fields] == [
        ("terms.0.windowDays", "windowDays is from notice_days to 1,100"),
        ("firstDay", "of one dye_lot"),  # a value, or what this input does not have
        ("exceptions.2031-01-01", "name"),
        ("routing.0.setupMinutes", "x"),  # put in by the gateway
    ]


def test_what_is_wrong_with_the_whole_is_in_the_message_and_no_field_is_named() -> None:
    problem = Invalid(
        "Correct these fields and send again.", errors=[FieldError("body", "due_day is not before first_day")]
    )
    refused: Any = failure(problem, "key", str, Input())
    assert (refused.message, refused.fields) == ("Correct this and send again: dueDay is not before firstDay.", [])
    refused = failure(problem, "key", in_italian, Input())
    assert refused.message == "Correggi e invia di nuovo: dueDay non può venire prima di firstDay."


@pytest.mark.parametrize("path", ["body", "query"])
def test_a_question_is_told_likewise(path: str) -> None:
    problem = Invalid(
        "Correct these fields and send again.", errors=[FieldError(path, "due_day is not before first_day")]
    )
    with (
        pytest.raises(Malformed, match=r"^Correct this and send again: dueDay is not before firstDay\.$"),
        told_as_errors(str, Input()),
    ):
        raise problem
    named = Invalid("Correct these fields and send again.", errors=[FieldError("first_day", "is over")])
    with (
        pytest.raises(Malformed, match=r"^Correct these fields and send again\. firstDay: is over$"),
        told_as_errors(str, Input()),
    ):
        raise named
