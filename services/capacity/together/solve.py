"""A task given to CP-SAT of OR-tools."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ortools.sat.python import cp_model

from services.capacity.together.lots import Move
from services.capacity.together.model import Choice, Task

WORKERS = 4
"""Threads of the solver: fewer find less, more want more memory."""
FOR_THE_FIRST = 0.75
"""Of the time, for what is wanted before all, if that is not proven sooner."""


@dataclass(frozen=True)
class _Operation:
    start: cp_model.IntVar
    ready: cp_model.IntVar
    chosen: Sequence[cp_model.IntVar]
    """One of them is true."""


@dataclass(eq=False)
class _Shop:
    """The model as it is built."""

    task: Task
    model: cp_model.CpModel = field(default_factory=cp_model.CpModel)
    busy: dict[int, list[cp_model.IntervalVar]] = field(default_factory=lambda: defaultdict(list))
    lots: list[list[_Operation]] = field(default_factory=list)
    home: list[cp_model.IntVar] = field(default_factory=list)

    @cached_property
    def longest(self) -> int:
        """No plan need take longer, however much is left out of what the ticks are."""
        works = sum(max(choice.rests for choice in choices) for lot in self.task.choices for choices in lot)
        return self.task.ticks + works

    def time(self) -> cp_model.IntVar:
        return self.model.new_int_var(0, self.longest, "")

    def add(self, lot: int) -> None:
        """All operations of a lot, in their order."""
        begin = self.model.new_constant(self.task.begins[lot])
        there = _Operation(begin, begin, [self.model.new_constant(1)])
        operations = [self._operation(choices) for choices in self.task.choices[lot]]
        home = _Operation(self.time(), begin, there.chosen)
        for lags, one, other in zip(self.task.lags[lot], [there, *operations], [*operations, home], strict=True):
            self._travels(lags, one, other)
        self.lots.append(operations)
        self.home.append(home.start)

    def _operation(self, choices: Sequence[Choice]) -> _Operation:
        one = _Operation(self.time(), self.time(), [self.model.new_bool_var("") for _ in choices])
        self.model.add_exactly_one(one.chosen)
        for choice, chosen in zip(choices, one.chosen, strict=True):
            self.model.add(one.ready >= one.start + choice.rests).only_enforce_if(chosen)
            interval = self.model.new_optional_fixed_size_interval_var(one.start, choice.lasts, chosen, "")
            for resource in choice.resources:
                self.busy[resource].append(interval)
        return one

    def _travels(self, lags: Sequence[Sequence[int]], one: _Operation, other: _Operation) -> None:
        if len({lag for row in lags for lag in row}) == 1:
            self.model.add(other.start >= one.ready + lags[0][0])
            return
        for left, row in zip(one.chosen, lags, strict=True):
            for right, lag in zip(other.chosen, row, strict=True):
                self.model.add(other.start >= one.ready + lag).only_enforce_if(left, right)

    def finish(self) -> cp_model.LinearExpr:
        """Nothing happens twice at a time. What is wanted before all: nothing late, and then all ready soon."""
        for intervals in self.busy.values():
            self.model.add_no_overlap(intervals)
        last = self.time()
        self.model.add_max_equality(last, self.home)
        late = [self._late(home, due) for home, due in zip(self.home, self.task.due, strict=True) if due is not None]
        return sum(late) * self.longest + last

    def _late(self, home: cp_model.IntVar, due: int) -> cp_model.IntVar:
        late = self.time()
        self.model.add(late >= home - due)
        return late

    def hint(self) -> None:
        """The order that is known, each operation as soon as can be."""
        free, numbers = defaultdict[int, list[tuple[int, int]]](list), [0] * len(self.lots)
        there = [(begin, 0) for begin in self.task.begins]
        for lot, rows in self.task.first:
            number = numbers[lot]
            numbers[lot] += 1
            choices = self.task.choices[lot][number]
            at = next((at for at, choice in enumerate(choices) if choice.rows == rows), 0)
            ready, came = there[lot]
            start = _begins(choices[at], ready + self.task.lags[lot][number][came][at], free)
            for resource in choices[at].resources:
                free[resource].append((start, start + choices[at].lasts))
            there[lot] = start + choices[at].rests, at
            self._hint(self.lots[lot][number], start, at)

    def hint_at(self, solver: cp_model.CpSolver) -> None:
        """What was found."""
        self.model.clear_hints()
        for operation in (operation for lot in self.lots for operation in lot):
            at = next(at for at, chosen in enumerate(operation.chosen) if solver.boolean_value(chosen))
            self._hint(operation, solver.value(operation.start), at)

    def _hint(self, operation: _Operation, start: int, at: int) -> None:
        self.model.add_hint(operation.start, start)
        for number, chosen in enumerate(operation.chosen):
            self.model.add_hint(chosen, number == at)


def _begins(choice: Choice, start: int, busy: Mapping[int, Sequence[tuple[int, int]]]) -> int:
    """The first tick from then on in which it may begin and is disturbed by nothing."""
    taken = sorted(span for resource in choice.resources for span in busy[resource])
    for begin, end in taken:
        if begin < start + choice.lasts and start < end:
            start = end
    return start


class _Orders(cp_model.CpSolverSolutionCallback):  # type: ignore[misc]  # mypy does not see OR-tools' folder
    """Every order that was found, each better than those before."""

    def __init__(self, lots: Sequence[Sequence[_Operation]], task: Task) -> None:
        super().__init__()
        self._lots, self._task, self.found = lots, task, list[list[Move]]()

    def on_solution_callback(self) -> None:
        """Called by the solver."""
        order = [
            (self.value(one.start), lot, number, self._rows(one, self._task.choices[lot][number]))
            for lot, operations in enumerate(self._lots)
            for number, one in enumerate(operations)
        ]
        self.found.append([Move(lot, rows) for _, lot, _, rows in sorted(order)])

    def _rows(self, operation: _Operation, choices: Sequence[Choice]) -> tuple[int, ...]:
        return next(
            choice.rows for choice, one in zip(choices, operation.chosen, strict=True) if self.boolean_value(one)
        )


def solve(task: Task, seconds: float) -> list[list[Move]]:
    """Orders found within so many seconds, the best last by what is modelled; none if there are none."""
    until = time.monotonic() + seconds
    shop = _Shop(task)
    for lot in range(len(task.begins)):
        shop.add(lot)
    before_all = shop.finish()
    shop.hint()
    shop.model.minimize(before_all)
    orders = _Orders(shop.lots, task)
    solver = _solver(seconds * FOR_THE_FIRST)
    solver.solve(shop.model, orders)
    if orders.found:  # and then each lot soon, as far as that costs nothing of the first
        shop.hint_at(solver)
        shop.model.add(before_all <= round(solver.objective_value))
        shop.model.minimize(sum(shop.home))
        _solver(until - time.monotonic()).solve(shop.model, orders)
    return orders.found


def _solver(seconds: float) -> cp_model.CpSolver:
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = max(seconds, 0.1)
    solver.parameters.num_workers = WORKERS
    solver.parameters.random_seed = 1
    return solver
