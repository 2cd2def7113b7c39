"""How a set-up is shared, and what becomes of pools and shares: the rules, without a database."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.kit.ids import new_id
from services.capacity.domain.pool import (
    POOLS,
    SHARES,
    Pool,
    PoolState,
    Share,
    ShareState,
    ToPool,
    ToShare,
    check_pool,
    check_share,
    fired,
    split,
)
from services.capacity.domain.terms import Money, Refused
from tests.services.capacity.world import a_resource, day

NOW = datetime.now(UTC)


def a_pool(quantity: int = 300, minimum: int = 240, **given: Any) -> Pool:
    plain = {"id": new_id(), "party_id": new_id(), "resource_id": new_id(), "day": day(2)}
    prices = {"price_per_unit": Money(55), "setup_price": Money(2000), "closes_at": NOW + timedelta(hours=12)}
    return Pool(**plain | prices | given, quantity=quantity, minimum=minimum)


def shares_of(pool: Pool, *quantities: int) -> list[Share]:
    return [pool.share(new_id(), new_id(), quantity, NOW) for quantity in quantities]


# --- states ----------------------------------------------------------------------------------------------------------


def test_every_pair_of_state_and_happening_is_decided() -> None:
    assert POOLS.keys() == set(get_args(ToPool))
    assert all(row.keys() == set(get_args(PoolState)) for row in POOLS.values())
    assert SHARES.keys() == set(get_args(ToShare))
    assert all(row.keys() == set(get_args(ShareState)) for row in SHARES.values())


def test_what_is_over_stays_as_it_ended() -> None:
    over = [then for row in POOLS.values() for state, then in row.items() if state != "open"]
    over += [then for row in SHARES.values() for state, then in row.items() if state != "pledged"]
    assert set(over) == {"nothing", "POOL_OVER"}


def test_a_pool_fires_with_the_pledge_that_meets_its_minimum_and_not_before() -> None:
    pool = a_pool(quantity=300, minimum=240).joined(100).joined(139)
    assert (pool.state, pool.pledged, pool.version) == ("open", 239, 3)
    assert (pool.joined(1).state, pool.joined(61).pledged) == ("fired", 300)
    with pytest.raises(Refused, match="61 of the pool are left") as refused:
        pool.joined(62)
    assert refused.value.code == "POOL_FULL"
    with pytest.raises(Refused) as refused:
        pool.joined(1).joined(1)
    assert refused.value.code == "POOL_OVER"


# --- prices ----------------------------------------------------------------------------------------------------------


def test_a_set_up_is_shared_by_quantity_and_the_last_cents_go_to_the_largest_remainders() -> None:
    assert split(2000, [100, 100, 50]) == [800, 800, 400]
    assert split(1000, [1, 1, 1]) == [334, 333, 333]
    assert split(100, [50, 30, 21]) == [49, 30, 21]  # 49.50, 29.70 and 20.79
    assert split(0, [3, 4]) == [0, 0]


@given(amount=st.integers(0, 10**9), quantities=st.lists(st.integers(1, 10**6), min_size=1, max_size=30))
def test_shares_of_a_set_up_add_up_and_none_is_a_cent_off_its_due(amount: int, quantities: list[int]) -> None:
    parts = split(amount, quantities)
    assert sum(parts) == amount
    due = [Fraction(amount * quantity, sum(quantities)) for quantity in quantities]
    assert all(abs(part - exact) < 1 for part, exact in zip(parts, due, strict=True))


@given(
    setup=st.integers(0, 10**6),
    charge=st.integers(0, 10**6),
    quantities=st.lists(st.integers(1, 500), min_size=1, max_size=10),
    minimum=st.integers(1, 500),
)
def test_nobody_pays_more_than_was_said_when_joining_and_all_pay_what_one_booking_would(
    setup: int, charge: int, quantities: list[int], minimum: int
) -> None:
    total, least = sum(quantities), min(minimum, sum(quantities))
    prices = {"setup_price": Money(setup), "minimum_charge": Money(charge)}
    pool = a_pool(quantity=total, minimum=least, pledged=total, **prices)
    shares = fired(pool, shares_of(pool, *quantities))
    assert sum(share.price.amount for share in shares if share.price) == max(charge, setup + 55 * total)
    for share in shares:
        assert share.price
        assert 55 * share.quantity <= share.price.amount <= share.at_most.amount
        assert (share.state, share.version) == ("booked", 2)


def test_the_more_comes_together_the_less_each_pays() -> None:
    pool = a_pool(minimum=240)
    assert pool.at_most(100) == Money(834 + 5500)
    prices = [share.price for share in fired(pool.joined(250), shares_of(pool, 100, 150))]
    assert prices == [Money(800 + 5500), Money(1200 + 8250)]


def test_what_lacks_to_the_minimum_charge_is_shared_as_setting_up_is() -> None:
    pool = a_pool(minimum=100, setup_price=Money(0), minimum_charge=Money(8500))
    assert pool.at_most(50) == Money((8500 - 5500) // 2 + 50 * 55)
    prices = [share.price.amount for share in fired(pool.joined(50).joined(70), shares_of(pool, 50, 70)) if share.price]
    assert (prices, sum(prices)) == ([792 + 2750, 1108 + 3850], 8500)


@pytest.mark.parametrize(
    ("terms", "quantity", "code"),
    [({"visibility": "invited"}, 30, "NOT_INVITED"), ({"lot_multiple": 20}, 30, "NOT_WHOLE_LOTS")],
)
def test_a_share_is_sold_on_the_terms_of_the_workshop(terms: dict[str, Any], quantity: int, code: str) -> None:
    with pytest.raises(Refused) as refused:
        check_share(a_resource(**terms), new_id(), quantity)
    assert refused.value.code == code


# --- opening ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_pool", "terms", "code"),
    [
        ({"closes_at": NOW}, {}, "NOT_OFFERED"),
        ({"closes_at": NOW + timedelta(days=367)}, {}, "NOT_OFFERED"),
        ({"closes_at": NOW + timedelta(days=1), "day": day(2)}, {"notice_days": 2}, "TOO_SHORT_NOTICE"),
        ({"day": day(1)}, {"notice_days": 2}, "TOO_SHORT_NOTICE"),
        ({"day": day(400)}, {}, "NOT_OFFERED"),
        ({"quantity": 100, "minimum": 101}, {}, "NOT_OFFERED"),
        ({"quantity": 100, "minimum": 50}, {"minimum_quantity": 101}, "NOT_OFFERED"),
    ],
)
def test_a_pool_that_could_not_be_booked_is_not_opened(
    given_pool: dict[str, Any], terms: dict[str, int], code: str
) -> None:
    bench = a_resource(**terms)
    with pytest.raises(Refused) as refused:
        check_pool(a_pool(resource_id=bench.id, **given_pool), bench, NOW)
    assert refused.value.code == code


def test_a_pool_of_what_is_sold_may_be_opened() -> None:
    bench = a_resource(minimum_quantity=240)
    pool = a_pool(resource_id=bench.id)
    check_pool(pool, bench, NOW)
    hold = pool.hold(bench, NOW)
    [part] = hold.allocations
    assert (part.quantity, part.day, hold.expires_at) == (300, day(2), pool.closes_at)
    assert isinstance(part.bucket_id, UUID)
