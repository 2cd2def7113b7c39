"""Capable-to-promise: when, where and for how much a lot can be made, over several operations and workshops.

Time is a count of minutes from midnight before day 0 of the offers, by the sites' own clocks, which are taken to agree.
A bucket knows no hours: the free minutes of a day are spread evenly over the hours in which work is done, so a machine
that is half free works at half speed all day. That never promises more than the day has, and it orders what several
operations do on one day.

Backward is forward with time running the other way: days are mirrored, the routing is reversed, set-up comes after the
run instead of before it. So one planner does both.

The limits, all of them: the days are the `planner.NEAR` nearest, or all that are published if these have no room; each
operation looks at a shortlist of resources (`shortlister.py`); of the ways found, so many are followed further
(`ways.MOST`); each operation starts as early as it can; a lot that is shared is shared so that its last piece is done
soonest, among the `ways.MOST_SHARED` soonest ways before it, and travels on when all of it is there; operations overlap
at one place only, in at most `question.MOST_BATCHES` batches. Within them the answers are exactly the best ones: a test
compares them with a search through everything.
"""
