"""Ways to the same answer, measured side by side."""

import statistics
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping

import msgspec

Ask = Callable[[int], Awaitable[bytes]]
"""The answer for so many items."""


async def medians(
    ways: Mapping[str, Ask], size: int, *, rounds: int, each: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Median seconds of one answer, by way; `each` of every way in turn within every round."""
    took = defaultdict[str, list[float]](list)
    for _ in range(rounds):
        for name, ask in ways.items():
            began = clock()
            for _ in range(each):
                await ask(size)
            took[name].append((clock() - began) / each)
    return {name: statistics.median(times) for name, times in took.items()}


def agree(answers: list[bytes]) -> None:
    """All ways give the same answer, or the comparison would mean nothing."""
    found = [msgspec.json.decode(one)["data"] for one in answers]
    assert all(one == found[0] for one in found)
    assert len(found[0]["resources"]["edges"]) == 20
