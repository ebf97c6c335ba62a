"""The parsed code that the traces of findings lead through.

Takes a tree, as the front end parses it, and the findings of a scan; gives the
functions and statements of their traces. All offsets are bytes of the file, which
is one character each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from fpuscan.model import load_model
from fpuscan.parse.reuse import ParseCache
from fpuscan.parse.source import SourceFile
from fpuscan.parse.syntax import FunctionSpan, Node, ParsedFile
from fpuscan.program import Program
from fpuscan.result import Finding, Location
from fpuscan.symbols.declarators import CType, declared_in
from fpuscan.tree import KernelTree
from tests.realtree.edits import masked_text

__all__ = ["STATEMENTS", "Code", "Function", "nodes_of", "spelled"]

STATEMENTS = frozenset({"expression_statement", "declaration", "return_statement"})


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a file, parsed, with the types of its parameters and locals that have one type each."""

    parsed: ParsedFile
    span: FunctionSpan
    node: Node
    types: dict[str, CType] = field(repr=False)

    @property
    def path(self) -> str:
        return self.parsed.source.path

    @property
    def data(self) -> bytes:
        return self.parsed.source.data

    @property
    def top(self) -> int:
        """Where a definition can be put in front of the function, its attributes and its comment."""
        line = self.data.rfind(b"\n", 0, self.span.start) + 1
        before = max((each.end for each in self.parsed.functions if each.end <= line), default=0)
        return max(self.data.rfind(b"\n\n", 0, line) + 2, self.data.find(b"\n", before) + 1)

    def text(self, node: Node) -> str:
        """What a node says, as written."""
        return self.data[node.start_byte : node.end_byte].decode("latin-1")

    def locals_in(self, node: Node) -> list[Node]:
        """The identifiers in a node that are locals or parameters, in order."""
        return [each for each in nodes_of(node) if each.type == "identifier" and self.text(each) in self.types]

    def reads_as_written(self, node: Node) -> bool:
        """Whether the front end has left a node's text alone, and no directive stands in it."""
        start, end = node.start_byte, node.end_byte
        written = self.data[start:end].decode("latin-1")
        return not re.search(r"^[ \t]*#", written, re.MULTILINE) and (
            masked_text(written).split() == self.parsed.normalised.text[start:end].decode("latin-1").split()
        )


class Code:
    """The parsed files of a tree and what stands on the traces of findings in it."""

    def __init__(self, tree: KernelTree, parsed: ParseCache | None = None) -> None:
        self.program = Program(tree, load_model(), parsed=parsed)
        self.program.load()
        self._functions: dict[tuple[str, int], Function] = {}

    @property
    def files(self) -> dict[str, ParsedFile]:
        return self.program.files

    @cached_property
    def by_name(self) -> dict[str, list[tuple[ParsedFile, FunctionSpan]]]:
        """All definitions, by their name."""
        found: dict[str, list[tuple[ParsedFile, FunctionSpan]]] = {}
        for parsed in self.files.values():
            for span in parsed.functions:
                if span.end <= parsed.source.size:
                    found.setdefault(span.name, []).append((parsed, span))
        return found

    def function(self, parsed: ParsedFile, span: FunctionSpan) -> Function:
        """A function with its body parsed."""
        key = parsed.source.path, span.start
        if key not in self._functions:
            node = parsed.definition(span)
            self._functions[key] = Function(parsed, span, node, self._types(parsed.source.data, node))
        return self._functions[key]

    def places(self, findings: Iterable[Finding]) -> list[Location]:
        """Where the traces of findings lead through, sorted."""
        return sorted({step.location for finding in findings for step in finding.trace})

    def statements(self, findings: Iterable[Finding]) -> Iterator[tuple[Function, Node]]:
        """The statements of the traces, or the conditions; each with its function."""
        seen = set()
        for place in self.places(findings):
            parsed = self.files.get(place.path)
            if parsed is None:
                continue
            start = _offset(parsed.source, place.line, place.column)
            end = _offset(parsed.source, place.end_line, place.end_column)
            span = next((each for each in parsed.functions if each.start <= start < each.end), None)
            if span is None or end > span.end:
                continue
            function = self.function(parsed, span)
            node = _statement(function.node.descendant_for_byte_range(start, end))
            if node is not None and (key := (place.path, node.start_byte)) not in seen:
                seen.add(key)
                if function.reads_as_written(node):
                    yield function, node

    def _types(self, data: bytes, node: Node) -> dict[str, CType]:
        found: dict[str, set[CType]] = {}
        _, parameters, _ = self.program.types.signature(node, data)
        for name, ctype in parameters:
            found.setdefault(name, set()).add(ctype)
        body = node.child_by_field_name("body")
        for each in nodes_of(body) if body is not None else ():
            for declared in declared_in(each, data) if each.type == "declaration" else ():
                found.setdefault(declared.name, set()).add(declared.type)
        return {name: types.pop() for name, types in found.items() if len(types) == 1}


def spelled(ctype: CType | None) -> str:
    """A type as a declaration spells it in front of a name; "" if it cannot."""
    if ctype is None or ctype.arrays or ctype.function or "<" in ctype.base or ctype.base in {"", "void"}:
        return f"void {'*' * ctype.pointers}" if ctype is not None and ctype.base == "void" and ctype.pointers else ""
    return str(ctype)


def nodes_of(node: Node) -> Iterator[Node]:
    """A node and all below it, in the order of the text."""
    yield node
    for child in node.children:
        yield from nodes_of(child)


def _statement(node: Node | None) -> Node | None:
    while node is not None and node.type not in STATEMENTS and node.type != "function_definition":
        parent = node.parent
        if parent is not None and parent.type == "if_statement" and node == parent.child_by_field_name("condition"):
            return node
        node = parent
    if node is None or node.type == "function_definition":
        return None
    parent = node.parent
    return None if parent is not None and parent.type in {"for_statement", "case_statement"} else node


def _offset(source: SourceFile, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = source.data.index(b"\n", start) + 1
    return start + column - 1
