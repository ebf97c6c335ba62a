"""Syntax trees of kernel C: the only room that knows tree-sitter.

    parse(SourceFile, Attributes) -> ParsedFile

The tree is that of the normalised text; all its offsets hold for the file's own bytes, and what a node says is
always read there: `source.data[node.start_byte:node.end_byte]`. Queries are files in `queries/`, each with an
example of C in its head; `captures` and `matches` run one by name.

If a file cannot be read in full, the safety net makes one unknown construct cost one function or declaration:
the top-level pieces of the file that do not parse alone are taken out of the tree, named in `ParsedFile.errors`,
and their functions, as far as they were understood, come from trees of their own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import NamedTuple

import tree_sitter_c
from tree_sitter import Language, Node, Parser, Point, Query, QueryCursor, Range

from fpuscan.parse.normalise import Attributes, Group, Normalised, normalise
from fpuscan.parse.pieces import Piece, cleared, function_bodies, guessed_name, top_level_pieces
from fpuscan.parse.source import Origin, SourceFile
from fpuscan.shipped import shipped_folder

__all__ = [
    "MAX_DEPTH",
    "Addition",
    "ErrorSpan",
    "FunctionSpan",
    "Node",
    "ParsedFile",
    "appended",
    "captures",
    "matches",
    "outline",
    "parse",
    "parse_snippet",
]

MAX_DEPTH = 200
"""How many levels of nodes a tree has at most; real kernel code has 40."""

_LANGUAGE = Language(tree_sitter_c.language())
_PARSER = Parser(_LANGUAGE)
# Looked up once: a kind or field by number costs half of one by name.
_FUNCTION = _LANGUAGE.id_for_node_kind("function_definition", True)  # noqa: FBT003  tree-sitter's signature
_IDENTIFIER = _LANGUAGE.id_for_node_kind("identifier", True)  # noqa: FBT003
_DECLARATOR = _LANGUAGE.field_id_for_name("declarator") or 0
_BODY = _LANGUAGE.field_id_for_name("body") or 0
# Nobody reads rows and columns.
_NOWHERE, _FAR = Point(0, 0), Point(0xFFFF_FFFF, 0)
_MAX_ERROR_CHILDREN = 1000
_MAX_PIECE = 200_000  # bytes; no function is longer
_NEAR = 200  # bytes between two errors that are reported as one
# How often tree-sitter asks whether to go on: once for 70 bytes of real code at most, once for 170 on average.
_STEPS_PER_BYTE = 1 / 15
_STEPS = 2000


class FunctionSpan(NamedTuple):
    """A function definition: its name and its bytes in the file, of all of it and of the body with its braces.

    `SYSCALL_DEFINE3(name, ..)` and `FNAME(name)(..)` are called by the bare name.
    """

    name: str
    start: int
    end: int
    body_start: int
    body_end: int
    node: Node


class ErrorSpan(NamedTuple):
    """Bytes that were not understood: where, in which function (or ""), and how many bytes that costs."""

    start: int
    end: int
    function: str
    bytes: int


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """One file, parsed. `functions` and `errors` are sorted by their start.

    In `root` the bodies of the functions that start at `outlined` are empty; `definition` parses them.
    """

    source: SourceFile
    normalised: Normalised = field(repr=False)
    root: Node = field(repr=False)
    functions: tuple[FunctionSpan, ...] = field(repr=False)
    errors: tuple[ErrorSpan, ...]
    outlined: frozenset[int] = field(default=frozenset(), repr=False)
    _definitions: dict[int, tuple[Node, list[ErrorSpan]]] = field(default_factory=dict, repr=False, compare=False)
    appended: Node | None = field(default=None, repr=False)

    def definition(self, function: FunctionSpan) -> Node:
        """The definition of one of the `functions` with its body, which is parsed when it is first asked for."""
        if function.start not in self.outlined:
            return function.node
        if function.start not in self._definitions:
            self._definitions[function.start] = _definition(self.normalised.text, function)
        return self._definitions[function.start][0]

    def parsed_bodies(self) -> int:
        """Of how many functions the body has been parsed."""
        return self.functions_of_file - len(self.outlined) + len(self._definitions)

    def all_errors(self) -> list[ErrorSpan]:
        """The `errors`, and those in the bodies that were parsed since, by their start."""
        late = [error for _, errors in self._definitions.values() for error in errors]
        return sorted([*self.errors, *late], key=lambda span: (span.start, span.end)) if late else [*self.errors]

    @property
    def roots(self) -> tuple[Node, ...]:
        """The trees of the file and, if there is any, of the text behind it."""
        return (self.root,) if self.appended is None else (self.root, self.appended)

    @property
    def functions_of_file(self) -> int:
        """How many functions stand in the file itself."""
        return sum(function.start < self.source.size for function in self.functions)

    def node_at(self, start: int, end: int) -> Node | None:
        """The smallest node that covers some bytes."""
        root = self.root if self.appended is None or start < self.source.size else self.appended
        return root.descendant_for_byte_range(start, end)


class Addition(NamedTuple):
    """Definitions to append to a file: their text, and the bytes of the file that they were made from.

    `copied`: the text is that of these bytes, with some of it blank.
    """

    text: bytes
    at: int
    until: int
    copied: bool


def parse(source: SourceFile, attributes: Attributes, choose: Mapping[int, int] | None = None) -> ParsedFile:
    """Normalise and parse one file. Never raises, whatever the file holds.

    `choose` is one of the `alternatives` of the file: the arms to keep of `#if` groups that split a construct.
    """
    normalised = normalise(source.data, attributes, choose=choose or {})
    root = _tree(normalised.text)
    if root is None or root.has_error or _unfit(root):
        root, functions, errors = _salvage(source, normalised.text, root)
    else:
        functions, errors = _functions(source, root), []
    return ParsedFile(source, normalised, root, tuple(functions), tuple(errors))


def outline(source: SourceFile, attributes: Attributes) -> ParsedFile:
    """As `parse`, but most function bodies are left for when somebody asks for the definition.

    A file that does not parse without its bodies, or in which something that is no function has what looks like a
    body, is parsed as a whole, and so is a fragment without a path.
    """
    if not source.path:
        return parse(source, attributes)
    normalised = normalise(source.data, attributes, choose={})
    bodies = function_bodies(normalised.text)
    root = _tree(normalised.text, without=bodies)
    if root is None or root.has_error or _unfit(root):
        return parse(source, attributes)
    functions = _functions(source, root)
    found = {(function.body_start + 1, function.body_end - 2): function.start for function in functions}
    if not all(body in found for body in bodies):
        return parse(source, attributes)
    return ParsedFile(source, normalised, root, tuple(functions), (), frozenset(found[body] for body in bodies))


def appended(
    parsed: ParsedFile, additions: Sequence[Addition], attributes: Attributes
) -> tuple[ParsedFile, tuple[int, ...]]:
    """The file with more definitions behind its own bytes, and which of them: those that do not parse are left out."""
    data, text = bytearray(parsed.source.data), bytearray(parsed.normalised.text)
    start, base = len(data), parsed.normalised
    origins, groups, iterators, labels = [], list(base.groups), set(base.iterators), dict(base.goto_labels)
    kept = []
    for number, addition in enumerate(additions):
        mended = normalise(addition.text, attributes)
        alone = _tree(mended.text)
        if alone is None or alone.has_error or _unfit(alone):
            continue
        kept.append(number)
        at = len(data) + 1
        data += b"\n" + addition.text
        text += b"\n" + mended.text
        origins.append(Origin(at, len(data), addition.at, addition.until, addition.copied))
        groups += [_shifted(group, at) for group in mended.groups]
        iterators.update(at + offset for offset in mended.iterators)
        labels.update((at + offset, names) for offset, names in mended.goto_labels.items())
    root = _tree(bytes(text), start) if origins else None
    if root is None:
        return parsed, ()
    source = SourceFile(parsed.source.path, bytes(data), tuple(origins))
    normalised = base._replace(
        text=bytes(text), groups=tuple(groups), iterators=frozenset(iterators), goto_labels=labels
    )
    functions = (*parsed.functions, *_functions(source, root))
    found = replace(parsed, source=source, normalised=normalised, functions=functions, appended=root)
    return found, tuple(kept)


def _shifted(group: Group, by: int) -> Group:
    arms = tuple(arm._replace(start=arm.start + by, end=arm.end + by) for arm in group.arms)
    return Group(group.start + by, group.end + by, arms)


def parse_snippet(text: bytes, attributes: Attributes | None = None) -> Node:
    """The root of the tree of a fragment, such as a macro body wrapped in a function.

    With `attributes` the fragment is normalised first. Offsets are those of `text`. A fragment that is nested
    deeper than MAX_DEPTH gives an empty tree.
    """
    if attributes is not None:
        text = normalise(text, attributes).text
    root = _tree(text)
    return _PARSER.parse(b"").root_node if root is None or _unfit(root) else root


def captures(query: str, node: Node) -> dict[str, list[Node]]:
    """Everything that `queries/<query>.scm` captures in `node`, by name of the capture."""
    return QueryCursor(_query(query)).captures(node)


def matches(query: str, node: Node) -> list[dict[str, list[Node]]]:
    """The matches of `queries/<query>.scm` in `node`, each with its captures."""
    return [match for _, match in QueryCursor(_query(query)).matches(node)]


@cache
def _query(name: str) -> Query:
    return Query(_LANGUAGE, (shipped_folder("queries") / f"{name}.scm").read_text("utf-8"))


def _tree(text: bytes, start: int = 0, end: int | None = None, without: Sequence[Piece] = ()) -> Node | None:
    """The root of the tree of `text[start:end]`, with offsets in `text`; None if that takes far too long.

    The pieces `without` are left out.

    Some token soup takes the parser time in the square of its length. Progress is counted, not timed, so the
    same text always gives the same tree.
    """
    end = len(text) if end is None else end
    left = _STEPS + (end - start) * _STEPS_PER_BYTE
    views = [memoryview(text)[:end]]

    def read(offset: int, _point: object) -> memoryview | None:
        if not offset:
            return views[0]
        if offset >= end:
            return None
        views.append(views[0][offset:])
        return views[-1]

    def exhausted(_offset: int, _has_error: bool) -> bool:  # noqa: FBT001  tree-sitter's signature
        nonlocal left
        left -= 1
        return left < 0

    edges = [start, *(edge for piece in without for edge in piece), end]
    _PARSER.included_ranges = (
        [Range(_NOWHERE, _FAR, first, behind) for first, behind in zip(edges[::2], edges[1::2], strict=True)]
        if start or without
        else []
    )
    try:
        return _PARSER.parse(read, progress_callback=exhausted).root_node
    except ValueError:
        _PARSER.reset()
        return None
    finally:
        # The binding never lets go of what `read` gave it; without this the text would stay for ever, too.
        for view in views:
            view.release()


def _definition(text: bytes, function: FunctionSpan) -> tuple[Node, list[ErrorSpan]]:
    """A function parsed alone; one that cannot be is left as it is in the outline, and is an error as a whole."""
    root = _tree(text, function.start, function.end)
    found = root.children if root is not None and not _unfit(root) else []
    if root is None or len(found) != 1 or found[0].kind_id != _FUNCTION:
        return function.node, [ErrorSpan(function.start, function.end, function.name, function.end - function.start)]
    return found[0], _error_spans(root, [function])


def _functions(source: SourceFile, root: Node) -> list[FunctionSpan]:
    if root.has_error:
        nodes = captures("functions", root).get("function", [])
    else:
        nodes = [child for child in root.children if child.kind_id == _FUNCTION]
    spans: list[FunctionSpan] = []
    for node in nodes:
        declarator, body = node.child_by_field_id(_DECLARATOR), node.child_by_field_id(_BODY)
        if declarator is not None and body is not None:
            name = _declared_name(source, declarator)
            spans.append(FunctionSpan(name, node.start_byte, node.end_byte, body.start_byte, body.end_byte, node))
    spans.sort(key=lambda span: (span.start, -span.end))
    return _outermost(spans)


def _outermost(spans: list[FunctionSpan]) -> list[FunctionSpan]:
    kept: list[FunctionSpan] = []
    for span in spans:
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept


def _declared_name(source: SourceFile, declarator: Node) -> str:
    node: Node | None = declarator
    while node is not None and node.kind_id != _IDENTIFIER:
        node = node.child_by_field_id(_DECLARATOR) or next(iter(node.named_children), None)
    return source.data[node.start_byte : node.end_byte].decode("utf-8", "replace") if node is not None else ""


def _salvage(source: SourceFile, text: bytes, root: Node | None) -> tuple[Node, list[FunctionSpan], list[ErrorSpan]]:
    """The safety net: a tree without the pieces that do not parse, all functions, and what was lost."""
    root, broken = _without_broken(text, root)
    functions = _functions(source, root)
    errors = _error_spans(root, functions)
    for start, end in broken:
        alone = _tree(text, start, end) if end - start < _MAX_PIECE else None
        found = _functions(source, alone) if alone is not None and not _unfit(alone) else []
        functions += found
        name = found[0].name if found else guessed_name(text, start, end)
        errors.append(ErrorSpan(start, end, name, end - start))
    functions.sort(key=lambda span: span.start)
    errors.sort(key=lambda span: (span.start, span.end))
    return root, functions, errors


def _without_broken(text: bytes, root: Node | None) -> tuple[Node, list[Piece]]:
    """A tree in which errors, if any are left, stay inside their function; and the pieces that are not in it."""
    pieces = top_level_pieces(text)
    hit = pieces if root is None else _hit(root, pieces)
    if root is not None and not hit:
        return root, []
    # First without what the errors touch; if that does not heal the rest, without all that does not parse alone.
    for suspects in (hit, pieces) if len(pieces) > 1 else ():
        broken = [piece for piece in suspects if _fails(text, piece)]
        root = _tree(cleared(text, broken))
        if root is not None and not _hit(root, pieces):
            return root, broken
    return _PARSER.parse(b"").root_node, pieces


def _hit(root: Node, pieces: list[Piece]) -> list[Piece]:
    """The pieces touched by a top-level node that is unfit, or that has errors and reaches over several pieces."""
    hit: set[Piece] = set()
    starts = [start for start, _ in pieces]
    for child in root.children if root.type == "translation_unit" else [root]:
        if not child.has_error and child.descendant_count <= MAX_DEPTH:
            continue
        first = max(0, bisect_right(starts, child.start_byte) - 1)
        behind = bisect_left(starts, max(child.end_byte, child.start_byte + 1))
        if (child.has_error and behind - first > 1) or _unfit(child):
            hit.update(pieces[first:behind])
    return sorted(hit)


def _fails(text: bytes, piece: Piece) -> bool:
    root = _tree(text[piece[0] : piece[1]])
    return root is None or root.has_error or _unfit(root)


def _unfit(root: Node) -> bool:
    """True if the tree is nested too deeply, or holds an error too wide, for those who walk or query it.

    A query takes time in the square of the depth, and of the tokens that are children of one ERROR node.
    """
    stack = [(root, 1)]
    while stack:
        node, depth = stack.pop()
        if node.is_error and node.child_count > _MAX_ERROR_CHILDREN:
            return True
        for child in node.children:
            # A node cannot be deeper than it has descendants, which spares a look at nearly all of them.
            if depth + child.descendant_count > MAX_DEPTH:
                if depth == MAX_DEPTH:
                    return True
                stack.append((child, depth + 1))
    return False


def _error_spans(root: Node, functions: list[FunctionSpan]) -> list[ErrorSpan]:
    """One span for the errors of a function, and one for errors outside that stand close together."""
    if not root.has_error:
        return []
    found = captures("errors", root)
    nodes = [*found.get("error", ()), *found.get("missing", ())]
    starts = [function.start for function in functions]
    spans: list[ErrorSpan] = []
    owner = -1
    for start, end in sorted((node.start_byte, node.end_byte) for node in nodes):
        index = bisect_right(starts, start) - 1
        inside = functions[index].end if index >= 0 else 0
        index = index if start < inside or start == end == inside else -1  # a missing brace is the function's own
        last = spans[-1] if spans else None
        if last and index == owner and (index >= 0 or start - last.end < _NEAR):
            spans[-1] = last._replace(end=max(end, last.end), bytes=last.bytes + max(0, end - max(start, last.end)))
        else:
            spans.append(ErrorSpan(start, end, functions[index].name if index >= 0 else "", end - start))
        owner = index
    return spans
