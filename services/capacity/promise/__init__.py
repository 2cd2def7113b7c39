"""Capable-to-promise: when, where and for how much a lot can be made, over several operations and workshops.

Time is a count of minutes from midnight before day 0 of the offers, by the sites' own clocks, which are taken to agree.
A bucket knows no hours: the free minutes of a day are spread evenly over the hours in which work is done, so a machine
that is half free works at half speed all day. That never promises more than the day has, and it orders what several
operations do on one day.

Backward is forward with time running the other way: days are mirrored, the routing is reversed, set-up comes after the
run instead of before it. So one planner does both.

An operation takes of a resource what that publishes of its work for the process (`works.py`): set-up, clean-up, run
time at its efficiency, whole lots and no fewer than the minimum, transfer batch, and the time that only passes; where
it publishes nothing, what the routing says. After the run the longer time passes, the work's or the routing's. A lot
that is smaller than the work's smallest takes the time of that; its own pieces go on. What is not carried in full:

- learning: each first day counts as if it were as long as the longest that the resource has among the days planned on,
  and as no faster than any day after it. Where a lot begins in the middle of a day, or days differ, it is given more
  minutes than it needs (`domain/work.py`), never fewer; where days are whole and alike, just as many;
- change-overs: what the question says changes (`changed`) costs what the resource publishes for it. What the work
  before was nobody knows, where days are sold in minutes: what the question does not name costs nothing;
- clean-up is done right after the run. Backward it too ends by the due day.

Who must be qualified for an operation is so on every day on which the operation takes time of it; on days between, the
lot may lie. Qualifications are looked at as they were a second ago at most; a promise that is held has the ledger look
again, at that moment, and is refused (`ASK_AGAIN`) if one of them was withdrawn meanwhile.

Nothing is promised that should have begun. Now is the database's clock, in the zone of most who sell any of it to the
party (`Index.offset`; of equals the latest): material leaves and work begins after that, and whose clock is ahead sells
from its own tomorrow on. In which of today's hours others work nobody knows: what is taken may all lie in those to
come. So of today no more is planned on than is free less what is published of the hours that are over (`today.py`),
evenly in the rest: of 480 minutes at noon, with 6 hours of 10 to come, 288, and after these nothing. The ledger has the
last word, as with qualifications; who names days itself takes what is free. A tool set is there all day. Who asks for
notice sells no today.

The limits, all of them: backward, and for lots together, today counts as over; the days are the `planner.NEAR` nearest,
or all that are published if these have no room; each operation looks at a shortlist of resources (`shortlister.py`); of
the ways found, so many are followed further (`ways.MOST`); each operation starts as early as it can; a lot that is
shared is shared so that its last piece is done soonest, among the `ways.MOST_SHARED` soonest ways before it, and
travels on when all of it is there; operations overlap at one place only, in at most `question.MOST_BATCHES` batches.
Within them the answers are exactly the best ones: a test compares them with a search through everything.
"""
