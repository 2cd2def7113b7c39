"""Files of a jgo lock (jars, zips), fetched once into a cache and checked against their SHA-256 at every use."""

import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from libs.stack.errors import StackError

AT_ONCE = 8
PATIENCE = 30
"""Seconds that a repository may be silent."""

T = TypeVar("T")


@dataclass(frozen=True)
class Artifact:
    """A file that a lock names."""

    group: str
    name: str
    version: str
    packaging: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where it is kept, once it is there."""
        return cache() / f"{self.name}-{self.version}.{self.packaging}"


def cache() -> Path:
    """The folder of what was fetched: FILIERA_CACHE, or `filiera` in the user's own cache folder."""
    users = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("FILIERA_CACHE") or Path(users, "filiera")).expanduser().absolute() / "artifacts"


def read(lock: Path) -> list[Artifact]:
    """What a lock names, in its order."""
    fields = ("groupId", "artifactId", "version", "packaging", "sha256")
    return [Artifact(*(each[field] for field in fields)) for each in tomllib.loads(lock.read_text())["dependencies"]]


def fetch(lock: Path) -> list[Path]:
    """Every artifact of the lock, whole and checked. What is missing or broken is fetched, by one process at a time.

    Raises StackError if it cannot be had, or is not what the lock says; nothing unchecked is ever in the cache.
    """
    wanted = read(lock)
    if any(map(_is_missing, wanted)):
        with _alone():
            if missing := [each for each in wanted if _is_missing(each)]:
                _fetch(missing, lock)
    return [each.path for each in wanted]


def _is_missing(artifact: Artifact) -> bool:
    return not artifact.path.is_file() or _sha256(artifact.path) != artifact.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the cache; a second process waits here, and then finds all there."""
    try:
        cache().mkdir(parents=True, exist_ok=True)
        lock = (cache() / "lock").open("a")
    except OSError as error:
        raise StackError(
            f"cannot write to {cache()}: {error.strerror}. Name another folder by FILIERA_CACHE"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("filiera: another process is fetching: waiting for it", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(missing: list[Artifact], lock: Path) -> None:
    for left in cache().glob("new-*"):  # by one that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="new-", dir=cache()) as drafts:
        repository = _repository(Path(drafts))
        with ThreadPoolExecutor(AT_ONCE) as threads:
            fetching = [threads.submit(_fetch_one, each, repository, lock) for each in missing]
            try:
                for done in _with_progress(as_completed(fetching), len(fetching), lock):
                    done.result()
            except BaseException:
                threads.shutdown(cancel_futures=True)
                raise


def _repository(drafts: Path) -> Any:
    """Where artifacts come from: the mirrors of the user's jgo settings, or the central repository that jgo knows."""
    try:
        from jgo.config import GlobalSettings
        from jgo.maven import MavenContext
    except ModuleNotFoundError as error:
        raise StackError("the package jgo is missing: `./filiera up --kafka apache` installs it") from error
    mirrors = GlobalSettings.load().repositories
    return MavenContext(repo_cache=drafts, remote_repos=mirrors or None, timeout=PATIENCE)


def _fetch_one(artifact: Artifact, repository: Any, lock: Path) -> None:
    component = repository.project(artifact.group, artifact.name).at_version(artifact.version)
    try:
        draft = Path(component.artifact(packaging=artifact.packaging).resolve())
    except (OSError, RuntimeError) as error:  # those of requests are OSErrors
        raise StackError(
            f"{artifact.path.name} could not be fetched ({type(error).__name__}): check the network (HTTPS_PROXY; a"
            " mirror of Maven artifacts is named in ~/.config/jgo.conf), then run the same command again"
        ) from error
    if (found := _sha256(draft)) != artifact.sha256:
        raise StackError(
            f"{artifact.path.name} came with the SHA-256 {found[:12]}… and {lock.name} says {artifact.sha256[:12]}…:"
            " it was not kept. A proxy or a mirror may have changed it: ask whoever runs that"
        )
    draft.replace(artifact.path)


def _with_progress(done: Iterable[T], total: int, lock: Path) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    if console.is_terminal:
        yield from track(done, f"fetching {total} files of {lock.name}", total=total, console=console)
        return
    print(f"filiera: fetching {total} files of {lock.name}, each checked against its SHA-256", file=sys.stderr)
    yield from done
