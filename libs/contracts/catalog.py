"""What the catalog says: parties, sites, products."""

from uuid import UUID

from libs.contracts._base import Event, event
from libs.contracts.values import Money, Operation, PartyKind, Variant


class Party(Event, frozen=True, kw_only=True):
    """State of a party: an organisation, and the tenant whose data is its own."""

    kind: PartyKind
    name: str


@event("catalog", "party", "party_registered")
class PartyRegistered(Party, frozen=True, kw_only=True):
    """A party joined the platform."""


@event("catalog", "party", "party_renamed")
class PartyRenamed(Party, frozen=True, kw_only=True):
    """A party changed its name."""


class Site(Event, frozen=True, kw_only=True):
    """State of a site: a place of a party."""

    party_id: UUID
    name: str
    municipality: str
    latitude: float
    """WGS 84 degrees."""
    longitude: float
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
    description: str
    price: Money
    """Of one piece."""
    variants: list[Variant]
    routing: list[Operation]


@event("catalog", "product", "product_registered")
class ProductRegistered(Product, frozen=True, kw_only=True):
    """A brand offers a product made to order."""


@event("catalog", "product", "product_withdrawn")
class ProductWithdrawn(Product, frozen=True, kw_only=True):
    """A brand no longer offers a product; orders already placed go on."""
