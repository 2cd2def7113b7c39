"""Read models can be built anew beside those that answer."""

from libs.read_models.schema import allow_rebuilding

revision = "0004"
down_revision = "0003"

TABLES = ["party", "site", "product", "resource", "bucket", "hold", "booking", "orders", "waitlist", "pool", "share"]


def upgrade() -> None:
    allow_rebuilding("gateway", TABLES)
