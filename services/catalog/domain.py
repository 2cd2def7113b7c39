"""The rules of the catalog: who may be known under which name, where sites are, what a product is, what qualifies.

Standard library only; no I/O and no clock. Faults name the field they stand for, as a path in the command.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import available_timezones

MAX_NAME = 120
MAX_DESCRIPTION = 4_000
MAX_SKU = 64
MAX_AMOUNT = 2**31 - 1
"""Minor units; the largest Int that GraphQL carries."""
MAX_VARIANTS = 50
MAX_OPERATIONS = 20
MAX_MINUTES = 10_000
MAX_URL = 500
MAX_YEARS = 10
MAX_IMPORT = 500
MAX_IMPORTED_SITES = 50

_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_SCHEME = re.compile(r"[a-z][a-z0-9_]{1,39}", re.ASCII)


@dataclass(frozen=True)
class Fault:
    """What is wrong with one field of a command."""

    path: str
    message: str


@dataclass(frozen=True)
class Process:
    """What can be done, in the taxonomy that everybody shares."""

    code: str
    trade: str
    label: str


PROCESSES: dict[str, Process] = {
    code: Process(code, trade, label)
    for trade, code, label in (
        ("garment", "pattern_making", "Pattern making and grading"),
        ("garment", "cutting", "Cutting fabric"),
        ("garment", "lockstitch", "Lockstitch sewing"),
        ("garment", "overlock", "Overlock sewing"),
        ("garment", "buttonholes", "Buttonholes and buttons"),
        ("garment", "hand_sewing", "Sewing by hand"),
        ("knit", "flat_knitting", "Flat knitting"),
        ("knit", "circular_knitting", "Circular knitting"),
        ("knit", "linking", "Linking knitted panels"),
        ("knit", "washing", "Washing and felting knitwear"),
        ("leather", "clicking", "Cutting leather with a press"),
        ("leather", "skiving", "Thinning leather edges"),
        ("leather", "saddle_stitch", "Saddle stitching"),
        ("leather", "edge_painting", "Painting and polishing edges"),
        ("leather", "bag_assembly", "Assembling bags and small goods"),
        ("footwear", "closing", "Closing uppers"),
        ("footwear", "lasting", "Lasting"),
        ("footwear", "soling", "Attaching soles"),
        ("footwear", "shoe_finishing", "Finishing shoes"),
        ("jewellery", "wax_modelling", "Modelling in wax"),
        ("jewellery", "casting", "Lost-wax casting"),
        ("jewellery", "stone_setting", "Setting stones"),
        ("jewellery", "polishing", "Polishing metal"),
        ("jewellery", "plating", "Electroplating"),
        ("finishing", "embroidery", "Embroidery"),
        ("finishing", "dyeing", "Dyeing pieces"),
        ("finishing", "textile_printing", "Printing on textile"),
        ("finishing", "pressing", "Pressing and steaming"),
        ("finishing", "quality_control", "Checking and packing"),
        ("fablab", "laser", "Laser cutting and engraving"),
        ("fablab", "printing_3d", "3D printing"),
        ("fablab", "cnc_milling", "Milling by numerical control"),
    )
}


@dataclass(frozen=True)
class Site:
    """A place of a party, as asked for. Coordinates are WGS 84 degrees."""

    name: str
    municipality: str
    latitude: float
    longitude: float
    time_zone: str


@dataclass(frozen=True)
class ImportedSite:
    """A site that a hub knows by its own id."""

    id: UUID
    site: Site


@dataclass(frozen=True)
class ImportedParty:
    """A party of a hub's list, with its sites."""

    id: UUID
    kind: str
    name: str
    sites: tuple[ImportedSite, ...]


@dataclass(frozen=True)
class Variant:
    """A size or colour form."""

    sku: str
    label: str


@dataclass(frozen=True)
class Operation:
    """One step of a routing."""

    process: str
    setup_minutes: int
    run_minutes: int


@dataclass(frozen=True)
class Product:
    """What a brand wants to sell, and how it is made. The price is in minor units, for one piece."""

    name: str
    description: str
    amount: int
    currency: str
    variants: tuple[Variant, ...]
    routing: tuple[Operation, ...]


@dataclass(frozen=True)
class Qualification:
    """Evidence that a workshop may do something: of which scheme, by whom, where it can be seen, for which days."""

    scheme: str
    issuer: str
    evidence_url: str
    valid_from: date
    valid_until: date


def name_faults(name: str, path: str = "name") -> Iterator[Fault]:
    """A name has 1 to 120 printable characters."""
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        yield Fault(path, f"Give 1 to {MAX_NAME} printable characters.")


def site_faults(site: Site, path: str = "") -> Iterator[Fault]:
    """Everything that is wrong with a site; `path` is put before each field."""
    yield from name_faults(site.name, f"{path}name")
    yield from name_faults(site.municipality, f"{path}municipality")
    if not -90 <= site.latitude <= 90:
        yield Fault(f"{path}latitude", "A latitude is between -90 and 90 degrees.")
    if not -180 <= site.longitude <= 180:
        yield Fault(f"{path}longitude", "A longitude is between -180 and 180 degrees.")
    if site.time_zone not in _time_zones():
        yield Fault(f"{path}time_zone", "Give the name of an IANA time zone, such as Europe/Rome.")


@cache
def _time_zones() -> frozenset[str]:
    """Without the name that means another zone on every machine."""
    return frozenset(available_timezones() - {"localtime"})


def product_faults(product: Product) -> Iterator[Fault]:
    """Everything that is wrong with a product."""
    yield from name_faults(product.name)
    if len(product.description) > MAX_DESCRIPTION or not _is_text(product.description):
        yield Fault("description", f"Give at most {MAX_DESCRIPTION:,} printable characters.")
    if not 1 <= product.amount <= MAX_AMOUNT:
        yield Fault("price.amount", f"A price is 1 to {MAX_AMOUNT:,} minor units (cents).")
    if not _CURRENCY.fullmatch(product.currency):
        yield Fault("price.currency", "Give an ISO 4217 code, such as EUR.")
    yield from _variants_faults(product.variants)
    yield from _routing_faults(product.routing)


def _is_text(text: str) -> bool:
    return all(line.isprintable() for line in re.split(r"[\r\n\t]", text))


def _variants_faults(variants: Sequence[Variant]) -> Iterator[Fault]:
    if not 1 <= len(variants) <= MAX_VARIANTS:
        yield Fault("variants", f"A product has 1 to {MAX_VARIANTS} variants.")
        return
    for place, variant in enumerate(variants):
        yield from name_faults(variant.label, f"variants.{place}.label")
        if not 1 <= len(variant.sku) <= MAX_SKU or not variant.sku.isprintable():
            yield Fault(f"variants.{place}.sku", f"Give 1 to {MAX_SKU} printable characters.")
    yield from _repeated((f"variants.{place}.sku", variant.sku) for place, variant in enumerate(variants))


def _routing_faults(routing: Sequence[Operation]) -> Iterator[Fault]:
    if not 1 <= len(routing) <= MAX_OPERATIONS:
        yield Fault("routing", f"A routing has 1 to {MAX_OPERATIONS} operations.")
        return
    for place, operation in enumerate(routing):
        if operation.process not in PROCESSES:
            yield Fault(f"routing.{place}.process", f"No such process; there are {', '.join(PROCESSES)}.")
        if not 0 <= operation.setup_minutes <= MAX_MINUTES:
            yield Fault(f"routing.{place}.setup_minutes", f"Set-up takes 0 to {MAX_MINUTES:,} minutes.")
        if not 1 <= operation.run_minutes <= MAX_MINUTES:
            yield Fault(f"routing.{place}.run_minutes", f"A piece takes 1 to {MAX_MINUTES:,} minutes.")


def qualification_faults(qualification: Qualification) -> Iterator[Fault]:
    """Everything that is wrong with a qualification. Whether it is genuine, whoever looks at the evidence sees."""
    if not _SCHEME.fullmatch(qualification.scheme):
        yield Fault("scheme", "Give 2 to 40 small letters, digits and _, beginning with a letter, such as gots.")
    yield from name_faults(qualification.issuer, "issuer")
    if not _is_web_address(qualification.evidence_url):
        yield Fault("evidence_url", f"Give a web address of at most {MAX_URL} characters, beginning with https://.")
    if qualification.valid_until < qualification.valid_from:
        yield Fault("valid_until", "The last day is not before the first.")
    elif qualification.valid_until.year - qualification.valid_from.year > MAX_YEARS:
        yield Fault("valid_until", f"A qualification lasts {MAX_YEARS} years at most; the next can be registered too.")


def _is_web_address(text: str) -> bool:
    """Without a name and password in it, which would be told to everybody."""
    if not (text.isascii() and text.isprintable() and " " not in text and len(text) <= MAX_URL):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


def import_faults(parties: Sequence[ImportedParty]) -> Iterator[Fault]:
    """Everything that is wrong with a hub's list of parties."""
    if not 1 <= len(parties) <= MAX_IMPORT:
        yield Fault("parties", f"Import 1 to {MAX_IMPORT} parties at a time.")
        return
    for place, party in enumerate(parties):
        yield from name_faults(party.name, f"parties.{place}.name")
        if len(party.sites) > MAX_IMPORTED_SITES:
            yield Fault(f"parties.{place}.sites", f"Import at most {MAX_IMPORTED_SITES} sites of a party.")
    sites = list(_imported_sites(parties))
    for path, one in sites:
        yield from site_faults(one.site, f"{path}.")
    yield from _repeated((f"parties.{place}.id", party.id) for place, party in enumerate(parties))
    yield from _repeated((f"{path}.id", one.id) for path, one in sites)


def _imported_sites(parties: Sequence[ImportedParty]) -> Iterator[tuple[str, ImportedSite]]:
    for place, party in enumerate(parties):
        for number, site in enumerate(party.sites):
            yield f"parties.{place}.sites.{number}", site


def _repeated(named: Iterable[tuple[str, object]]) -> Iterator[Fault]:
    """A fault for each value that was there before."""
    seen: Counter[object] = Counter()
    for path, value in named:
        if seen[value]:
            yield Fault(path, "This is there twice.")
        seen[value] += 1
