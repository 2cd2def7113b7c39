"""Problems of services as types of the schema."""

from typing import Any

import pytest

from libs.graphql_commands import failures
from libs.graphql_commands.failures import failure
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
    told = failure(kind("Because.", code="WHY"), "key", str)
    assert (type(told).__name__, told.code, told.message) == (name, "WHY", "Because.")


@pytest.mark.parametrize("problem", [Unavailable("Away."), Conflict("Wait.", code="STILL_RUNNING")])
def test_what_may_have_been_done_can_be_sent_again_with_its_key(problem: Problem) -> None:
    told = failure(problem, "key", str)
    assert isinstance(told, failures.Unavailable)
    assert told.idempotency_key == "key"


def test_a_fault_is_no_failure_to_be_told() -> None:
    with pytest.raises(Problem, match="broken"):
        failure(Problem("broken"), "key", str)


def test_field_paths_are_in_the_spelling_of_the_schema() -> None:
    paths = [
        "earliest_day",
        "lines.0.product_id",
        "terms.price_per_unit.amount",
        "name",
        "exceptions.2031-01-01",
    ]
    told: Any = failure(Invalid("", errors=[FieldError(path, "") for path in paths]), "key", str)
    assert [field.path for field in told.fields] == [
        "earliestDay",
        "lines.0.productId",
        "terms.pricePerUnit.amount",
        "name",
        "exceptions.2031-01-01",
    ]
