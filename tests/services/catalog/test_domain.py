"""What the catalog promises, without any server."""

from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog import domain
from services.catalog.domain import (
    PROCESSES,
    ImportedParty,
    ImportedSite,
    Operation,
    Product,
    Site,
    Variant,
    import_faults,
    name_faults,
    product_faults,
    site_faults,
)

SITE = Site("Via Conte Rosso", "Milano", 45.4837, 9.2391, "Europe/Rome")
PRODUCT = Product(
    "Overshirt",
    "Unlined cotton\novershirt",
    18_500,
    "EUR",
    (Variant("S", "Small"), Variant("M", "Medium")),
    (Operation("cutting", 30, 4), Operation("lockstitch", 0, 25)),
)


def paths(faults: object) -> list[str]:
    return [fault.path for fault in faults]


@pytest.mark.parametrize("name", ["x", "Sartoria Lambrate", "Ca' Granda & figli", "ü" * 120])
def test_a_good_name_is_taken(name: str) -> None:
    assert paths(name_faults(name)) == []


@pytest.mark.parametrize("name", ["", "x" * 121, "a\nb", "nul\x00", "\ud800", "right\u202eleft"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    assert paths(name_faults(name)) == ["name"]


def test_a_good_site_has_no_faults() -> None:
    assert paths(site_faults(SITE)) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("municipality", ""),
        ("latitude", 90.01),
        ("latitude", float("nan")),
        ("longitude", -180.01),
        ("longitude", float("inf")),
        ("time_zone", "Europe/Milano"),
        ("time_zone", "../etc/passwd"),
        ("time_zone", "Europe"),
        ("time_zone", ""),
    ],
)
def test_a_site_names_the_field_at_fault(field: str, value: object) -> None:
    assert paths(site_faults(replace(SITE, **{field: value}))) == [field]


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_every_place_on_earth_can_be_a_site(latitude: float, longitude: float) -> None:
    assert paths(site_faults(replace(SITE, latitude=latitude, longitude=longitude))) == []


def test_a_good_product_has_no_faults() -> None:
    assert paths(product_faults(PRODUCT)) == []


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("name", "", "name"),
        ("description", "x" * 4_001, "description"),
        ("description", "nul\x00", "description"),
        ("amount", 0, "price.amount"),
        ("amount", 2**31, "price.amount"),
        ("currency", "eur", "price.currency"),
        ("currency", "EURO", "price.currency"),
        ("currency", "EUR\n", "price.currency"),
        ("variants", (), "variants"),
        ("variants", tuple(Variant(str(n), "x") for n in range(51)), "variants"),
        ("variants", (Variant("", "Small"),), "variants.0.sku"),
        ("variants", (Variant("S", ""),), "variants.0.label"),
        ("variants", (Variant("S", "Small"), Variant("S", "Again")), "variants.1.sku"),
        ("routing", (), "routing"),
        ("routing", (Operation("cutting", 0, 1),) * 21, "routing"),
        ("routing", (Operation("alchemy", 0, 1),), "routing.0.process"),
        ("routing", (Operation("cutting", -1, 1),), "routing.0.setup_minutes"),
        ("routing", (Operation("cutting", 0, 0),), "routing.0.run_minutes"),
        ("routing", (Operation("cutting", 0, 10_001),), "routing.0.run_minutes"),
    ],
)
def test_a_product_names_the_field_at_fault(field: str, value: object, path: str) -> None:
    assert paths(product_faults(replace(PRODUCT, **{field: value}))) == [path]


def test_a_process_may_come_twice_in_a_routing() -> None:
    again = (*PRODUCT.routing, Operation("cutting", 0, 1))
    assert paths(product_faults(replace(PRODUCT, routing=again))) == []


def test_the_taxonomy_covers_the_trades_of_the_city() -> None:
    trades = {process.trade for process in PROCESSES.values()}
    assert trades == {"garment", "knit", "leather", "footwear", "jewellery", "finishing", "fablab"}
    assert all(code == process.code for code, process in PROCESSES.items())


def firm(name: str = "Sartoria", sites: int = 1) -> ImportedParty:
    return ImportedParty(uuid4(), "workshop", name, tuple(ImportedSite(uuid4(), SITE) for _ in range(sites)))


def test_a_good_list_of_parties_has_no_faults() -> None:
    assert paths(import_faults([firm(), firm(sites=0), firm(sites=2)])) == []


def test_a_list_names_party_and_site_at_fault() -> None:
    lost = ImportedSite(uuid4(), replace(SITE, latitude=91, time_zone="Mars"))
    assert paths(import_faults([firm(), replace(firm(""), sites=(lost,))])) == [
        "parties.1.name",
        "parties.1.sites.0.latitude",
        "parties.1.sites.0.time_zone",
    ]


def test_a_list_names_what_is_there_twice() -> None:
    one = firm()
    assert paths(import_faults([one, one])) == ["parties.1.id", "parties.1.sites.0.id"]


@pytest.mark.parametrize("count", [0, domain.MAX_IMPORT + 1])
def test_a_list_has_1_to_500_parties(count: int) -> None:
    assert paths(import_faults([firm(sites=0)] * count)) == ["parties"]


def test_a_party_of_a_list_has_at_most_50_sites() -> None:
    assert paths(import_faults([firm(sites=51)])) == ["parties.0.sites"]
