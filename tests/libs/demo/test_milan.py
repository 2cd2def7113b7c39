from collections import Counter
from datetime import date, time
from itertools import islice
from math import cos, hypot, radians

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.demo.milan import FIRMS, PLACES, TRADES, WORKSHOPS, ZONE, Firm, firm, firms, workshops_among
from services.capacity.domain.shifts import Pattern, Shift, calendar_of
from services.catalog.domain import PROCESSES

START = date(2026, 11, 23)
seeds = st.integers(0, 2**32)
numbers = st.integers(0, FIRMS - 1)


@pytest.fixture(scope="module")
def city() -> list[Firm]:
    return list(firms(FIRMS, 7))


def test_milan_has_36000_firms_and_13000_workshops_all_with_resources(city: list[Firm]) -> None:
    workshops = [one for one in city if one.party["kind"] == "WORKSHOP"]
    assert (len(city), len(workshops)) == (FIRMS, WORKSHOPS) == (36_000, 13_000)
    assert all(one.resources for one in workshops)
    assert {one.party["kind"] for one in city if one.resources} == {"WORKSHOP", "LAB"}


def test_the_other_firms_are_brands_retailers_and_a_few_labs(city: list[Firm]) -> None:
    kinds = Counter(one.party["kind"] for one in city)
    assert kinds["RETAILER"] > kinds["BRAND"] > 5000 > kinds["LAB"] > 20


def test_every_trade_is_there_in_about_its_share(city: list[Firm]) -> None:
    seen = Counter(one.trade for one in city if one.party["kind"] == "WORKSHOP")
    whole = sum(trade.weight for trade in TRADES)
    for trade in TRADES:
        assert seen[trade.name] / WORKSHOPS == pytest.approx(trade.weight / whole, abs=0.02)


def test_workshops_do_what_the_taxonomy_names_all_of_it_and_nothing_else(city: list[Firm]) -> None:
    done = {process for one in city for resource in one.resources for process in resource["processes"]}
    assert done == set(PROCESSES)


def test_all_firms_are_inside_the_metropolitan_city(city: list[Firm]) -> None:
    for one in city:
        [site] = one.party["sites"]
        assert 45.15 < site["latitude"] < 45.65
        assert 8.70 < site["longitude"] < 9.56


def test_no_two_firms_sites_or_resources_share_an_id(city: list[Firm]) -> None:
    things = [thing for one in city for thing in (one.party, *one.party["sites"], *one.resources)]
    ids = [thing["id"] for thing in things]
    assert len(set(ids)) == len(ids)


def test_places_are_many_and_named_once_each() -> None:
    assert 40 <= len(PLACES) <= 130
    assert len({(place.name, place.municipality) for place in PLACES}) == len(PLACES)
    assert sum(place.municipality == "Milano" for place in PLACES) > 50
    assert not {"Monza", "Lodi", "Pavia", "Saronno"} & {place.municipality for place in PLACES}


@given(seeds, numbers)
def test_a_firm_lies_in_the_disc_of_its_place(seed: int, number: int) -> None:
    one = firm(number, seed)
    [site] = one.party["sites"]
    north = (site["latitude"] - one.place.latitude) * 111.2
    east = (site["longitude"] - one.place.longitude) * 111.2 * cos(radians(one.place.latitude))
    assert hypot(north, east) <= one.place.radius_km + 0.001


@given(seeds, numbers)
def test_the_same_seed_and_number_give_the_same_firm(seed: int, number: int) -> None:
    assert firm(number, seed) == firm(number, seed)


@given(seeds)
def test_another_seed_gives_another_city(seed: int) -> None:
    assert firm(0, seed).party["id"] != firm(0, seed + 1).party["id"]


def test_ids_stay_the_same_from_release_to_release() -> None:
    assert firm(2, 7).party["id"] == "a4e838aa-9b96-5660-8f01-7c28290974e7"


def test_a_small_city_is_the_beginning_of_the_large_one(city: list[Firm]) -> None:
    assert list(islice(firms(FIRMS, 7), 100)) == list(firms(100, 7)) == city[:100]


@given(st.integers(0, 10 * FIRMS))
def test_workshops_are_13_in_36_of_any_number(count: int) -> None:
    assert 0 <= count * 13 / 36 - workshops_among(count) < 1


@given(seeds, numbers)
def test_resources_keep_hours_that_the_platform_understands(seed: int, number: int) -> None:
    one = firm(number, seed)
    for resource in one.resources:
        pattern = resource["pattern"]
        assert pattern["holidays"] == ("IT-MI" if one.place.municipality == "Milano" else "IT")
        assert pattern["augustWeeks"] in (0, 2, 3, 4)
        assert {day for shift in pattern["shifts"] for day in shift["weekdays"]} <= set(range(1, 7))
        kept = Pattern(shifts=[shift_of(**shift) for shift in pattern["shifts"]], holidays=pattern["holidays"])
        gives = calendar_of(kept, ZONE, START).weekly
        assert 0 < max(gives) <= 16 * 60 * 6
        assert gives[6] == 0


def shift_of(weekdays: list[int], starts: str, ends: str, breakMinutes: int, teams: int) -> Shift:  # noqa: N803 - JSON
    clock = {"starts": time.fromisoformat(starts), "ends": time.fromisoformat(ends)}
    return Shift(weekdays=list(weekdays), break_minutes=breakMinutes, teams=teams, **clock)
