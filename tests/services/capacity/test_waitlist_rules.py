"""Who is offered what, and what becomes of a place in line: the rules, without a database."""

from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.kit.ids import new_id
from services.capacity.domain.offer import Resource
from services.capacity.domain.plan import Room
from services.capacity.domain.terms import Money, Refused
from services.capacity.domain.waitlist import (
    LINE,
    SECONDS_TO_ANSWER,
    Entry,
    EntryState,
    Happening,
    Wish,
    check_hope,
    ended_everywhere,
    offers,
)
from tests.services.capacity.line import a_wish, unfair
from tests.services.capacity.world import a_resource, day

NOW = datetime.now(UTC)
OPEN = {"waiting", "offered"}


def an_entry(wish: Wish, minute: int = 0) -> Entry:
    asked = {name: getattr(wish, name) for name in Wish.__dataclass_fields__}
    return Entry(id=new_id(), party_id=new_id(), joined_at=NOW + timedelta(minutes=minute), **asked)


def a_room(bench: Resource, free: dict[int, int] | None = None) -> Room:
    """The bench with so much free on days counted from now."""
    return Room(bench, bench.first_day(NOW), {day(number): quantity for number, quantity in (free or {}).items()})


def served(line: list[Entry], *rooms: Room) -> list[UUID]:
    return [entry.id for entry, _ in offers(line, rooms, NOW)]


# --- states ----------------------------------------------------------------------------------------------------------


def test_every_pair_of_state_and_happening_is_decided() -> None:
    assert LINE.keys() == set(get_args(Happening))
    assert all(row.keys() == set(get_args(EntryState)) for row in LINE.values())


def test_what_has_ended_stays_as_it_ended() -> None:
    ended = {then for row in LINE.values() for state, then in row.items() if state not in OPEN}
    assert ended == {"nothing", "NOT_IN_LINE"}


def test_a_place_in_line_is_offered_room_once_and_never_returns_to_the_line() -> None:
    reached = {then for row in LINE.values() for state, then in row.items() if state != "waiting"}
    assert reached.isdisjoint({"waiting", "offered"})


def test_what_happens_is_one_version_on_and_what_changes_nothing_is_none() -> None:
    waiting = an_entry(a_wish(process="linking"))
    assert (waiting.after("leave").state, waiting.after("leave").version) == ("withdrawn", 2)
    assert waiting.after("confirm") == waiting
    with pytest.raises(Refused, match="in line no more") as refused:
        waiting.after("pass").after("leave")
    assert refused.value.code == "NOT_IN_LINE"


# --- who is served ---------------------------------------------------------------------------------------------------


def test_an_offer_is_a_hold_of_the_same_id_and_party_for_an_hour() -> None:
    bench = a_resource()
    entry = an_entry(a_wish(bench, 100))
    [(_, hold)] = offers([entry], [a_room(bench)], NOW)
    assert (hold.id, hold.party_id, hold.expires_at) == (entry.id, entry.party_id, NOW + timedelta(hours=1))
    assert SECONDS_TO_ANSWER == 3600
    offered = entry.offered(hold)
    assert (offered.state, offered.allocations, offered.expires_at) == ("offered", hold.allocations, hold.expires_at)


def test_room_goes_to_the_first_in_line_and_the_rest_to_the_next() -> None:
    bench = a_resource()
    first, second, third = (an_entry(a_wish(bench, quantity), n) for n, quantity in enumerate((300, 180, 1)))
    assert served([first, second, third], a_room(bench)) == [first.id, second.id]


def test_nobody_waits_behind_one_who_asks_for_more_than_there_is() -> None:
    bench = a_resource()
    large, small = an_entry(a_wish(bench, 300)), an_entry(a_wish(bench, 100), 1)
    assert served([large, small], a_room(bench, {1: 150})) == [small.id]


def test_a_quantity_is_split_over_days_of_one_resource_only_where_no_day_has_it_whole() -> None:
    bench = a_resource()
    entry = an_entry(a_wish(bench, 300, first=1, last=4))
    [(_, split)] = offers([entry], [a_room(bench, {1: 100, 2: 150, 3: 50, 4: 200})], NOW)
    assert [(part.day, part.quantity) for part in split.allocations] == [(day(1), 100), (day(2), 150), (day(3), 50)]
    [(_, whole)] = offers([entry], [a_room(bench, {1: 100, 2: 150, 3: 300, 4: 480})], NOW)
    assert [(part.day, part.quantity) for part in whole.allocations] == [(day(3), 300)]


def test_who_waits_for_a_process_gets_any_resource_that_sells_that_much_in_its_currency() -> None:
    francs = Money(50, "CHF")
    fits = a_resource(processes=["linking", "cutting"])
    others = [
        a_resource(processes=["cutting"]),
        a_resource(processes=["linking"], unit="pieces"),
        a_resource(processes=["linking"], minimum_quantity=101),
        a_resource(processes=["linking"], price_per_unit=francs, setup_price=francs),
    ]
    entry = an_entry(a_wish(process="linking", quantity=100))
    assert served([entry], *map(a_room, others)) == []
    [(_, hold)] = offers([entry], [*map(a_room, others), a_room(fits)], NOW)
    assert {part.resource_id for part in hold.allocations} == {fits.id}


@pytest.mark.parametrize("terms", [{"minimum_quantity": 50}, {"lot_multiple": 15}])
def test_nobody_is_offered_more_than_was_asked_for(terms: dict[str, int]) -> None:
    bench = a_resource(**terms)
    assert served([an_entry(a_wish(bench, 20))], a_room(bench)) == []


def test_what_is_sold_by_invitation_is_offered_to_the_invited() -> None:
    uninvited, invited = (an_entry(a_wish(process="lockstitch")) for _ in range(2))
    bench = a_resource(visibility="invited", invited=[invited.party_id])
    assert served([uninvited, invited], a_room(bench)) == [invited.id]


def test_what_would_cost_more_than_can_be_told_is_offered_to_nobody() -> None:
    dear, free = Money(10**9), Money(0)
    bench = a_resource(price_per_unit=dear, setup_price=free)
    assert served([an_entry(a_wish(bench, 3))], a_room(bench)) == []


def test_what_may_not_be_sold_to_one_is_left_to_the_next() -> None:
    """The room was looked at a day before it is offered, and one day has become too soon."""
    bench = a_resource()
    room = a_room(bench, {0: 100, 1: 100})
    soon, later = an_entry(a_wish(bench, 100, 0, 1)), an_entry(a_wish(bench, 100, 1, 1), 1)
    offered = offers([soon, later], [room], NOW + timedelta(days=1))
    assert [entry.id for entry, _ in offered] == [later.id]
    assert room.between(day(0), day(1)) == [100, 0]


QUANTITIES = st.integers(1, 200)
WISHES = st.tuples(st.sampled_from([0, 1, None]), QUANTITIES, st.integers(1, 3), st.integers(0, 2))


@given(
    wishes=st.lists(WISHES, max_size=8),
    free=st.lists(st.lists(st.integers(0, 200), min_size=3, max_size=3), min_size=2, max_size=2),
)
def test_in_its_turn_each_whom_something_fits_gets_it_whole(
    wishes: list[tuple[int | None, int, int, int]], free: list[list[int]]
) -> None:
    benches = [a_resource() for _ in range(2)]
    room = {
        (bench.id, day(n)): left for bench, days in zip(benches, free, strict=True) for n, left in enumerate(days, 1)
    }
    line = [
        an_entry(a_wish(_target(benches, which), quantity, first, min(3, first + more), **_process(which)), minute)
        for minute, (which, quantity, first, more) in enumerate(wishes)
    ]
    rooms = [a_room(bench, {n: room[bench.id, day(n)] for n in (1, 2, 3)}) for bench in benches]
    parts = {entry.id: hold.allocations for entry, hold in offers(line, rooms, NOW)}
    assert unfair(line, benches, room, parts) == []


def _target(benches: list[Resource], which: int | None) -> Resource | None:
    return None if which is None else benches[which]


def _process(which: int | None) -> dict[str, str]:
    return {"process": "lockstitch"} if which is None else {}


def test_the_oracle_of_fairness_finds_who_was_passed_over_oversold_or_served_otherwise_than_asked() -> None:
    bench = a_resource()
    first, second = an_entry(a_wish(bench, 100)), an_entry(a_wish(bench, 100), 1)
    free = {(bench.id, day(1)): 100}
    one = [bench.allocate(day(1), 100)]
    assert unfair([first, second], [bench], free, {first.id: one}) == []
    assert "passed over" in unfair([first, second], [bench], free, {second.id: one})[0]
    assert "oversold" in unfair([first, second], [bench], free, {first.id: one, second.id: one})[0]
    assert "was given" in unfair([first], [bench], free, {first.id: [bench.allocate(day(1), 99)]})[0]


# --- in vain ---------------------------------------------------------------------------------------------------------


def test_a_day_has_ended_everywhere_when_it_has_ended_twelve_hours_west_of_utc() -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert ended_everywhere(noon).isoformat() == "2026-03-01"
    assert ended_everywhere(noon - timedelta(seconds=1)).isoformat() == "2026-02-28"


@pytest.mark.parametrize(
    ("terms", "wish", "code"),
    [
        ({"minimum_quantity": 101}, {"quantity": 100}, "NOT_OFFERED"),
        ({"lot_multiple": 30}, {"quantity": 100}, "NOT_WHOLE_LOTS"),
        ({"notice_days": 5}, {"last": 4}, "TOO_SHORT_NOTICE"),
        ({}, {"quantity": 961, "first": 1, "last": 2}, "NOT_OFFERED"),
        ({}, {"first": 366, "last": 366}, "NOT_OFFERED"),
        ({}, {"first": -9, "last": -2}, "TOO_SHORT_NOTICE"),
    ],
)
def test_nobody_is_let_wait_for_what_never_comes(terms: dict[str, int], wish: dict[str, int], code: str) -> None:
    bench = a_resource(**terms)
    with pytest.raises(Refused) as refused:
        check_hope(a_wish(bench, **wish), bench, NOW)
    assert refused.value.code == code


def test_what_is_only_taken_may_be_waited_for() -> None:
    bench = a_resource(notice_days=2)
    check_hope(a_wish(bench, 960, first=1, last=3), bench, NOW)
    check_hope(a_wish(process="linking"), None, NOW)
