"""What a value holds: the bits of a mask, the content of a place, and here what a size comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.values.contents import Content, Contents
from fpuscan.engine.values.fixpoint import MAX_DEPTH
from fpuscan.engine.values.masks import MAX_CALLERS
from fpuscan.ir import ENTRY, EXIT, Assign, Binary, Call, Cast, Const, Load, Opaque, Unary, subexpressions
from fpuscan.places import covers
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
                found = found.join(self._outside_size(function, place, context))
            elif isinstance(instruction, Assign):
                found = found.join(self._assigned_size(function, definition, instruction, place, context))
            elif isinstance(instruction, Call):
                found = found.join(self._call_size(function, definition, instruction, place, context))
        return found

    def _outside_size(self, function: FunctionAnalysis, place: Place, context: tuple[CallSite, ...]) -> Content:
        """The size that a place holds where a function is entered: what all have stored, or what callers hand in."""
        root, path = place
        kind = root[0]
        if kind in {"g", "h", "d"} and self.source_rows(place):
            return self.content(place)
        index = root[2] if kind in {"p", "d"} else None
        if not isinstance(index, int):
            return Content()
        sites = self._sites(function, context)
        if len(sites) > MAX_CALLERS:
            return Content(unknown=True)
        found = Content()
        for caller, number, outer in sites:
            calling = self.analysis.by_id(caller)
            call = calling.code[number]
            assert isinstance(call, Call)
            if index >= len(call.arguments):
                continue
            if kind == "p" and not path:
                found = found.join(self.size(calling, number, call.arguments[index], outer))
                continue
            for there, below, _ in self.analysis.calls.actual_places(calling, number, root, path):
                found = found.join(self.size_of_place(calling, number, (there, below), outer))
        return found

    def _assigned_size(
        self,
        function: FunctionAnalysis,
        definition: int,
        instruction: Assign,
        place: Place,
        context: tuple[CallSite, ...],
    ) -> Content:
        """The size that an assignment leaves in a place: its value, or that member of the struct that it copies."""
        below: tuple[str, ...] = next(
            (
                place[1][len(path) :]
                for root, path, _ in function.resolve(definition, instruction.target)
                if covers((root, path), place)
            ),
            (),
        )
        if not below or not isinstance(instruction.value, Load):
            return self.size(function, definition, instruction.value, context)
        found = Content()
        for root, path, _ in function.resolve(definition, instruction.value.place):
            found = found.join(self.size_of_place(function, definition, (root, (*path, *below)), context))
        return found

    def _call_size(
        self, function: FunctionAnalysis, node: int, call: Call, place: Place, context: tuple[CallSite, ...]
    ) -> Content:
        """The size that a call leaves in a place: a helper of the model makes it, a function returns or stores it."""
        helper = self.analysis.model.helpers.get(call.callee) if isinstance(call.callee, str) else None
        if helper is not None:
            bits = 0
            if 0 <= helper.mask < len(call.arguments):
                bits = self.mask(function, node, call.arguments[helper.mask], context).may
                if bits == WORD:
                    return Content(0, self._helper_format(function, node, call, helper, context), unknown=True)
                bits &= self.seen_by(helper)
            return Content(bits, self._helper_format(function, node, call, helper, context))
        found = Content()
        inner = (*context, (function.id, node))[-MAX_DEPTH:]
        returned = call.result is not None and place[0] == ("v", function.id, call.result.key)
        for unit in self.analysis.calls.callees(function, node):
            callee = self.analysis.of(unit)
            if returned:
                for number, value in callee.returned_values():
                    found = found.join(self.size(callee, number, value, inner))
                continue
            for each in self.analysis.calls.inward(function, node, unit, place):
                found = found.join(self.size_of_place(callee, EXIT, each, inner))
        return found

    def seen_by(self, helper: Helper) -> int:
        """The feature bits that a mask-to-size helper looks at; all of them if the tree does not say."""
        found = self.analysis.program.evaluate(helper.among) if helper.among else None
        return WORD if found is None else found

    def _helper_format(
        self, function: FunctionAnalysis, node: int, call: Call, helper: Helper, context: tuple[CallSite, ...]
    ) -> bool:
        """Whether a mask-to-size helper gives a kernel-format size at this call."""
        if helper.format or not 0 <= helper.compacted < len(call.arguments):
            return helper.format
        return self.mask(function, node, call.arguments[helper.compacted], context).may != 0
