"""Logs of the platform's processes: each in a bounded file of its own, and together, prefixed, on the terminal."""

import logging
import sys
import threading
from logging.handlers import RotatingFileHandler
from typing import IO, TextIO

from libs.stack.home import Home

LARGEST = 8 << 20
"""Bytes of one log file; the one before is kept as `<name>.log.1`."""
COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)


class Logs:
    """Takes in what the processes write, a thread each: a slow terminal or disk delays that process alone."""

    def __init__(self, home: Home, *, echo: bool) -> None:
        """`echo=False`: what processes write goes to their files alone, as suits a supervisor without a terminal."""
        self._home = home
        self._echo = echo
        self._terminal: TextIO | None = sys.stdout
        self._colours: dict[str, int] = {}
        self._threads: dict[str, threading.Thread] = {}

    def follow(self, name: str, pipe: IO[bytes]) -> None:
        """Copy the pipe to the log of that name and to the terminal until it ends."""
        self.wait_for(name)
        self._threads[name] = threading.Thread(target=self._copy, args=(name, pipe), daemon=True)
        self._threads[name].start()

    def wait_for(self, name: str) -> None:
        """Wait until all that an ended process wrote is in its log."""
        if thread := self._threads.get(name):
            thread.join(timeout=2)

    def say(self, sentence: str, name: str = "filiera") -> None:
        """One line on the terminal, after the name of who says it."""
        if self._terminal is None:
            return
        colour = COLOURS[self._colours.setdefault(name, len(self._colours)) % len(COLOURS)]
        label = f"\033[{colour}m{name:>9}\033[0m" if self._terminal.isatty() else f"{name:>9}"
        try:
            print(f"{label} | {sentence}", file=self._terminal, flush=True)
        except OSError:  # the terminal is gone; the files still have it all
            self._terminal = None

    def _copy(self, name: str, pipe: IO[bytes]) -> None:
        file = RotatingFileHandler(self._home.log(name), maxBytes=LARGEST, backupCount=1, encoding="utf-8")
        with pipe:
            for line in pipe:
                text = line.decode(errors="replace").rstrip()
                file.emit(logging.LogRecord(name, logging.INFO, "", 0, text, None, None))
                if self._echo:
                    self.say(text, name)
        file.close()
