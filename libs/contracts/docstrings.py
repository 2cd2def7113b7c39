"""What the contracts say of themselves: the docstrings of classes and the ones below their fields."""

import ast
import inspect
from enum import Enum
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


def values(cls: type[Enum]) -> dict[str, str]:
    """Member -> the docstring below it."""
    return _field_docstrings(cls)


def _field_docstrings(cls: type) -> dict[str, str]:
    definition = ast.parse(inspect.getsource(cls)).body[0]
    assert isinstance(definition, ast.ClassDef)  # noqa: S101  what getsource of a class is
    return {
        target.id: inspect.cleandoc(below.value.value)
        for field, below in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign | ast.Assign)
        for target in (field.targets if isinstance(field, ast.Assign) else [field.target])
        if isinstance(target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
    }
