"""Seeds that are no place: mask constants that set bits, and helpers that give a mask or a size."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fpuscan.engine.functions.literals import NOTHING, compatible
from fpuscan.engine.functions.reads import Operation
from fpuscan.engine.graph.edges import Definition, Transfer
from fpuscan.engine.search.sources import Seed
from fpuscan.engine.search.states import IDENTITY, Label, State, Step
from fpuscan.engine.values.contents import Content
from fpuscan.ir import Call, Const, Load, Var

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.reads import Leaf
    from fpuscan.engine.search.flows import Flows
    from fpuscan.engine.search.sources import SourceRows
    from fpuscan.ir import Expr
    from fpuscan.model.rows import Source
    from fpuscan.program import Unit

__all__ = ["ConstantSeeds"]

_NAME = re.compile(r"[A-Za-z_]\w*")


class ConstantSeeds:
    """Finds the seeds of the rows that name a macro or a function."""

    def __init__(self, flows: Flows, rows: SourceRows) -> None:
        self._analysis = flows.analysis
        self._graph = flows.graph
        self._rows = rows
        self._functions = frozenset(row.function for row in rows.all if row.function)
        self._macros = frozenset(row.macro for row in rows.all if row.macro)
        self._bits = {name: row.macro for row in rows.all if row.macro and (name := self._bit_of(row.macro))}

    def leaf(self, function: FunctionAnalysis, node: int, leaf: Leaf) -> Iterator[Seed]:
        """The seed of a constant in an expression, if it is one."""
        assert isinstance(leaf.expr, Const)
        macros = leaf.expr.macros or self._spelt_out(leaf.expr)
        known = [macro for macro in macros if macro in self._macros]
        rows = self._rows.first(lambda row: row.macro in known) if known else ()
        if not rows or any(operation.kind in {"and", "not", "truth"} for operation in leaf.operations):
            return
        holds = function.held(node)
        transfers = self._graph.use(function, node, leaf, (), holds)
        if transfers:
            yield self._seed(rows, rows[0].macro, leaf.expr.value, function, node, transfers)

    def _bit_of(self, macro: str) -> str:
        """The name of the bit that a mask macro stands for, from its definition; "" for other macros."""
        program = self._analysis.program
        found = program.macros.lookup(macro)
        names: set[str] = set(_NAME.findall(found.body)) if found is not None else set()
        bits = [name for name in names if program.macros.lookup(name) is None and program.evaluate(name) is not None]
        if len(bits) != 1 or program.evaluate(macro) != 1 << (program.evaluate(bits[0]) or 0):
            return ""
        return bits[0]

    def spelling_out(self, macro: str) -> Iterator[Unit]:
        """The units that write a mask by the name of its bit: ``BIT_ULL(XFEATURE_CET_KERNEL)``."""
        for bit in (bit for bit, mask in self._bits.items() if mask == macro):
            shifted = re.compile(rb"(?:<<|\bBIT(?:_ULL)?\s*\()\s*" + bit.encode() + rb"\b")
            for unit in self._analysis.program.units_mentioning(bit):
                if shifted.search(unit.text()):
                    yield unit

    def _spelt_out(self, constant: Const) -> tuple[str, ...]:
        """The macro whose mask a constant writes by the name of its bit."""
        names = (name for name in _NAME.findall(constant.text) if name in self._bits)
        evaluate = self._analysis.program.evaluate
        return tuple(self._bits[name] for name in names if constant.value == evaluate(self._bits[name]))

    def call(self, function: FunctionAnalysis, node: int, call: Call) -> Iterator[Seed]:
        """The seed of a call whose result is a constant mask or a size, if it is one."""
        if call.callee not in self._functions or call.result is None:
            return
        rows = self._rows.first(lambda row: row.function == call.callee)
        if rows[0].format:
            yield from self._format_call(rows, function, node, call)
            return
        value = self._analysis.values.place_mask(function, node, (("v", function.id, call.result.key), ()), ())
        if not value.exact:
            callees = [self._analysis.of(unit) for unit in self._analysis.calls.callees(function, node)]
            values = [
                self._analysis.values.mask(callee, number, given, ())
                for callee in callees
                for number, given in callee.returned_values()
            ]
            bits = 0
            for each in values:
                bits |= each.may
        else:
            bits = value.may
        target = Definition(function.id, node, (("v", function.id, call.result.key), ()))
        holds = function.held(node)
        transfer = Transfer(target, "call", "stay", (), holds, function.id, node, "value", callee=rows[0].function)
        yield self._seed(rows, f"{rows[0].function}()", bits, function, node, [transfer])

    def _format_call(
        self, rows: tuple[Source, ...], function: FunctionAnalysis, node: int, call: Call
    ) -> Iterator[Seed]:
        """A helper that may give a kernel-format size, whatever the mask."""
        helper = self._analysis.model.helpers.get(rows[0].function)
        operations: tuple[Operation, ...] = ()
        holds = function.held(node)
        if helper is not None and 0 <= helper.compacted < len(call.arguments):
            compacted = call.arguments[helper.compacted]
            asked = function.truth(node, compacted, want=True)  # ``!user && compacted``: only for who is no user
            if self._may_be_false(function, node, compacted) or not compatible(holds, asked):
                return
            operations = (Operation("format", compacted),)
            holds |= asked
        assert call.result is not None
        self._rows.used.update(row.id for row in rows)
        target = Definition(function.id, node, (("v", function.id, call.result.key), ()))
        name = f"{rows[0].function}()"
        transfer = Transfer(target, "call", "stay", operations, holds, function.id, node, "value", callee=name[:-2])
        origin = State(Definition(function.id, node, (("k", name), ())), (), NOTHING, IDENTITY)
        step = Step(origin, transfer, Step(origin, None, None))
        yield Seed(rows, name, None, Content(format=not operations), function.id, node, (step,))

    def _may_be_false(self, function: FunctionAnalysis, node: int, expr: Expr) -> bool:
        """Whether an argument is written as false, here or, for a parameter, at some call."""
        if not isinstance(expr, Load) or not isinstance(expr.place, Var) or expr.place.kind != "param":
            return self._analysis.values.written_mask(function, node, expr).may == 0
        for caller, site in self._analysis.calls.callers(function.unit):
            call = self._analysis.by_id(caller).code[site]
            index = expr.place.key
            if isinstance(call, Call) and isinstance(index, int) and index < len(call.arguments):
                argument = call.arguments[index]
                if self._analysis.values.written_mask(self._analysis.by_id(caller), site, argument).may == 0:
                    return True
        return False

    def _seed(
        self,
        rows: tuple[Source, ...],
        name: str,
        bits: int | None,
        function: FunctionAnalysis,
        node: int,
        transfers: list[Transfer],
    ) -> Seed:
        self._rows.used.update(row.id for row in rows)
        content = Content(bits or 0, unknown=bits is None)
        label = Label(constant=True)
        origin = State(Definition(function.id, node, (("k", name), ())), (), NOTHING, label)
        first = Step(origin, None, None)
        return Seed(
            rows, name, None, content, function.id, node, tuple(Step(origin, transfer, first) for transfer in transfers)
        )
