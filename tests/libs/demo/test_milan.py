from collections import Counter
from datetime import date, timedelta
from itertools import islice
from math import cos, hypot, radians

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.demo.holidays import august, closed_days, easter, holidays, last_day
from libs.demo.milan import FIRMS, PLACES, TRADES, WORKSHOPS, Firm, firm, firms, workshops_among
from services.capacity.domain import holidays as named
from services.catalog.domain import PROCESSES

START = date(2026, 11, 23)
seeds = st.integers(0, 2**32)
numbers = st.integers(0, FIRMS - 1)
days = st.dates(date(2020, 1, 1), date(2099, 12, 31))


@pytest.fixture(scope="module")
def city() -> list[Firm]:
    return list(firms(FIRMS, 7, START))


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
    one = firm(number, seed, START)
    [site] = one.party["sites"]
    north = (site["latitude"] - one.place.latitude) * 111.2
    east = (site["longitude"] - one.place.longitude) * 111.2 * cos(radians(one.place.latitude))
    assert hypot(north, east) <= one.place.radius_km + 0.001


@given(seeds, numbers)
def test_the_same_seed_and_number_give_the_same_firm(seed: int, number: int) -> None:
    assert firm(number, seed, START) == firm(number, seed, START)


@given(seeds, numbers, days)
def test_ids_do_not_depend_on_the_day_of_loading(seed: int, number: int, start: date) -> None:
    one, other = firm(number, seed, START), firm(number, seed, start)
    assert one.party == other.party
    assert [resource["id"] for resource in one.resources] == [resource["id"] for resource in other.resources]


@given(seeds)
def test_another_seed_gives_another_city(seed: int) -> None:
    assert firm(0, seed, START).party["id"] != firm(0, seed + 1, START).party["id"]


def test_ids_stay_the_same_from_release_to_release() -> None:
    assert firm(2, 7, START).party["id"] == "a4e838aa-9b96-5660-8f01-7c28290974e7"


def test_a_small_city_is_the_beginning_of_the_large_one(city: list[Firm]) -> None:
    assert list(islice(firms(FIRMS, 7, START), 100)) == list(firms(100, 7, START)) == city[:100]


@given(st.integers(0, 10 * FIRMS))
def test_workshops_are_13_in_36_of_any_number(count: int) -> None:
    assert 0 <= count * 13 / 36 - workshops_among(count) < 1


@given(seeds, numbers, days)
def test_resources_publish_a_year_and_close_only_on_working_days(seed: int, number: int, start: date) -> None:
    for resource in firm(number, seed, start).resources:
        calendar = resource["calendar"]
        closed = [date.fromisoformat(exception["day"]) for exception in calendar["exceptions"]]
        assert len(calendar["weekly"]) == 7
        assert 0 < max(calendar["weekly"]) <= 24 * 60 * 6
        assert closed == sorted(set(closed))
        assert all(start <= day <= last_day(start) and calendar["weekly"][day.weekday()] for day in closed)
        assert (calendar["startsOn"], calendar["endsOn"]) == (start.isoformat(), last_day(start).isoformat())
    assert (last_day(start) - start).days == 364


@pytest.mark.parametrize("sunday", ["2024-03-31", "2025-04-20", "2026-04-05", "2027-03-28", "2038-04-25"])
def test_easter_is_on_its_day(sunday: str) -> None:
    assert easter(date.fromisoformat(sunday).year) == date.fromisoformat(sunday)


@given(st.integers(1900, 2199))
def test_easter_is_a_sunday_between_22_march_and_25_april(year: int) -> None:
    assert easter(year).weekday() == 6
    assert date(year, 3, 22) <= easter(year) <= date(year, 4, 25)


def test_the_holidays_of_2027_are_those_of_the_law() -> None:
    named = "01-01 01-06 03-28 03-29 04-25 05-01 06-02 08-15 10-04 11-01 12-08 12-25 12-26"
    assert holidays(2027, "Rho") == {date.fromisoformat(f"2027-{day}") for day in named.split()}


def test_saint_francis_is_a_holiday_from_2026_on() -> None:
    assert date(2026, 10, 4) in holidays(2026, "Rho")
    assert date(2025, 10, 4) not in holidays(2025, "Rho")


def test_sant_ambrogio_is_kept_in_the_municipality_of_milan_alone() -> None:
    assert date(2026, 12, 7) in holidays(2026, "Milano")
    assert date(2026, 12, 7) not in holidays(2026, "Sesto San Giovanni")


@given(st.integers(2020, 2099), st.sampled_from([2, 3, 4]))
def test_an_august_closure_is_whole_weeks_around_ferragosto(year: int, weeks: int) -> None:
    closed = august(year, weeks)
    assert len(closed) == 7 * weeks
    assert date(year, 8, 15) in closed
    assert (min(closed).weekday(), max(closed).weekday()) == (0, 6)


@given(days)
def test_a_year_of_a_milanese_workshop_has_easter_monday_and_sant_ambrogio_once(start: date) -> None:
    closed = list(closed_days(start, [480] * 7, "Milano", 0))
    mondays = {easter(year) + timedelta(days=1) for year in (start.year, start.year + 1)}
    # 365 days can miss a movable feast, or hold it twice; a fixed one they hold once, except across a leap day.
    assert sum(day in mondays for day in closed) == sum(start <= day <= last_day(start) for day in mondays)
    assert sum((day.month, day.day) == (12, 7) for day in closed) <= 1


def test_the_demo_keeps_the_holidays_that_capacity_knows_by_name() -> None:
    # It publishes days, for it speaks GraphQL, which has no patterns yet.
    for year in range(2020, 2100):
        assert holidays(year, "Milano") == named.holidays("IT-MI", year)
        assert holidays(year, "Rho") == named.holidays("IT", year)
        assert all(august(year, weeks) == named.august(year, weeks) for weeks in (2, 3, 4))
