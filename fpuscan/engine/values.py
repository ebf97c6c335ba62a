"""What bits a mask may and must hold, and what a place may contain.

Masks are 64-bit words evaluated backward from an expression: constants from
the tree's headers, uABI masks at their contract, locals over their reaching
definitions, parameters at the call (or over all calls), globals and members
over all their stores. What cannot be known may hold every bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpuscan.conversions import WORD_BITS, integer_type, narrow
from fpuscan.engine.literals import NOTHING
from fpuscan.engine.stores import StoreIndex
from fpuscan.ir import ENTRY, EXIT, Assign, Binary, Call, Cast, Const, Load, Opaque, Return, Unary, subexpressions
from fpuscan.places import overlap, reinterpreted
from fpuscan.xfeatures import WORD, MaskValue

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpuscan.declarators import CType
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.calls import CallSite
    from fpuscan.engine.function import FunctionAnalysis
    from fpuscan.ir import Expr
    from fpuscan.model import Helper, Source
    from fpuscan.places import Place

__all__ = ["ANYTHING", "Content", "Values"]

ANYTHING = MaskValue(WORD, 0)
_NOTHING = MaskValue(0, 0)
_MAX_DEPTH = 60
_MAX_CALLERS = 8
_MAX_CALLS = 8
_BUDGET = 300  # steps of one evaluation; beyond it a mask may hold anything


@dataclass(frozen=True, slots=True)
class Content:
    """What a place may contain: ``bits`` (may), a kernel-format size, or something that cannot be evaluated."""

    bits: int = 0
    format: bool = False
    unknown: bool = False

    def join(self, other: Content) -> Content:
        """The content of either."""
        return Content(self.bits | other.bits, self.format or other.format, self.unknown or other.unknown)


class Values:
    """Backward evaluation of masks and contents, memoised."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._masks: dict[tuple[object, ...], MaskValue] = {}
        self._sizes: dict[tuple[object, ...], Content] = {}
        self._contents: dict[Place, Content] = {}
        self._rows: dict[Place, list[Source]] = {}
        self._store_indexes: dict[int, StoreIndex] = {}
        self._busy: set[object] = set()
        self._cuts = 0
        self._spent = 0
        self._telling = [
            row
            for row in analysis.model.sources
            if not row.function and not row.macro and (row.evaluated or row.format)
        ]
        self._inputs = [row for row in analysis.model.sinks if row.ends and row.kind == "place"]
        program, masks = analysis.program, analysis.model.masks
        xss = sum(1 << bit for bit in masks.xss_bits)
        self.user_mask = (program.evaluate(masks.user) or 0) & ~xss
        self.dynamic_mask = program.evaluate(masks.dynamic) or 0
        self._software = 0
        for name in masks.software_bits:
            self._software |= program.evaluate(name) or 0

    # ------------------------------------------------------------ masks

    def constant(self, expr: Expr) -> int | None:
        """The word of an expression over constants."""
        match expr:
            case Const():
                return expr.value
            case Cast():
                return self.constant(expr.operand)
            case Unary() if expr.op == "~":
                inner = self.constant(expr.operand)
                return None if inner is None else ~inner & WORD
            case Binary() if expr.op in {"&", "|"}:
                left, right = self.constant(expr.left), self.constant(expr.right)
                if left is None or right is None:
                    return None
                return left & right if expr.op == "&" else left | right
            case _:
                return None

    def written_mask(self, function: FunctionAnalysis, node: int, expr: Expr) -> MaskValue:
        """The same from the expression and the contracts alone, at next to no cost: what is stored may be anything."""
        match expr:
            case Const() if expr.value is not None:
                return MaskValue.constant(expr.value)
            case Cast():
                return self.written_mask(function, node, expr.operand)
            case Unary() if expr.op == "~":
                return ~self.written_mask(function, node, expr.operand)
            case Binary() if expr.op in {"&", "|"}:
                left, right = (self.written_mask(function, node, operand) for operand in (expr.left, expr.right))
                return left & right if expr.op == "&" else left | right
            case Load():
                bounds = [self.contract((root, path)) for root, path, _ in function.resolve(node, expr.place)]
                if bounds and None not in bounds:
                    return _join([MaskValue(bound, 0) for bound in bounds if bound is not None])
            case _:
                pass
        return ANYTHING

    def mask(self, function: FunctionAnalysis, node: int, expr: Expr, context: tuple[CallSite, ...] = ()) -> MaskValue:
        """The bits that an expression may and must have at a node."""
        if isinstance(expr, Const):
            return MaskValue.constant(expr.value) if expr.value is not None else ANYTHING
        key = (function.id, node, id(expr), context)
        found = self._masks.get(key)
        if found is not None:
            return found
        return self._evaluate(key, lambda: self._mask(function, node, expr, context))

    def _evaluate(self, key: tuple[object, ...], compute: Callable[[], MaskValue]) -> MaskValue:
        """Evaluate once. A value that depends on itself starts from no bits, the least fixpoint of ``&`` and ``|``;
        what was computed meanwhile is kept only for the outermost of such a circle.
        """  # noqa: D205
        if key in self._busy:
            self._cuts += 1
            return _NOTHING
        if not self._busy:
            self._spent = 0
        self._spent += 1
        if len(self._busy) > _MAX_DEPTH or self._spent > _BUDGET:
            return ANYTHING
        cuts = self._cuts
        self._busy.add(key)
        try:
            found = compute()
        finally:
            self._busy.discard(key)
        if cuts == self._cuts or not self._busy:
            self._masks[key] = found
        return found

    def _mask(self, function: FunctionAnalysis, node: int, expr: Expr, context: tuple[CallSite, ...]) -> MaskValue:
        match expr:
            case Unary() if expr.op == "~":
                operand = self.mask(function, node, expr.operand, context)
                named = isinstance(expr.operand, Const) and expr.operand.macros
                return ~operand if named or _is_wide(operand) else _typed(expr, ~operand)
            case Cast():
                return _fitted(expr.type, self.mask(function, node, expr.operand, context))
            case Binary():
                return self._binary(function, node, expr, context)
            case Load():
                found: MaskValue | None = None
                for root, path, _ in function.resolve(node, expr.place):
                    value = self.place_mask(function, node, (root, path), context)
                    if function.is_displaced(expr.place, (root, path)):
                        value = ANYTHING
                    found = value if found is None else found.join(value)
                return found if found is not None else ANYTHING
            case _:
                return ANYTHING

    def _binary(self, function: FunctionAnalysis, node: int, expr: Binary, context: tuple[CallSite, ...]) -> MaskValue:
        cuts = self._cuts
        left = self.mask(function, node, expr.left, context)
        right = self.mask(function, node, expr.right, context)
        if cuts != self._cuts and expr.op not in {"&", "|"}:
            return ANYTHING
        match expr.op:
            case "&":
                return left & right
            case "|":
                return left | right
            case "^":
                return left ^ right
            case "+":
                return _typed(expr, left + right)
            case "-":
                return _typed(expr, left - right)
            case "<<":
                return _typed(expr, left << right)
            case ">>" if not left.may >> 63:  # a negative number would copy its sign
                return left >> right
            case _:
                return ANYTHING

    def contract(self, place: Place) -> int | None:
        """The bits that a uABI mask may hold by contract; None for other places."""
        for row in self.analysis.model.contracts:
            if self.analysis.matches(row.pattern, place):
                mask = self.user_mask
                for name in row.without:
                    mask &= ~(self.analysis.program.evaluate(name) or 0)
                return mask
        return None

    def place_mask(
        self, function: FunctionAnalysis, node: int, place: Place, context: tuple[CallSite, ...]
    ) -> MaskValue:
        """The bits of the value in a place at a node."""
        contract = self.contract(place)
        if contract is not None:
            return MaskValue(contract, 0)
        if place[0][0] in {"g", "h", "d"} and self._comes_from_outside(place):
            return ANYTHING
        key = ("place", function.id, node, place, context)
        known = self._masks.get(key)
        if known is not None:
            return known
        if len(context) > _MAX_CALLS or (place[0][0] != "v" and self._comes_from_outside(place)):
            return ANYTHING
        ctype = self.analysis.place_type(place)
        return self._evaluate(key, lambda: _fitted(ctype, self._place_mask(function, node, place, context)))

    def _place_mask(
        self, function: FunctionAnalysis, node: int, place: Place, context: tuple[CallSite, ...]
    ) -> MaskValue:
        found: MaskValue | None = None
        for definition in sorted(function.reaching(node, place)):
            value = self._definition_mask(function, place, definition, context)
            if value is not None:
                found = value if found is None else found.join(value)
        return found if found is not None else ANYTHING

    def _definition_mask(
        self, function: FunctionAnalysis, place: Place, definition: int, context: tuple[CallSite, ...]
    ) -> MaskValue | None:
        if definition == ENTRY:
            return self._outside_mask(function, place, context)
        instruction = function.code[definition]
        if isinstance(instruction, Assign):
            for root, path, _ in function.resolve(definition, instruction.target):
                if not overlap((root, path), place):
                    continue
                below = place[1][len(path) :]
                if reinterpreted(path, place[1]) or function.is_displaced(instruction.target, (root, path)):
                    return ANYTHING
                if not below:
                    return self.mask(function, definition, instruction.value, context)
                if isinstance(instruction.value, Const):
                    return MaskValue.constant(0)
                if isinstance(instruction.value, Load):
                    copied = [(r, (*p, *below)) for r, p, _ in function.resolve(definition, instruction.value.place)]
                    values = [self.place_mask(function, definition, source, context) for source in copied]
                    return _join(values)
            return ANYTHING
        if isinstance(instruction, Call):
            return self._call_mask(function, definition, place, context)
        return ANYTHING

    def _call_mask(
        self, function: FunctionAnalysis, node: int, place: Place, context: tuple[CallSite, ...]
    ) -> MaskValue:
        call = function.code[node]
        assert isinstance(call, Call)
        values: list[MaskValue] = []
        inner_context = (*context, (function.id, node))[-_MAX_DEPTH:]
        for unit in self.analysis.calls.callees(function, node):
            callee = self.analysis.of(unit)
            if call.result is not None and place[0] == ("v", function.id, call.result.key):
                for number, value in callee.returned_values():
                    held = callee.entry_guards().get(number, NOTHING)
                    if self.analysis.calls.guards_outward(function, node, callee, held) is None:
                        continue
                    values.append(self.mask(callee, number, value, inner_context))
            else:
                inward = self.analysis.calls.inward(function, node, unit, place)
                values.extend(self.place_mask(callee, EXIT, inner, inner_context) for inner in inward)
        if not values and place[0][0] in {"g", "h", "d"} and self.analysis.of_interest(place):
            content = self.content(place)
            return ANYTHING if content.unknown else MaskValue(content.bits, 0)
        return _join(values)

    def _outside_mask(
        self, function: FunctionAnalysis, place: Place, context: tuple[CallSite, ...]
    ) -> MaskValue | None:
        root, path = place
        kind = root[0]
        if kind == "v":
            return None
        if kind in {"g", "h"}:
            if not self.analysis.of_interest(place):
                return ANYTHING
            content = self.content(place)
            return ANYTHING if content.unknown else MaskValue(content.bits, 0)
        sites = self._sites(function, context)
        if len(sites) > _MAX_CALLERS:
            return ANYTHING
        values = []
        for caller, number, outer in sites:
            calling = self.analysis.by_id(caller)
            call = calling.code[number]
            assert isinstance(call, Call)
            index = root[2]
            if not isinstance(index, int) or index >= len(call.arguments):
                return ANYTHING
            if kind == "p" and not path:
                values.append(self.mask(calling, number, call.arguments[index], outer))
            else:
                for there, below, _ in self.analysis.calls.actual_places(calling, number, root, path):
                    values.append(self.place_mask(calling, number, (there, below), outer))
        if not sites and kind == "d" and self.analysis.of_interest(place):
            content = self.content(place)
            return ANYTHING if content.unknown else MaskValue(content.bits, 0)
        return _join(values)

    def _sites(
        self, function: FunctionAnalysis, context: tuple[CallSite, ...]
    ) -> list[tuple[int, int, tuple[CallSite, ...]]]:
        """The calls that a parameter's value comes from: the one of the context, else all."""
        if context:
            caller, number = context[-1]
            calling = self.analysis.by_id(caller)
            if function.unit in self.analysis.calls.callees(calling, number):
                return [(caller, number, context[:-1])]
        return [(caller, number, ()) for caller, number in self.analysis.calls.callers(function.unit)]

    # ------------------------------------------------------------ contents

    def is_mask_place(self, place: Place) -> bool:
        """Whether a place holds a 64-bit mask and no size."""
        ctype = self.analysis.place_type(place)
        return ctype is not None and ctype.base in {"u64", "__u64", "uint64_t", "unsigned long long"}

    def source_rows(self, place: Place) -> list[Source]:
        """The model's source rows that a place matches and that say something about what it holds."""
        found = self._rows.get(place)
        if found is None:
            found = [row for row in self._telling if self.analysis.matches(row.pattern, place)]
            self._rows[place] = found
        return found

    def declared(self, rows: list[Source]) -> Content:
        """What source rows say about the content."""
        bits = 0
        evaluate = self.analysis.program.evaluate
        for row in rows:
            limit = evaluate(row.limit) if row.limit else None
            for name in row.bits:
                bits |= (evaluate(name) or 0) & (WORD if limit is None else limit)
        return Content(bits, any(row.format for row in rows))

    def content(self, place: Place) -> Content:
        """What a place of shared memory may contain: the join over its stores, and what the model declares."""
        root, path = place
        if root[0] == "h":
            place = (("h", root[1], None, ""), path)
        elif root[0] == "d" and self.analysis.chain(place):
            tag, below = self.analysis.chain(place)[0]
            place = (("h", tag, None, ""), below)
        found = self._contents.get(place)
        if found is not None:
            return found
        key = ("content", place)
        if key in self._busy:
            self._cuts += 1
            return Content()  # a store of the place into itself adds nothing
        cuts, spent = self._cuts, self._spent
        self._busy.add(key)
        self._spent = 0  # each place has a budget of its own, whoever asks for it and when
        try:
            found = self._content(place)
        finally:
            self._busy.discard(key)
            self._spent = spent
        if cuts == self._cuts or not self._busy:
            self._contents[place] = found
        return found

    def _comes_from_outside(self, place: Place) -> bool:
        """Whether hardware or user space writes a place, so that the stores of the code say nothing about it."""
        return any(self.analysis.matches(row.pattern, place) for row in self._inputs)

    def _content(self, place: Place) -> Content:
        contract = self.contract(place)
        if contract is not None:
            return Content(contract)
        if self._comes_from_outside(place):
            return Content(unknown=True)
        declared, stored = self.declared(self.source_rows(place)), self._stored_content(place)
        if declared.bits:  # the model's word bounds what the stores do not show, and where a software flag can be
            bits = 0 if stored.unknown else stored.bits & (declared.bits | ~self._software)
            stored = Content(bits, stored.format)
        return declared.join(stored)

    def _stored_content(self, place: Place) -> Content:
        found = Content()
        stores = 0
        sought = self.analysis.sought(place)
        for unit in self.analysis.storers(place):
            if unit.is_function and not self.analysis.calls.may_store(unit, place):
                continue
            function = self.analysis.of(unit)
            for number in self._stores(function).into(sought):
                content = self._store(function, number, place)
                if content is not None and self._stays(function, number, place):
                    stores += 1
                    found = found.join(content)
        if not stores and not self.declared(self.source_rows(place)).bits:
            return Content(unknown=not self.declared(self.source_rows(place)).format)
        return found

    def _stores(self, function: FunctionAnalysis) -> StoreIndex:
        found = self._store_indexes.get(function.id)
        if found is None:
            found = StoreIndex(function.code)
            self._store_indexes[function.id] = found
        return found

    def _stays(self, function: FunctionAnalysis, number: int, place: Place) -> bool:
        """Whether somebody else can see what is stored: it reaches the exit, or a call that may read it."""
        instruction = function.code[number]
        assert isinstance(instruction, Assign)
        for root, path, _ in function.resolve(number, instruction.target):
            for node, _held in function.walk(number, (root, path), NOTHING):
                if node == EXIT:
                    return True
                if isinstance(function.code[node], Call) and self.analysis.calls.may_read(function, node, place):
                    return True
        return False

    def _store(self, function: FunctionAnalysis, number: int, place: Place) -> Content | None:
        from fpuscan.engine.calls import aligned  # noqa: PLC0415

        instruction = function.code[number]
        assert isinstance(instruction, Assign)
        for root, path, _ in function.resolve(number, instruction.target):
            target = (root, path)
            if not self.analysis.calls.same_memory(target, place):
                continue
            if root[0] == "g":
                below: tuple[str, ...] | None = place[1][len(path) :]
            else:
                below = aligned(self.analysis.chain(target), self.analysis.chain(place))
            if below is None:
                continue
            return self._value_content(function, number, instruction.value, below, place)
        return None

    def _value_content(
        self, function: FunctionAnalysis, number: int, value: Expr, below: tuple[str, ...], place: Place
    ) -> Content:
        if below:
            if isinstance(value, Load):
                found = Content()
                for root, path, _ in function.resolve(number, value.place):
                    found = found.join(self._place_content(function, number, (root, (*path, *below)), place))
                return found
            return Content()
        if self.is_mask_place(place):
            mask = self.mask(function, number, value)
            return Content(mask.may, unknown=mask.may == WORD)
        return self.size(function, number, value, ())

    def _place_content(self, function: FunctionAnalysis, node: int, source: Place, place: Place) -> Content:
        if self.is_mask_place(place):
            mask = self.place_mask(function, node, source, ())
            return Content(mask.may, unknown=mask.may == WORD)
        return self._size_of_place(function, node, source, ())

    # ------------------------------------------------------------ sizes

    def size(self, function: FunctionAnalysis, node: int, expr: Expr, context: tuple[CallSite, ...]) -> Content:
        """Which feature bits determine a size, and whether it is one of the kernel's format."""
        if isinstance(expr, Const):
            return Content()
        key = ("size", function.id, node, id(expr), context)
        known = self._sizes.get(key)
        if known is not None:
            return known
        if key in self._busy:
            self._cuts += 1
            return Content()
        if not self._busy:
            self._spent = 0
        self._spent += 1
        if len(self._busy) > _MAX_DEPTH or self._spent > _BUDGET:
            return Content(unknown=True)
        cuts = self._cuts
        self._busy.add(key)
        try:
            found = self._size(function, node, expr, context)
        finally:
            self._busy.discard(key)
        if cuts == self._cuts or not self._busy:
            self._sizes[key] = found
        return found

    def _size(self, function: FunctionAnalysis, node: int, expr: Expr, context: tuple[CallSite, ...]) -> Content:
        found = Content()
        match expr:
            case Unary() | Cast() | Binary() | Opaque():
                for operand in subexpressions(expr):
                    found = found.join(self.size(function, node, operand, context))
            case Load():
                for root, path, _ in function.resolve(node, expr.place):
                    found = found.join(self._size_of_place(function, node, (root, path), context))
            case _:
                pass
        return found

    def _size_of_place(
        self, function: FunctionAnalysis, node: int, place: Place, context: tuple[CallSite, ...]
    ) -> Content:
        found = self.declared(self.source_rows(place))
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


def _fitted(ctype: CType | None, value: MaskValue) -> MaskValue:
    """A value after it was stored into a place of that type, or cast to it."""
    kind = narrow(ctype)
    return value.cast(kind[0], signed=kind[1]) if kind is not None else value


def _typed(expr: Unary | Binary, value: MaskValue) -> MaskValue:
    """A result of 64-bit arithmetic, as wide as the operator's own type; that of a constant may be any."""
    kind = integer_type(expr)
    if kind is None:
        return value.join(value.cast(32)).join(value.cast(32, signed=True))
    return value.cast(kind[0], signed=kind[1]) if kind[0] < WORD_BITS else value


def _is_wide(value: MaskValue) -> bool:
    """Whether a constant does not fit into 32 bits, so that its type is wider, whatever its suffix."""
    return value.may == value.must and value.may >> 32 not in {0, WORD >> 32}


def _join(values: list[MaskValue]) -> MaskValue:
    if not values:
        return ANYTHING
    found = values[0]
    for value in values[1:]:
        found = found.join(value)
    return found
