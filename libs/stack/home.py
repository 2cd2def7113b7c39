"""The folder an instance lives in: its data, sockets, logs and keys. Nothing outside it is changed."""

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from libs.stack.errors import StackError

# A unix socket's path has 107 bytes; ours end in "/postgres/.s.PGSQL.5432".
LONGEST_SOCKET_FOLDER = 107 - len("/postgres/.s.PGSQL.5432")


class Home:
    """Paths of one instance: postgres, valkey, run (lock, state, sockets), logs, issuer."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self.postgres = self.path / "postgres"
        self.valkey = self.path / "valkey"
        self.run = self.path / "run"
        self.logs = self.path / "logs"
        self.issuer = self.path / "issuer"
        self.state = self.run / "state.json"
        self.sockets = self.run if len(os.fsencode(self.run)) <= LONGEST_SOCKET_FOLDER else self._short_folder()

    def _short_folder(self) -> Path:
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"filiera-{os.geteuid()}-{digest}"

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
                raise StackError(
                    f"Filiera is already running in {self.path}: `./filiera status` shows it, `./filiera down` stops"
                    " it, --home and --port start a second one"
                )
            yield

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
