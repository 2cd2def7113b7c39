"""The job shops of the benchmark: the file is whole, and the smallest of them is planned as well as can be."""

from bench.jobshop import Shop, instances, makespan
from tests.services.capacity.test_optimiser import installed

SHOPS = {one.name: one for one in instances()}


def test_every_instance_is_there_and_no_optimum_is_below_what_every_plan_needs() -> None:
    assert list(SHOPS) == ["ft06", "ft10", "ft20", *(f"la{number:02}" for number in range(1, 41))]
    for shop in SHOPS.values():
        loads = [0] * len(shop.jobs[0])
        for job in shop.jobs:
            for machine, lasts in job:
                loads[machine] += lasts
        lengths = [sum(lasts for _, lasts in job) for job in shop.jobs]
        assert max(*loads, *lengths) <= shop.optimum


def test_the_bound_is_not_above_the_known_optimum() -> None:
    for name in ("ft06", "la01", "la05"):
        assert Shop(SHOPS[name]).floor <= SHOPS[name].optimum


@installed
async def test_the_pass_plans_the_smallest_as_short_as_can_be() -> None:
    shop = Shop(SHOPS["ft06"])
    assert makespan(shop.plans) > 55
    assert shop.floor <= makespan(await shop.improved(20)) <= 55
