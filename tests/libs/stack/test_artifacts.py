"""Files of a lock come from a repository once, and never other than the lock says."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from libs.stack import artifacts
from libs.stack.errors import StackError
from tests.libs.stack.clone import ROOT

JAR, ZIP = b"a jar" * 1000, b"a zip" * 1000


class Repository(ThreadingHTTPServer):
    """A Maven repository with two files, named in jgo's settings as the mirror of everything."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=folder))
        for name, content in (("thing-1.0.jar", JAR), ("thing-1.0.zip", ZIP)):
            file = folder / "org" / "example" / "thing" / "1.0" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        assert isinstance(self.server, Repository)
        if not self.path.endswith(".sha1"):
            self.server.asked.append(self.path.rpartition("/")[2])


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    with Repository(tmp_path / "repository") as made:
        Thread(target=made.serve_forever, daemon=True).start()
        (tmp_path / "jgo.conf").write_text(f"[repositories]\nmirror = http://127.0.0.1:{made.server_port}\n")
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        monkeypatch.setenv("FILIERA_CACHE", str(tmp_path / "cache"))
        yield made
        made.shutdown()


def lock_of(folder: Path, **contents: bytes) -> Path:
    """A lock that names a file of each packaging, with that content."""
    lock = folder / "jgo.lock.toml"
    entry = '[[dependencies]]\ngroupId = "org.example"\nartifactId = "thing"\nversion = "1.0"\n'
    lock.write_text(
        "".join(
            f'{entry}packaging = "{packaging}"\nsha256 = "{hashlib.sha256(content).hexdigest()}"\n'
            for packaging, content in contents.items()
        )
    )
    return lock


def test_files_are_fetched_once(repository: Repository, tmp_path: Path) -> None:
    lock = lock_of(tmp_path, jar=JAR, zip=ZIP)
    for _ in range(2):
        assert [path.read_bytes() for path in artifacts.fetch(lock)] == [JAR, ZIP]
    assert sorted(repository.asked) == ["thing-1.0.jar", "thing-1.0.zip"]


def test_a_file_that_broke_in_the_cache_is_fetched_again(repository: Repository, tmp_path: Path) -> None:
    lock = lock_of(tmp_path, jar=JAR, zip=ZIP)
    artifacts.fetch(lock)[0].write_bytes(JAR[:-1])
    assert artifacts.fetch(lock)[0].read_bytes() == JAR
    assert sorted(repository.asked) == ["thing-1.0.jar", "thing-1.0.jar", "thing-1.0.zip"]


def test_a_file_other_than_the_lock_says_is_refused_and_not_kept(repository: Repository, tmp_path: Path) -> None:
    lock = lock_of(tmp_path, jar=b"another jar")
    for _ in range(2):
        with pytest.raises(StackError, match=r"thing-1\.0\.jar came with the SHA-256 .* was not kept"):
            artifacts.fetch(lock)
    assert [path.name for path in artifacts.cache().iterdir()] == ["lock"]


def test_two_processes_at_once_fetch_once(repository: Repository, tmp_path: Path) -> None:
    lock = lock_of(tmp_path, jar=JAR, zip=ZIP)
    code = f"from pathlib import Path; from libs.stack.artifacts import fetch; fetch(Path({str(lock)!r}))"
    both = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) for _ in range(2)]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    assert sorted(repository.asked) == ["thing-1.0.jar", "thing-1.0.zip"]


def test_what_a_killed_process_left_is_swept_away(repository: Repository, tmp_path: Path) -> None:
    half = artifacts.cache() / "new-killed"
    half.mkdir(parents=True)
    (half / "thing-1.0.jar").write_bytes(JAR[:10])
    artifacts.fetch(lock_of(tmp_path, jar=JAR))
    assert not half.exists()


def test_without_a_network_there_is_a_sentence(repository: Repository, tmp_path: Path) -> None:
    repository.shutdown()
    repository.server_close()
    with pytest.raises(StackError, match=r"thing-1\.0\.jar could not be fetched .*: check the network"):
        artifacts.fetch(lock_of(tmp_path, jar=JAR))


def test_a_file_that_no_repository_has_is_said_so(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"thing-1\.0\.war could not be fetched"):
        artifacts.fetch(lock_of(tmp_path, war=JAR))


def test_a_cache_that_cannot_be_written_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILIERA_CACHE", "/proc/nowhere")
    with pytest.raises(StackError, match="Name another folder by FILIERA_CACHE"):
        artifacts.fetch(lock_of(tmp_path, jar=JAR))


def test_the_committed_lock_names_a_hash_for_each_file_and_no_host() -> None:
    lock = ROOT / "jgo.lock.toml"
    assert "://" not in lock.read_text()
    assert all(len(each.sha256) == 64 for each in artifacts.read(lock))
    assert len({each.path for each in artifacts.read(lock)}) == len(artifacts.read(lock))
