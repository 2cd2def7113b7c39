"""What a mutation may answer instead of its success: a type for each kind of no, with a stable code."""

import strawberry
from strawberry import field

from libs.kit.errors import Problem


@strawberry.interface(description="Why a mutation changed nothing.")
class Failure:
    code: str = field(description="Stable, for programs.")
    message: str = field(description="A plain sentence, for people: what to do next.")


@strawberry.type(description="What is wrong with one field of the input.")
class FieldProblem:
    path: str = field(description="Where in the input, e.g. `lines.0.quantity`.")
    message: str = field(description="What it should be.")


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


@strawberry.type(description="The service did not answer. Send again with the same `idempotencyKey`: it is done once.")
class Unavailable(Failure):
    pass


FAILURES = (InvalidInput, NotAllowed, NotFound, Conflict, Unavailable)
_BY_STATUS: dict[int, type[Failure]] = {401: NotAllowed, 403: NotAllowed, 404: NotFound, 409: Conflict}
_BY_STATUS |= dict.fromkeys((429, 502, 503, 504), Unavailable)


def failure(problem: Problem) -> Failure:
    """The answer that tells a service's problem; field paths in the spelling of the schema.

    Raises what is none of them, such as a 500: that is a fault, and sending again does not help.
    """
    if problem.status in (400, 422):
        fields = [FieldProblem(path=_camel(one.path), message=one.message) for one in problem.errors]
        return InvalidInput(code=problem.code, message=problem.detail, fields=fields)
    if problem.status not in _BY_STATUS:
        raise problem
    return _BY_STATUS[problem.status](code=problem.code, message=problem.detail)


def _camel(path: str) -> str:
    head, *rest = path.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)
