"""A cursor names a place that only its list takes."""

from dataclasses import dataclass
from uuid import UUID

import pytest

from libs.read_models.listing import Listing, NoPlaceError

BY_NAME = Listing("catalog.site", ("name", "id"), descending=False)


@dataclass(frozen=True)
class Item:
    name: str
    id: UUID


ITEM = Item("003", UUID(int=3))


def test_a_cursor_names_the_place_of_its_item() -> None:
    assert BY_NAME.place(BY_NAME.cursor(ITEM)) == ("003", str(UUID(int=3)))


def test_a_cursor_is_what_it_always_was() -> None:
    """Clients keep them."""
    known = "WyJjYXRhbG9nLnNpdGUiLCIwMDMiLCIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDMiXQ=="
    assert BY_NAME.cursor(ITEM) == known


@pytest.mark.parametrize("cursor", ["x", "W10=", "bnVsbA==", "WyJjYXRhbG9nLnNpdGUiXQ==", "é", "=", "A" * 50_000])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(NoPlaceError):
        BY_NAME.place(cursor)


def test_a_cursor_of_another_list_or_another_order_is_refused() -> None:
    for other in (Listing("catalog.party", ("name", "id")), Listing("catalog.site")):
        with pytest.raises(NoPlaceError):
            BY_NAME.place(other.cursor(ITEM))
