"""How a demo talks: numbered steps with who, what, what happened and how long, on a terminal or in a log."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from rich.console import Console
from rich.markup import escape

from libs.demo.client import DemoError

T = TypeVar("T")
Say = Callable[[str], None]
_PATIENCE = 20.0


def check(held: bool, otherwise: str) -> None:
    """Raise DemoError with what was seen unless the platform did what the story says."""
    if not held:
        raise DemoError(f"The platform did otherwise than the story says: {otherwise}")


def duration(seconds: float) -> str:
    """For people: 38 ms, 2.4 s."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


async def eventually(look: Callable[[], Awaitable[T]], good: Callable[[T], bool], otherwise: str) -> T:
    """The first of many looks that is good: events take a moment. Raises DemoError with the last one when none is."""
    until = time.monotonic() + _PATIENCE
    while not good(seen := await look()):
        check(time.monotonic() < until, f"{otherwise}, and after {_PATIENCE:g} s it is: {seen}")
        await asyncio.sleep(0.05)
    return seen


class Stage:
    """Numbers the steps and prints each when it is over, failed or not."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.steps = 0

    @asynccontextmanager
    async def step(self, who: str, what: str) -> AsyncIterator[Say]:
        """One step; what is said inside is printed below it."""
        self.steps += 1
        said: list[str] = []
        began, verdict = time.monotonic(), "[red]failed[/] "
        try:
            with self.console.status(f"{escape(who)} {escape(what)}"):
                yield said.append
            verdict = ""
        finally:
            took = f"[dim]({duration(time.monotonic() - began)})[/]"
            self.console.print(f"[dim]{self.steps:2}[/] {verdict}[bold]{escape(who)}[/] {escape(what)} {took}")
            for line in said:
                self.console.print(f"     {escape(line)}")
