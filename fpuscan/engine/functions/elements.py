"""Which elements of an array an index chooses: ``perms[guest]``, ``answers[option - FIRST]``, ``sizes[side]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.functions.expressions import is_boolean
from fpuscan.engine.functions.literals import IMPOSSIBLE, NOTHING, compatible
from fpuscan.engine.functions.lookups import Lookups
from fpuscan.ir import Assign, Binary, Const, Load, Var
from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.ir import Expr, Index, LValue

__all__ = ["Elements"]

_MAX_ELEMENTS = 8  # of an array, told apart by the values of an index


class Elements:
    """Indices that are no constants, in one function."""

    def __init__(self, function: FunctionAnalysis) -> None:
        self.function = function
        self.analysis = function.analysis
        self.lookups = Lookups(function)

    def chosen(self, node: int, place: Index, base: LValue) -> list[tuple[int, Guards]]:
        """Which elements an index that is no constant may choose, and when; none where that cannot be told."""
        by = place.by
        if by is None:
            return []
        if is_boolean(by):
            held = [(0, self.function.truth(node, by, want=False)), (1, self.function.truth(node, by, want=True))]
        else:
            counted, first = _from_zero(by)
            held = [
                (number, self.function.equals(node, counted, first + number & WORD, equal=True))
                for number in self._indices(by, base)
            ]
            held = [(number, self._found(node, by, base, number, guards)) for number, guards in held]
            if all(guards == NOTHING for _, guards in held):
                return []
        return [(number, guards) for number, guards in held if guards != IMPOSSIBLE]

    def _found(self, node: int, by: Expr, base: LValue, number: int, guards: Guards) -> Guards:
        """The same with what a comparison says that has found the element."""
        if guards == IMPOSSIBLE:
            return guards
        more = self.lookups.matched(node, by, base, number)
        return guards | more if compatible(guards, more) else IMPOSSIBLE

    def _indices(self, by: Expr, base: LValue) -> Sequence[int]:
        """All indices of a small array, or the constants of the enum that the index is one of."""
        length = self._length(base)
        ctype = by.place.type if isinstance(by, Load) else None
        if length is None and ctype is not None and ctype.base.startswith("enum ") and not ctype.pointers:
            found = [value for _, value in self.analysis.program.types.enum_constants(ctype.base)]
            return found if len(found) <= _MAX_ELEMENTS else ()
        return range(length) if length and length <= _MAX_ELEMENTS else ()

    def _length(self, base: LValue) -> int | None:
        """The number of elements of an array; that of a table of functions or structs as its initialiser has it."""
        ctype = base.type
        length = ctype.arrays[0] if ctype is not None and ctype.arrays else 0
        if length is not None or not isinstance(base, Var) or ctype is None or not (ctype.function or ctype.is_record):
            return length
        for unit in self.analysis.program.units_mentioning(base.name):
            for instruction in self.analysis.of(unit).code if not unit.is_function else ():
                target = instruction.target if isinstance(instruction, Assign) else None
                if isinstance(target, Var) and target.key == base.key and target.type is not None:
                    return target.type.arrays[0]
        return None


def _from_zero(by: Expr) -> tuple[Expr, int]:
    """An index, or what is counted from a constant: ``option`` and ``FIRST`` of ``option - FIRST``."""
    match by:
        case Binary(op="-", left=left, right=Const(value=int(value))):
            return left, value
        case _:
            return by, 0
