"""How jobs go on: some at a time, in a transaction of their own, so that nobody waits long for what is locked."""

from collections.abc import Awaitable, Callable

from libs.kit.db import WriteSession
from libs.service.runtime import Kit


async def while_more(kit: Kit, do_some: Callable[[WriteSession], Awaitable[bool]]) -> None:
    """Do some, as long as that says that there may be more."""
    more = True
    while more:
        async with kit.database.work() as session:
            more = await do_some(session)
