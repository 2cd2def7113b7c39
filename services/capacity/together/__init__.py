"""Several lots planned together, so that what one takes is not promised to another.

A joint plan is an order of all operations of all lots, with the resources that each goes to. One after another they are
planned by the planner's own rules (`retrace.py`), each on what those before it have left: so whatever order is tried,
what comes of it is a plan that fits, and that holding accepts if nobody was quicker. Greedy is the order lot by lot, as
they were asked for, each as soon as can be (`greedy.py`).

Which joint plan is better is said by `score.Score`. No joint plan is better than `bound.py` says, whoever finds it.

The pass (`optimiser.py`) asks a constraint solver for other orders, within a budget and in a process of its own
(`child.py`). The solver knows less than the planner does (`model.py`): a clock of coarse ticks in which a resource does
one thing at a time, whole lots that travel as soon as they are done; no tools, no transfer batches, nothing of prices.
What it says is therefore taken as a proposal: the order is planned again by the rules, and kept only if it is better.
Its own bound says nothing about lots, and is not told.
"""
