"""Initialisers: of locals, of globals and of compound literals, with or without designators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.ir import Const, Index, Var
from fpuscan.lower.builder import together
from fpuscan.lower.constants import constant_of
from fpuscan.lower.loops import Loops
from fpuscan.lower.nodes import first_named, without_comments

if TYPE_CHECKING:
    from fpuscan.ir import LValue
    from fpuscan.parse.arms import ConfigLiteral
    from fpuscan.parse.syntax import Node

__all__ = ["Initialisers"]


class Initialisers(Loops):
    """Adds initialisers to the lowering."""

    def initialise(self, target: LValue, node: Node) -> None:
        """Store an initialiser: zero the whole, then each named or positional member."""
        if node.type != "initializer_list":
            self.assign(target, self.value(node))
            return
        around = self.span, self.config
        self.assign(target, Const(0, "0"))
        length = self._initialise_list(target, node)
        self.span, self.config = around
        ctype = target.type
        if isinstance(target, Var) and ctype is not None and ctype.arrays[:1] == (None,):
            target.type = ctype._replace(arrays=(length, *ctype.arrays[1:]))

    def _initialise_list(self, target: LValue, node: Node) -> int:
        """Store each member; gives the number of positions, which is the length of an array that has no other."""
        ctype = target.type
        members = None
        if ctype is not None and not ctype.arrays:
            members = self.context.members(ctype.base)
            if members is None and _has_positions(node):
                members = self.context.members_elsewhere(ctype.base)
        names = list(members) if members is not None else []
        position, length, config = 0, 0, self.config
        for child in without_comments(node):
            before = self.frontier
            if self.offset_override is None:
                self.span = (child.start_byte, child.end_byte)
                self.config = together(config, self._arm_inside(child))
            if child.type == "initializer_pair":
                value = child.child_by_field_name("value")
                place, position = self._designated(target, child, names, position)
            else:
                value = child
                place = self._positional(target, names, position)
                position += 1
            if value is not None and place is target and value.type != "initializer_list":
                self.assign(target, self.value(value), weak=True)  # one of its members, nobody knows which
            elif value is not None:
                self.initialise(place, value)
            if self.config != config:  # a build without this arm goes past it
                self.frontier = self.frontier + before
            self.config = config
            length = max(length, position)
        return length

    def _arm_inside(self, node: Node) -> tuple[ConfigLiteral, ...]:
        """What must be configured for a part of a construct to be compiled."""
        if not self.conditional:
            return ()
        return self.context.conditions(self.facts.path, node.start_byte)

    def _positional(self, target: LValue, names: list[str], position: int) -> LValue:
        ctype = target.type
        if ctype is not None and ctype.arrays:
            return Index(target, None, position, ctype.element())
        if position < len(names):
            return self.member(target, names[position])
        return target

    def _designated(self, target: LValue, node: Node, names: list[str], position: int) -> tuple[LValue, int]:
        place = target
        for designator in node.children_by_field_name("designator"):
            if designator.type == "field_designator":
                name = self.text(designator).lstrip(". \t\n")
                if place is target and name in names:
                    position = names.index(name) + 1
                place = self.named_member(place, name, designator) or place
            else:
                element = place.type.element() if place.type is not None and place.type.arrays else None
                number, position = self._subscript(designator)
                place = Index(place, None, number, element)
        return place, position

    def _subscript(self, designator: Node) -> tuple[int | None, int]:
        """The element that ``[n]`` names, None for the elements of ``[n ... m]``, and the position behind it."""
        inner = first_named(designator) if designator.type == "subscript_designator" else None
        if inner is None:
            return None, 1
        last = inner.child_by_field_name("right") if b"..." in self.data[inner.start_byte : inner.end_byte] else None
        number = constant_of(self.value(last or inner))
        return None if last is not None else number, (number or 0) + 1


def _has_positions(node: Node) -> bool:
    """Whether some value of an initialiser, or of a list inside it, is for the member at its position."""
    for child in without_comments(node):
        value = child.child_by_field_name("value") if child.type == "initializer_pair" else None
        if value is None or (value.type == "initializer_list" and _has_positions(value)):
            return True
    return False
