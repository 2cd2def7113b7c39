"""The checker of long histories: it lets pass what was possible, and finds what was not."""

from dataclasses import replace

import pytest

from libs.kit.ids import new_id
from tests.services.capacity.linear import Did, Op
from tests.services.capacity.witness import Asked, Event, Witness

A, B, C = new_id(), new_id(), new_id()
EVENTS = [
    Event(1.5, A, "hold_placed", (-6, 0)),
    Event(2.5, B, "hold_placed", (-4, -4)),
    Event(3.5, A, "hold_released", (6, 0)),
    Event(5.5, B, "hold_expired", (4, 4)),
]
HISTORY = [
    Asked(Op(1, 2, Did((6, 0), "granted")), "hold_placed", A),
    Asked(Op(2, 3, Did((4, 4), "granted")), "hold_placed", B),
    Asked(Op(2.6, 3, Did((1, 0), 0)), "hold_placed", None),
    Asked(Op(3, 4, Did((6, 0), "released")), "hold_released", A),
    Asked(Op(4, 5, Did((6, 7), 6)), "hold_placed", None),
]


def found(events: list[Event], history: list[Asked]) -> list[str]:
    return [what for what, times in Witness((10, 10), events, 0.01).faults(history).items() if times]


def test_a_history_that_its_events_explain_has_no_faults() -> None:
    assert found(EVENTS, HISTORY) == []


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (Asked(Op(1, 2, Did((1, 0), 3)), "hold_placed", None), "refusals that no state explains"),
        (Asked(Op(5, 6, Did((1, 0), 0)), "hold_placed", None), "refusals that no state explains"),
        (Asked(Op(2.6, 3, Did((0, 7), 4)), "hold_placed", None), "refusals that no state explains"),
        (Asked(Op(1.6, 2, Did((6, 0), "granted")), "hold_placed", A), "changes that were not between"),
        (Asked(Op(5, 6, Did((4, 4), "released")), "hold_released", B), "changes that were not between"),
        (Asked(Op(1, 2, Did((6, 0), "granted")), "hold_placed", C), "changes that were not between"),
    ],
)
def test_an_answer_that_was_not_possible_is_found(bad: Asked, fault: str) -> None:
    assert [what for what in found(EVENTS, [*HISTORY, bad]) if what.startswith(fault)]


def test_a_hold_that_takes_more_than_there_is_is_found() -> None:
    greedy = [*EVENTS[:2], Event(2.6, C, "hold_placed", (-1, 0)), *EVENTS[2:]]
    unheard = Asked(Op(2, float("inf"), Did((1, 0), "unheard")), "hold_placed", None)
    assert "states in which more is taken than there is" in found(greedy, [*HISTORY, unheard])


def test_a_hold_that_nobody_asked_for_is_found() -> None:
    assert found([*EVENTS, Event(9, C, "hold_placed", (-1, 0))], HISTORY) == ["holds that nobody asked for"]


def test_events_of_a_bucket_that_are_out_of_order_are_found() -> None:
    late = [EVENTS[0], replace(EVENTS[2], at=2.4), replace(EVENTS[1], at=2.3), EVENTS[3]]
    assert "events of a bucket out of order" in found(late, HISTORY)
