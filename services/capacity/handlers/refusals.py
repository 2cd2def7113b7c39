"""What the rules refuse, as the answer to who asked."""

from collections.abc import Iterator
from contextlib import contextmanager

from libs.kit.errors import Conflict, NotFound, Problem
from services.capacity.domain.terms import Refused


def problem(refused: Refused) -> Problem:
    """NotFound of what is not there for who asks, else Conflict."""
    kind = NotFound if refused.code == "UNKNOWN_RESOURCE" else Conflict
    return kind(refused.message, code=refused.code)


@contextmanager
def refusing() -> Iterator[None]:
    """Raises the problem of what is refused meanwhile."""
    try:
        yield
    except Refused as refused:
        raise problem(refused) from None
