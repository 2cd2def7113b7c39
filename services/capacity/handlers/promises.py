"""Promises: plan on what search knows, check with the terms as they are, and hold the whole plan if that is wanted."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TypeVar
from uuid import UUID

import msgspec

from libs.contracts import capacity_promises as contract
from libs.contracts.capacity_promises import BestAt, Told
from libs.kit.db import Database, WriteSession
from libs.kit.errors import Conflict, Problem, Unavailable
from libs.service.group_commit import Decided, GroupCommit
from libs.service.idempotency import Asked
from libs.service.runtime import Kit
from services.capacity import store
from services.capacity.domain.calendar import published_on
from services.capacity.domain.offer import Parts, Resource, check_sale, totals
from services.capacity.domain.plan import MOST_ALLOCATIONS
from services.capacity.domain.quota import shares
from services.capacity.domain.terms import Refused
from services.capacity.handlers import holds
from services.capacity.handlers.facts import PlacedHold
from services.capacity.handlers.refusals import refusing
from services.capacity.handlers.search import MOST_SECONDS
from services.capacity.promise.answer import Priced, answers, best, unbeaten
from services.capacity.promise.plan import Plan, Takings, needed
from services.capacity.promise.planner import Planning, Turns, planning
from services.capacity.promise.question import Question
from services.capacity.promise.wanted import Wanted, sellers
from services.capacity.search.feed import feed_of
from services.capacity.search.index import Index
from services.capacity.search.qualified import qualified_of
from services.capacity.together.city import taken_together

T = TypeVar("T")
TRIES = 3
"""To find plans that stand as terms are."""
_STALE = frozenset(
    {
        "NO_CAPACITY",
        "NOT_OFFERED",
        "NOT_WHOLE_LOTS",
        "TOO_SHORT_NOTICE",
        "TOO_FAR_AHEAD",
        "NOT_INVITED",
        "NOT_QUALIFIED",
        "UNKNOWN_RESOURCE",
    }
)
"""How placing refuses what was right a moment ago."""


class Promise(contract.LotPromise, frozen=True, kw_only=True):
    """When, where and for how much a lot can be made. What is not held may be taken by others."""

    hold: PlacedHold | None = None


@dataclass(frozen=True)
class Found:
    """Answers with their plans, best ones named."""

    told: Promise
    plans: Sequence[Priced]
    best: Mapping[BestAt, int]


async def find(kit: Kit, wanted: Wanted) -> Found:
    """Plan. Nothing is changed. Raises Unavailable (ASK_AGAIN) if it is not known what is free now, and Conflict if
    nobody can do it."""
    index = heard_index(kit)
    looked, wanted = await qualified(kit.database, wanted)
    heard = index.heard
    as_of = heard.now() - timedelta(seconds=max(looked, heard.age()))
    with refusing():
        question, plans = await _standing(kit.database, index, _in_time(index, wanted))
    told = answers(question, plans, wanted.currency)
    age = round((heard.now() - as_of).total_seconds(), 3)
    return Found(Promise(as_of=as_of, age_seconds=age, answers=told), plans, best(question, plans))


def _in_time(index: Index, wanted: Wanted) -> Wanted:
    """From now on. Raises Refused if it is due before."""
    wanted = wanted.from_now(index)
    if wanted.due is not None and wanted.due < wanted.first:
        told = f"Nothing can begin before {wanted.first}, and {wanted.due} is sooner; ask for a later day."
        raise Refused("NO_CAPACITY", told)
    return wanted


async def qualified(database: Database, wanted: Wanted) -> tuple[float, Wanted]:
    """With the days on which workshops are qualified for what is asked, and how long ago they were looked up."""
    asked = {operation.qualifications for operation in wanted.question.routing if operation.qualifications}
    found = {schemes: await qualified_of(database).at(schemes) for schemes in asked}
    valid = {schemes: days for schemes, (_, days) in found.items() if days is not None}
    question = replace(wanted.question, valid=valid)
    return max((ago for ago, _ in found.values()), default=0.0), replace(wanted, question=question)


def heard_index(kit: Kit) -> Index:
    """What search knows. Raises Unavailable (ASK_AGAIN) if that is too old."""
    index = feed_of(kit.database).index
    if index is None or index.heard.age() > MOST_SECONDS:
        raise Unavailable("What is free is not known well enough now; ask again in a moment.", code="ASK_AGAIN")
    return index


async def _standing(database: Database, index: Index, wanted: Wanted) -> tuple[Question, list[Priced]]:
    """Plans that placing would accept as they are; made again without those who would refuse, of which the index does
    not know."""
    without = frozenset[UUID]()
    for left in reversed(range(TRIES)):
        offered = sellers(index, wanted)
        question = wanted.asked(next((offers.first_day for offers in offered.values()), index.first_day))
        question = replace(question, without=without)
        priced, refusing = await _priced(database, await in_turns(planning(question, offered)), question.party)
        if priced and not (refusing and left):
            return question, unbeaten(question, priced)
        without |= refusing
    raise Refused(
        "NO_CAPACITY", "Who could make the lot does not sell it like this; ask for fewer pieces or other days."
    )


async def in_turns(work: Planning[T]) -> T:
    """Plan, with a turn for everybody else in between: a plan takes longer than a hold may."""
    turns = Turns(work)
    for _ in turns:
        await asyncio.sleep(0)
    return turns.result


async def _priced(database: Database, plans: Sequence[Plan], party: UUID) -> tuple[list[Priced], frozenset[UUID]]:
    """Those of the plans that are sold to this party as terms are now, with what booking them costs; and the resources
    that refuse the others."""
    costs, refusing = await sold(database, [plan.taken() for plan in plans], party)
    return [Priced(plan, cost) for plan, cost in zip(plans, costs, strict=True) if cost is not None], refusing


async def sold(
    database: Database, takings: Sequence[Takings], party: UUID
) -> tuple[list[dict[UUID, int] | None], frozenset[UUID]]:
    """What booking each of these costs by resource, as terms are now, or none if it is not sold so to this party; and
    the resources that refuse."""
    ids = {key for taken in takings for key, _ in taken}
    async with database.read(party, role=holds.LEDGER) as session:
        known, now = await store.resources(session, ids), await store.now(session)
    costs, refusing = list[dict[UUID, int] | None](), ids - known.keys()
    for taken in takings:
        asked = [(known[key], known[key].allocate(day, n)) for (key, day), n in taken.items() if key in known]
        parts = {one.id: [part for part in asked if part[0] is one] for one, _ in totals(asked)}
        refuses = {key for key, some in parts.items() if not _is_sold(some, party, now)}
        refusing |= refuses
        stands = not refuses and len(asked) == len(taken)
        costs.append({one.id: one.terms.cost(quantity) for one, quantity in totals(asked)} if stands else None)
    return costs, frozenset(refusing)


def _is_sold(parts: Parts, party: UUID, now: datetime) -> bool:
    try:
        check_sale(parts, party, now)
    except Refused:
        return False
    return all(part.quantity <= _most(resource, part.day) or resource.party_id == party for resource, part in parts)


def _most(resource: Resource, day: date) -> int:
    """The most of a day that a party may ever have which is not new; the ledger knows what is left of it."""
    gives = published_on(resource.calendar, day)
    return min([gives, *shares(resource.terms, gives).values()])


# --- holding ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ask:
    """A promise that is to be held, or why there is none: the first answer is given again before anything is tried."""

    asked: Asked
    found: Told | Problem
    """To be told with its hold."""
    hold: holds.Ask | None = None


def ask(asked: Asked, found: Found, prefer: BestAt, seconds: int) -> Ask:
    """Hold what is best at something."""
    number = found.best[prefer]
    told = msgspec.structs.replace(found.told, held=number)
    return whole(asked, told, [found.plans[number].plan], seconds)


def whole(asked: Asked, told: Told, plans: Sequence[Plan], seconds: int) -> Ask:
    """Hold all of these in one hold."""
    taken = taken_together(plans)
    if len(taken) > MOST_ALLOCATIONS:
        too_large = f"{len(taken)} days of workshops are over {MOST_ALLOCATIONS}; ask for fewer pieces."
        return Ask(asked, Conflict(too_large, code="TOO_LARGE"))
    days = [(resource_id, day, quantity) for (resource_id, day), quantity in taken.items()]
    today = plans[0].today  # of several lots none is planned for today
    return Ask(asked, told, holds.Ask(asked.party, days, seconds, asked, needed=needed(plans), today=today))


def holding(database: Database) -> GroupCommit[Ask]:
    """Promises of many parties are held together, in the role that may do so."""
    return GroupCommit(database, holds.LEDGER, store.TURN, hold_promises)


async def hold_promises(session: WriteSession, asks: Sequence[Ask]) -> Decided:
    """Each plan is held whole, or is refused and changes nothing."""
    asked = [one.hold for one in asks if one.hold]
    placed, writes = await holds.place_holds(session, asked) if asked else ((), ())
    return [*_held(asks, iter(placed))], writes


def _held(asks: Sequence[Ask], placed: Iterator[msgspec.Struct | Problem]) -> Iterator[Told | Problem]:
    for one in asks:
        hold = next(placed) if one.hold else None
        if isinstance(one.found, Problem) or hold is None:
            yield one.found
        elif isinstance(hold, Problem):
            yield _ask_again(hold) if hold.code in _STALE else hold
        else:
            yield msgspec.structs.replace(one.found, hold=hold)


def _ask_again(refused: Problem) -> Problem:
    return Conflict(f"It is so no more: {refused.detail} Ask again, with a new Idempotency-Key.", code="ASK_AGAIN")
