"""What a subscription tells: what is there now, then each change; or from where its client left off."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from libs.graphql.opaque import Malformed
from libs.graphql.operation import Operation
from libs.graphql_limits.documents import Refusal
from libs.graphql_streams.resume import LAST_EVENT, Told, digest

Look: TypeAlias = Callable[[], Awaitable[Mapping[Any, Any]]]
"""Finds what a subscription follows, by names of its own."""
Tell: TypeAlias = Callable[[list[Any]], Awaitable[Sequence[Any]]]
"""Finds the items of such names."""
Over: TypeAlias = Callable[[Any], bool]
"""Whether nothing more will become of what is followed."""
_SEEN_FOR_A_POINT = 50
"""A look costs a point, and one for so many things that it finds, changed or not."""


async def follow(
    operation: Operation,
    key: str,
    look: Look,
    missing: str | None = None,
    tell: Tell | None = None,
    over: Over | None = None,
) -> AsyncIterator[Any]:
    """What `look` finds, then each item that has changed. A look reads anew under the caller's party, and is paid.

    It ends when what was seen is found no more, or all is `over`: whoever followed it would wait in vain.
    `missing` is said if there is still nothing after a wait: what was just written may be on its way.
    `tell` gives the items of these names, if `look` finds less of each, such as its version.
    What the client has by the event that it names is not told again while it is the same.
    """
    told = Told(operation.connection.kit, operation.party, *operation.asked)
    seen = await told.until(LAST_EVENT.get())
    waited = False
    with operation.connection.changes.watch(key) as watch:
        while True:
            found, news, ended = await _look(operation, look, tell, over, seen)
            if missing and waited and not (seen or found):
                raise Malformed(missing, "NOT_FOUND")
            for name, item in news:
                operation.event_id = await told.tell(name, found[name])
                yield item
            if seen.keys() - found.keys() or ended:
                return
            seen.update(found)
            await told.keep()
            await watch.news()
            waited = True


async def _look(
    operation: Operation, look: Look, tell: Tell | None, over: Over | None, seen: Mapping[str, str]
) -> tuple[Mapping[str, str], list[tuple[str, Any]], bool]:
    """The digests of what there is now, the items of it that are not as they were seen, by name, and if all is over."""
    operation.forget()
    found = await look()
    digests = {name: digest(item) for name, item in found.items()}
    news = [name for name in found if seen.get(str(name)) != digests[name]]
    items = await tell(news) if tell and news else [found[name] for name in news]
    await operation.release()
    await _pay_look(operation, len(found))
    ended = over is not None and bool(found) and all(over(item) for item in found.values())
    return {str(name): one for name, one in digests.items()}, list(zip(map(str, news), items, strict=True)), ended


async def _pay_look(operation: Operation, found: int) -> None:
    try:
        await operation.connection.pay(1 + found // _SEEN_FOR_A_POINT)
    except Refusal as refusal:
        raise refusal.errors[0] from None  # inside an operation, an error is what is told
