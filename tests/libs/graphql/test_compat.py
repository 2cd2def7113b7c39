"""A change that breaks a client of the last release is noticed, unless it is allowed by name."""

import pytest
from graphql import build_schema

from libs.graphql.compat import breaks, faults, undated

OLD = """
type Query { party(id: ID!): Party  kinds(first: Int = 5): [Kind!]! }
type Party { name: String!  kind: Kind }
enum Kind { BRAND WORKSHOP }
input Wanted { name: String }
"""


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("name: String!  kind: Kind", "kind: Kind", "Field Party.name was removed."),
        ("name: String!  kind", "name: String  kind", "Field Party.name changed type from String! to String."),
        ("BRAND WORKSHOP", "BRAND", "Enum value Kind.WORKSHOP was removed."),
        ("first: Int = 5", "first: Int = 5, for: ID!", "A required argument Query.kinds(for:) was added."),
        ("input Wanted { name: String }", "", "Wanted was removed."),
        ("name: String }", "name: String! }", "Field Wanted.name changed type from String to String!."),
    ],
)
def test_what_breaks_a_client_is_said_and_may_be_allowed_by_that_sentence(was: str, becomes: str, said: str) -> None:
    new = OLD.replace(was, becomes)
    assert new != OLD
    assert breaks(build_schema(OLD), build_schema(new)) == [said]
    assert len(faults(OLD, new, [])) == 1
    assert faults(OLD, new, [said]) == []


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("kind: Kind }", "kind: Kind! }"),
        ("kind: Kind }", "kind: Kind  since: String }"),
        ("id: ID!)", "id: ID!, at: String)"),
        ("BRAND WORKSHOP", "BRAND WORKSHOP RETAILER"),
        ("name: String }", "name: String  kind: Kind }"),
    ],
)
def test_what_is_added_breaks_nobody(was: str, becomes: str) -> None:
    new = OLD.replace(was, becomes)
    assert new != OLD
    assert breaks(build_schema(OLD), build_schema(new)) == []


def test_what_is_allowed_and_does_not_happen_is_struck_out() -> None:
    [said] = faults(OLD, OLD, ["Party.name was removed."])
    assert said.endswith("strike it out: Party.name was removed.")


@pytest.mark.parametrize("reason", ["Use `names`.", "Use `names`. Until soon.", "Until 2027-06-30. Use `names`."])
@pytest.mark.parametrize(
    ("part", "where"),
    [
        ("kind: Kind }", "Party.kind"),
        ("name: String }", "Wanted.name"),
        ("BRAND", "Kind.BRAND"),
        ("5", "Query.kinds(first:)"),
    ],
)
def test_what_is_deprecated_says_until_when(part: str, where: str, reason: str) -> None:
    def told(text: str) -> str:
        return OLD.replace(
            part, part.replace(" }", "") + f' @deprecated(reason: "{text}")' + (" }" if "}" in part else "")
        )

    assert undated(build_schema(told(reason))) == [where]
    assert undated(build_schema(told("Use `names`. Until 2027-06-30."))) == []
