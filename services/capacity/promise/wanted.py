"""A question by dates, as a party asks it, and what the index knows for it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

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

    def asked(self, day_0: date) -> Question:
        """With days counted from this one."""
        due = None if self.due is None else (self.due - day_0).days
        return replace(self.question, first_day=(self.first - day_0).days, due_day=due)

    def sold(self) -> Iterator[tuple[str, str, str]]:
        """All that must be known of, as the index names it."""
        return ((process, self.currency, unit) for process, unit in self.question.sold)

    def ahead(self, index: Index) -> "Wanted":
        """The same, but never before the first day that has begun at no site."""
        return replace(self, first=max(self.first, index.latest(self.sold()).date() + timedelta(1)))

    def from_now(self, index: Index) -> "Wanted":
        """The same, but of today no more than what is left of its hours; backward, today counts as over."""
        clock = index.latest(self.sold())
        late = max(0, clock.hour * 60 + clock.minute + 1 - OPENS)
        if self.question.backward or late >= SPAN or self.first > clock.date():
            return self.ahead(index)
        return replace(self, first=clock.date(), question=replace(self.question, late=late))


def sellers(index: Index, wanted: Wanted) -> Sellers:
    """Views of the index: what they show may change with every await."""
    found = {(process, unit): index.offers(process, currency, unit) for process, currency, unit in wanted.sold()}
    return {sold: offers for sold, offers in found.items() if offers is not None and len(offers)}
