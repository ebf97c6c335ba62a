"""Where code on the traces of findings can be rewritten without changing what it does.

Gives the expressions and the calls in the statements of the traces, with what a
rewrite must know: the types of the values, and whether an expression is evaluated
whenever its statement is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fpuscan.parse.syntax import Node
from fpuscan.result import Finding
from tests.realtree.traces import STATEMENTS, Code, Function, nodes_of, spelled

__all__ = ["Call", "Expression", "calls", "expressions"]

_OPAQUE = {"sizeof_expression", "offsetof_expression", "alignof_expression", "compound_statement", "initializer_list",
           "compound_literal_expression", "comma_expression", "generic_expression", "pointer_expression"}  # fmt: skip
_TRIVIAL = {"number_literal", "string_literal", "char_literal", "true", "false", "null", "concatenated_string",
            "initializer_list", "parenthesized_expression"}  # fmt: skip
# What looks like a call and takes a name, a type or a place.
_BLIND = re.compile(
    r"[A-Z_0-9]+|container_of|offsetof\w*|sizeof_\w+|typeof|__typeof__|list_\w+|.*for_each.*|static_\w+"
)
_INTEGER_OPERATORS = {"&", "|", "^", "+", "-", "*"}
_UNSIGNED = "u64"


@dataclass(frozen=True, slots=True)
class Expression:
    """A value that can stand elsewhere.

    ``statement`` is its statement, None in a condition; ``always``: it is
    evaluated whenever that is; ``whole``: it is all that is stored, returned or
    initialised; ``type``: its C type, "" if that is not known.
    """

    function: Function
    node: Node
    statement: Node | None
    always: bool
    whole: bool
    type: str

    @property
    def text(self) -> str:
        return self.function.text(self.node)

    def __str__(self) -> str:
        line, _ = self.function.parsed.source.position(self.node.start_byte)
        return f"{self.function.path}:{line} {self.function.span.name}(): {' '.join(self.text.split())}"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a known function; ``statement``: all that its statement does."""

    function: Function
    node: Node
    name: str
    arguments: tuple[Node, ...]
    statement: Node | None

    def __str__(self) -> str:
        line, _ = self.function.parsed.source.position(self.node.start_byte)
        return f"{self.function.path}:{line} {self.function.span.name}(): call of {self.name}()"


def expressions(code: Code, findings: Iterable[Finding]) -> list[Expression]:
    """The expressions in the statements of the traces, by their place."""
    found = {}
    for function, node in code.statements(findings):
        inner = _Walk(code, function, node)
        found.update({(function.path, each.node.start_byte, each.node.end_byte): each for each in inner.found()})
    return [found[key] for key in sorted(found)]


def calls(code: Code, findings: Iterable[Finding]) -> list[Call]:
    """The calls of functions that the tree defines once, in the statements of the traces."""
    found = {}
    for function, node in code.statements(findings):
        for each in nodes_of(node):
            call = _call(code, function, each) if each.type == "call_expression" else None
            if call is not None:
                found[function.path, each.start_byte] = call
    return [found[key] for key in sorted(found)]


def _call(code: Code, function: Function, node: Node) -> Call | None:
    callee, listed = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if callee is None or listed is None or callee.type != "identifier" or not function.reads_as_written(node):
        return None
    name = function.text(callee)
    if len(code.by_name.get(name, ())) != 1:
        return None
    parent = node.parent
    statement = parent if parent is not None and parent.type == "expression_statement" else None
    return Call(function, node, name, tuple(listed.named_children), statement)


@dataclass(slots=True)
class _Walk:
    # The expressions of one statement or condition.
    code: Code
    function: Function
    root: Node

    def found(self) -> Iterator[Expression]:
        yield from self._in(self.root, always=True)

    def _in(self, node: Node, *, always: bool) -> Iterator[Expression]:
        if node.type in _OPAQUE and node is not self.root:
            return
        if node.type == "call_expression" and self._is_blind(node):
            return
        for child in node.named_children:
            ctype = self._role(node, child)
            surely = always and not _may_be_skipped(node, child)
            if ctype is not None and child.type not in _TRIVIAL:
                whole = node.type in {"assignment_expression", "init_declarator", "return_statement"}
                yield Expression(self.function, child, self._statement, surely, whole, ctype)
            if not (node.type == "assignment_expression" and child == node.child_by_field_name("left")):
                yield from self._in(child, always=surely)

    @property
    def _statement(self) -> Node | None:
        return self.root if self.root.type in STATEMENTS else None

    def _is_blind(self, node: Node) -> bool:
        callee = node.child_by_field_name("function")
        return callee is None or callee.type != "identifier" or bool(_BLIND.fullmatch(self.function.text(callee)))

    # The C type of a child that is a value in its own right ("" unknown), None for anything else.
    def _role(self, node: Node, child: Node) -> str | None:
        match node.type:
            case "assignment_expression" if child == node.child_by_field_name("right"):
                return self._stored(node.child_by_field_name("left"))
            case "init_declarator" if child == node.child_by_field_name("value"):
                return self._local(node.child_by_field_name("declarator"))
            case "return_statement":
                returned, _, _ = self.code.program.types.signature(self.function.node, self.function.parsed.source.data)
                return spelled(returned)
            case "argument_list":
                return self._parameter(node, child)
            case "binary_expression" if self._operator(node) in _INTEGER_OPERATORS:
                return _UNSIGNED if _plainly_integer(node) else ""
            case "conditional_expression" if child != node.child_by_field_name("condition"):
                return ""
            case _:
                return None

    def _operator(self, node: Node) -> str:
        operator = node.child_by_field_name("operator")
        return self.function.text(operator) if operator is not None else ""

    def _stored(self, target: Node | None) -> str:
        if target is None:
            return ""
        if target.type == "identifier":
            return spelled(self.function.types.get(self.function.text(target)))
        member = target.child_by_field_name("field") if target.type == "field_expression" else None
        if member is None:
            return ""
        name, types = self.function.text(member), self.code.program.types
        known = [(types.members(tag) or {}).get(name) for tag in types.owners(name)]
        return _UNSIGNED if known and all(each is not None and each.integer is not None for each in known) else ""

    def _local(self, declarator: Node | None) -> str:
        while declarator is not None and declarator.type == "pointer_declarator":
            declarator = declarator.child_by_field_name("declarator")
        return spelled(self.function.types.get(self.function.text(declarator))) if declarator is not None else ""

    def _parameter(self, listed: Node, child: Node) -> str | None:
        call = listed.parent
        callee = call.child_by_field_name("function") if call is not None and call.type == "call_expression" else None
        if callee is None or callee.type != "identifier":
            return None
        known = self.code.program.types.functions(self.function.text(callee))
        place = listed.named_children.index(child)
        if not known or place >= len(known[0].params):
            return ""
        return spelled(known[0].params[place][1])


def _plainly_integer(node: Node) -> bool:
    # Pointers are not masked; with + and - only what is masked, too, is surely no pointer.
    return not any(each.type in {"+", "-"} for each in node.children)


def _may_be_skipped(node: Node, child: Node) -> bool:
    if node.type == "conditional_expression":
        return child != node.child_by_field_name("condition")
    lazy = any(each.type in {"&&", "||"} for each in node.children)
    return node.type == "binary_expression" and lazy and child == node.child_by_field_name("right")
