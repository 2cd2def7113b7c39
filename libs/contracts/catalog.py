"""What the catalog says: parties, sites, products, qualifications."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from libs.contracts._base import Event, event
from libs.contracts.values import Money, Operation, PartyKind, Variant


class Party(Event, frozen=True, kw_only=True):
    """State of a party: an organisation, and the tenant whose data is its own."""

    kind: PartyKind
    """What it does on the platform."""
    name: str
    """As it wants to be called."""


@event("catalog", "party", "party_registered")
class PartyRegistered(Party, frozen=True, kw_only=True):
    """A party joined the platform."""


@event("catalog", "party", "party_renamed")
class PartyRenamed(Party, frozen=True, kw_only=True):
    """A party changed its name."""


class Site(Event, frozen=True, kw_only=True):
    """State of a site: a place of a party."""

    party_id: UUID
    """Whose place it is."""
    name: str
    """As its party calls it."""
    municipality: str
    """Where it stands, e.g. `Milano`."""
    latitude: float
    """WGS 84 degrees."""
    longitude: float
    """WGS 84 degrees."""
    time_zone: str
    """IANA name; local days of resources here are days of this zone."""


@event("catalog", "site", "site_registered")
class SiteRegistered(Site, frozen=True, kw_only=True):
    """A party opened a site."""


class Product(Event, frozen=True, kw_only=True):
    """State of a product: what is sold and how it is made."""

    party_id: UUID
    """The brand."""
    name: str
    """As the brand sells it."""
    description: str
    """For buyers, plain text."""
    price: Money
    """Of one piece."""
    variants: list[Variant]
    """The forms it is sold in."""
    routing: list[Operation]
    """The operations that make one lot, in order."""


@event("catalog", "product", "product_registered")
class ProductRegistered(Product, frozen=True, kw_only=True):
    """A brand offers a product made to order."""


@event("catalog", "product", "product_withdrawn")
class ProductWithdrawn(Product, frozen=True, kw_only=True):
    """A brand no longer offers a product; orders already placed go on."""


class QualificationState(StrEnum):
    """A qualification counts on its days, until it is withdrawn."""

    SHOWN = "shown"
    """It counts on its days."""
    WITHDRAWN = "withdrawn"
    """It counts no more."""


class Qualification(Event, frozen=True, kw_only=True):
    """State of a qualification: evidence that a workshop may do something, by somebody, for a time.

    It counts on the days of production, not of booking.
    """

    party_id: UUID
    """The workshop."""
    scheme: str
    """What it is of, as a short name that search asks for, e.g. `gots`, `sa8000`."""
    issuer: str
    """Who gave it."""
    evidence_url: str
    """Where it can be seen."""
    valid_from: date
    """The first day on which it counts."""
    valid_until: date
    """The last day on which it counts."""
    state: QualificationState
    """Whether it counts at all."""


@event("catalog", "qualification", "qualification_registered")
class QualificationRegistered(Qualification, frozen=True, kw_only=True):
    """A workshop showed a qualification."""


@event("catalog", "qualification", "qualification_withdrawn")
class QualificationWithdrawn(Qualification, frozen=True, kw_only=True):
    """A qualification counts no more, whatever its dates say."""
