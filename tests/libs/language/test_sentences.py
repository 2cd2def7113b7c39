"""The reader of the source finds what can be said, in whatever form it is written."""

from pathlib import Path

import pytest

from tests.libs.language.sentences import Sentences


@pytest.mark.parametrize(
    ("source", "templates"),
    [
        ('raise Invalid("Send less.")', {"Send less."}),
        ('raise Refused("FULL", f"{name} has {free:,} left.")', {"{} has {} left."}),
        ('raise Conflict(code="X", detail="Wait.")', {"Wait."}),
        ('_SAID = "Wait."\nraise Conflict(_SAID)', {"Wait."}),
        ('def f():\n    said = "One." if a else f"{b} or two."\n    raise Conflict(said)', {"One.", "{} or two."}),
        ('WHY = {"A": "It is {stage}.", "B": "Over."}\nraise Conflict(WHY[c].format(stage=s))', {"It is {}.", "Over."}),
        ('def why(n):\n    return f"Over {n}."\nraise Conflict(why(3))', {"Over {}."}),
        ('def no(said):\n    raise Conflict(said)\nno("One.")\nno("Two.")', {"One.", "Two."}),
        ('def no(who="nobody"):\n    raise Conflict(f"For {who}.")', {"For nobody."}),
        (
            'def f():\n    who = "the buyer" if a else name\n    raise Conflict(f"For {who}.")',
            {"For the buyer.", "For {}."},
        ),
        (
            'for n, what in ((1, "long texts"), (2, "names")):\n    raise Conflict(f"No {what}.")',
            {"No long texts.", "No names."},
        ),
        (
            'def f():\n    for n, what in ((1, "a"), (2, "b")):\n        raise Conflict(f"No {what}.")',
            {"No a.", "No b."},
        ),
        ('raise Conflict(" ".join(f"{x} is over." for x in y))', {"{} is over."}),
        ("raise Conflict(str(error))", set()),
        ('log.info("nothing for callers")', set()),
        ('def f(x):\n    return f(x) or "Over."\nraise Conflict(f(1))', {"Over."}),
    ],
)
def test_what_is_said_is_found(tmp_path: Path, source: str, templates: set[str]) -> None:
    (tmp_path / "source.py").write_text(source)
    assert Sentences(str(tmp_path)).found().keys() == templates


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "source.py").write_text(
        'raise Conflict("Wait " + str(seconds))\nraise Conflict("Wait.")\nraise Gone("For ever.")'
    )
    assert Sentences(str(tmp_path)).unread() == [f"{tmp_path / 'source.py'}:1"]
    assert Sentences(str(tmp_path)).raised_otherwise() == {"Gone"}
