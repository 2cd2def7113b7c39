"""Global ids and read-your-writes tokens come back as they went, and nothing else is taken for one."""

from uuid import UUID

import pytest

from libs.graphql.opaque import Malformed, Written, after_token, global_id, key_of, parse_after, parse_id
from libs.kit.errors import BadRequest
from libs.kit.ids import new_id

TOPICS = {"orders.order"}
KEY = UUID("018f0000-0000-7000-8000-000000000001")


def test_an_id_comes_back_as_it_went() -> None:
    assert parse_id(global_id("Bucket", f"{KEY}/2031-03-03")) == ("Bucket", f"{KEY}/2031-03-03")
    assert key_of(global_id("Order", KEY), "Order") == KEY


@pytest.mark.parametrize("given", ["", "x", "UGFydHk=", "UGFydHk6", "%%%", "é", "A" * 100_000, global_id("1", KEY)])
def test_what_is_no_id_is_refused(given: str) -> None:
    with pytest.raises(Malformed, match="no id of ours") as refused:
        parse_id(given)
    assert refused.value.extensions == {"code": "INVALID_ID"}


def test_an_id_of_another_type_or_of_no_uuid_is_refused() -> None:
    with pytest.raises(Malformed, match="the id of a Party; one of a Order is needed"):
        key_of(global_id("Party", KEY), "Order")
    with pytest.raises(Malformed, match="no id of ours"):
        key_of(global_id("Order", "1"), "Order")


def test_several_tokens_are_separated_by_commas() -> None:
    written = [Written("orders.order", new_id(), version) for version in (1, 7)]
    header = " , ".join(after_token(*one) for one in written)
    assert parse_after(header, TOPICS) == written
    assert parse_after("", TOPICS) == []


@pytest.mark.parametrize("given", ["x", "é", "a:b:c", after_token("other.topic", KEY, 1), "b3JkZXJzLm9yZGVyOng6MQ=="])
def test_what_is_no_token_of_ours_is_refused(given: str) -> None:
    with pytest.raises(BadRequest, match="as it came"):
        parse_after(given, TOPICS)


def test_no_more_than_twenty_tokens_are_taken() -> None:
    with pytest.raises(BadRequest, match="up to 20"):
        parse_after(",".join([after_token("orders.order", KEY, 1)] * 21), TOPICS)
