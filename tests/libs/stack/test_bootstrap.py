"""The `filiera` script in a clone whose locked requirements are none, so that nothing is downloaded."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.libs.stack.clone import ROOT

WITHOUT_VENV = (
    "import importlib.util as u, runpy; find = u.find_spec;"
    " u.find_spec = lambda name, *a: None if name == 'ensurepip' else find(name, *a);"
    " runpy.run_path({path!r}, run_name='__main__')"
)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A clone with the script and a `libs.stack` that prints what it was given."""
    stack = tmp_path / "libs" / "stack"
    stack.mkdir(parents=True)
    (stack / "__main__.py").write_text("import os, sys\nprint(os.getcwd(), sys.argv[1:])\n")
    for lock in (
        "requirements.lock",
        "requirements-stack.lock",
        "requirements-kafka.lock",
        "requirements-optimiser.lock",
    ):
        (tmp_path / lock).write_text("# none\n")
    return Path(shutil.copy(ROOT / "filiera", tmp_path))


def run(*command: str | Path, cwd: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], **extra},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_environment_is_made_once_and_again_when_half_made_or_the_lock_has_changed(script: Path) -> None:
    for spoil in ("nothing", "stamp", "requirements.lock", "requirements-stack.lock"):
        if spoil == "stamp":
            (script.parent / ".venv" / "requirements.lock.sha256").unlink()
        if spoil.endswith(".lock"):
            (script.parent / spoil).write_text("# still none\n")
        made = run(script, "up", "--port", "1", cwd=Path("/"))
        assert "making" in made.stderr, made.stderr
        assert made.stdout == "/ ['up', '--port', '1']\n"
        again = run(script, cwd=Path("/"))
        assert (again.stdout, again.stderr) == ("/ []\n", "")


@pytest.mark.parametrize("option", [["--kafka", "apache:3"], ["--kafka=apache"]])
def test_java_is_installed_only_for_those_who_ask_for_it(script: Path, option: list[str]) -> None:
    stamp = script.parent / ".venv" / "requirements-kafka.lock.sha256"
    run(script, "up", "--kafka", "host:9092", cwd=script.parent)
    assert not stamp.exists()
    asked = run(script, "up", *option, cwd=script.parent)
    assert "requirements-kafka.lock" in asked.stderr
    assert stamp.exists()


def test_or_tools_are_installed_only_for_those_who_ask_for_them_and_by_themselves(script: Path) -> None:
    lock, folder = script.parent / "requirements-optimiser.lock", script.parent / ".venv" / "optimiser"
    run(script, "up", cwd=script.parent)
    (stamp := script.parent / ".venv" / f"{lock.name}.sha256").write_text("of an older lock")
    folder.mkdir()
    (folder / "old.py").touch()
    asked = run(script, "up", "--optimiser", cwd=script.parent)
    assert asked.stdout.endswith(" ['up', '--optimiser']\n")
    assert "requirements-optimiser.lock, each checked" in asked.stderr
    assert not (folder / "old.py").exists()
    again = run(script, "up", "--optimiser", cwd=script.parent)
    assert (stamp.exists(), again.stderr) == (True, "")


def test_two_at_once_install_once(script: Path) -> None:
    both = [
        subprocess.Popen(
            [sys.executable, script],
            env={"PATH": os.environ["PATH"]},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    told = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("making" in err for _, err in told) == 1


def test_a_python_without_venv_says_what_to_install(script: Path) -> None:
    done = run("-c", WITHOUT_VENV.format(path=str(script)), cwd=script.parent)
    assert done.returncode == 1
    assert "sudo apt install python3-venv" in done.stderr
    assert not (script.parent / ".venv").exists()


def test_an_environment_that_is_only_linked_to_is_not_emptied(
    script: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    others = tmp_path_factory.mktemp("others")
    (others / "kept").touch()
    (script.parent / ".venv").symlink_to(others)
    done = run(script, cwd=script.parent)
    assert done.returncode == 1
    assert "is a link to" in done.stderr
    assert (others / "kept").exists()


def test_a_download_that_fails_gets_a_sentence_and_is_tried_again_next_time(script: Path) -> None:
    lock = script.parent / "requirements.lock"
    lock.write_text(f"filiera-of-nowhere==1.0 --hash=sha256:{'0' * 64}\n")
    for _ in range(2):
        done = run(script, cwd=script.parent, PIP_NO_INDEX="1")
        assert done.returncode == 1
        assert "could not be installed: No matching distribution" in done.stderr
        assert "Traceback" not in done.stderr
