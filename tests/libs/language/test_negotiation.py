"""Which language is asked for (RFC 9110, section 12.5.4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.language import preferred


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("it", "it"),
        ("IT", "it"),
        ("it-CH", "it"),
        ("it-Latn-IT, en;q=0.9", "it"),
        ("en, it", "en"),
        ("it, en", "it"),
        ("it;q=0.4, en;q=0.5", "en"),
        ("en;q=0.4, it;q=0.5", "it"),
        ("en;q=0.4,it ; q=0.5", "it"),
        ("fr, it;q=0.1", "it"),
        ("fr, de", "en"),
        ("*", "en"),
        ("it;q=0.5, *", "en"),
        ("en;q=0.5, *", "it"),
        ("it;q=0, *;q=0.1", "en"),
        ("en;q=0, *;q=0.1", "it"),
        ("it;q=0", "en"),
        ("it;q=0.000, en;q=0", "en"),
        ("it;q=1.000", "it"),
        ("it;q=2", "en"),
        ("it;q=1.5, en;q=0.1", "en"),
        ("it;q=0.1234", "en"),
        ("it;q=.5", "en"),
        ("it;level=1", "en"),
        ("it\t;\tQ=0.5", "it"),
        ("it-CH;q=0, it;q=0.5", "it"),
        ("it;q=0.5, *;q=0.5", "it"),
        ("*, it", "it"),
        ("it;q=x, en;q=0.1", "en"),
        (";;,,it", "it"),
        ("italian", "en"),
        ("it-IT, it;q=0.9, en-US;q=0.8, en;q=0.7", "it"),
        ("en-US, en;q=0.9, it;q=0.8", "en"),
    ],
)
def test_the_language_that_is_liked_best(header: str | None, language: str) -> None:
    assert preferred(header) == language


def test_a_header_that_is_far_too_long_asks_for_nothing() -> None:
    assert preferred("it," + "de," * 100) == "it"
    assert preferred("it," + "de," * 1_000) == "en"


@given(st.text(max_size=1_000))
def test_whatever_is_sent_asks_for_a_language(header: str) -> None:
    assert preferred(header) in {"en", "it"}
