"""Pieces to a resource's units and back: exact, whatever the trade."""

from dataclasses import replace
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.capacity.domain.work import Work, lot, quantity, spread
from tests.services.capacity.promise_work import made

CUTTING = Work(run=1, pieces=5, setup=4 * 5 + 1)
"""Shoe leather in the teaching case "Stonehaven, Inc.": four dies, each changed in 5.25 minutes, 0.05 a stroke."""
works = st.builds(
    Work,
    run=st.integers(1, 50),
    pieces=st.integers(1, 50),
    setup=st.integers(0, 60),
    cleanup=st.integers(0, 30),
    changes=st.dictionaries(st.sampled_from(["colour", "thread"]), st.integers(0, 45)),
    efficiency_percent=st.integers(20, 120),
    ramp_percent=st.lists(st.integers(20, 110), max_size=5),
    lot_multiple=st.integers(1, 12),
    minimum_pieces=st.integers(1, 30),
)
days = st.lists(st.integers(0, 480), max_size=30)


def test_a_sewing_floor_of_29268_standard_minutes_makes_1463_shirts() -> None:
    # Five lines of 480 minutes, 10 % absent, each of its own efficiency; a shirt of 20 standard minutes. The worked
    # example of Online Clothing Study, "Formula for calculating sewing room capacity" (2012).
    lines = [(30, 40), (28, 50), (32, 55), (32, 45), (25, 39)]
    attended = [(operators * 480 * 90 // 100, efficiency) for operators, efficiency in lines]
    shirts = [Fraction(minutes * percent, 100) / 20 for minutes, percent in attended]
    assert sum(shirts) * 20 == 29_268
    assert floor(sum(shirts)) == 1463
    each = [made(Work(run=20, efficiency_percent=percent), [minutes]) for minutes, percent in attended]
    assert each == [floor(pieces) for pieces in shirts]


@pytest.mark.parametrize(("pairs", "minutes", "a_shift"), [(10, 23, 209), (100, 41, 1170)])
def test_a_small_lot_of_shoes_costs_four_fifths_of_a_shift(pairs: int, minutes: int, a_shift: int) -> None:
    # The case reckons lots that go on over the end of the shift, to a tenth: 480 / 23 = 20.9 lots, 480 / 41 = 11.7.
    assert quantity(CUTTING, pairs) == minutes
    assert round(round(480 / quantity(CUTTING, pairs), 1) * pairs) == a_shift


def test_lots_that_end_with_the_shift_are_fewer() -> None:
    assert [480 // quantity(CUTTING, pairs) * pairs for pairs in (10, 100)] == [200, 1100]


def test_units_of_any_trade_are_exact() -> None:
    burn_out, dye_bath = Work(run=1, pieces=12), Work(run=2, pieces=5, lot_multiple=10)
    assert [quantity(burn_out, pieces) for pieces in (1, 12, 13)] == [1, 1, 2]  # flasks
    assert quantity(dye_bath, lot(dye_bath, 101)) == 44  # kg: 110 pieces of 400 g


@pytest.mark.parametrize(("asked", "pieces"), [(1, 24), (24, 24), (25, 36), (36, 36)])
def test_pieces_are_made_in_multiples_and_never_below_the_minimum(asked: int, pieces: int) -> None:
    assert lot(Work(run=1, lot_multiple=12, minimum_pieces=20), asked) == pieces


def test_what_changes_costs_once_and_only_what_changes() -> None:
    linking = Work(run=3, setup=10, cleanup=5, changes={"gauge": 40, "colour": 8})
    plain = quantity(linking, 10)
    assert plain == 10 + 5 + 30
    assert quantity(linking, 10, ["colour"]) == plain + 8
    assert quantity(linking, 10, ["colour", "gauge", "colour", "weather"]) == plain + 48


def test_a_line_learns_new_work_in_its_first_days() -> None:
    style = Work(run=20, ramp_percent=[50, 80])
    assert made(style, [480]) == 12
    assert made(style, [480, 480, 480]) == 12 + 19 + 24 == floor(480 * Fraction(50 + 80 + 100, 100) / 20)
    assert spread(style, 55, [480] * 9) == [480, 480, 476]


@given(works, st.integers(1, 300), days, st.sets(st.sampled_from(["colour", "thread"])))
def test_there_and_back_again_is_no_piece_too_few_and_no_unit_too_many(
    work: Work, asked: int, free: list[int], changed: set[str]
) -> None:
    pieces = lot(work, asked)
    taken = spread(work, pieces, free, changed)
    if not taken:
        assert made(work, free, changed) < pieces
        return
    assert all(part <= room for part, room in zip(taken, free, strict=False))
    assert taken[:-1] == free[: len(taken) - 1]
    assert made(work, taken, changed) >= pieces
    assert made(work, [*taken[:-1], taken[-1] - 1], changed) < pieces


@given(works, st.integers(1, 300))
def test_a_day_with_room_for_all_takes_the_quantity_of_the_lot(work: Work, pieces: int) -> None:
    whole = quantity(work, pieces)
    assert spread(work, pieces, [whole]) == [whole]
    assert spread(work, pieces, [whole - 1]) == []


@given(works, st.integers(1, 300))
def test_a_lower_efficiency_never_takes_less(work: Work, pieces: int) -> None:
    slower = replace(work, efficiency_percent=work.efficiency_percent - 10)
    assert quantity(slower, pieces) >= quantity(work, pieces)


@pytest.mark.parametrize(
    "wrong",
    [
        {"run": 0},
        {"pieces": 0},
        {"setup": -1},
        {"changes": {"colour": -1}},
        {"efficiency_percent": 0},
        {"ramp_percent": [0]},
        {"ramp_percent": [100] * 61},
        {"transfer_batch": 0},
        {"lot_multiple": 0},
        {"elapsed_minutes": -1},
    ],
)
def test_work_that_makes_no_sense_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(Work(run=1), **wrong)
