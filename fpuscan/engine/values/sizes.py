"""What a value holds: the bits of a mask, the content of a place, and here what a size comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.values.contents import Content, Contents
from fpuscan.ir import ENTRY, Assign, Binary, Call, Cast, Const, Load, Opaque, Return, Unary, subexpressions
from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.calls import CallSite
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.ir import Expr
    from fpuscan.model.rows import Helper
    from fpuscan.places import Place

__all__ = ["Values"]


class Values(Contents):
    """Masks, contents and sizes, evaluated backward and memoised."""

    def __init__(self, analysis: Analysis) -> None:
        super().__init__(analysis)
        self._sizes: dict[tuple[object, ...], Content] = {}

    def size(self, function: FunctionAnalysis, node: int, expr: Expr, context: tuple[CallSite, ...]) -> Content:
        """Which feature bits determine a size, and whether it is one of the kernel's format."""
        if isinstance(expr, Const):
            return Content()
        key = ("size", function.id, node, id(expr), context)
        return self._fixpoint.once(
            self._sizes, key, lambda: self._size(function, node, expr, context), Content(), Content(unknown=True)
        )

    def _size(self, function: FunctionAnalysis, node: int, expr: Expr, context: tuple[CallSite, ...]) -> Content:
        found = Content()
        match expr:
            case Unary() | Cast() | Binary() | Opaque():
                for operand in subexpressions(expr):
                    found = found.join(self.size(function, node, operand, context))
            case Load():
                for root, path, _ in function.resolve(node, expr.place):
                    found = found.join(self.size_of_place(function, node, (root, path), context))
            case _:
                pass
        return found

    def size_of_place(
        self, function: FunctionAnalysis, node: int, place: Place, context: tuple[CallSite, ...]
    ) -> Content:
        """The same for the size in a place at a node."""
        found = self.declared_of(place, self.source_rows(place))
        for definition in sorted(function.reaching(node, place)):
            instruction = function.code[definition]
            if definition == ENTRY:
                if place[0][0] in {"g", "h", "d"} and self.source_rows(place):
                    found = found.join(self.content(place))
            elif isinstance(instruction, Assign):
                found = found.join(self.size(function, definition, instruction.value, context))
            elif isinstance(instruction, Call):
                found = found.join(self._call_size(function, definition, instruction, context))
        return found

    def _call_size(self, function: FunctionAnalysis, node: int, call: Call, context: tuple[CallSite, ...]) -> Content:
        helper = self.analysis.model.helpers.get(call.callee) if isinstance(call.callee, str) else None
        if helper is not None:
            bits = 0
            if 0 <= helper.mask < len(call.arguments):
                bits = self.mask(function, node, call.arguments[helper.mask], context).may
                if bits == WORD:
                    return Content(0, self._helper_format(function, node, call, helper, context), unknown=True)
            return Content(bits, self._helper_format(function, node, call, helper, context))
        found = Content()
        for unit in self.analysis.calls.callees(function, node):
            callee = self.analysis.of(unit)
            for number in callee.returns:
                returned = callee.code[number]
                if isinstance(returned, Return) and returned.value is not None:
                    found = found.join(self.size(callee, number, returned.value, (*context, (function.id, node))))
        return found

    def _helper_format(
        self, function: FunctionAnalysis, node: int, call: Call, helper: Helper, context: tuple[CallSite, ...]
    ) -> bool:
        """Whether a mask-to-size helper gives a kernel-format size at this call."""
        if helper.format or not 0 <= helper.compacted < len(call.arguments):
            return helper.format
        return self.mask(function, node, call.arguments[helper.compacted], context).may != 0
