"""The read models: the last event of each aggregate as it came, beside the columns that lists filter and sort by.

Not SQLModel: these rows are never objects, they are written as JSON and read as events (docs: README.md).
"""

from sqlalchemy import ARRAY, JSON, Boolean, Column, Date, Integer, MetaData, Table, Text, Uuid

METADATA = MetaData()


def _read_model(name: str, *columns: Column[object]) -> Table:
    common = (Column("id", Uuid, primary_key=True), Column("version", Integer), Column("type", Text))
    return Table(name, METADATA, *common, Column("event", JSON), *columns)


def _private(name: str) -> Table:
    """Seen by its audience alone: forced row-level security."""
    return _read_model(name, Column("state", Text), Column("audience", ARRAY(Uuid)))


OF_TOPIC = {
    "catalog.party": _read_model("party", Column("kind", Text), Column("name", Text)),
    "catalog.site": _read_model("site", Column("party_id", Uuid), Column("name", Text)),
    "catalog.product": _read_model("product", Column("party_id", Uuid), Column("offered", Boolean)),
    "capacity.resource": _read_model(
        "resource",
        Column("party_id", Uuid),
        Column("site_id", Uuid),
        Column("processes", ARRAY(Text)),
        Column("audience", ARRAY(Uuid)),
    ),
    "capacity.bucket": _read_model(
        "bucket", Column("party_id", Uuid), Column("resource_id", Uuid), Column("day", Date)
    ),
    "capacity.hold": _private("hold"),
    "capacity.booking": _private("booking"),
    "orders.order": _private("orders"),
}
