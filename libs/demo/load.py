"""Loads a made-up Milan through the import mutations of the public API, as a hub. Loading again skips what is there."""

import asyncio
import base64
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from libs.demo.client import Actor, DemoError, Json, Platform
from libs.demo.milan import firms
from libs.demo.stage import duration
from libs.demo.story import SEEN

_HUB = UUID("00000000-0000-4000-8000-6d696c616e6f")
_BATCH = 250
_AT_ONCE = 3
_VISIBLE_WITHIN = 300.0
_NOTE_EVERY = 5.0
COUNTS = "accepted skipped"


async def load(platform: Platform, console: Console, count: int, seed: int) -> None:
    """Load that many firms and wait until all can be read back. Raises DemoError with the reason it cannot."""
    hub = platform.actor("hub", "Milano", party=_HUB)
    city = list(firms(count, seed))
    parties = [firm.party for firm in city]
    resources = [resource for firm in city for resource in firm.resources]
    began = time.monotonic()
    known = 0
    for label, mutation, items in (("firms", "importParties", parties), ("resources", "importResources", resources)):
        with meter(console, label, len(items)) as advance:
            known += await _import(hub, mutation, "parties" if label == "firms" else label, items, advance)
    for kind, items in (("Party", parties), ("Resource", resources)):
        await _seen(hub, [global_id(kind, item["id"]) for item in items[_BATCH - 1 :: _BATCH] + items[-1:]])
    took = time.monotonic() - began
    workshops = sum(party["kind"] == "WORKSHOP" for party in parties)
    console.print(
        f"[bold]{count:,} firms[/], {workshops:,} of them workshops, and {len(resources):,} resources with a year of"
        f" calendar can be booked after {duration(took)} ({count / took:,.0f} firms a second);"
        f" {known:,} of these {count + len(resources):,} were there already"
    )


async def _import(hub: Actor, mutation: str, field: str, items: list[Json], advance: Callable[[int], None]) -> int:
    """Send the items in batches, a few at once; how many were known already."""
    batches = iter([items[start : start + _BATCH] for start in range(0, len(items), _BATCH)])
    skipped = 0

    async def work() -> None:
        nonlocal skipped
        for batch in batches:
            done = await hub.do(mutation, COUNTS, {field: batch})
            skipped += done["skipped"]
            advance(len(batch))

    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(_AT_ONCE):
                workers.create_task(work())
    except* DemoError as failed:
        raise failed.exceptions[0] from None
    return skipped


async def _seen(hub: Actor, ids: list[str]) -> None:
    """Wait until the gateway's read model shows the last of every batch."""
    until = time.monotonic() + _VISIBLE_WITHIN
    for each in ids:
        while (await hub.ask(SEEN, id=each))["node"] is None:
            if time.monotonic() > until:
                raise DemoError("The gateway does not show all that was loaded: ./filiera status shows who is behind")
            await asyncio.sleep(0.25)


def global_id(kind: str, identity: str) -> str:
    """The id of a node in the API (Relay)."""
    return base64.b64encode(f"{kind}:{identity}".encode()).decode()


@contextmanager
def meter(console: Console, label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Shows progress with a rate: a bar on a terminal, in a log a line every few seconds. Yields what to call."""
    began = noted = time.monotonic()
    done = 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, TextColumn("{task.fields[rate]}"), console=console, disable=not console.is_terminal)
    task = bar.add_task(label, total=total, rate="")

    def advance(more: int) -> None:
        nonlocal done, noted
        done, now = done + more, time.monotonic()
        rate = f"{done / max(now - began, 1e-3):,.0f} a second"
        bar.update(task, advance=more, rate=rate)
        if not console.is_terminal and (now - noted >= _NOTE_EVERY or done == total):
            noted = now
            console.print(f"{label}: {done:,} of {total:,} ({rate})")

    with bar:
        yield advance
