"""What is said of a program that ended."""

from pathlib import Path

import pytest

from libs.stack.child import last_line


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (
            "info    here\nerror   FILIERA_X is wrong.\nerror   Application startup failed. Exiting.\n",
            "FILIERA_X is wrong.",
        ),
        ("ValueError: no\n\n", "ValueError: no"),
        ("", "it said nothing"),
    ],
)
def test_the_reason_is_quoted_and_not_the_servers_own_word_for_it(tmp_path: Path, log: str, said: str) -> None:
    path = tmp_path / "log"
    path.write_text(log)
    assert last_line(path) == said
    assert last_line(tmp_path / "none") == "it said nothing"
