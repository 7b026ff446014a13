"""Every error that can be planted in a module: one changed operator, number or choice at a time."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

#: Comparisons and operators, each with the one that it is mistaken for.
COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
CALLED = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """One planted error: its line, what stood there and what stands there now, and the module's text."""

    line: int
    before: str
    after: str
    text: str


def mutants(source: str) -> Iterator[Mutant]:
    """All mutants of a module's source, in the order of the text."""
    for number, change in enumerate(_changes(ast.parse(source))):
        tree = ast.parse(source)
        node, alter = list(_changes(tree))[number]
        before = ast.unparse(change[0])
        alter()
        yield Mutant(node.lineno, before, ast.unparse(node), ast.unparse(tree))


def _changes(tree: ast.AST) -> list[tuple[ast.expr, Callable[[], None]]]:
    """Nodes that can be changed, each with what changes it."""
    passive = {id(inner) for node in ast.walk(tree) for inner in _not_computed(node)}
    return [
        (node, alter)
        for node in ast.walk(tree)
        if isinstance(node, ast.expr) and id(node) not in passive
        for alter in _alterations(node)
    ]


def _not_computed(node: ast.AST) -> Iterator[ast.AST]:
    """Annotations, and what a message says: no error there could show."""
    parts: list[ast.AST | None] = []
    if isinstance(node, ast.FunctionDef):
        arguments = [*node.args.args, *node.args.kwonlyargs]
        parts = [node.returns, *(argument.annotation for argument in arguments), *node.decorator_list]
    elif isinstance(node, ast.AnnAssign):
        parts = [node.annotation]
    elif isinstance(node, ast.Raise | ast.JoinedStr):
        parts = [node]
    for part in parts:
        if part is not None:
            yield from ast.walk(part)


def _alterations(node: ast.expr) -> Iterator[Callable[[], None]]:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARED:
        yield lambda: node.ops.__setitem__(0, COMPARED[type(node.ops[0])]())
    elif isinstance(node, ast.BinOp) and type(node.op) in COMPUTED:
        yield lambda: setattr(node, "op", COMPUTED[type(node.op)]())
    elif isinstance(node, ast.BoolOp):
        other = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield lambda: setattr(node, "op", other())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield lambda: _negate(node)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value = node.value
        yield lambda: setattr(node, "value", value + 1)  # type: ignore[operator]
    elif isinstance(node, ast.Call):
        name = node.func
        if isinstance(name, ast.Name) and name.id in CALLED:
            yield lambda: setattr(name, "id", CALLED[name.id])
        elif isinstance(name, ast.Attribute) and name.attr in CALLED:
            yield lambda: setattr(name, "attr", CALLED[name.attr])


def _negate(node: ast.UnaryOp) -> None:
    """``not a`` becomes ``not (not a)``."""
    node.operand = ast.UnaryOp(ast.Not(), node.operand)
