"""What a service reacts to, and how an event reaches its handler.

A service's `subscriptions.py` is one list, made of `each` and `batch`.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from libs.contracts import Event
from libs.kit.db import WriteSession
from libs.messaging import outbox

E = TypeVar("E", bound=Event)
Key = tuple[str, UUID]
"""Topic and aggregate: a hold and its booking share an id."""

_PROPAGATOR = TraceContextTextMapPropagator()


@dataclass(frozen=True)
class Subscription:
    """Event types and what is done with them, in the transaction that remembers their versions."""

    types: tuple[type[Event], ...]
    handle: Callable[[WriteSession, Sequence[Any]], Awaitable[None]]
    """Gets events in order, only versions not seen before. It must do nothing outside its session."""
    one_by_one: bool = False
    """Called with one event at a time."""


def each(event: type[E], handler: Callable[[WriteSession, E], Awaitable[None]]) -> Subscription:
    """Call `handler(session, event)` for one event after another."""

    async def handle(session: WriteSession, events: Sequence[E]) -> None:
        for one in events:
            await handler(session, one)

    return Subscription((event,), handle, one_by_one=True)


def batch(types: tuple[type[E], ...], handler: Callable[[WriteSession, Sequence[E]], Awaitable[None]]) -> Subscription:
    """Call `handler(session, events)` for many events at once, as a projection wants them."""
    return Subscription(types, handler)


class Message(msgspec.Struct, frozen=True):
    """An event as it came: its envelope read, its payload not yet."""

    topic: str
    """Without the prefix."""
    aggregate_id: UUID
    version: int
    headers: Mapping[str, str]
    """CloudEvents attributes as `ce_*`, and `traceparent`."""
    payload: bytes

    @property
    def key(self) -> Key:
        return self.topic, self.aggregate_id

    @property
    def type(self) -> str:
        return self.headers["ce_type"]


class Handlers:
    """The subscriptions of a service, by event type."""

    def __init__(self, subscriptions: Sequence[Subscription]) -> None:
        events = {event for subscription in subscriptions for event in subscription.types}
        self.topics = sorted({event.topic for event in events})
        self._by_type = {e.type: tuple(s for s in subscriptions if e in s.types) for e in events}
        self._decoders = {event.type: msgspec.json.Decoder(event) for event in events}

    def know(self, message: Message) -> bool:
        """Whether anybody wants it: a newer producer may tell what we have never heard of."""
        return message.type in self._by_type

    def decode(self, message: Message) -> Event:
        """The event. Raises msgspec.ValidationError or DecodeError."""
        return self._decoders[message.type].decode(message.payload)

    async def dispatch(self, session: WriteSession, told: Sequence[tuple[Message, Event]]) -> None:
        """Hand events over in order: neighbours that go to the same handlers go together."""
        for subscriptions, run in groupby(told, key=lambda one: self._by_type[one[0].type]):
            neighbours = list(run)
            for subscription in subscriptions:
                for part in ([one] for one in neighbours) if subscription.one_by_one else (neighbours,):
                    with _spans(part):
                        await subscription.handle(session, [event for _, event in part])


@contextmanager
def _spans(told: Sequence[tuple[Message, Event]]) -> Iterator[None]:
    """A span per event, child of the transaction that told it; a lone event's span is the current one."""
    causes: dict[UUID, Context] = {}
    with ExitStack() as stack:
        for message, _ in told:
            if "traceparent" in message.headers:
                span = _span(message)
                stack.callback(span.end)
                causes[message.aggregate_id] = trace.set_span_in_context(span)
                if len(told) == 1:
                    stack.enter_context(trace.use_span(span, record_exception=False))
        token = outbox.CAUSES.set(causes)
        stack.callback(outbox.CAUSES.reset, token)
        yield


def _span(message: Message) -> trace.Span:
    return trace.get_tracer(__name__).start_span(
        f"process {message.type}",
        context=_PROPAGATOR.extract(message.headers),
        kind=trace.SpanKind.CONSUMER,
        attributes={
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.destination.name": message.topic,
            "messaging.kafka.message.key": str(message.aggregate_id),
        },
    )
