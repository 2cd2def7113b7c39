"""The rows of orders. Values inside an aggregate are read and written whole, so they are one jsonb column each."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Row(SQLModel, registry=registry()):
    """A row of this service, which names its tables without regard to those of others."""


class Order(Row, table=True):
    """An order; its party is the buyer."""

    __tablename__: ClassVar[str] = "orders"

    id: UUID = Field(primary_key=True)
    party_id: UUID
    version: int
    state: str
    lines: list[dict[str, Any]] = Field(sa_type=JSONB)
    total_amount: int = Field(sa_type=BigInteger)
    total_currency: str
    earliest_day: date
    due_day: date
    allocations: list[dict[str, Any]] = Field(sa_type=JSONB)
    refusal_code: str | None = None
    refusal_message: str | None = None


class Deadline(Row, table=True):
    """What an order waits for, and until when on the database's clock."""

    __tablename__: ClassVar[str] = "deadline"

    order_id: UUID = Field(primary_key=True)
    party_id: UUID
    kind: str
    due_at: datetime = Field(sa_type=DateTime(timezone=True))


class Product(Row, table=True):
    """What orders know of the catalog's products. A copy: the catalog owns them, and they have no tenant here."""

    __tablename__: ClassVar[str] = "product"

    id: UUID = Field(primary_key=True)
    version: int
    brand_id: UUID
    offered: bool
    price_amount: int = Field(sa_type=BigInteger)
    price_currency: str
    skus: list[str] = Field(sa_type=JSONB)
    routing: list[dict[str, Any]] = Field(sa_type=JSONB)
