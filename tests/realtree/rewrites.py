"""Rewrites of one site that change no behaviour: a local, a helper or a macro more, a call less.

Each takes a site of a tree (see sites.py) and a number for its new names, and gives
the edits, or None where it cannot be done safely; `apply` makes many of them at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby

from fpuscan.parse.syntax import Node
from tests.realtree.edits import TreeCopy
from tests.realtree.sites import Expression
from tests.realtree.traces import Function, nodes_of, spelled

__all__ = ["REWRITES", "Edit", "Rewrite", "apply", "compatible"]

_EFFECTS = {"assignment_expression", "update_expression", "call_expression", "compound_statement"}
_CALLS = {"call_expression"}
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Edit:
    """Other text for some bytes of a file; none: an insertion."""

    path: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What is done where; no other rewrite may touch ``start`` to ``end`` of ``path``."""

    what: str
    path: str
    start: int
    end: int
    edits: tuple[Edit, ...]

    def __str__(self) -> str:
        return self.what


def apply(rewrites: Iterable[Rewrite], tree: TreeCopy) -> None:
    """Make the edits of rewrites that do not overlap."""
    edits = sorted(
        (edit for each in rewrites for edit in each.edits), key=lambda each: (each.path, each.start, each.end)
    )
    for path, group in groupby(edits, key=lambda each: each.path):
        parts, at, text = [], 0, tree.text(path) if tree.exists(path) else ""
        for edit in group:
            parts += [text[at : edit.start], edit.text]
            at = max(at, edit.end)
        tree.write(path, "".join([*parts, text[at:]]))


def compatible(rewrites: Iterable[Rewrite]) -> list[Rewrite]:
    """The rewrites, without those that touch what an earlier one touches."""
    kept: list[Rewrite] = []
    for each in rewrites:
        if all(each.path != one.path or each.end <= one.start or one.end <= each.start for one in kept):
            kept.append(each)
    return kept


# --- an expression ----------------------------------------------------------------


def to_local(site: Expression, number: int) -> Rewrite | None:
    """The value goes through a local of its own, in front of the statement."""
    statement, node = site.statement, site.node
    if statement is None or not site.always or not _can_go_first(site):
        return None
    name = f"proof_value_{number}"
    head = f"__auto_type {name} = {site.text};"
    edits = [_insert(site.function, statement.start_byte, f"{head} "), _replace(site.function, node, name)]
    if statement.type != "declaration":
        edits = [
            _insert(site.function, statement.start_byte, f"{{ {head} "),
            _replace(site.function, node, name),
            _insert(site.function, statement.end_byte, " }"),
        ]
    return _rewrite("local", site, statement, edits)


def to_helper(site: Expression, number: int) -> Rewrite | None:
    """The value comes from a helper, which gets the locals that it needs."""
    types = _arguments(site.function, site.node)
    if types is None or not site.type or _locals_change(site):
        return None
    name = f"proof_helper_{number}"
    parameters = ", ".join(f"{ctype} {local}" for local, ctype in types.items()) or "void"
    helper = f"static inline {site.type} {name}({parameters})\n{{\n\treturn {site.text};\n}}\n\n"
    edits = [_above(site.function, helper), _replace(site.function, site.node, f"{name}({', '.join(types)})")]
    return _rewrite("helper", site, site.node, edits)


def to_object_macro(site: Expression, number: int) -> Rewrite | None:
    """The value is spelled by a macro without arguments."""
    name = f"PROOF_VALUE_{number}"
    edits = [
        _above(site.function, f"#define {name} ({_one_line(site.text)})\n"),
        _replace(site.function, site.node, name),
    ]
    return _rewrite("object-like macro", site, site.node, edits)


def to_function_macro(site: Expression, number: int) -> Rewrite | None:
    """The value is spelled by a macro that gets the locals in it."""
    found = site.function.locals_in(site.node)
    names = list(dict.fromkeys(map(site.function.text, found)))
    if not names:
        return None
    name = f"PROOF_OF_{number}"
    body = _renamed(site.function, site.node, {local: f"(a{place})" for place, local in enumerate(names)})
    macro = f"#define {name}({', '.join(f'a{place}' for place in range(len(names)))}) ({_one_line(body)})\n"
    edits = [_above(site.function, macro), _replace(site.function, site.node, f"{name}({', '.join(names)})")]
    return _rewrite("function-like macro", site, site.node, edits)


def to_same_macro(site: Expression, number: int) -> Rewrite | None:
    """The value is the argument of a macro that gives it back."""
    name = f"PROOF_SAME_{number}"
    edits = [
        _above(site.function, f"#define {name}(x) (x)\n"),
        _replace(site.function, site.node, f"{name}({site.text})"),
    ]
    return _rewrite("macro around it", site, site.node, edits)


def to_statement_expression(site: Expression, number: int) -> Rewrite | None:
    """The value goes through a local inside of ``({ })``."""
    name = f"proof_inner_{number}"
    code = f"({{ __auto_type {name} = {site.text}; {name}; }})"
    return _rewrite("statement expression", site, site.node, [_replace(site.function, site.node, code)])


def to_store_macro(site: Expression, number: int) -> Rewrite | None:
    """The assignment is made by a macro of two arguments."""
    store = _plain_store(site)
    if store is None:
        return None
    statement, target = store
    name = f"PROOF_SET_{number}"
    macro = f"#define {name}(to, value) do {{ (to) = (value); }} while (0)\n"
    code = f"{name}({site.function.text(target)}, {site.text});"
    return _rewrite(
        "store by a macro", site, statement, [_above(site.function, macro), _replace(site.function, statement, code)]
    )


def to_store_helper(site: Expression, number: int) -> Rewrite | None:
    """The assignment to a member is made by a function, which gets the locals that it needs."""
    store = _plain_store(site)
    if store is None or store[1].type == "identifier":
        return None
    statement, _ = store
    types = _arguments(site.function, statement)
    if types is None or _locals_change(site):
        return None
    name = f"proof_store_{number}"
    parameters = ", ".join(f"{ctype} {local}" for local, ctype in types.items()) or "void"
    helper = f"static inline void {name}({parameters})\n{{\n\t{site.function.text(statement)}\n}}\n\n"
    edits = [_above(site.function, helper), _replace(site.function, statement, f"{name}({', '.join(types)});")]
    return _rewrite("store by a helper", site, statement, edits)


def to_out_parameter(site: Expression, number: int) -> Rewrite | None:
    """The assignment to a local is made by a function that gets its address and the value."""
    store = _plain_store(site)
    if store is None or store[1].type != "identifier" or not site.type:
        return None
    if site.function.text(store[1]) not in site.function.types:
        return None
    statement, target = store
    name = f"proof_out_{number}"
    helper = f"static inline void {name}({site.type} *to, {site.type} value)\n{{\n\t*to = value;\n}}\n\n"
    call = f"{name}(&{site.function.text(target)}, {site.text});"
    return _rewrite(
        "store by an out-parameter",
        site,
        statement,
        [_above(site.function, helper), _replace(site.function, statement, call)],
    )


REWRITES: dict[str, Callable[[Expression, int], Rewrite | None]] = {
    "local": to_local,
    "helper": to_helper,
    "object-macro": to_object_macro,
    "function-macro": to_function_macro,
    "same-macro": to_same_macro,
    "statement-expression": to_statement_expression,
    "store-macro": to_store_macro,
    "store-helper": to_store_helper,
    "out-parameter": to_out_parameter,
}


# --- what is safe -----------------------------------------------------------------


# Whether the value may be had before the rest of its statement.
def _can_go_first(site: Expression) -> bool:
    statement = site.statement
    assert statement is not None
    if statement.type == "declaration":
        if any(child.type == "storage_class_specifier" for child in statement.children):
            return False
        declared = {site.function.text(each) for each in nodes_of(statement) if _is_declared(each)}
        if declared & {site.function.text(each) for each in nodes_of(site.node) if each.type == "identifier"}:
            return False
    return site.whole or not any(each.type in _EFFECTS for each in nodes_of(site.node))


def _is_declared(node: Node) -> bool:
    parent = node.parent
    return node.type == "identifier" and parent is not None and node == parent.child_by_field_name("declarator")


# The assignment that is all of the site's statement: the statement and what it stores into.
def _plain_store(site: Expression) -> tuple[Node, Node] | None:
    parent, statement = site.node.parent, site.statement
    if statement is None or statement.type != "expression_statement" or parent is None or parent.parent != statement:
        return None
    operator, target = parent.child_by_field_name("operator"), parent.child_by_field_name("left")
    if parent.type != "assignment_expression" or operator is None or operator.type != "=" or target is None:
        return None
    return statement, target


# Whether locals are written, or their address taken, where only their values would be.
def _locals_change(site: Expression) -> bool:
    for node in nodes_of(site.node):
        if node.type in {"assignment_expression", "update_expression", "compound_statement"}:
            return True
        inner = node.child_by_field_name("argument") if node.type == "pointer_expression" else None
        if inner is not None and inner.type == "identifier" and site.function.text(node).startswith("&"):
            return True
    return False


# The locals in a node with the types of parameters that take them; None if one cannot be passed.
def _arguments(function: Function, node: Node) -> dict[str, str] | None:
    types = {name: spelled(function.types[name]) for name in map(function.text, function.locals_in(node))}
    known = all(types.values()) and not any(
        ctype.startswith("struct ") and "*" not in ctype for ctype in types.values()
    )
    return types if known and not _names_unknown_locals(function, node) else None


# A local that is declared twice with different types is none of `types`.
def _names_unknown_locals(function: Function, node: Node) -> bool:
    declared = {function.text(each) for each in nodes_of(function.node) if _is_declared(each)}
    used = {function.text(each) for each in nodes_of(node) if each.type == "identifier"}
    return bool(used & declared - set(function.types))


# --- text -------------------------------------------------------------------------


def _rewrite(what: str, site: Expression, touched: Node, edits: list[Edit]) -> Rewrite:
    return Rewrite(f"{what}: {site}", site.function.path, touched.start_byte, touched.end_byte, tuple(edits))


def _replace(function: Function, node: Node, text: str) -> Edit:
    return Edit(function.path, node.start_byte, node.end_byte, text)


def _insert(function: Function, at: int, text: str) -> Edit:
    return Edit(function.path, at, at, text)


# In front of the definition, its attributes and its comment: behind the last blank line.
def _above(function: Function, text: str) -> Edit:
    return _insert(function, function.top, text)


def _one_line(text: str) -> str:
    return " ".join(_COMMENT.sub(" ", text).split())


# A node's text with other words for the locals in it.
def _renamed(function: Function, node: Node, words: dict[str, str]) -> str:
    parts, at = [], node.start_byte
    for each in function.locals_in(node):
        if function.text(each) in words:
            parts += [function.data[at : each.start_byte].decode("latin-1"), words[function.text(each)]]
            at = each.end_byte
    return "".join([*parts, function.data[at : node.end_byte].decode("latin-1")])
