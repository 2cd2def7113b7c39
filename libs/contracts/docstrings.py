"""What the contracts say of themselves: the docstrings of classes and the ones below their fields."""

import ast
import inspect
from itertools import pairwise

import msgspec


def text(cls: type) -> str:
    """A class's own docstring."""
    return inspect.cleandoc(cls.__doc__ or "")


def meanings(cls: type) -> dict[str, str]:
    """Field -> the docstring below it, in the class or in the nearest parent that has one."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if issubclass(base, msgspec.Struct) and base is not msgspec.Struct:
            found |= _field_docstrings(base)
    return {field.name: found[field.name] for field in msgspec.structs.fields(cls) if field.name in found}


def _field_docstrings(cls: type) -> dict[str, str]:
    definition = ast.parse(inspect.getsource(cls)).body[0]
    assert isinstance(definition, ast.ClassDef)  # noqa: S101  what getsource of a class is
    return {
        field.target.id: inspect.cleandoc(below.value.value)
        for field, below in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
    }
