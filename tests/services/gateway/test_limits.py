"""The limits of libs.graphql hold at the gateway's door."""

from dataclasses import replace

import pytest
from graphql import get_introspection_query

from services.gateway.app import api
from tests.services.gateway import world

REFUSED = {
    "deep": ("{ a " * 16 + "}" * 16, "more than 15 levels of fields"),
    "too deep to be parsed": ("{ a " * 500 + "}" * 500, "nested too deeply"),
    "too many tokens": ("{ " + "a " * 3_000 + "}", "more than 2000 tokens"),
    "too long": ("{ a } #" + "x" * 20_000, "longer than 20000 characters"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_asks_for_too_much_is_refused_with_a_reason(ask: world.Asker, case: str) -> None:
    document, reason = REFUSED[case]
    answer = await ask.answer(document)
    assert "data" not in answer
    assert reason in answer["errors"][0]["message"]


async def test_the_customary_introspection_query_is_within_the_limits(ask: world.Asker) -> None:
    rules = api.state.allowed.rules.model_copy(update={"introspection": True})
    api.state.allowed = replace(api.state.allowed, rules=rules)
    assert (await ask.data(get_introspection_query(descriptions=True)))["__schema"]["queryType"]["name"] == "Query"


async def test_a_document_that_is_just_within_the_limits_is_run(ask: world.Asker) -> None:
    document = "{ " + " ".join(f"a{n}: __typename" for n in range(50)) + " }"
    assert len(await ask.data(document)) == 50
