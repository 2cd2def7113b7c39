"""What a mutation may answer instead of its success: a type for each kind of no, with a stable code."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import strawberry
from strawberry import field
from strawberry.utils.str_converters import to_camel_case

from libs.graphql.opaque import Malformed
from libs.graphql_commands.inputs import names_in
from libs.kit.errors import Problem


@strawberry.interface(description="Why a mutation has not succeeded. It changed nothing, but for `Unavailable`.")
class Failure:
    code: str = field(description="Stable, for programs.")
    message: str = field(description="A plain sentence, for people: what to do next. In the caller's language.")


@strawberry.type(description="What is wrong with one field of the input.")
class FieldProblem:
    path: str = field(description="Where in the input, e.g. `lines.0.quantity`.")
    message: str = field(description="What it should be. In the caller's language.")


@strawberry.type(description="The input breaks a rule: correct it and send again.")
class InvalidInput(Failure):
    fields: list[FieldProblem] = field(description="The fields to correct; empty if it is the whole.")


@strawberry.type(description="This caller may not do that, or there is no valid token.")
class NotAllowed(Failure):
    pass


@strawberry.type(description="There is no such thing, or none that you may see.")
class NotFound(Failure):
    pass


@strawberry.type(description="Not possible as things stand: no room, already done, too late.")
class Conflict(Failure):
    pass


@strawberry.type(
    description="The service did not answer, or is still at it. It may have been done or not: send again with this"
    " `idempotencyKey` and it is done once."
)
class Unavailable(Failure):
    idempotency_key: str = field(description="The key of this command, yours or the one made for it.")


FAILURES = (InvalidInput, NotAllowed, NotFound, Conflict, Unavailable)
_BY_STATUS: dict[int, type[Failure]] = {401: NotAllowed, 403: NotAllowed, 404: NotFound, 409: Conflict}
_AWAY = (429, 502, 503, 504)
_RUNNING = "STILL_RUNNING"
"""The code of the 409 while the same key is being worked on: nobody knows yet what comes of it."""
_WHOLE = ("body", "query")
"""What a service calls the whole of what it was sent."""
_NAME = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b")


def failure(problem: Problem, key: str, told: Callable[[str], str], given: Any = None) -> Failure:
    """The answer that tells a problem with the command of this key; names of fields in the schema's spelling.

    `told` gives a sentence in the caller's language: a service's is so already, one of the gateway's own is not.
    `given` is the input.

    Raises what is none of them, such as a 500: that is a fault, and sending again does not help.
    """
    message, fields = _told(problem, told, given)
    if problem.status in (400, 422):
        return InvalidInput(code=problem.code, message=message, fields=fields)
    if problem.status in _AWAY or problem.code == _RUNNING:
        return Unavailable(code=problem.code, message=message, idempotency_key=key)
    if problem.status not in _BY_STATUS:
        raise problem
    return _BY_STATUS[problem.status](code=problem.code, message=message)


@contextmanager
def told_as_errors(told: Callable[[str], str], given: Any = None) -> Iterator[None]:
    """For a question, which has no types for its failures: what the caller can mend is an error with a code."""
    try:
        yield
    except Problem as problem:
        if problem.status == 500:
            raise
        message, fields = _told(problem, told, given)
        wrong = "; ".join(f"{one.path}: {one.message}" for one in fields)
        raise Malformed(f"{message} {wrong}".strip(), problem.code) from None


def _told(problem: Problem, told: Callable[[str], str], given: Any) -> tuple[str, list[FieldProblem]]:
    """The sentence of a problem and its fields. What is wrong with the whole is in the sentence: it has no field."""
    names = names_in(given)

    def spelt(text: str) -> str:
        return _NAME.sub(lambda found: to_camel_case(found[0]) if found[0] in names else found[0], text)

    faults = [FieldProblem(path=_camel(one.path), message=spelt(told(one.message))) for one in problem.errors]
    whole = "; ".join(one.message for one in faults if one.path in _WHOLE)
    message = told(f"Correct this and send again: {whole}.") if whole else spelt(told(problem.detail))
    return message, [one for one in faults if one.path not in _WHOLE]


def _camel(path: str) -> str:
    """All of it: what the gateway has put into a question itself is in no input."""
    return _NAME.sub(lambda found: to_camel_case(found[0]), path)
