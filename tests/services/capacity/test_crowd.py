"""Several processes on the same buckets, killed, paused and with wrong clocks: the small form of `soak.py`."""

import subprocess
import sys
from pathlib import Path
from random import Random

from libs.kit.db import Database
from services.capacity.domain.offer import Resource
from tests.services.capacity import world
from tests.services.capacity.crowd import Told
from tests.services.capacity.crowds import Crowd, wrong
from tests.services.capacity.linear import buckets, is_linearizable

ROOT = Path(__file__).parents[3]


async def let_loose(db: Database, benches: list[Resource], folder: Path, attempts: int, *seconds: int) -> Crowd:
    days = [(one.id, world.day(1)) for one in benches]
    name = str(db.url.database)
    told = Told(
        database=name,
        days=days,
        attempts=attempts,
        clients=3,
        most=120,
        seconds=[*seconds],
        seed="",
        journal=str(folder),
    )
    crowd = Crowd(told, 4, Random(7))
    await crowd.run(every=0.2, pauses=[0.1, 0.3, 1.0])
    return crowd


async def test_whatever_happens_to_processes_nothing_is_oversold_leaked_or_lost(db: Database, tmp_path: Path) -> None:
    benches = [world.a_resource() for _ in range(3)]
    await world.publish(db, *benches)
    crowd = await let_loose(db, benches, tmp_path, 600, 1, 2)
    assert min(crowd.met["killed"], crowd.met["paused"]) > 0
    assert {one.answer for one in crowd.answered()} > {"done"}
    assert not any((await wrong(db, (crowd, benches))).values())


async def test_what_processes_saw_of_buckets_has_an_order_that_explains_it(db: Database, tmp_path: Path) -> None:
    benches = [world.a_resource() for _ in range(2)]
    await world.publish(db, *benches)
    crowd = await let_loose(db, benches, tmp_path, 400, 900)
    history = [asked.op for asked in crowd.history()]
    assert len({op.did.outcome for op in history}) > 3
    assert is_linearizable(history, (480, 480), buckets)


def test_a_clock_can_be_made_wrong() -> None:
    code = "import time, datetime as d; print(time.time(), d.datetime.now(d.UTC).timestamp(), time.monotonic())"
    right, wrong_by = _told(["-c", code]), _told(["-c", f"from tests.skewed import skew; skew(300); {code}"])
    assert [290 < late - on_time < 360 for on_time, late in zip(right, wrong_by, strict=True)] == [True, True, False]


def _told(arguments: list[str]) -> list[float]:
    said = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, check=True, timeout=60).stdout
    return [float(number) for number in said.split()]
