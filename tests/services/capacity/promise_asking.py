"""What is asked in the tests of promises, of which small cities."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from hypothesis import strategies as st

from services.capacity.domain.search import Valid
from services.capacity.domain.terms import Refused
from services.capacity.domain.work import Work
from services.capacity.promise.plan import Plan
from services.capacity.promise.planner import promise
from services.capacity.promise.question import Carriage, Operation, Place, Question, Tool
from services.capacity.search.offers import PRIVATE, PUBLIC
from tests.services.capacity.promise_world import GUEST, MONDAY, Bench, city

PROCESSES = ("cutting", "lasting", "sewing")
PLACE = Place(45, 9)
GOTS = frozenset({"gots"})


def a_question(*routing: Operation, pieces: int = 4, **given: object) -> Question:
    return Question(party=given.pop("party", GUEST), pieces=pieces, routing=routing, place=PLACE, **given)


# --- cities and questions --------------------------------------------------------------------------------------------

days = st.lists(st.sampled_from([0, 7, 45, 60, 60]), min_size=6, max_size=6).map(tuple)


@st.composite
def benches(draw: st.DrawFn) -> list[Bench]:
    """Up to five that do things, and two tool sets; each process has somebody."""
    found = [_bench(draw, number, draw(st.sets(st.sampled_from(PROCESSES), min_size=1))) for number in range(1, 4)]
    found += [_bench(draw, 4 + n, {process}) for n, process in enumerate(draw(st.permutations(PROCESSES))[:2])]
    tools = draw(st.lists(st.integers(0, 3), max_size=2))
    lasts = st.lists(st.integers(0, 12), min_size=6, max_size=6).map(tuple)
    return found + [Bench(number=8 + n, processes=("lasts",), free=draw(lasts), north=at) for n, at in enumerate(tools)]


works = st.builds(
    Work,
    run=st.integers(1, 9),
    pieces=st.sampled_from([1, 1, 3]),
    setup=st.sampled_from([0, 7]),
    cleanup=st.sampled_from([0, 6]),
    changes=st.sampled_from([{}, {"thread": 9}]),
    efficiency_percent=st.sampled_from([100, 80, 125]),
    ramp_percent=st.sampled_from([[], [], [50], [40, 80], [100, 50]]),
    lot_multiple=st.sampled_from([1, 1, 3]),
    minimum_pieces=st.sampled_from([1, 1, 5]),
    transfer_batch=st.sampled_from([None, 1, 3]),
    elapsed_minutes=st.sampled_from([0, 0, 45, 1500]),
)


undried = works.map(lambda work: replace(work, elapsed_minutes=0))


def _bench(draw: st.DrawFn, number: int, processes: set[str]) -> Bench:
    telling = draw(st.dictionaries(st.sampled_from(sorted(processes)), works))
    return Bench(
        work=tuple(telling.items()),
        number=number,
        processes=tuple(sorted(processes)),
        free=draw(days),
        taken=draw(st.sampled_from([0, 0, 7, 60])),
        north=draw(st.integers(0, 3)),
        price=draw(st.sampled_from([10, 11, 40])),
        setup=draw(st.sampled_from([0, 100])),
        minimum=draw(st.sampled_from([1, 1, 25])),
        opens=draw(st.sampled_from([0, 0, 2])),
        closes=draw(st.sampled_from([9, 9, 4])),
        lot=draw(st.sampled_from([1, 1, 8])),
        least=draw(st.sampled_from([0, 0, 300])),
        visibility=draw(st.sampled_from([PUBLIC, PUBLIC, PUBLIC, PRIVATE])),
    )


def operations(most_shared: int = 1) -> st.SearchStrategy[Operation]:
    elapsed = st.sampled_from([0, 0, 0, 30, 900])
    return st.builds(
        Operation,
        process=st.sampled_from(PROCESSES),
        setup_minutes=st.sampled_from([0, 5]),
        run_minutes=st.integers(1, 6),
        queue_minutes=elapsed,
        wait_minutes=elapsed,
        transfer_batch=st.sampled_from([None, 1, 3]),
        split_over=st.integers(1, most_shared),
        changed=st.sampled_from([(), ("thread",)]),
        tools=st.sampled_from([(), (), (Tool("lasts", "pieces", 5),)]),
        qualifications=st.sampled_from([frozenset(), frozenset(), GOTS]),
    )


def _shown(draw: st.DrawFn) -> Valid:
    """Certificates of some workshops; some lapse for a while."""
    bounds = st.lists(st.integers(-1, 7), min_size=2, max_size=4, unique=True).map(sorted)
    shown = draw(st.dictionaries(st.integers(0, 3), bounds, min_size=2))
    dates = {north: [MONDAY + timedelta(day) for day in days] for north, days in shown.items()}
    return {UUID(int=2000 + north): [*zip(days[::2], days[1::2], strict=False)] for north, days in dates.items()}


def questions(most_shared: int = 1) -> st.SearchStrategy[Question]:
    carriage = st.builds(
        Carriage, weekdays=st.sampled_from([(0, 1, 2, 3, 4), (0, 2, 5)]), price_per_km=st.sampled_from([0, 300])
    )
    return st.builds(
        a_question,
        *[operations(most_shared)] * 3,
        pieces=st.integers(1, 7),
        first_day=st.integers(0, 1),
        late=st.sampled_from([0, 0, 1, 250, 500, 599]),
        due_day=st.integers(4, 6),
        backward=st.booleans(),
        carriage=carriage,
        valid=st.fixed_dictionaries({GOTS: st.composite(_shown)()}),
    ).map(lambda question: replace(question, late=0) if question.backward else question)


def answers(question: Question, found: list[Bench]) -> list[Plan]:
    try:
        return promise(replace(question, taken={bench.id: bench.taken for bench in found}), city(found))
    except Refused:
        return []


# --- one of each -----------------------------------------------------------------------------------------------------

WEEK = (60, 60, 60, 60, 60, 0, 0)
CUTTER = Bench(number=1, processes=("cutting",), free=WEEK)
SEWER = Bench(number=2, processes=("sewing",), free=WEEK)
CUT = Operation(process="cutting", run_minutes=10)
SEW = Operation(process="sewing", run_minutes=10)


def clock(plan: Plan, *minutes: int) -> list[str]:
    return [f"{plan.at(minute):%a %H:%M}" for minute in minutes]


def shown(bench: Bench, *days: int) -> Valid:
    """From a day until another, and again."""
    dates = [MONDAY + timedelta(day) for day in days]
    return {bench.workshop: [*zip(dates[::2], dates[1::2], strict=True)]}
