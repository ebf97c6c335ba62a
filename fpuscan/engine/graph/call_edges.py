"""Edges at a call: arguments into callees, memory behind pointers, and what code that nobody sees may give back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.functions.expressions import points_to_integer
from fpuscan.engine.functions.literals import NOTHING, compatible
from fpuscan.engine.functions.reads import FREEZE, Operation, fitting
from fpuscan.engine.graph.edges import Definition, Transfer
from fpuscan.ir import ENTRY, Addr, Load
from fpuscan.places import OTHER_ELEMENTS, overlap

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.engine.functions.reads import Leaf
    from fpuscan.ir import Call
    from fpuscan.model.rows import Helper
    from fpuscan.places import Place

__all__ = ["CallEdges"]


class CallEdges:
    """The edges that leave a function by one of its calls."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis

    def argument(
        self, function: FunctionAnalysis, node: int, call: Call, leaf: Leaf, below: tuple[str, ...], held: Guards
    ) -> list[Transfer]:
        """A value that is (part of) an argument."""
        found = []
        index = leaf.role
        assert isinstance(index, int)
        name = call.callee if isinstance(call.callee, str) else str(call.callee)
        units = self.analysis.calls.callees(function, node)
        for unit in units:
            signature = unit.signature
            if index < len(signature.params):
                target = Definition(unit.id, ENTRY, (("p", unit.id, index), below))
                found.append(
                    Transfer(
                        target,
                        "argument",
                        "call",
                        (*leaf.operations, *fitting(signature.params[index].type)),
                        held,
                        function.id,
                        node,
                        index,
                        (function.id, node),
                        callee=name,
                    )
                )
            elif signature.variadic:
                units = ()
        helper = self.analysis.model.helpers.get(name)
        if helper is not None and helper.mask == index:
            result = self._result(
                function,
                node,
                call,
                held,
                (*leaf.operations, FREEZE, *self._compacted(call, helper)),
                index,
                name,
                kernel=helper.format,
            )
            found += result
        elif not units:
            outside = self.analysis.calls.look_up(function, node)
            if outside:
                return self.argument(function, node, call, leaf, below, held)
            found.append(
                Transfer(None, "argument", "stay", leaf.operations, held, function.id, node, index, callee=name)
            )
            if name not in self.analysis.model.silent and not self._allocates(name):
                self.analysis.calls.unresolved.add((name, function.unit.path, call.call_start))
                found += self._result(function, node, call, held, (*leaf.operations, FREEZE), index, name)
        return found

    def _compacted(self, call: Call, helper: Helper) -> tuple[Operation, ...]:
        """The argument that decides whether a helper gives a kernel-format size."""
        if not 0 <= helper.compacted < len(call.arguments):
            return ()
        return (Operation("format", call.arguments[helper.compacted]),)

    def _allocates(self, name: str) -> bool:
        effect = self.analysis.model.effects.get(name)
        return effect is not None and effect.kind in {"alloc", "none", "copy", "zero", "store", "load"}

    def _result(
        self,
        function: FunctionAnalysis,
        node: int,
        call: Call,
        held: Guards,
        operations: tuple[Operation, ...],
        index: int,
        name: str,
        *,
        kernel: bool = False,
    ) -> list[Transfer]:
        if call.result is None:
            return []
        target = Definition(function.id, node, (("v", function.id, call.result.key), ()))
        after = function.after(node, held)
        return [
            Transfer(target, "call", "stay", operations, after, function.id, node, index, format=kernel, callee=name)
        ]

    def memory(self, function: FunctionAnalysis, node: int, call: Call, place: Place, held: Guards) -> list[Transfer]:
        """Memory that a callee can reach through a pointer argument; shared memory is read by whoever names it."""
        shared = place[0][0] == "h" or (
            place[0][0] == "g"
            and self.analysis.chain(place)[:1] != ()
            and self.analysis.chain(place)[0][0]
            and self.analysis.calls.is_shared_struct(place)
        )
        if shared and not any(points_to_integer(argument) for argument in call.arguments):
            return []
        found = []
        units = self.analysis.calls.callees(function, node)
        name = call.callee if isinstance(call.callee, str) else str(call.callee)
        for unit in units:
            for inner in self.analysis.calls.inward(function, node, unit, place):
                if shared and not points_to_integer(call.arguments[inner[0][2]]):
                    continue  # read by whoever names the member
                if not self.analysis.calls.may_use(unit, inner):
                    continue
                for conditions in self._reached_under(function, node, call, inner, place, held):
                    target = Definition(unit.id, ENTRY, inner)
                    index = inner[0][2]
                    assert isinstance(index, int)
                    found.append(
                        Transfer(
                            target,
                            "argument",
                            "call",
                            (),
                            held | conditions,
                            function.id,
                            node,
                            index,
                            (function.id, node),
                            callee=name,
                        )
                    )
        if not units:
            found += self._handed_out(function, node, call, place, held)
        if not units and name not in self.analysis.model.silent and not self._allocates(name):
            for argument in call.arguments:
                if isinstance(argument, Addr) or (
                    isinstance(argument, Load) and argument.place.type is not None and argument.place.type.pointers
                ):
                    targets, *_ = function.targets(node, argument)
                    if any(overlap((root, path), place) for root, path, _ in targets):
                        found += self._result(function, node, call, held, (FREEZE,), -1, name)
                        break
        return found

    def _handed_out(
        self, function: FunctionAnalysis, node: int, call: Call, place: Place, held: Guards
    ) -> list[Transfer]:
        """Memory that a function of another place gets by pointer: ``copy_to_user(to, &value, size)``."""
        return [
            self.handed_out(function, node, call, index, held)
            for index, argument in enumerate(call.arguments)
            if isinstance(argument, Addr)
            and any(overlap((root, path), place) for root, path, _ in function.resolve(node, argument.place))
        ]

    def handed_out(self, function: FunctionAnalysis, node: int, call: Call, index: int, held: Guards) -> Transfer:
        """What an argument points to leaves for a function that nobody defines here."""
        name = call.callee if isinstance(call.callee, str) else str(call.callee)
        return Transfer(None, "argument", "stay", (), held, function.id, node, index, callee=name)

    def _reached_under(
        self, function: FunctionAnalysis, node: int, call: Call, inner: Place, place: Place, held: Guards
    ) -> list[Guards]:
        """When an argument points to a place that a callee knows as ``inner``: once for each way that it may."""
        index = inner[0][2]
        assert isinstance(index, int)
        if "*" in inner[1] or OTHER_ELEMENTS in inner[1]:
            return [NOTHING]
        found = [
            conditions
            for root, path, conditions in function.targets(node, call.arguments[index])[0]
            if overlap((root, path), place) and (not conditions or compatible(held, conditions))
        ]
        return [NOTHING] if NOTHING in found else list(dict.fromkeys(found))
