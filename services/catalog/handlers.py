"""Load, decide, save, tell: what the catalog does when asked."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TypeVar
from uuid import UUID

import msgspec

from libs.contracts import Event, catalog
from libs.contracts.values import Money, Operation, PartyKind, Variant
from libs.kit.auth import Principal
from libs.kit.db import WriteSession, speak_for
from libs.kit.errors import Conflict, FieldError, Invalid, NotFound
from libs.kit.ids import new_id
from libs.messaging import outbox
from libs.service.commands import Imported
from services.catalog import domain, store
from services.catalog.domain import (
    Fault,
    ImportedParty,
    import_faults,
    name_faults,
    product_faults,
    qualification_faults,
    site_faults,
)
from services.catalog.tables import Party, Product, Qualification, Site

E = TypeVar("E", bound=Event)


async def register_party(session: WriteSession, caller: Principal, kind: PartyKind, name: str) -> catalog.Party:
    """Make the caller's party known. Raises Invalid, or Conflict if it is known already."""
    faults = [*name_faults(name)]
    if kind != caller.role:
        faults.append(Fault("kind", f"Your token says that you are a {caller.role}."))
    _refuse(faults)
    party = Party(id=caller.party, version=1, kind=kind, name=name)
    if not await store.add_parties(session, [party]):
        raise Conflict("Your party is registered already; rename it if the name is wrong.", code="PARTY_EXISTS")
    return await _tell(session, _party(catalog.PartyRegistered, party))


async def rename_party(session: WriteSession, caller: Principal, name: str) -> catalog.Party:
    """Give the caller's party another name."""
    _refuse(name_faults(name))
    party = await store.locked_party(session, caller.party)
    if party is None:
        raise _unregistered()
    party.name = name
    party.version += 1
    return await _tell(session, _party(catalog.PartyRenamed, party))


async def register_site(session: WriteSession, caller: Principal, asked: domain.Site) -> catalog.Site:
    """Open a site of the caller's."""
    _refuse(site_faults(asked))
    await _must_be_registered(session, caller)
    site = _site_row(new_id(), caller.party, asked)
    await store.add(session, site)
    return await _tell(session, _site(site))


async def register_product(session: WriteSession, caller: Principal, asked: domain.Product) -> catalog.Product:
    """Offer a product of the caller's, a brand's."""
    caller.must_be(PartyKind.BRAND)
    _refuse(product_faults(asked))
    await _must_be_registered(session, caller)
    product = Product(
        id=new_id(),
        party_id=caller.party,
        version=1,
        offered=True,
        name=asked.name,
        description=asked.description,
        price_amount=asked.amount,
        price_currency=asked.currency,
        variants=[asdict(variant) for variant in asked.variants],
        routing=[asdict(operation) for operation in asked.routing],
    )
    await store.add(session, product)
    return await _tell(session, _product(catalog.ProductRegistered, product))


async def withdraw_product(session: WriteSession, caller: Principal, product_id: UUID) -> catalog.Product:
    """Offer a product of the caller's no longer. Raises NotFound, or Conflict if it is withdrawn already."""
    caller.must_be(PartyKind.BRAND)
    product = await store.locked_product(session, product_id)
    if product is None:
        raise NotFound("You have no such product; check the id.")
    if not product.offered:
        raise Conflict("The product is withdrawn already; register it anew to offer it.", code="WITHDRAWN")
    product.offered = False
    product.version += 1
    return await _tell(session, _product(catalog.ProductWithdrawn, product))


async def register_qualification(
    session: WriteSession, caller: Principal, asked: domain.Qualification
) -> catalog.Qualification:
    """Show a qualification of the caller's, a workshop's or a lab's."""
    caller.must_be(PartyKind.WORKSHOP, PartyKind.LAB)
    _refuse(qualification_faults(asked))
    await _must_be_registered(session, caller)
    shown = Qualification(id=new_id(), party_id=caller.party, version=1, state="shown", **asdict(asked))
    await store.add(session, shown)
    return await _tell(session, _qualification(catalog.QualificationRegistered, shown))


async def withdraw_qualification(
    session: WriteSession, caller: Principal, qualification_id: UUID
) -> catalog.Qualification:
    """Let a qualification of the caller's count no more. Raises NotFound, or Conflict if it is withdrawn already."""
    caller.must_be(PartyKind.WORKSHOP, PartyKind.LAB)
    shown = await store.locked_qualification(session, qualification_id)
    if shown is None:
        raise NotFound("You have no such qualification; check the id.")
    if shown.state == "withdrawn":
        raise Conflict("The qualification is withdrawn already; register it anew if it holds.", code="WITHDRAWN")
    shown.state = "withdrawn"
    shown.version += 1
    return await _tell(session, _qualification(catalog.QualificationWithdrawn, shown))


async def import_parties(session: WriteSession, caller: Principal, asked: Sequence[ImportedParty]) -> Imported:
    """Take over a hub's list; all or nothing, in a transaction bound to the hub and exactly the parties listed.

    Parties already known are left as they are, with their sites.
    """
    caller.must_be(PartyKind.HUB)
    _refuse(import_faults(asked))
    await speak_for(session, [caller.party, *(one.id for one in asked)])
    parties = [Party(id=one.id, version=1, kind=one.kind, name=one.name) for one in asked]
    new = await store.add_parties(session, parties)
    sites = [_site_row(site.id, one.id, site.site) for one in asked if one.id in new for site in one.sites]
    opened = await store.add_sites(session, sites)
    events: list[Event] = [_party(catalog.PartyRegistered, party) for party in parties if party.id in new]
    await outbox.add(session, *events, *(_site(site) for site in sites if site.id in opened))
    return Imported(accepted=len(new), skipped=len(asked) - len(new))


def _refuse(faults: Iterable[Fault]) -> None:
    fields = [FieldError(fault.path, fault.message) for fault in faults]
    if fields:
        raise Invalid("Correct these fields and send again.", errors=fields)


async def _must_be_registered(session: WriteSession, caller: Principal) -> None:
    if not await store.is_registered(session, caller.party):
        raise _unregistered()


def _unregistered() -> Conflict:
    return Conflict("Register your party first.", code="PARTY_UNKNOWN")


async def _tell(session: WriteSession, event: E) -> E:
    await outbox.add(session, event)
    return event


def _site_row(site_id: UUID, party: UUID, asked: domain.Site) -> Site:
    return Site(id=site_id, party_id=party, version=1, **asdict(asked))


def _party(event: type[catalog.Party], row: Party) -> catalog.Party:
    return event(id=row.id, version=row.version, kind=PartyKind(row.kind), name=row.name)


def _site(row: Site) -> catalog.SiteRegistered:
    return catalog.SiteRegistered(**row.model_dump())


def _qualification(event: type[catalog.Qualification], row: Qualification) -> catalog.Qualification:
    return event(**row.model_dump() | {"state": catalog.QualificationState(row.state)})


def _product(event: type[catalog.Product], row: Product) -> catalog.Product:
    return event(
        id=row.id,
        version=row.version,
        party_id=row.party_id,
        name=row.name,
        description=row.description,
        price=Money(row.price_amount, row.price_currency),
        variants=msgspec.convert(row.variants, list[Variant]),
        routing=msgspec.convert(row.routing, list[Operation]),
    )
