"""The folder an instance lives in: its data, sockets, logs and keys. Nothing outside it is changed."""

import fcntl
import hashlib
import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from libs.stack.errors import StackError

DEFAULT = Path(__file__).absolute().parents[2] / ".filiera"
# A unix socket's path has 107 bytes; ours end in "/postgres/.s.PGSQL.5432".
LONGEST_SOCKET_FOLDER = 107 - len("/postgres/.s.PGSQL.5432")


class Home:
    """Paths of one instance: postgres, valkey, kafka, run (lock, state, sockets), logs, issuer."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self.postgres = self.path / "postgres"
        self.valkey = self.path / "valkey"
        self.kafka = self.path / "kafka"
        self.run = self.path / "run"
        self.logs = self.path / "logs"
        self.issuer = self.path / "issuer"
        self.state = self.run / "state.json"
        self.sockets = self.run if len(os.fsencode(self.run)) <= LONGEST_SOCKET_FOLDER else self._short_folder()

    def _short_folder(self) -> Path:
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"filiera-{os.geteuid()}-{digest}"

    @property
    def option(self) -> str:
        """What a command needs, to be for this instance: nothing, or " --home DIR" as a shell takes it."""
        return "" if self.path == DEFAULT else f" --home {shlex.quote(str(self.path))}"

    def log(self, name: str) -> Path:
        """Where the process of that name writes its log."""
        return self.logs / f"{name}.log"

    def make(self) -> None:
        """Make the folders, private to this user. Raises StackError if they belong to somebody else."""
        try:
            for folder in (self.path, self.valkey, self.run, self.logs, self.issuer):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StackError(
                f"cannot make {error.filename}: {error.strerror}. Choose a folder of yours with --home"
            ) from error
        if not os.access(self.run, os.W_OK):
            raise StackError(f"{self.path} belongs to another user: run as that user, or choose a folder with --home")

    def make_sockets(self) -> None:
        """Make the folder of the sockets, private to this user."""
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        found = self.sockets.lstat()
        # A temp folder is everybody's: somebody could have made this name first, to listen in our place.
        if found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise StackError(f"{self.sockets} is not a private folder of this user: remove it and start again")

    def tidy(self) -> None:
        """Remove what was made outside the home."""
        if self.sockets != self.run:
            shutil.rmtree(self.sockets, ignore_errors=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold this home for one supervisor; StackError if another has it. The kernel lets go when the holder dies."""
        with (self.run / "lock").open("a") as lock:
            for pause in (0.1, 0.3, 0.0):  # `is_locked` of another command may have it for a moment
                if _lock(lock):
                    break
                time.sleep(pause)
            else:
                raise self._taken()
            yield

    def check_free(self) -> None:
        """Raise StackError if a supervisor is running here."""
        if self.is_locked():
            raise self._taken()

    def _taken(self) -> StackError:
        return StackError(
            f"Filiera is already running in {self.path}: `./filiera status{self.option}` shows it,"
            f" `./filiera down{self.option}` stops it, another --home and --port start a second one"
        )

    def is_locked(self) -> bool:
        """Whether a supervisor is running here."""
        if not (self.run / "lock").exists():
            return False
        with (self.run / "lock").open("a") as lock:
            return not _lock(lock)


def _lock(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def set_aside(data: Path) -> None:
    """A folder that no server could start with, as it is half-made; still, it is not ours to delete."""
    if not any(data.iterdir()):
        data.rmdir()
        return
    aside = data.with_name(f"{data.name}.broken-{time.strftime('%Y%m%d-%H%M%S')}")
    data.rename(aside)
    print(f"filiera: {data} is half-made: set aside as {aside.name}, and made again", file=sys.stderr)
