"""The committed schema is the one that is served, and it still serves who was built against the last release."""

from pathlib import Path

import pytest

from services.gateway import sdl

GONE = "Field Viewer.role was removed."
ROLE = '  """What the party does on the platform."""\n  role: PartyKind!\n\n'


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The committed files, to be written elsewhere."""
    for name in ("PATH", "RELEASED", "ALLOWED"):
        there = tmp_path / name
        there.write_text(getattr(sdl, name).read_text())
        monkeypatch.setattr(sdl, name, there)
    return tmp_path


@pytest.mark.parametrize("how", ["--check", "--compat"])
def test_the_committed_schema_is_the_generated_one_and_breaks_nobody(how: str) -> None:
    assert sdl.main([how]) == 0


def test_a_schema_of_before_is_noticed_and_written_again(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sdl.PATH.write_text("type Query { old: Int }")
    assert sdl.main(["--check"]) == 1
    assert "run `python -m services.gateway.sdl`" in capsys.readouterr().err
    assert (sdl.main([]), sdl.main(["--check"])) == (0, 0)


def test_what_breaks_a_client_is_no_release_until_it_is_allowed(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    was, less = sdl.generated(), sdl.generated().replace(ROLE, "")
    sdl.RELEASED.write_text(was)
    monkeypatch.setattr(sdl, "generated", lambda: less)
    for how in ("--compat", "--release"):
        assert sdl.main([how]) == 1
        assert capsys.readouterr().err.startswith(GONE)
    assert sdl.RELEASED.read_text() == was
    sdl.ALLOWED.write_text(GONE)
    assert sdl.main(["--release"]) == 0
    assert (sdl.RELEASED.read_text(), sdl.ALLOWED.read_text()) == (less, "")
