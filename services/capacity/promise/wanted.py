"""A question by dates, as a party asks it, and what the index knows for it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from services.capacity.promise.hours import OPENS, SPAN
from services.capacity.promise.question import Question
from services.capacity.promise.shortlister import Sellers
from services.capacity.search.index import Index


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A question as a party asks it: by dates, of which any may have passed."""

    question: Question
    """But for its days."""
    first: date
    due: date | None
    currency: str
    offset: timedelta = timedelta.min
    """How far the clock is ahead of UTC by which today is promised; who is ahead of it sells no today."""

    def asked(self, day_0: date) -> Question:
        """With days counted from this one."""
        due = None if self.due is None else (self.due - day_0).days
        return replace(self.question, first_day=(self.first - day_0).days, due_day=due)

    def sold(self) -> Iterator[tuple[str, str, str]]:
        """All that must be known of, as the index names it."""
        return ((process, self.currency, unit) for process, unit in self.question.sold)

    def ahead(self, index: Index) -> "Wanted":
        """The same, but never before tomorrow; today nobody sells."""
        return replace(self, first=max(self.first, self._now(index)[1].date() + timedelta(1)))

    def from_now(self, index: Index) -> "Wanted":
        """The same, but of today no more than what is left of its hours; backward, today counts as over."""
        offset, clock = self._now(index)
        late = max(0, clock.hour * 60 + clock.minute + 1 - OPENS)
        if self.question.backward or late >= SPAN or self.first > clock.date():
            return self.ahead(index)
        question = replace(self.question, late=late, taken=index.taken(clock.date()))
        return replace(self, first=clock.date(), question=question, offset=offset)

    def _now(self, index: Index) -> tuple[timedelta, datetime]:
        """The clock that most have who sell any of it to the party."""
        offset = index.offset(self.sold(), self.question.party)
        return offset, index.heard.now().astimezone(UTC).replace(tzinfo=None) + offset


def sellers(index: Index, wanted: Wanted) -> Sellers:
    """Views of the index: what they show may change with every await."""
    found = {(sold[0], sold[2]): index.offers(*sold, wanted.offset) for sold in wanted.sold()}
    return {sold: offers for sold, offers in found.items() if offers is not None and len(offers)}
