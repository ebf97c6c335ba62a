"""What bits a mask may and must hold.

Masks are 64-bit words evaluated backward from an expression: constants from
the tree's headers, uABI masks at their contract, locals over their reaching
definitions, parameters at the call (or over all calls), globals and members
over all their stores. What cannot be known may hold every bit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from fpuscan.engine.functions.literals import NOTHING, compatible
from fpuscan.engine.layouts import is_view
from fpuscan.engine.unions import are_apart, keeps_bits
from fpuscan.engine.values.fixpoint import MAX_DEPTH, Fixpoint
from fpuscan.engine.values.widths import fitted, is_wide, typed
from fpuscan.ir import ENTRY, EXIT, Assign, Binary, Call, Cast, Const, Load, Unary
from fpuscan.places import overlap, reinterpreted
from fpuscan.xfeatures import WORD, MaskValue

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.calls import CallSite
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.engine.values.contents import Content
    from fpuscan.ir import Expr
    from fpuscan.places import Place

__all__ = ["ANYTHING", "MAX_CALLERS", "Masks", "lasting"]

ANYTHING = MaskValue(WORD, 0)
_NOTHING = MaskValue(0, 0)
MAX_CALLERS = 8  # beyond it a parameter may be anything
_MAX_CALLS = 8


class Masks(ABC):
    """Backward evaluation of masks, memoised; what shared memory contains is said by the class below it."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._fixpoint = Fixpoint()
        self._masks: dict[tuple[object, ...], MaskValue] = {}
        self._outside: dict[Place, bool] = {}
        self._contracts: dict[Place, int | None] = {}
        self._inputs = [row for row in analysis.model.sinks if row.ends and row.kind == "place"]
        program, masks = analysis.program, analysis.model.masks
        xss = sum(1 << bit for bit in masks.xss_bits)
        user = program.evaluate(masks.user)  # in a tree that calls it otherwise: all that XCR0 manages
        self.user_mask = (WORD >> 1 if user is None else user) & ~xss
        self.dynamic_mask = program.evaluate(masks.dynamic) or 0

    @abstractmethod
    def content(self, place: Place) -> Content:
        """What a place of shared memory may contain; added by ``contents.py``."""

    @abstractmethod
    def declared_bound(self, place: Place) -> int | None:
        """The bits that a place may hold where the model's word is all; added by ``contents.py``."""

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
                bounds = [self.allowed_by((root, path)) for root, path, _ in function.resolve(node, expr.place)]
                if bounds and None not in bounds:
                    return join([MaskValue(bound, 0) for bound in bounds if bound is not None])
            case _:
                pass
        return ANYTHING

    def mask(
        self,
        function: FunctionAnalysis,
        node: int,
        expr: Expr,
        context: tuple[CallSite, ...] = (),
        guards: Guards = NOTHING,
    ) -> MaskValue:
        """The bits that an expression may and must have at a node, on the ways where ``guards`` hold: of values that no
        pass of a loop sets again, so that they hold wherever the value comes from.
        """  # noqa: D205
        if isinstance(expr, Const):
            return MaskValue.constant(expr.value) if expr.value is not None else ANYTHING
        key = (function.id, node, id(expr), context, guards)
        found = self._masks.get(key)
        if found is not None:
            return found
        return self._evaluate(key, lambda: self._mask(function, node, expr, context, guards))

    def _evaluate(self, key: tuple[object, ...], compute: Callable[[], MaskValue]) -> MaskValue:
        return self._fixpoint.once(self._masks, key, compute, _NOTHING, ANYTHING)

    def comes_from_outside(self, place: Place) -> bool:
        """Whether hardware or user space writes a place, so that the stores of the code say nothing about it."""
        if place not in self._outside:
            self._outside[place] = any(self.analysis.matches(row.pattern, place) for row in self._inputs)
        return self._outside[place]

    def _mask(
        self, function: FunctionAnalysis, node: int, expr: Expr, context: tuple[CallSite, ...], guards: Guards
    ) -> MaskValue:
        match expr:
            case Unary() if expr.op == "~":
                operand = self.mask(function, node, expr.operand, context, guards)
                named = isinstance(expr.operand, Const) and expr.operand.macros
                return ~operand if named or is_wide(operand) else typed(expr, ~operand)
            case Cast():
                return fitted(expr.type, self.mask(function, node, expr.operand, context, guards))
            case Binary():
                return self._binary(function, node, expr, context, guards)
            case Load():
                found: MaskValue | None = None
                for root, path, when in function.resolve(node, expr.place):
                    if guards and not compatible(guards, when):
                        continue
                    value = self.place_mask(function, node, (root, path), context, guards)
                    if function.is_displaced(expr.place, (root, path)):
                        value = ANYTHING
                    found = value if found is None else found.join(value)
                return found if found is not None else ANYTHING
            case _:
                return ANYTHING

    def _binary(
        self, function: FunctionAnalysis, node: int, expr: Binary, context: tuple[CallSite, ...], guards: Guards
    ) -> MaskValue:
        cuts = self._fixpoint.cuts
        left = self.mask(function, node, expr.left, context, guards)
        right = self.mask(function, node, expr.right, context, guards)
        if cuts != self._fixpoint.cuts and expr.op not in {"&", "|"}:
            return ANYTHING
        match expr.op:
            case "&":
                return left & right
            case "|":
                return left | right
            case "^":
                return left ^ right
            case "+":
                return typed(expr, left + right)
            case "-":
                return typed(expr, left - right)
            case "<<":
                return typed(expr, left << right)
            case ">>" if not left.may >> 63:  # a negative number would copy its sign
                return left >> right
            case _:
                return ANYTHING

    def contract(self, place: Place) -> int | None:
        """The bits that a uABI mask may hold by contract; None for other places."""
        if place not in self._contracts:
            self._contracts[place] = self._find_contract(place)
        return self._contracts[place]

    def allowed_by(self, place: Place) -> int | None:
        """The bits that ``& place`` keeps by contract: a guest's opt-in is cut where the host may have none."""
        contract = self.contract(place)
        if contract is None or self.analysis.place_instance(place) == "guest":
            return contract
        own = any(row.opt_in and self.analysis.matches(row.pattern, place) for row in self.analysis.model.contracts)
        return contract & ~self.dynamic_mask if own else contract

    def _find_contract(self, place: Place) -> int | None:
        for row in self.analysis.model.contracts:
            if self.analysis.matches(row.pattern, place):
                mask = self.user_mask
                for name in row.without:
                    mask &= ~(self.analysis.program.evaluate(name) or 0)
                return mask
        return None

    def place_mask(
        self,
        function: FunctionAnalysis,
        node: int,
        place: Place,
        context: tuple[CallSite, ...],
        guards: Guards = NOTHING,
    ) -> MaskValue:
        """The bits of the value in a place at a node."""
        contract = self.allowed_by(place)
        if contract is not None:
            return MaskValue(contract, 0)
        if place[0][0] in {"g", "h", "d"} and self.comes_from_outside(place):
            return ANYTHING
        key = ("place", function.id, node, place, context, guards)
        known = self._masks.get(key)
        if known is not None:
            return known
        if len(context) > _MAX_CALLS or (place[0][0] != "v" and self.comes_from_outside(place)):
            return ANYTHING
        ctype = self.analysis.place_type(place)
        return self._evaluate(key, lambda: fitted(ctype, self._place_mask(function, node, place, context, guards)))

    def _place_mask(
        self, function: FunctionAnalysis, node: int, place: Place, context: tuple[CallSite, ...], guards: Guards
    ) -> MaskValue:
        found: MaskValue | None = None
        for definition in sorted(function.reaching(node, place)):
            if guards and definition != ENTRY and not compatible(guards, function.held(definition)):
                continue
            value = self._definition_mask(function, place, definition, context, guards)
            if value is not None:
                found = value if found is None else found.join(value)
        return found if found is not None else ANYTHING

    def _definition_mask(
        self,
        function: FunctionAnalysis,
        place: Place,
        definition: int,
        context: tuple[CallSite, ...],
        guards: Guards,
    ) -> MaskValue | None:
        if definition == ENTRY:
            return self._outside_mask(function, place, context, guards)
        instruction = function.code[definition]
        if isinstance(instruction, Assign):
            apart = False
            for root, path, _ in function.resolve(definition, instruction.target):
                seen = is_view(path) and root == place[0]  # a struct of another type is stored over it
                rest = self.analysis.layouts.rest((root, path), place) if seen else place[1][len(path) :]
                if not seen and not overlap((root, path), place):
                    continue
                if rest is None:
                    return ANYTHING
                below = rest
                if function.is_displaced(instruction.target, (root, path)):
                    return ANYTHING
                if reinterpreted(path, place[1]):
                    if are_apart(self.analysis, (root, path), place):
                        apart = True
                        continue
                    alike = keeps_bits(self.analysis, (root, path), place)
                    return self.mask(function, definition, instruction.value, context, guards) if alike else ANYTHING
                if not below:
                    return self.mask(function, definition, instruction.value, context, guards)
                if isinstance(instruction.value, Const):
                    return MaskValue.constant(0)
                if isinstance(instruction.value, Load):
                    copied = [
                        (r, (*p, *below))
                        for r, p, when in function.resolve(definition, instruction.value.place)
                        if compatible(guards, when)
                    ]
                    values = [self.place_mask(function, definition, source, context, guards) for source in copied]
                    return join(values)
            return None if apart else ANYTHING
        if isinstance(instruction, Call):
            return self._call_mask(function, definition, place, context, guards)
        return ANYTHING

    def _call_mask(
        self, function: FunctionAnalysis, node: int, place: Place, context: tuple[CallSite, ...], guards: Guards
    ) -> MaskValue:
        call = function.code[node]
        assert isinstance(call, Call)
        values: list[MaskValue] = []
        inner_context = (*context, (function.id, node))[-MAX_DEPTH:]
        for unit in self.analysis.calls.callees(function, node):
            callee = self.analysis.of(unit)
            inner = self.analysis.calls.guards_inward(function, node, callee, guards) if guards else NOTHING
            if call.result is not None and place[0] == ("v", function.id, call.result.key):
                for number, value in callee.returned_values():
                    held = callee.held(number)
                    outer = self.analysis.calls.guards_outward(function, node, callee, held)
                    if outer is None or not compatible(guards, outer):
                        continue
                    values.append(self.mask(callee, number, value, inner_context, inner))
            else:
                inward = self.analysis.calls.inward(function, node, unit, place)
                values.extend(self.place_mask(callee, EXIT, each, inner_context, inner) for each in inward)
        if not values and place[0][0] in {"g", "h", "d"}:
            return self._shared_mask(place)
        return join(values)

    def _shared_mask(self, place: Place) -> MaskValue:
        """The bits of a value in shared memory that anybody may have stored."""
        if self.analysis.of_interest(place):
            content = self.content(place)
            if not content.unknown:
                return MaskValue(content.bits, 0)
        bound = self.declared_bound(place)
        return ANYTHING if bound is None else MaskValue(bound, 0)

    def _outside_mask(
        self, function: FunctionAnalysis, place: Place, context: tuple[CallSite, ...], guards: Guards
    ) -> MaskValue | None:
        root, path = place
        kind = root[0]
        if kind == "v":
            return None
        if kind in {"g", "h"}:
            return self._shared_mask(place)
        sites = self._sites(function, context)
        if len(sites) > MAX_CALLERS:
            return ANYTHING
        values = []
        for caller, number, outer in sites:
            calling = self.analysis.by_id(caller)
            call = calling.code[number]
            assert isinstance(call, Call)
            index = root[2]
            if not isinstance(index, int) or index >= len(call.arguments):
                return ANYTHING
            here = self._at_call(calling, number, function, guards) if guards else NOTHING
            if here is None:
                continue
            if kind == "p" and not path:
                values.append(self.mask(calling, number, call.arguments[index], outer, here))
            else:
                for there, below, when in self.analysis.calls.actual_places(calling, number, root, path):
                    if compatible(here, when):
                        values.append(self.place_mask(calling, number, (there, below), outer, here))
        if not sites and kind == "d":
            return self._shared_mask(place)
        return join(values)

    def _at_call(self, calling: FunctionAnalysis, node: int, callee: FunctionAnalysis, guards: Guards) -> Guards | None:
        """What holds at a call, and lasts, where some guards hold in the callee; None where it is not made then."""
        outer = self.analysis.calls.guards_outward(calling, node, callee, guards)
        if outer is None or not compatible(calling.held(node), outer):
            return None
        return lasting(calling, outer)

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


def lasting(function: FunctionAnalysis, guards: Guards) -> Guards:
    """Those of some guards that are about values that no pass of a loop sets again."""
    return frozenset(each for each in guards if each[0][0] != "b" or function.circular.isdisjoint(each[0][4]))


def join(values: list[MaskValue]) -> MaskValue:
    if not values:
        return ANYTHING
    found = values[0]
    for value in values[1:]:
        found = found.join(value)
    return found
