"""Parties, sites and products."""

from alembic import op

from libs.service.schema import create_kit_tables, protect

revision = "0001"
down_revision = None

PARTY = """
CREATE TABLE party (
    id      uuid PRIMARY KEY,
    version int NOT NULL CHECK (version > 0),
    kind    text NOT NULL CHECK (kind IN ('brand', 'workshop', 'retailer', 'lab', 'hub')),
    name    text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 120)
)
"""
SITE = """
CREATE TABLE site (
    id           uuid PRIMARY KEY,
    party_id     uuid NOT NULL REFERENCES party (id),
    version      int NOT NULL CHECK (version > 0),
    name         text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 120),
    municipality text NOT NULL CHECK (char_length(municipality) BETWEEN 1 AND 120),
    latitude     double precision NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude    double precision NOT NULL CHECK (longitude BETWEEN -180 AND 180),
    time_zone    text NOT NULL,
    UNIQUE (party_id, id)
)
"""
PRODUCT = """
CREATE TABLE product (
    id             uuid PRIMARY KEY,
    party_id       uuid NOT NULL REFERENCES party (id),
    version        int NOT NULL CHECK (version > 0),
    offered        boolean NOT NULL,
    name           text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 120),
    description    text NOT NULL,
    price_amount   bigint NOT NULL CHECK (price_amount > 0),
    price_currency char(3) NOT NULL,
    variants       jsonb NOT NULL CHECK (jsonb_array_length(variants) BETWEEN 1 AND 50),
    routing        jsonb NOT NULL CHECK (jsonb_array_length(routing) BETWEEN 1 AND 20),
    UNIQUE (party_id, id)
)
"""


def upgrade() -> None:
    create_kit_tables("catalog")
    for statement in (PARTY, SITE, PRODUCT):
        op.execute(statement)
    protect("party", "catalog", visible="id = ANY({parties})")
    protect("site", "catalog")
    protect("product", "catalog")
