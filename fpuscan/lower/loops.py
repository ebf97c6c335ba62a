"""Loops that a macro heads: as the tree defines the macro, else by what an iterator does."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from fpuscan.ir import Addr, Load, Opaque, uncast
from fpuscan.lower.calls import Calls
from fpuscan.lower.nodes import first_named

if TYPE_CHECKING:
    from fpuscan.ir import Expr
    from fpuscan.lower.builder import Frontier
    from fpuscan.lower.context import LoweringContext
    from fpuscan.parse.syntax import Node

__all__ = ["LoopBody", "Loops"]

_BODY = "fpuscan_body"  # stands in the expansion of a loop macro where the loop's body belongs
_LEADING_NAME = re.compile(rb"\w+")
_DEEPEST = 16  # iterators made of iterators


class LoopBody(NamedTuple):
    """The statement behind a loop macro: its node, the text it stands in, and the cursors that each pass sets."""

    node: Node
    text: tuple[bytes, bytes, int | None, tuple[str, ...]]
    cursors: tuple[Node, ...]
    step: Opaque


class Loops(Calls):
    """Adds loop macros to the lowering."""

    breaks: list[Frontier]  # set up by ``statements.py``
    bodies: list[LoopBody]  # of the loop macros around this place

    @abstractmethod
    def statement(self, node: Node) -> None:
        """Lower one statement; added by ``statements.py``."""

    @abstractmethod
    def at(self, node: Node) -> None:
        """Place what follows at this statement; added by ``statements.py``."""

    @abstractmethod
    def loop_body(self, entry: Frontier, body: Node | None, head: int) -> None:
        """Lower the body of a loop; added by ``statements.py``."""

    def is_written(self, node: Node, keyword: bytes) -> bool:
        """Whether a statement begins with a keyword of the file, and none that stands over the name of a macro."""
        match = _LEADING_NAME.match(self.data, node.start_byte)
        return match is not None and match.group() == keyword

    def macro_loop(self, node: Node, test: Node, body: Node | None) -> None:
        """``walk(i, n) body``: ``test`` is the list of arguments."""
        self.at(test)
        match = _LEADING_NAME.match(self.data, node.start_byte)
        name = match.group().decode() if match else ""
        parts = _comma_parts(test)
        cursors = _cursors(self.context, name, self.facts.path, self.offset(node))
        if (
            "for_each" not in name
            and body is not None
            and self._as_defined(node, name, test, LoopBody(body, self._text(), (), Opaque((), name)))
        ):
            return
        inputs = tuple(self._pointed(self.value(part)) for index, part in enumerate(parts) if index not in cursors)
        step = Opaque(inputs, name)
        targets = tuple(parts[index] for index in cursors if index < len(parts))
        if body is None or not self._as_defined(node, name, test, LoopBody(body, self._text(), targets, step)):
            self._iterator(test, body, targets, step)

    def _text(self) -> tuple[bytes, bytes, int | None, tuple[str, ...]]:
        return self.data, self.parsed, self.offset_override, self.expanding

    def _as_defined(self, node: Node, name: str, test: Node, body: LoopBody) -> bool:
        """Lower the loop as the tree defines the macro; False if its text does not tell."""
        macros = self.callable_macros(name, node) if name not in self.context.model.iterators else []
        if len(macros) != 1:
            return False
        written = self.text(test)
        expansion = self.context.loop_head(macros[0], written[1:-1] if written.startswith("(") else "", _BODY)
        if expansion is None:
            return False
        self.bodies.append(body)
        self.inside(test, macros[0], expansion, lambda: self.block(expansion[0]))
        self.bodies.pop()
        return True

    def is_body(self, node: Node) -> bool:
        """Whether an expression stands for the body of a loop macro."""
        return bool(self.bodies) and node.type == "identifier" and self.text(node) == _BODY

    def body_of_loop(self) -> None:
        """The statement behind a loop macro, in the words of the place where the macro is used."""
        body = self.bodies.pop()
        inner, span, config = self._text(), self.span, self.config
        self.data, self.parsed, self.offset_override, self.expanding = body.text
        outer = self.passes
        if body.cursors:
            self._count(body.step, body.node)
            for cursor in body.cursors:
                target = self.lvalue(cursor)
                if target is not None and (target.type is None or not target.type.is_pointer):
                    self.assign(target, body.step, weak=True)
        self.statement(body.node)
        self.passes = outer
        self.data, self.parsed, self.offset_override, self.expanding = inner
        self.span, self.config = span, config
        self.bodies.append(body)

    def _count(self, step: Opaque, node: Node) -> None:
        """What is counted in each pass depends on what the iterator walks over."""
        passes = self.temp(None)
        self.assign(passes, step)
        self.passes = (*self.passes, Load(passes, self.offset(node)))

    def _iterator(self, test: Node, body: Node | None, cursors: tuple[Node, ...], step: Opaque) -> None:
        """``for_each_x(cursor, mask)``: each pass sets the cursor from the other arguments."""
        head = self.marker(step.text)
        true, false = self.branch(step)
        self.frontier = true
        for cursor in cursors:
            target = self.lvalue(cursor)
            if target is not None:
                self.assign(target, step)
        outer = self.passes
        self._count(step, test)
        self.loop_body(self.frontier, body, head)
        self.passes = outer
        self.frontier = false + self.breaks.pop()

    def _pointed(self, value: Expr) -> Expr:
        """A mask handed over by address is read."""
        inner = uncast(value)
        return Load(inner.place, 0) if isinstance(inner, Addr) else value


def _cursors(context: LoweringContext, name: str, path: str, offset: int, depth: int = 0) -> tuple[int, ...]:
    """Which arguments of an iterator macro it assigns: the model's word, else the macro's own body."""
    row = context.model.iterators.get(name)
    if row is not None:
        return row
    macro = next(iter(context.macros_at(name, path, offset)), None)
    if macro is None or not macro.params or depth > _DEEPEST:
        return (0,)
    inner = re.match(r"\s*(\w*for_each\w*)\s*\((.*)\)\s*$", macro.body, re.DOTALL)
    if inner is not None:
        passed = [part.strip().strip("()") for part in context.split_arguments(inner.group(2))]
        below = _cursors(context, inner.group(1), macro.path, macro.start, depth + 1)
        names = {passed[index] for index in below if index < len(passed)}
        found = tuple(index for index, param in enumerate(macro.params) if param in names)
        return found or (0,)
    found = tuple(
        index
        for index, param in enumerate(macro.params)
        if re.search(rf"(?<![\w.>]){re.escape(param)}\s*\)?\s*=[^=]", macro.body)
    )
    return found or (0,)


def _comma_parts(node: Node) -> list[Node]:
    """The arguments of an iterator: a comma expression, outermost parentheses removed."""
    while node.type == "parenthesized_expression" and node.named_child_count == 1:
        inner = first_named(node)
        assert inner is not None
        node = inner
    return _comma_parts_left(node)


def _comma_parts_left(node: Node) -> list[Node]:
    if node.type != "comma_expression":
        return [node]
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    assert left is not None
    assert right is not None
    return _comma_parts_left(left) + _comma_parts_left(right)
