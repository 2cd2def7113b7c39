import io
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate
from graphql.execution.values import get_variable_values
from rich.console import Console

from libs.demo import load, story
from libs.demo.client import mutation
from libs.demo.milan import firms

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    """The schema as it is committed, which is what other clients build on."""
    return build_schema((ROOT / "services" / "gateway" / "schema.graphql").read_text())


def faults(schema: GraphQLSchema, document: str, variables: dict[str, Any]) -> list[str]:
    parsed = parse(document)
    operation = parsed.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    coerced = get_variable_values(schema, operation.variable_definitions or (), variables)
    return [str(error) for error in validate(schema, parsed) + (coerced if isinstance(coerced, list) else [])]


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        (story.SEEN, {"id": "UGFydHk6MQ=="}),
        (story.BUCKETS, {"id": "UGFydHk6MQ==", "from": "2026-11-23", "days": 7}),
        (story.BOOKINGS, {}),
        (story.ORDER, {"id": "UGFydHk6MQ=="}),
    ],
)
def test_what_is_asked_is_in_the_schema(schema: GraphQLSchema, document: str, variables: dict[str, Any]) -> None:
    assert faults(schema, document, variables) == []


def test_a_city_is_imported_in_the_schemas_own_form(schema: GraphQLSchema) -> None:
    city = list(firms(100, 7))
    parties = {"input": {"parties": [firm.party for firm in city]}}
    resources = {"input": {"resources": [resource for firm in city for resource in firm.resources]}}
    assert faults(schema, mutation("importParties", load.COUNTS), parties) == []
    assert faults(schema, mutation("importResources", load.COUNTS), resources) == []


def test_a_log_gets_lines_of_progress_with_a_rate_and_the_end() -> None:
    log = io.StringIO()
    with load.meter(Console(file=log), "firms", 1000) as advance:
        advance(400)
        advance(600)
    [line] = log.getvalue().splitlines()
    assert line.startswith("firms: 1,000 of 1,000 (")
    assert line.endswith(" a second)")
