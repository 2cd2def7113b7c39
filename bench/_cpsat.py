"""CP-SAT alone on a job shop, by the textbook: intervals that do not overlap, one after the other, last end least.

Jobs as JSON come in, the makespan goes out; 0 if none was found. Run with OR-tools' folder on the path.
"""

import json
import os
import sys
from collections import defaultdict

from ortools.sat.python import cp_model


def solve(jobs: list[list[tuple[int, int]]], seconds: float, workers: int = 4) -> int:
    model, busy = cp_model.CpModel(), defaultdict(list)
    longest = sum(lasts for job in jobs for _, lasts in job)
    last = model.new_int_var(0, longest, "last")
    for job in jobs:
        ready = None
        for machine, lasts in job:
            start = model.new_int_var(0, longest, "")
            busy[machine].append(model.new_fixed_size_interval_var(start, lasts, ""))
            if ready is not None:
                model.add(start >= ready)
            ready = start + lasts
        model.add(last >= ready)
    for intervals in busy.values():
        model.add_no_overlap(intervals)
    model.minimize(last)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = workers
    solver.parameters.random_seed = 1
    found = solver.solve(model) in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    return int(solver.objective_value) if found else 0


if __name__ == "__main__":
    os.nice(10)  # as the pass does
    print(solve(json.load(sys.stdin), float(sys.argv[1])))
