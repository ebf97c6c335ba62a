"""Edges at a call: arguments into callees, memory behind pointers, and what code that nobody sees may give back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpuscan.engine.functions.expressions import points_to_integer
from fpuscan.engine.functions.literals import NOTHING, compatible
from fpuscan.engine.functions.reads import FREEZE, Operation, fitting
from fpuscan.engine.functions.variables import exposed
from fpuscan.engine.graph.edges import Definition, Transfer
from fpuscan.engine.layouts import is_view
from fpuscan.ir import ENTRY, Addr, Load
from fpuscan.places import NO_MEMBERS, OTHER_ELEMENTS, overlap

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.engine.functions.reads import Leaf
    from fpuscan.ir import Call
    from fpuscan.model.rows import Helper
    from fpuscan.places import Place

__all__ = ["CallEdges"]


@dataclass(frozen=True, slots=True)
class _Site:
    """A call, on a way where ``held`` holds, and the transfers that can leave it."""

    function: FunctionAnalysis
    node: int
    call: Call
    held: Guards

    @property
    def name(self) -> str:
        return self.call.callee if isinstance(self.call.callee, str) else str(self.call.callee)

    def inward(
        self, target: Definition, index: int, operations: tuple[Operation, ...], conditions: Guards = NOTHING
    ) -> Transfer:
        """Into a callee."""
        number, site = self.function.id, (self.function.id, self.node)
        held = self.held | conditions
        return Transfer(target, "argument", "call", operations, held, number, self.node, index, site, callee=self.name)

    def outward(self, index: int, operations: tuple[Operation, ...] = ()) -> Transfer:
        """To a function that nobody defines here."""
        number = self.function.id
        return Transfer(None, "argument", "stay", operations, self.held, number, self.node, index, callee=self.name)

    def back(self, index: int, operations: tuple[Operation, ...], *, kernel: bool = False) -> list[Transfer]:
        """To the call's result, if somebody takes it."""
        if self.call.result is None:
            return []
        number = self.function.id
        target = Definition(number, self.node, (("v", number, self.call.result.key), ()))
        after = self.function.after(self.node, self.held)
        return [
            Transfer(
                target, "call", "stay", operations, after, number, self.node, index, format=kernel, callee=self.name
            )
        ]


class CallEdges:
    """The edges that leave a function by one of its calls."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis

    def argument(
        self, function: FunctionAnalysis, node: int, call: Call, leaf: Leaf, below: tuple[str, ...], held: Guards
    ) -> list[Transfer]:
        """A value that is (part of) an argument."""
        index = leaf.role
        assert isinstance(index, int)
        site = _Site(function, node, call, held)
        found = []
        units = self.analysis.calls.callees(function, node)
        for unit in units:
            signature = unit.signature
            if index < len(signature.params):
                target = Definition(unit.id, ENTRY, (("p", unit.id, index), below))
                found.append(site.inward(target, index, (*leaf.operations, *fitting(signature.params[index].type))))
            elif signature.variadic:
                units = ()
        helper = self.analysis.model.helpers.get(site.name)
        if helper is not None and helper.mask == index:
            seen = Operation("among", bits=self.analysis.values.seen_by(helper))
            operations = (*leaf.operations, seen, FREEZE, *self._compacted(call, helper))
            found += site.back(index, operations, kernel=helper.format)
        elif not units:
            if self.analysis.calls.look_up(function, node):
                return self.argument(function, node, call, leaf, below, held)
            found.append(site.outward(index, leaf.operations))
            if not self._gives_nothing_back(site.name):
                self.analysis.calls.unresolved.add((site.name, function.unit.path, call.call_start))
                found += site.back(index, (*leaf.operations, FREEZE))
        return found

    def _compacted(self, call: Call, helper: Helper) -> tuple[Operation, ...]:
        """The argument that decides whether a helper gives a kernel-format size."""
        if not 0 <= helper.compacted < len(call.arguments):
            return ()
        return (Operation("format", call.arguments[helper.compacted]),)

    def _gives_nothing_back(self, name: str) -> bool:
        """Whether the model says that nothing of a function's arguments is in its result."""
        effect = self.analysis.model.effects.get(name)
        return name in self.analysis.model.silent or (
            effect is not None and effect.kind in {"alloc", "none", "copy", "zero", "store", "load"}
        )

    def memory(self, function: FunctionAnalysis, node: int, call: Call, place: Place, held: Guards) -> list[Transfer]:
        """Memory that a callee can reach through a pointer argument; shared memory is read by whoever names it."""
        shared = self._is_shared(place)
        if shared and not any(points_to_integer(argument) for argument in call.arguments):
            return []
        site = _Site(function, node, call, held)
        units = self.analysis.calls.callees(function, node)
        if not units:
            found = [self.handed_out(function, node, call, index, held) for index in self._handed_out(site, place)]
            if not self._gives_nothing_back(site.name) and self._is_pointed_to(site, place):
                found += site.back(-1, (FREEZE,))
            return found
        found = []
        for unit in units:
            for inner in self.analysis.calls.inward(function, node, unit, place):
                index = inner[0][2]
                assert isinstance(index, int)
                if shared and not points_to_integer(call.arguments[index]):
                    continue  # read by whoever names the member
                if self.analysis.calls.may_use(unit, inner):
                    target = Definition(unit.id, ENTRY, inner)
                    found += [site.inward(target, index, (), guards) for guards in self._reached(site, inner, place)]
        return found

    def _is_shared(self, place: Place) -> bool:
        """Whether a place is read by its name, wherever that stands: on the heap, or a member of a shared struct."""
        kind = place[0][0]
        typed = kind == "g" and any(tag for tag, _ in self.analysis.chain(place)[:1])
        return kind == "h" or (typed and self.analysis.calls.is_shared_struct(place))

    def _is_pointed_to(self, site: _Site, place: Place) -> bool:
        """Whether an argument may point to a place."""
        for argument in site.call.arguments:
            if isinstance(argument, Addr) or (
                isinstance(argument, Load) and argument.place.type is not None and argument.place.type.pointers
            ):
                targets, *_ = site.function.targets(site.node, argument)
                if any(overlap((root, path), place) and self._may_name(path, place) for root, path, _ in targets):
                    return True
        return False

    def _may_name(self, path: tuple[str, ...], place: Place) -> bool:
        """Whether code that nobody sees may read a place below what it is given: what lies in an inner struct of one
        that the model does not know (``vcpu->arch.mask`` behind ``vcpu``) is the business of code that defines it.
        """  # noqa: D205
        below = [name for name in place[1][len(path) :] if name[0] not in NO_MEMBERS]
        return len(below) <= 1 or any(tag in self.analysis.model_types for tag, _ in self.analysis.chain(place))

    def _handed_out(self, site: _Site, place: Place) -> list[int]:
        """The arguments that are the address of a place or of its array: ``copy_to_user(to, &value, size)``."""
        return [
            index
            for index, argument in enumerate(site.call.arguments)
            if isinstance(argument, Addr)
            and any(
                overlap((root, path), place)
                for root, path, _ in site.function.resolve(site.node, exposed(argument.place))
            )
        ]

    def handed_out(self, function: FunctionAnalysis, node: int, call: Call, index: int, held: Guards) -> Transfer:
        """What an argument points to leaves for a function that nobody defines here."""
        return _Site(function, node, call, held).outward(index)

    def given_back(self, function: FunctionAnalysis, node: int, call: Call, held: Guards) -> list[Transfer]:
        """What a function that nobody defines here may make of a number whose address it is given."""
        site = _Site(function, node, call, held)
        return [] if self._gives_nothing_back(site.name) else site.back(-1, (FREEZE,))

    def _reached(self, site: _Site, inner: Place, place: Place) -> list[Guards]:
        """When an argument points to a place that a callee knows as ``inner``: once for each way that it may."""
        index = inner[0][2]
        assert isinstance(index, int)
        if any(name in {"*", OTHER_ELEMENTS} or name[0] == "^" for name in inner[1]):
            return [NOTHING]
        found = [
            conditions
            for root, path, conditions in site.function.targets(site.node, site.call.arguments[index])[0]
            if (overlap((root, path), place) or (is_view(path) and root == place[0]))
            and (not conditions or compatible(site.held, conditions))
        ]
        return [NOTHING] if NOTHING in found else list(dict.fromkeys(found))
