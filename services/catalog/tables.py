"""The rows of the catalog. Values inside an aggregate are read and written whole, so they are one jsonb column each."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Row(SQLModel, registry=registry()):
    """A row of this service, which names its tables without regard to those of others."""


class Party(Row, table=True):
    """A party; its id is the one in its tokens."""

    __tablename__: ClassVar[str] = "party"

    id: UUID = Field(primary_key=True)
    version: int
    kind: str
    name: str


class Site(Row, table=True):
    """A place of a party."""

    __tablename__: ClassVar[str] = "site"

    id: UUID = Field(primary_key=True)
    party_id: UUID
    version: int
    name: str
    municipality: str
    latitude: float
    longitude: float
    time_zone: str


class Product(Row, table=True):
    """A product; its party is the brand."""

    __tablename__: ClassVar[str] = "product"

    id: UUID = Field(primary_key=True)
    party_id: UUID
    version: int
    offered: bool
    name: str
    description: str
    price_amount: int = Field(sa_type=BigInteger)
    price_currency: str
    variants: list[dict[str, Any]] = Field(sa_type=JSONB)
    routing: list[dict[str, Any]] = Field(sa_type=JSONB)


class Qualification(Row, table=True):
    """A qualification; its party is the workshop."""

    __tablename__: ClassVar[str] = "qualification"

    id: UUID = Field(primary_key=True)
    party_id: UUID
    version: int
    scheme: str
    issuer: str
    evidence_url: str
    valid_from: date
    valid_until: date
    state: str
