"""What the catalog says: parties, sites, products."""

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
