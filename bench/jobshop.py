"""How far joint plans are from the shortest there is: the classic job shops with known optimum (`jobshop.txt`).

A job is a lot of one piece, a machine a resource of its own process, a unit of time a day with one minute to sell: so a
machine does one thing at a time. `JOBSHOP_SECONDS=2,5` names the budgets, `JOBSHOP_ONLY=ft` the instances.
"""

import asyncio
import json
import os
import resource
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from uuid import UUID, uuid5

import numpy as np
from rich.console import Console
from rich.table import Table

from services.capacity.promise.plan import Plan
from services.capacity.promise.planner import at_once
from services.capacity.promise.question import Operation, Place, Question
from services.capacity.promise.shortlister import Sellers
from services.capacity.search.offers import FIGURES, Offers
from services.capacity.together.bound import bound
from services.capacity.together.child import Given
from services.capacity.together.city import City
from services.capacity.together.greedy import cut_out, greedy, window
from services.capacity.together.lots import Rooms
from services.capacity.together.optimiser import FOLDER, improved
from services.capacity.together.retrace import in_turn

FILE = Path(__file__).with_name("jobshop.txt")
SECONDS = [int(one) for one in os.environ.get("JOBSHOP_SECONDS", "2,5").split(",")]
ONLY = os.environ.get("JOBSHOP_ONLY", "")
WORKSHOP, DAY_0 = UUID(int=1), date(2026, 3, 2)
METHOD = (
    "Gap: how much longer than the shortest makespan, in percent. `greedy`: job by job in the order of the file, as"
    " POST /promises/together does it. `pass`: the better of that and the optimiser's pass, as there: it also has to"
    " plan by the rules and to see to the sum of all days. `CP-SAT`: the same solver with the textbook model and as"
    " many threads, nothing of ours. The planner may interrupt an operation and go on later, as workshops do from"
    " day to day; the known optimum and CP-SAT may not, so that a gap can be negative. `floor`: what `bound.py` says"
    " that no plan of ours can be shorter than. A budget is of wall time: on a busy machine less is done in it; what"
    " the processes had of the processor is in the last column, in seconds an instance, starting included."
)
Gaps = dict[tuple[str, str], list[float]]
"""Class and way -> percent."""


@dataclass(frozen=True)
class Instance:
    """For each job machines and durations in turn."""

    name: str
    optimum: int
    jobs: list[list[tuple[int, int]]]

    @property
    def size(self) -> str:
        """Jobs x machines."""
        return f"{len(self.jobs)} x {len(self.jobs[0])}"

    @property
    def longest(self) -> int:
        """No plan takes as long as one operation after the other."""
        return sum(lasts for job in self.jobs for _, lasts in job)


def instances() -> list[Instance]:
    """All of the file. Raises ValueError if a job does not visit each machine once."""
    lines = [line.split() for line in FILE.read_text().splitlines() if line and not line.startswith("#")]
    return list(_instances(iter(lines)))


def _instances(lines: Iterator[list[str]]) -> Iterator[Instance]:
    for name, jobs, machines, optimum in lines:
        found = [[int(one) for one in next(lines)] for _ in range(int(jobs))]
        if any(sorted(job[::2]) != list(range(int(machines))) for job in found):
            raise ValueError(f"{name}: a job does not visit each of {machines} machines once")
        yield Instance(name, int(optimum), [[*zip(job[::2], job[1::2], strict=True)] for job in found])


# --- as lots and resources -------------------------------------------------------------------------------------------


def lots(instance: Instance) -> list[Question]:
    """All at one place, from day 0 on."""
    routings = [
        tuple(Operation(process=f"machine_{machine}", run_minutes=lasts) for machine, lasts in job)
        for job in instance.jobs
    ]
    return [Question(party=WORKSHOP, pieces=1, routing=routing, place=Place(45, 9)) for routing in routings]


def machines(instance: Instance) -> Sellers:
    """A minute of each on each day."""
    return {(f"machine_{one}", "minutes"): _machine(one, instance.longest) for one in range(len(instance.jobs[0]))}


def _machine(number: int, days: int) -> Offers:
    def column(value: float, kind: type) -> np.ndarray:
        return np.array([value], kind)

    return Offers(
        ids=[uuid5(WORKSHOP, str(number))],
        sites=[WORKSHOP],
        workshops=[WORKSHOP],
        names=[f"Machine {number}"],
        first_day=DAY_0,
        cumulative=np.arange(days + 1, dtype=np.int32)[None],
        opens=column(0, np.int16),
        latitude=column(45, np.float32),
        longitude=column(9, np.float32),
        price=column(1, np.int32),
        setup=column(0, np.int32),
        minimum=column(1, np.int32),
        closes=column(min(days, 2**15 - 1), np.int16),
        lot=column(1, np.int32),
        least=column(0, np.int32),
        visibility=column(0, np.int8),
        invited=[frozenset()],
        work=[None],
        figures=np.zeros((len(FIGURES), 1), np.int32),
    )


def makespan(plans: Sequence[Plan]) -> int:
    """Days until all are ready."""
    return max((plan.on(plan.ready_day) - DAY_0).days for plan in plans) + 1


@dataclass
class Shop:
    """An instance, planned greedily."""

    instance: Instance
    plans: list[Plan] = field(init=False)
    floor: int = field(init=False)

    def __post_init__(self) -> None:
        self._city, self._lots = City(machines(self.instance)), lots(self.instance)
        self.plans = at_once(greedy(self._city, self._lots))
        self._near = window(self._city, self._lots, self.plans)
        self.floor = bound(*self._near).last_day + 1

    async def improved(self, seconds: int) -> list[Plan]:
        """By the pass, or as it was."""
        cut = at_once(cut_out(*self._near, self.plans, Rooms()))
        plans, _ = await improved(Given(cut, self.plans, in_turn(cut, self.plans), seconds))
        return plans or self.plans


# --- measuring -------------------------------------------------------------------------------------------------------


async def main() -> None:
    """Measure and print."""
    if not (FOLDER / "ortools").is_dir():
        print("OR-tools are not installed: `./filiera bench` does it.")
        return
    gaps, spent = defaultdict[tuple[str, str], list[float]](list), defaultdict[tuple[str, str], list[float]](list)
    shorter = 0
    for instance in instances():
        if instance.name.startswith(ONLY):
            for way, length, seconds in [found async for found in _ways(instance)]:
                gaps[instance.size, way].append(100 * (length / instance.optimum - 1))
                spent[instance.size, way].append(seconds)
                shorter += way != "floor" and length < instance.optimum
    _show(gaps, spent)
    print(f"In {shorter} cases an interrupted plan is shorter than any that is not.")
    Console().print(METHOD)


async def _ways(instance: Instance) -> "Iterator[tuple[str, int, float]]":
    shop = Shop(instance)
    yield "floor", shop.floor, 0.0
    yield "greedy", makespan(shop.plans), 0.0
    for seconds in SECONDS:
        began = _processor()
        length = makespan(await shop.improved(seconds))
        yield f"pass, {seconds} s", length, _processor() - began
        began = _processor()
        length = await _alone(instance, seconds)
        yield f"CP-SAT, {seconds} s", length, _processor() - began


def _processor() -> float:
    """Seconds that child processes have had."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def _alone(instance: Instance, seconds: int) -> int:
    """The makespan that the solver finds by itself; that of one after the other, if it finds none."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", Path(__file__).with_name("_cpsat.py"), str(seconds)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": str(FOLDER)},
    )
    async with asyncio.timeout(seconds + 60):
        answer, _ = await process.communicate(json.dumps(instance.jobs).encode())
    return int(answer) or instance.longest


def _show(gaps: Gaps, spent: Gaps) -> None:
    table = Table("jobs x machines", "instances", "way", "mean gap %", "worst gap %", "CPU s", title="Job shops")
    ways = list(dict.fromkeys(way for _, way in gaps))
    for size in dict.fromkeys(size for size, _ in gaps):
        for way in ways:
            found, seconds = gaps[size, way], statistics.mean(spent[size, way])
            numbers = f"{statistics.mean(found):.1f}", f"{max(found):.1f}", f"{seconds:.1f}" if seconds else ""
            table.add_row(size, str(len(found)), way, *numbers)
        table.add_section()
    for way in ways:
        every = [gap for (_, one), found in gaps.items() if one == way for gap in found]
        table.add_row("all", str(len(every)), way, f"{statistics.mean(every):.1f}", f"{max(every):.1f}", "")
    Console().print(table)


if __name__ == "__main__":
    asyncio.run(main())
