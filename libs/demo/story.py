"""The story of a shirt maker, a brand and a shop in Milan. Every step checks that the platform did what it says."""

import asyncio
import time
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from libs.demo.client import Actor, DemoError, Json, Platform, RefusedError
from libs.demo.milan import ZONE
from libs.demo.stage import Stage, check, duration, eventually

# Name, kind, process, minutes a day Monday to Thursday; on Friday the workshop closes at noon.
_POSTS = (
    ("Cutting table", "bench", "cutting", 480),
    ("Sewing line", "operator_pool", "lockstitch", 960),
    ("Pressing bench", "bench", "pressing", 480),
)
_ROUTING: list[Json] = [
    {"process": "cutting", "setupMinutes": 30, "runMinutes": 4},
    {"process": "lockstitch", "setupMinutes": 20, "runMinutes": 25},
    {"process": "pressing", "setupMinutes": 10, "runMinutes": 3},
]
_CENTS_PER_MINUTE, _SETUP_CENTS, _SHIRT_CENTS = 45, 1500, 18900

SEEN = "query Seen($id: ID!) { node(id: $id) { id } }"
BUCKETS = """query Buckets($id: ID!, $from: Date!, $days: Int!) { node(id: $id) { ... on Resource {
    buckets(from: $from, days: $days) { day published held committed blocked available } } } }"""
BOOKINGS = "query Bookings { bookings(first: 10) { edges { node { state order { id } } } } }"
ORDER = """subscription Order($id: ID!) { order(id: $id) { state refusal { code message }
    allocations { day quantity resource { id name } workshop { name } } } }"""


async def play(platform: Platform, console: Console) -> None:
    """Play the whole story with fresh parties. Raises DemoError at the first thing that is not as told."""
    began = time.monotonic()
    story = Story(platform, Stage(console))
    await story.people_join()
    await story.brand_books()
    await story.many_want_the_same_room()
    await story.shop_orders()
    await story.too_large_an_order_is_refused()
    await story.hold_expires()
    await story.booking_is_cancelled()
    await story.order_is_cancelled()
    await story.the_week_adds_up()
    console.print(
        f"[green]All {story.stage.steps} steps held[/] in {duration(time.monotonic() - began)}: in every bucket"
        " published - held - committed - blocked = free, and never below zero."
    )


class Story:
    """Who acts, what they made, and what must be committed at the end."""

    def __init__(self, platform: Platform, stage: Stage) -> None:
        run = uuid4().hex[:4]
        self.stage = stage
        self.platform = platform
        self.workshop = platform.actor("workshop", f"Camiceria Orsenta {run}")
        self.brand = platform.actor("brand", f"Casa Velmira {run}")
        self.shop = platform.actor("retailer", f"Spazio Lunari {run}")
        today = datetime.now(ZoneInfo(ZONE)).date()
        self.today, self.monday = today, today + timedelta(days=7 - today.weekday())
        self.posts: dict[str, str] = {}
        self.product = ""
        self.committed: Counter[tuple[str, date]] = Counter()

    # --- what the parts of the story share -----------------------------------------------------------------------

    def day(self, number: int) -> date:
        """A day of the story's week, Monday 0."""
        return self.monday + timedelta(days=number)

    async def buckets(self, post: str, day: date, days: int = 1) -> list[Json]:
        """The buckets of a resource, with all that the workshop may see of its own."""
        data = await self.workshop.ask(BUCKETS, id=post, **{"from": day.isoformat(), "days": days})
        found: list[Json] = data["node"]["buckets"]
        return found

    async def settles(self, post: str, day: date, **expected: int) -> Json:
        """Wait until that bucket shows these quantities. Raises DemoError with what it shows instead."""

        async def look() -> Json:
            return (await self.buckets(post, day))[0]

        return await eventually(look, lambda seen: expected.items() <= seen.items(), f"{day:%A} should show {expected}")

    async def hold(self, who: Actor, post: str, day: date, minutes: int, seconds: int = 900) -> str:
        """Hold minutes of one day; the hold's id."""
        wish = {"resourceId": post, "day": day.isoformat(), "quantity": minutes}
        done = await who.do("placeHold", "hold { id }", {"allocations": [wish], "seconds": seconds})
        return str(done["hold"]["id"])

    async def book(self, post: str, day: date, minutes: int) -> Json:
        """Hold and confirm for the brand; the booking with its price."""
        hold = await self.hold(self.brand, post, day, minutes)
        done = await self.brand.do("confirmHold", "booking { id price { amount currency } }", {"id": hold})
        booking: Json = done["booking"]
        return booking

    async def order(self, pieces: int, first: date, last: date) -> str:
        """Place an order for shirts; its id. A product just registered may be on its way to the orders: wait for it."""
        line = {"productId": self.product, "sku": "ORS-M", "quantity": pieces}
        given = {"lines": [line], "earliestDay": first.isoformat(), "dueDay": last.isoformat()}

        async def ask() -> Json | RefusedError:
            try:
                return await self.shop.do("placeOrder", "order { id }", given)
            except RefusedError as error:
                if error.kind != "InvalidInput":
                    raise
                return error

        placed: Any = await eventually(ask, lambda answer: isinstance(answer, dict), "the order should be taken")
        return str(placed["order"]["id"])

    async def outcome(self, order: str, wanted: str) -> tuple[Json, str]:
        """Watch an order by subscription until it is as wanted, or over; its last state, and all states for people."""
        await self.shop.ask(SEEN, id=order)  # a subscription knows what the gateway knows: let the order arrive there
        states = {"REFUSED", "FAILED", "CANCELLED", "QUARANTINED", wanted}
        told = await self.shop.watch(ORDER, {"id": order}, lambda data: data["order"]["state"] in states)
        last: Json = told[-1]["order"]
        check(last["state"] == wanted, f"the order should be {wanted} and is {last['state']}: {last['refusal']}")
        return last, " -> ".join(data["order"]["state"].lower() for data in told)

    async def order_confirmed(self, pieces: int) -> tuple[str, list[Json], str]:
        """Order for the week and see it confirmed; the order's id, its plan, and its states for people."""
        order = await self.order(pieces, self.day(0), self.day(4))
        last, states = await self.outcome(order, "CONFIRMED")
        plan: list[Json] = last["allocations"]
        asked = sum(step["setupMinutes"] + pieces * step["runMinutes"] for step in _ROUTING)
        check(sum(part["quantity"] for part in plan) >= asked, f"{asked} minutes are needed and the plan is {plan}")
        await self.committed_changes(plan, 1)
        return order, plan, states

    async def committed_changes(self, plan: list[Json], sign: int) -> None:
        """See the plan's minutes come to, or go from, what the workshop has committed; other workshops' are hidden."""
        for part in plan:
            spot = part["resource"]["id"], date.fromisoformat(part["day"])
            if spot[0] in self.posts.values():
                self.committed[spot] += sign * part["quantity"]
                await self.settles(*spot, held=0, committed=self.committed[spot])

    # --- the parts ---------------------------------------------------------------------------------------------------

    async def people_join(self) -> None:
        """A workshop with site, resources, calendar and terms; a brand with a product; a shop."""
        async with self.stage.step(self.workshop.name, "opens in Via Padova, Milano, and publishes its hours") as say:
            site = await self._workshop_registers()
            for name, kind, process, minutes in _POSTS:
                self.posts[process] = await self._publish(site, name, kind, process, minutes)
                say(f"{name} ({process}): {minutes} minutes a day, Friday until noon, EUR 0.45 a minute")
        async with self.stage.step(self.brand.name, "joins and offers a shirt made to order") as say:
            await self._register(self.brand)
            self.product = await self._offer()
            say("Camicia Brera, EUR 189.00, sizes S M L: cutting, lockstitch, pressing")
        async with self.stage.step(self.shop.name, "joins, a concept shop in Isola"):
            await self._register(self.shop)

    async def brand_books(self) -> None:
        """Hold, confirm, and see the room go from free to held to committed."""
        post, day = self.posts["lockstitch"], self.day(1)
        async with self.stage.step(self.brand.name, "books 300 minutes of Tuesday on the sewing line") as say:
            before = (await self.settles(post, day, available=960))["available"]
            booking = await self.book(post, day, 300)
            after = (await self.settles(post, day, held=0, committed=300, available=660))["available"]
            amount = booking["price"]["amount"]
            check(amount == _SETUP_CENTS + 300 * _CENTS_PER_MINUTE, f"the price is {amount} cents")
            say(f"held, then confirmed for EUR {amount / 100:.2f}; free minutes {before} -> {after}")
        self.committed[post, day] += 300

    async def many_want_the_same_room(self) -> None:
        """Eight brands ask for all that is left at the same moment: one gets it."""
        post, day = self.posts["lockstitch"], self.day(1)
        async with self.stage.step("Eight brands", "ask for the same last 660 minutes of Tuesday at once") as say:
            rivals = [self.platform.actor("brand", f"Rival {number}") for number in range(8)]
            asked = (self.hold(rival, post, day, 660) for rival in rivals)
            answers = await asyncio.gather(*asked, return_exceptions=True)
            winners = [(rival, hold) for rival, hold in zip(rivals, answers, strict=True) if isinstance(hold, str)]
            losers = [error for error in answers if isinstance(error, RefusedError) and error.code == "NO_CAPACITY"]
            check((len(winners), len(losers)) == (1, 7), f"the eight answers were {answers}")
            await self.settles(post, day, held=660, available=0)
            say(f"one got it, seven were refused: {losers[0].sentence}")
            await winners[0][0].do("releaseHold", "hold { id }", {"id": winners[0][1]})
            await self.settles(post, day, held=0, available=660)
            say("the winner gives it back; free minutes 0 -> 660")

    async def shop_orders(self) -> None:
        """An order confirmed: room is planned, held and booked by events alone."""
        async with self.stage.step(self.shop.name, "orders 12 shirts for next week") as say:
            _, plan, states = await self.order_confirmed(12)
            say(states)
            for part in plan:
                workshop = part["workshop"] or {"name": "a workshop that has not registered"}
                who = f"{part['resource']['name']} of {workshop['name']}"
                say(f"{part['quantity']} minutes on {date.fromisoformat(part['day']):%A}: {who}")

    async def too_large_an_order_is_refused(self) -> None:
        """An order that does not fit is refused with the reason."""
        async with self.stage.step(self.shop.name, "orders 500 shirts for Monday") as say:
            last, states = await self.outcome(await self.order(500, self.day(0), self.day(0)), "REFUSED")
            check(bool(last["refusal"]["message"]), f"the refusal says nothing: {last}")
            say(f"{states}: {last['refusal']['message']} ({last['refusal']['code']})")

    async def hold_expires(self) -> None:
        """A short hold that nobody confirms: its room returns."""
        post, day = self.posts["pressing"], self.day(2)
        async with self.stage.step(self.brand.name, "holds 240 minutes of Wednesday's pressing for 2 s") as say:
            [before] = await self.buckets(post, day)
            hold = await self.hold(self.brand, post, day, 240, seconds=2)
            held, free = before["held"] + 240, before["available"]
            during = await self.settles(post, day, held=held, available=free - 240)
            after = await self.settles(post, day, held=before["held"], available=free)
            say(f"nobody confirms; free minutes {free} -> {during['available']} -> {after['available']}")
            try:
                await self.brand.do("confirmHold", "booking { id }", {"id": hold})
            except RefusedError as error:
                say(f"confirming it now is refused: {error.sentence}")
            else:
                raise DemoError("An expired hold was confirmed")

    async def booking_is_cancelled(self) -> None:
        """A booking given up: its room returns."""
        post, day = self.posts["cutting"], self.day(3)
        async with self.stage.step(self.brand.name, "books 180 minutes of Thursday's cutting and cancels") as say:
            [before] = await self.buckets(post, day)
            committed, free = before["committed"], before["available"]
            booking = await self.book(post, day, 180)
            during = await self.settles(post, day, committed=committed + 180, available=free - 180)
            await self.brand.do("cancelBooking", "booking { id }", {"id": booking["id"]})
            after = await self.settles(post, day, committed=committed, available=free)
            say(f"free minutes {free} -> {during['available']} -> {after['available']}")

    async def order_is_cancelled(self) -> None:
        """A confirmed order withdrawn: the saga gives every minute back."""
        async with self.stage.step(self.shop.name, "orders 5 more shirts and, confirmed, withdraws them") as say:
            order, plan, states = await self.order_confirmed(5)
            await self.shop.do("cancelOrder", "order { id }", {"id": order})
            await self.outcome(order, "CANCELLED")
            await eventually(
                lambda: self.shop.ask(BOOKINGS),
                lambda seen: {"state": "CANCELLED", "order": {"id": order}} in _nodes(seen["bookings"]),
                "the booking of the order should be cancelled",
            )
            await self.committed_changes(plan, -1)
            say(f"{states} -> cancelled, and its booking: {sum(part['quantity'] for part in plan)} minutes given back")

    async def the_week_adds_up(self) -> None:
        """The workshop's week: the conservation law in every bucket, and nothing committed but what was told."""
        weeks = {post: await self.buckets(post, self.monday, 7) for post in self.posts.values()}
        days: list[Counter[str]] = [Counter() for _ in range(7)]
        for post, week in weeks.items():
            for total, bucket in zip(days, week, strict=True):
                day = date.fromisoformat(bucket.pop("day"))
                left = bucket["published"] - bucket["held"] - bucket["committed"] - bucket["blocked"]
                check(bucket["available"] == left >= 0, f"{day} does not add up: {bucket}")
                check(bucket["committed"] == self.committed[post, day], f"{day} has more or less committed: {bucket}")
                total.update(bucket)
        self.stage.console.print(_table(self.workshop.name, self.monday, days))

    # --- small doings ------------------------------------------------------------------------------------------------

    async def _register(self, who: Actor) -> None:
        await who.do("registerParty", "party { id }", {"kind": who.role.upper(), "name": who.name})

    async def _workshop_registers(self) -> str:
        await self._register(self.workshop)
        place = {
            "name": "Laboratorio di Via Padova",
            "municipality": "Milano",
            "latitude": 45.4969,
            "longitude": 9.2303,
        }
        return str((await self.workshop.do("registerSite", "site { id }", {**place, "timeZone": ZONE}))["site"]["id"])

    async def _publish(self, site: str, name: str, kind: str, process: str, minutes: int) -> str:
        given: dict[str, Any] = {"siteId": site, "name": name, "kind": kind, "processes": [process]}
        given["terms"] = {
            "pricePerUnit": {"amount": _CENTS_PER_MINUTE, "currency": "EUR"},
            "setupPrice": {"amount": _SETUP_CENTS, "currency": "EUR"},
            "minimumQuantity": 15,
            "noticeDays": 1,
        }
        given["calendar"] = {
            "weekly": [minutes] * 5 + [0, 0],
            "exceptions": [{"day": self.day(4).isoformat(), "quantity": minutes // 2}],
            "startsOn": self.today.isoformat(),
            "endsOn": self.day(89).isoformat(),
        }
        return str((await self.workshop.do("publishResource", "resource { id }", given))["resource"]["id"])

    async def _offer(self) -> str:
        given = {
            "name": "Camicia Brera",
            "description": "A shirt of Lombard poplin, made to order.",
            "price": {"amount": _SHIRT_CENTS, "currency": "EUR"},
            "variants": [{"sku": f"ORS-{size}", "label": size} for size in "SML"],
            "routing": _ROUTING,
        }
        return str((await self.brand.do("registerProduct", "product { id }", given))["product"]["id"])


def _nodes(connection: Json) -> list[Json]:
    return [edge["node"] for edge in connection["edges"]]


def _table(name: str, monday: date, days: list[Counter[str]]) -> Table:
    table = Table(title=f"The week of {name}, in minutes")
    table.add_column("day")
    for heading in ("published", "held", "committed", "free"):
        table.add_column(heading, justify="right")
    for number, total in enumerate(days):
        cells = (total["published"], total["held"], total["committed"], total["available"])
        table.add_row(f"{monday + timedelta(days=number):%a %d %b}", *map(str, cells))
    return table
