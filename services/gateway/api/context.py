"""What the resolvers of one operation share: loaders of the read models, and what the caller may see."""

from datetime import date, timedelta
from functools import partial
from typing import Any, ClassVar, TypeAlias, TypeVar
from uuid import UUID

import strawberry

from libs.contracts import Event, capacity
from libs.graphql.operation import Loader, Operation
from libs.graphql.paging import Connection, connection
from libs.graphql_cache.tags import of_ids, of_list, of_owners, of_pages
from libs.read_models.listing import Listing
from services.gateway import store, tables, views

E = TypeVar("E", bound=Event)
_BY_IDS, _DAYS = partial(of_ids, also=store.SEEN_THROUGH), of_owners("days")


class Context(Operation):
    """One operation."""

    topics = tables.OF_TOPIC
    depends: ClassVar = {store.by_ids: _BY_IDS, store.page: of_list, store.pages: of_pages, store.buckets: _DAYS}

    def forget(self) -> None:
        self.nodes = self.loader(store.by_ids)
        self._pages: Loader[store.Page, list[Event]] = self.loader(store.pages)
        self._days: Loader[tuple[date, ...], dict[date, capacity.Bucket]] = self.loader(store.buckets)

    def seen(self, event: E) -> E:
        return views.seen_by(self.party, event)

    async def page(self, listing: Listing, first: int, after: str | None, **filters: Any) -> Connection[Event]:
        """A page of a whole list."""

        async def find(most: int, place: tuple[str, ...]) -> list[Event]:
            return await self.read(store.page, listing, most, place, **filters)

        return await connection(listing, first, after, find, self.seen)

    async def page_of(
        self, listing: Listing, first: int, after: str | None, column: str, parent: UUID
    ) -> Connection[Event]:
        """A page of one parent's list; those of several parents are read together."""

        async def find(most: int, place: tuple[str, ...]) -> list[Event]:
            return await self._pages.load((store.Page(listing, column, most, place), parent)) or []

        return await connection(listing, first, after, find, self.seen)

    async def days_of(self, resource: capacity.Resource, start: date, days: int) -> list[views.Bucket]:
        """A resource's days, touched or not, as the caller may see them."""
        dates = tuple(start + timedelta(n) for n in range(days))
        touched = await self._days.load((dates, resource.id)) or {}
        return [views.day_of(resource, day, touched.get(day), self.party) for day in dates]


Info: TypeAlias = strawberry.Info[Context, None]
