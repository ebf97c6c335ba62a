"""Which members a pointer to bytes leads to that is moved by an offset kept in a variable, a parameter or a table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fpuscan.engine.functions.literals import NOTHING, compatible
from fpuscan.ir import ENTRY, Assign, Call, Cast, Const, Load
from fpuscan.places import ALL_ELEMENTS, heap, overlap, plain_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.ir import Expr
    from fpuscan.places import Guarded, Place

__all__ = ["Offsets"]

_MAX_DEPTH = 4  # variables and calls that an offset is handed through
_PART = re.compile(r"\w+|\[[^\]]*\]")

Member = tuple[tuple[str, str], "Guards"]  # a struct and a member as written, and when the offset is that one's


class Offsets:
    """Offsets of members as values in one function."""

    def __init__(self, function: FunctionAnalysis) -> None:
        self.function = function
        self.analysis = function.analysis

    def members(self, node: int, expr: Expr, depth: int = 0) -> tuple[Member, ...]:
        """The members whose offset a value is, each with its condition; none where it may be anything else."""
        match expr:
            case Const():
                return ((expr.member, NOTHING),) if expr.member[0] else ()
            case Cast():
                return self.members(node, expr.operand, depth)
            case Load() if depth < _MAX_DEPTH:
                return self._loaded(node, expr, depth + 1)
            case _:
                return ()

    def _loaded(self, node: int, load: Load, depth: int) -> tuple[Member, ...]:
        found: list[Member] = []
        for root, path, guards in self.function.resolve(node, load.place):
            reaching = self.function.reaching(node, (root, path))
            for definition in reaching:
                some = self._defined((root, path), definition, depth)
                if not some:
                    return ()
                held = guards
                if len(reaching) > 1 and definition != ENTRY:
                    held = held | self.function.lasting_guards(definition, (root, path), read=node)
                found += [(member, more | held) for member, more in some if compatible(more, held)]
        return tuple(dict.fromkeys(found))

    def _defined(self, place: Place, definition: int, depth: int) -> Sequence[Member]:
        instruction = self.function.code[definition]
        if definition == ENTRY:
            return self._from_outside(place, depth)
        if isinstance(instruction, Assign) and not instruction.weak:
            return self.members(definition, instruction.value, depth)
        return ()

    def _from_outside(self, place: Place, depth: int) -> Sequence[Member]:
        """What callers pass, or what the initialiser of a table says: without the conditions there."""
        root, path = place
        if root[0] == "p" and not path:
            return self._passed(root[2], depth)
        return self._stored(place, depth) if root[0] == "g" else ()

    def _passed(self, index: int, depth: int) -> Sequence[Member]:
        found: list[Member] = []
        for caller, site in self.analysis.calls.callers(self.function.unit):
            calling = self.analysis.by_id(caller)
            call = calling.code[site]
            given = call.arguments[index] if isinstance(call, Call) and index < len(call.arguments) else None
            some = calling.offsets.members(site, given, depth) if given is not None else ()
            if not some:
                return ()
            found += [(member, NOTHING) for member, _ in some]
        return found

    def _stored(self, place: Place, depth: int) -> Sequence[Member]:
        found: list[Member] = []
        for unit in self.analysis.calls.units_storing(plain_name(self.analysis.variable(place[0]))):
            function = self.analysis.of(unit)
            for number, instruction in enumerate(function.code):
                if not isinstance(instruction, Assign):
                    continue
                targets = function.resolve(number, instruction.target)
                if not any(overlap((root, path), place) for root, path, _ in targets):
                    continue
                some = function.offsets.members(number, instruction.value, depth)
                if not some and not isinstance(instruction.value, Const):
                    return ()
                found += [(member, NOTHING) for member, _ in some]
        return found

    def moved(
        self, found: Sequence[Guarded], members: Sequence[Member], unknown: tuple[str, object] | None
    ) -> list[Guarded]:
        """The members in the objects that a pointer denotes; the side and identity of those that are ``unknown``."""
        ends: list[Guarded] = []
        for (tag, written), held in members:
            names = [part if part[0] != "[" else ALL_ELEMENTS for part in _PART.findall(written)]
            starts = [each for each in found if compatible(each[2], held) and self._may_be(each, tag)]
            if unknown is not None:
                starts.append((heap(tag, unknown[1], unknown[0]), (), NOTHING))
            for root, path, guards in starts:
                place: Place = (root, path)
                for name in names:
                    place = self.analysis.layouts.into(place, name)
                ends.append((*place, guards | held))
        return ends

    def _may_be(self, target: Guarded, tag: str) -> bool:
        """Whether an object may be a struct: it is one, or its type is not told."""
        ctype = self.analysis.place_type((target[0], target[1]))
        return ctype is None or ctype.base in {tag, "void", "char", "u8", "unsigned char", "?"}
