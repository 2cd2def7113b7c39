"""Which sentences can reach a caller, read from the source: no list of them is kept anywhere.

A sentence is what is given to one of `SAID`. Its template has `{}` for each value; what a value itself says, where that
is text of ours too, is written out: `f"{who} has no room."` is a template for each `who` there is.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from string import Formatter

ROOT = Path(__file__).parents[3]

_PROBLEMS = "Problem BadRequest Invalid Unauthenticated Forbidden NotFound Conflict Unavailable OnlyReads _TooDear"
_ERRORS = "ValueError TypeError Malformed GraphQLError TooMuch NulError"
SAID = {
    **dict.fromkeys(f"{_PROBLEMS} {_ERRORS} told _HeaderError _error".split(), (0, "detail")),
    **dict.fromkeys(["Refused", "Fault", "FieldError"], (1, "message")),
    "ending": (3, "message"),
    "Reason": (1, "message"),
}
"""Which argument is the sentence: its place, and its name."""
_MOST = 40
"""Templates that one expression may stand for: more are values, not sentences."""

_WORDS = re.compile("[a-z] | [a-z]")

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Module:
    """A source file, and what is in which function of it."""

    def __init__(self, path: Path) -> None:
        self.path, self.tree = path, ast.parse(path.read_text("utf-8"))
        self.enclosing: dict[ast.AST, ast.AST] = {}
        self.within: dict[ast.AST, list[ast.AST]] = {self.tree: []}
        self._place(self.tree, self.tree)
        self.functions = {node.name: node for node in self.within if isinstance(node, Function)}
        self.calls = [(_name(node.func), node) for node in self.enclosing if isinstance(node, ast.Call)]

    def _place(self, node: ast.AST, scope: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            self.enclosing[child] = scope
            self.within[scope].append(child)
            if isinstance(child, Function):
                self.within[child] = []
            self._place(child, child if isinstance(child, Function) else scope)

    def given(self, function: str, place: int, name: str) -> list[ast.expr]:
        """What its calls of this function give to it as one argument."""
        return [value for called, call in self.calls if called == function for value in _given(call, place, name)]


class Sentences:
    """Those of some folders."""

    def __init__(self, *folders: str) -> None:
        paths = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
        self.modules = [Module(path) for path in paths if "migrations" not in path.parts]
        self._reading: list[ast.AST] = []

    def found(self) -> dict[str, str]:
        """The templates, and where each is said."""
        return {
            template: f"{module.path}:{call.lineno}"
            for module in self.modules
            for name, call in module.calls
            if name in SAID
            for argument in _given(call, *SAID[name])
            for template in self._said(module, argument)
            if _is_text(template)
        }

    def unread(self) -> list[str]:
        """Where words of ours are said in a form that is not understood here: put them into one text."""
        return [
            f"{module.path}:{call.lineno}"
            for module in self.modules
            for name, call in module.calls
            if name in SAID
            for argument in _given(call, *SAID[name])
            if not any(map(_is_text, self._said(module, argument)))
            if any(isinstance(one, ast.Constant) and _WORDS.search(str(one.value)) for one in ast.walk(argument))
        ]

    def raised_otherwise(self) -> set[str]:
        """The classes that are raised with words of ours, and are none of `SAID`."""
        return {
            _name(call.func)
            for module in self.modules
            for node in module.enclosing
            if isinstance(node, ast.Raise) and isinstance(call := node.exc, ast.Call)
            if _name(call.func)[:1].isupper() and _name(call.func) not in SAID
            if any(_is_text(text) for argument in _arguments(call) for text in self._said(module, argument))
        }

    def _said(self, module: Module, node: ast.expr) -> set[str]:
        """The templates that an expression may stand for; none, if it leads back to itself."""
        if node in self._reading:
            return set()
        self._reading.append(node)
        found = set(self._texts(module, node))
        self._reading.pop()
        return found

    def _texts(self, module: Module, node: ast.expr) -> list[str]:
        match node:
            case ast.Constant(value=str(text)):
                found = [text.replace("{", "{{").replace("}", "}}")]
            case ast.JoinedStr(values=values):
                found = ["".join(chosen) for chosen in product(*(self._part(module, value) for value in values))]
            case ast.Subscript(value=table):
                found = list(self._said(module, table))
            case ast.Name(id=name):
                found = self._named(module, node, name)
            case ast.Call(func=function):
                found = self._called(module, function, node.args)
            case _:
                found = self._either(module, _ways(node))
        return found

    def _called(self, module: Module, function: ast.expr, arguments: Sequence[ast.expr]) -> list[str]:
        match function, arguments:
            case ast.Attribute(value=ast.Constant(value=" "), attr="join"), [ast.GeneratorExp(elt=one)]:
                return self._texts(module, one)
            case ast.Attribute(value=template, attr="format"), _:
                return [_anonymous(text) for text in self._texts(module, template)]
        return [] if _name(function) in SAID else self._answered(module, _name(function))

    def _either(self, module: Module, nodes: Sequence[ast.expr]) -> list[str]:
        """Of several expressions those that are texts; what is none is a value."""
        found = [text for node in nodes for text in self._said(module, node) or ["{}"]]
        return found if any(map(_is_text, found)) else []

    def _part(self, module: Module, node: ast.expr) -> list[str]:
        """Of an f-string. Names that begin with a capital are values, not words."""
        if not isinstance(node, ast.FormattedValue):
            return self._texts(module, node)
        found = list(self._said(module, node.value)) if node.conversion < 0 else []
        words = [one for one in found if " " in one or one[:1].islower()]
        return found if words and len(found) < _MOST else ["{}"]

    def _answered(self, module: Module, name: str) -> list[str]:
        """What a function of ours may return."""
        modules = [module] if name in module.functions else [one for one in self.modules if name in one.functions]
        texts = [
            text
            for one in modules
            for node in one.within[one.functions[name]]
            if isinstance(node, ast.Return) and node.value
            for text in self._said(one, node.value) or ["{}"]
        ]
        return texts if any(map(_is_text, texts)) else []

    def _named(self, module: Module, node: ast.AST, name: str) -> list[str]:
        scope = module.enclosing[node]
        if scope is not module.tree:
            inside = [
                (module, value) for one in module.within[scope] for bound, value in _assigned(one) if bound == name
            ]
            inside += self._passed(module, scope, name)
            if texts := [text for one, value in inside for text in self._said(one, value) or ["{}"]]:
                return texts if any(map(_is_text, texts)) else []
        for one in [module, *([] if name.startswith("_") else self.modules)]:
            if found := [
                value for statement in one.tree.body for bound, value in _assigned(statement) if bound == name
            ]:
                return self._either(one, found)
        return []

    def _passed(self, module: Module, scope: ast.AST, name: str) -> list[tuple[Module, ast.expr]]:
        """What callers give to a function as the argument of this name, and its default."""
        assert isinstance(scope, Function)
        arguments = scope.args.posonlyargs + scope.args.args
        names = [one.arg for one in arguments]
        if name not in [*names, *(one.arg for one in scope.args.kwonlyargs)]:
            return []
        place = names.index(name) - (names[0] in ("self", "cls")) if name in names else 99
        callers = [one for one in self.modules if scope.name not in one.functions and not scope.name.startswith("_")]
        defaults = zip(names[::-1], scope.args.defaults[::-1], strict=False)
        return [
            *((one, value) for one in (module, *callers) for value in one.given(scope.name, place, name)),
            *((module, default) for bound, default in defaults if bound == name),
        ]


def _ways(node: ast.expr) -> Sequence[ast.expr]:
    """The expressions that one may come to."""
    match node:
        case ast.IfExp(body=one, orelse=other):
            return [one, other]
        case ast.BoolOp(values=ways) | ast.Dict(values=ways) | ast.Tuple(elts=ways) | ast.List(elts=ways):
            return ways
    return []


def _name(function: ast.expr) -> str:
    return getattr(function, "id", None) or getattr(function, "attr", None) or ""


def _arguments(call: ast.Call) -> Sequence[ast.expr]:
    return [*call.args, *(word.value for word in call.keywords)]


def _given(call: ast.Call, place: int, name: str) -> list[ast.expr]:
    return [word.value for word in call.keywords if word.arg == name] or call.args[place : place + 1]


def _assigned(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Names that a statement binds, with what they are bound to."""
    match node:
        case ast.Assign(targets=[target], value=value):
            yield from _bound(target, value)
        case ast.AnnAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value) if value:
            yield from _bound(target, value)
        case ast.For(target=target, iter=ast.Tuple(elts=rows)):
            for row in rows:
                yield from _bound(target, row)


def _bound(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    match target, value:
        case ast.Name(id=name), _:
            yield name, value
        case ast.Tuple(elts=targets), ast.Tuple(elts=values):
            for one, of_it in zip(targets, values, strict=True):
                yield from _bound(one, of_it)
        case ast.Tuple(elts=targets), _:
            for one in targets:
                yield from _bound(one, value)


def _is_text(template: str) -> bool:
    """Not only a value, nor a code."""
    return " " in template.strip() or any(map(str.islower, template))


def _anonymous(template: str) -> str:
    """The template of a text that `format` is called of."""
    pieces = Formatter().parse(template.replace("{{", "{").replace("}}", "}"))
    return "".join(literal + ("" if name is None else "{}") for literal, name, _, _ in pieces)
