"""Pooling: firms that each need less than a workshop's minimum share one setting up (docs/decisions/0019).

pool: open ──fill──> fired              share: pledged ──fire──> booked: hold and booking have its id
       ├──expire──> lapsed                        ├──leave──> withdrawn
       └──close───> closed                        └──free───> released

While a pool is open its room is a hold of the workshop's, of the pool's id, that ends when the pool closes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Literal, cast
from uuid import UUID

from services.capacity.domain.ledger import Hold
from services.capacity.domain.life import follow, row
from services.capacity.domain.offer import Resource, check_lots, check_party, check_terms
from services.capacity.domain.terms import Money, Refused

_LONGEST = timedelta(days=366)

PoolState = Literal["open", "fired", "lapsed", "closed"]
ShareState = Literal["pledged", "booked", "withdrawn", "released"]
ToPool = Literal["pledge", "leave", "fill", "expire", "close"]
"""`fill`: a pledge by which the minimum is met. `expire` and `close`: how its hold ended."""
ToShare = Literal["fire", "leave", "free"]

_pool, _share = partial(row, PoolState), partial(row, ShareState)
_OVER, _DONE = "POOL_OVER POOL_OVER POOL_OVER", "nothing nothing nothing"
# Both are laid out by hand, as those in `life.py`.
POOLS: dict[ToPool, dict[PoolState, str]] = {
    #                 open   fired .. closed
    "pledge": _pool(f"open   {_OVER}"),
    "leave":  _pool(f"open   {_OVER}"),
    "fill":   _pool(f"fired  {_OVER}"),
    "expire": _pool(f"lapsed {_DONE}"),
    "close":  _pool(f"closed {_OVER}"),
}  # fmt: skip # rows are read across
SHARES: dict[ToShare, dict[ShareState, str]] = {
    #                 pledged   booked .. released
    "fire":  _share(f"booked    {_DONE}"),
    "leave": _share(f"withdrawn {_OVER}"),
    "free":  _share(f"released  {_DONE}"),
}  # fmt: skip # rows are read across


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a party pledged to a pool: at most `at_most` for it, and `price` once the pool has fired."""

    id: UUID
    party_id: UUID
    version: int = 1
    pool_id: UUID
    state: ShareState = "pledged"
    quantity: int
    joined_at: datetime
    at_most: Money
    price: Money | None = None

    def after(self, happening: ToShare) -> "Share":
        """The share after this happened, one version on if that changed it. Raises Refused (POOL_OVER)."""
        then = follow(
            SHARES[happening], self.state, {"POOL_OVER": "Your share is {stage} already; pledge in another pool."}
        )
        return self if then == "nothing" else replace(self, state=cast("ShareState", then), version=self.version + 1)

    def hold(self, whole: Hold) -> Hold:
        """Its part of the pool's room."""
        parts = [replace(part, quantity=self.quantity) for part in whole.allocations]
        until = whole.expires_at
        return Hold(id=self.id, party_id=self.party_id, allocations=parts, placed_at=self.joined_at, expires_at=until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Room of one resource and day that a workshop sells by shares, at prices that stay, once `minimum` is pledged."""

    id: UUID
    party_id: UUID
    version: int = 1
    state: PoolState = "open"
    resource_id: UUID
    day: date
    quantity: int
    minimum: int
    pledged: int = 0
    price_per_unit: Money
    setup_price: Money
    minimum_charge: Money | None = None
    closes_at: datetime

    def after(self, happening: ToPool, more: int = 0) -> "Pool":
        """The pool after this happened, one version on if that changed it. Raises Refused (POOL_OVER)."""
        then = follow(POOLS[happening], self.state, {"POOL_OVER": "The pool is {stage} already; choose another."})
        if then == "nothing":
            return self
        return replace(self, state=cast("PoolState", then), pledged=self.pledged + more, version=self.version + 1)

    def joined(self, quantity: int) -> "Pool":
        """The pool with so much more pledged; fired, if that is enough. Raises Refused (POOL_FULL)."""
        after = self.after("fill" if self.pledged + quantity >= self.minimum else "pledge", quantity)
        if after.pledged > self.quantity:
            raise Refused("POOL_FULL", f"{self.quantity - self.pledged} of the pool are left; ask for no more.")
        return after

    def share(self, id_: UUID, party: UUID, quantity: int, now: datetime) -> Share:
        """A new pledge."""
        price = self.at_most(quantity)
        return Share(id=id_, party_id=party, pool_id=self.id, quantity=quantity, joined_at=now, at_most=price)

    def at_most(self, quantity: int) -> Money:
        """What a share can cost: where no more than the minimum comes together, rounded up."""
        of = max(self.minimum, quantity)
        part = -(-self.shared(of) * quantity // of)
        return replace(self.price_per_unit, amount=part + self.price_per_unit.amount * quantity)

    def shared(self, total: int) -> int:
        """What is paid together beside the units, in minor units: setting up, or what lacks to the minimum charge."""
        lacks = self.minimum_charge.amount - self.price_per_unit.amount * total if self.minimum_charge else 0
        return max(self.setup_price.amount, lacks)

    def hold(self, resource: Resource, now: datetime) -> Hold:
        """The room that it sells."""
        room = [resource.allocate(self.day, self.quantity)]
        return Hold(id=self.id, party_id=self.party_id, allocations=room, placed_at=now, expires_at=self.closes_at)


def check_pool(pool: Pool, resource: Resource, now: datetime) -> None:
    """Refuse a pool that could not be booked when it closes, or that nothing could fill."""
    if not now < pool.closes_at <= now + _LONGEST:
        raise Refused("NOT_OFFERED", "closes_at lies ahead, and at most 366 days; choose another instant.")
    check_terms([(resource, resource.allocate(pool.day, pool.quantity))], now)
    if pool.day < (first := resource.first_day(pool.closes_at)):
        raise Refused("TOO_SHORT_NOTICE", f"When the pool closes, {first} is the first day to take; close it earlier.")
    if pool.minimum > pool.quantity:
        raise Refused("NOT_OFFERED", f"The minimum is {pool.minimum} and the pool has {pool.quantity}; set more aside.")


def check_share(resource: Resource, party: UUID, quantity: int) -> None:
    """Refuse what the workshop does not sell to this party, or not in parts of this size."""
    check_party(resource, party)
    check_lots(resource, quantity)


def fired(pool: Pool, shares: Sequence[Share]) -> list[Share]:
    """The shares of a pool that has fired, each with what it costs: its units, and its part of setting up."""
    each = pool.price_per_unit
    parts = split(pool.shared(pool.pledged), [share.quantity for share in shares])
    return [
        replace(share.after("fire"), price=replace(each, amount=part + each.amount * share.quantity))
        for share, part in zip(shares, parts, strict=True)
    ]


def split(amount: int, quantities: Sequence[int]) -> list[int]:
    """An amount in minor units by quantity, to the last unit (largest remainder: A. Hamilton, 1792): each gets what is
    its due rounded down; the units left over go, one each, to the largest remainders, the first among equals."""
    total = sum(quantities)
    due = [divmod(amount * quantity, total) for quantity in quantities]
    left = amount - sum(whole for whole, _ in due)
    lucky = set(sorted(range(len(due)), key=lambda number: -due[number][1])[:left])
    return [whole + (number in lucky) for number, (whole, _) in enumerate(due)]
