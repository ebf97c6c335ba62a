"""From a crossing to what a reader sees: locations, statements, the numbered trace."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from fpuscan.engine.functions.expressions import walk_expression
from fpuscan.engine.search.sinks import counts
from fpuscan.ir import ENTRY, Addr, Binary, Branch, Call, Cast, Const, Load, Unary, Var
from fpuscan.result import Consumer, Location, Step
from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.engine.functions.ranges import Ranges
    from fpuscan.engine.graph.edges import Transfer
    from fpuscan.engine.search.crossings import Crossing
    from fpuscan.engine.search.sources import Seed
    from fpuscan.engine.search.states import Step as Reached
    from fpuscan.ir import Expr
    from fpuscan.places import Place

__all__ = ["Explainer", "written"]

_COMMENT = re.compile(rb"/\*.*?\*/|//[^\n]*", re.DOTALL)
_MAX_TEXT = 160
_NAME = re.compile(r"[A-Z]\w+")
_NUMBER = 255  # larger ones are masks and ioctl numbers, which are better known in hexadecimal


class Explainer:
    """Turns engine values into the plain values of :mod:`fpuscan.result`."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        # the rows name the most telling function of each kind first
        self._telling = {name: place for row in analysis.model.consumers for place, name in enumerate(row.functions)}
        self._consumers = {name: row.kind for row in analysis.model.consumers for name in row.functions}
        self._sides: dict[Place, str] = {}
        self._names: dict[int, dict[int, str]] = {}

    # ------------------------------------------------------------ places in the text

    def location(self, function: int, node: int) -> Location:
        """Where the statement of an instruction is written."""
        unit = self.analysis.program.units[function]
        facts = unit.facts
        instruction = facts.code[node]
        start, end = instruction.start, instruction.end
        if node == ENTRY:
            body = unit.node.child_by_field_name("body")
            end = body.start_byte if body is not None and unit.is_function else start
        source = self.analysis.program.files[unit.path].source
        start, end = source.span(start, max(start, end))
        line, column = source.position(start)
        end_line, end_column = source.position(end)
        return Location(unit.path, line, column, end_line, end_column, facts.name)

    def text(self, function: int, node: int) -> str:
        """The statement of an instruction on one line, as written."""
        unit = self.analysis.program.units[function]
        instruction = unit.facts.code[node]
        start, end = instruction.start, instruction.end
        if node == ENTRY:
            body = unit.node.child_by_field_name("body")
            end = body.start_byte if body is not None and unit.is_function else start
        source = self.analysis.program.files[unit.path].source
        start, end = source.span(start, end)
        data = source.data[start:end]
        text = " ".join(_COMMENT.sub(b" ", data).decode("utf-8", "replace").split())
        return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 3] + "..."

    def place(self, place: Place) -> str:
        """The name of a place."""
        return self.analysis.describe(place)

    # ------------------------------------------------------------ steps

    def trace(self, crossing: Crossing, after: list[Reached]) -> tuple[Step, ...]:
        """The whole way: the source, each definition, the crossing, and the way to a consumer."""
        seed = crossing.seed
        bits = seed.content.bits
        if seed.place is not None and seed.node == ENTRY and crossing.step.path()[0].transfer is None:
            first_node = seed.node
        else:
            first_node = seed.node
        found = [
            Step(
                seed.name,
                self.location(seed.function, first_node),
                "source",
                self.text(seed.function, first_node),
                bits,
                side=self._source_side(seed),
            )
        ]
        for reached in crossing.step.path():
            if reached.transfer is not None:
                found += self._step(reached.transfer, reached, bits, found[-1])
        found.append(self._crossing_step(crossing, bits))
        for reached in after:
            if reached.transfer is not None:
                found += [self._after(step) for step in self._step(reached.transfer, reached, bits, found[-1])]
        return tuple(self._merged(found))

    def _merged(self, steps: list[Step]) -> list[Step]:
        found: list[Step] = []
        for step in steps:
            if found and step.place == found[-1].place and step.location == found[-1].location and not step.effect:
                if step.crossing:  # the same statement once more: `x->mask = y->mask | bits`
                    found[-1] = replace(found[-1], crossing=True, side=step.side)
                continue
            found.append(step)
        return found

    def _after(self, step: Step) -> Step:
        return replace(step, after=True, side="uabi")

    def _step(self, transfer: Transfer, reached: Reached, bits: int, before: Step) -> list[Step]:
        state = reached.state
        place = state.definition.place
        if self._is_hidden(place) and not (self._effect(transfer) or self._hands_on(transfer, before)):
            return []
        if state.definition.function < 0 or transfer.kind == "load":  # shared memory has no line of its own
            return []
        name = self._name(transfer, place)
        function, node = transfer.function, transfer.instruction
        if transfer.move == "return" and transfer.operand == "memory":
            function, node = state.definition.function, state.definition.node
        if transfer.move == "call":
            function, node = transfer.function, transfer.instruction
        return [
            Step(
                name,
                self.location(function, node),
                transfer.kind,
                self.text(function, node),
                state.label.bits & bits,
                self._effect(transfer),
                self.guard_text(state.guards),
                side=self.side(place) or self._flow_side(transfer, reached),
            )
        ]

    def _hands_on(self, transfer: Transfer, before: Step) -> bool:
        """Whether a function returns what another one gave it, so that no other step names it."""
        name = self.analysis.program.units[transfer.function].name
        return transfer.move == transfer.operand == "return" and before.location.function != name

    # ------------------------------------------------------------ sides

    def _source_side(self, seed: Seed) -> str:
        """A source of the rules is on the guest's side, unless its rows say that it is a kernel value."""
        kinds = {row.kind for row in seed.rows}
        if not kinds:
            return self.side(seed.place) if seed.place is not None else ""
        return "kernel" if kinds == {"kernel"} else "guest"

    def side(self, place: Place) -> str:
        """The side that the rows of the model give a place: "uabi", "guest", "kernel" or "" where they give none."""
        if place not in self._sides:
            self._sides[place] = self._row_side(place)
        return self._sides[place]

    def _row_side(self, place: Place) -> str:
        model, matches = self.analysis.model, self.analysis.matches
        private = place[0][0] in {"v", "p", "r"}
        for sink in model.sinks:
            if sink.kind == "place" and not sink.quiet and counts(sink, place) and matches(sink.pattern, place):
                return "uabi"
        kinds = {
            source.kind
            for source in model.sources
            if not (source.function or source.macro or private) and matches(source.pattern, place)
        }
        if kinds:
            return "kernel" if kinds == {"kernel"} else "guest"
        return ""

    def _flow_side(self, transfer: Transfer, reached: Reached) -> str:
        """The side of a value in a place that no row is about: the guest's where the guards say so."""
        state = reached.state
        side = self.analysis.flow_side(state.guards, state.frames, transfer.function, transfer.instruction)
        return "guest" if side == "guest" else "kernel"

    def _name(self, transfer: Transfer, place: Place) -> str:
        if transfer.move == "return" and place[0][0] == "v" and str(place[0][2]).startswith("$"):
            return f"{self.analysis.program.units[transfer.function].name}()"
        if place[0][0] == "v" and str(place[0][2]).startswith("$"):
            return f"{transfer.callee}()" if transfer.callee else "an intermediate value"
        return self.place(place)

    def _is_hidden(self, place: Place) -> bool:
        root = place[0]
        return root[0] == "v" and str(root[2]).startswith("$")

    def _crossing_step(self, crossing: Crossing, bits: int) -> Step:
        transfer = crossing.transfer
        return Step(
            crossing.hit.place,
            self.location(transfer.function, transfer.instruction),
            transfer.kind,
            self.text(transfer.function, transfer.instruction),
            crossing.label.bits & bits,
            self._effect(transfer),
            self.guard_text(transfer.guards),
            crossing=True,
            side="uabi",
        )

    def _effect(self, transfer: Transfer) -> str:
        """What an edge does to the bits, in words."""
        parts = []
        for operation in transfer.operations:
            if operation.kind == "and" and operation.other is not None:
                function = self.analysis.by_id(transfer.function)
                may = self.analysis.values.mask(function, transfer.instruction, operation.other).may
                if may != WORD:
                    parts.append(f"masked by {written(operation.other, function)} ({may:#x})")
                else:
                    parts.append(f"masked by {written(operation.other, function)}, which may hold any bit")
            elif operation.kind == "cast":
                parts.append(f"cut to {operation.bits} bits")
            elif operation.kind in {"freeze", "minus", "times"}:
                parts.append("its bits determine the result")
            elif operation.kind == "format" and operation.other is not None:
                function = self.analysis.by_id(transfer.function)
                if self.analysis.values.mask(function, transfer.instruction, operation.other).may:
                    parts.append("kernel-format size")
        if transfer.format:
            parts.append("kernel-format size")
        return ", ".join(dict.fromkeys(parts))

    def guard_text(self, guards: Guards) -> str:
        """The conditions of a step, readable."""
        parts = set()
        for key, operator, constant in guards:
            if key[0] == "c":
                name = str(key[1])
                if name.startswith("CONFIG_"):
                    parts.add(name if constant else f"!{name}")
                continue
            if key[0] != "b":
                continue
            name = self.place((key[2], key[3]))
            if name.startswith("$"):
                continue
            if isinstance(constant, tuple):
                parts.add(self._within(name, key[1], constant))
            elif operator in {"clr", "set"}:
                mask = self._spelled(key[1], constant)
                parts.add(f"{name} & {mask}" if operator == "set" else f"!({name} & {mask})")
            elif constant == 0:
                parts.add(name if operator == "!" else f"!{name}")
            else:
                parts.add(f"{name} {'==' if operator == '=' else '!='} {self._spelled(key[1], constant)}")
        return ", ".join(sorted(parts))

    def _within(self, name: str, function: int, ranges: Ranges) -> str:
        """That a value is in some ranges, as a condition in C."""
        parts = []
        for low, high in ranges:
            first, last = self._spelled(function, low), self._spelled(function, high)
            if low == high:
                parts.append(f"{name} == {first}")
            elif low == 0 or high == WORD:
                parts.append(f"{name} <= {last}" if low == 0 else f"{name} >= {first}")
            else:
                parts.append(f"{first} <= {name} <= {last}")
        return " || ".join(parts)

    def _spelled(self, function: int, constant: int) -> str:
        """A constant of a function's conditions by the name that is written there."""
        names = self._names.get(function)
        if names is None:
            names = _named_constants(self.analysis.by_id(function))
            self._names[function] = names
        return names.get(constant) or (hex(constant) if _NUMBER < constant < 1 << 63 else str(_signed(constant)))

    # ------------------------------------------------------------ consumers

    def consumers(self, crossing: Crossing, reached: list[Reached]) -> tuple[Consumer, ...]:
        """The code at a crossing and behind it that hands the value to user space."""
        found: dict[tuple[str, str], Consumer] = {}
        for transfer in (crossing.transfer, *(step.transfer for step in reached)):
            if transfer is None:
                continue
            name = self.analysis.program.units[transfer.function].name
            kind = self._consumers.get(name)
            if kind is not None:
                place = self.location(transfer.function, transfer.instruction)
                found.setdefault((kind, f"{place.path}:{name}:{place.line}"), Consumer(kind, place))
        if not found:
            found.update(self._around(crossing.transfer))
        return tuple(sorted(found.values()))

    def _around(self, crossing: Transfer) -> dict[tuple[str, str], Consumer]:
        """The code that a helper is a part of, as the consumer of what crosses in the helper."""
        name = self.analysis.parts.inside(crossing.function, self._consumers)
        if name is None:
            return {}
        return {("", name): Consumer(self._consumers[name], self.location(crossing.function, crossing.instruction))}

    def way_to_consumer(self, reached: list[Reached], kinds: tuple[str, ...]) -> list[Reached]:
        """The shortest way behind a crossing to the most telling consumer."""
        best: Reached | None = None
        rank = (len(kinds), 0)
        for step in reached:
            if step.transfer is None:
                continue
            name = self.analysis.program.units[step.transfer.function].name
            kind = self._consumers.get(name)
            if kind not in kinds:
                continue
            order = (kinds.index(kind), self._telling[name])
            if order < rank:
                rank, best = order, step
        return best.path()[1:] if best is not None else []


def _named_constants(function: FunctionAnalysis) -> dict[int, str]:
    """The constants that a function's conditions and case labels have names for."""
    found = dict(function.facts.labels)
    for instruction in function.code:
        for part in walk_expression(instruction.condition) if isinstance(instruction, Branch) else ():
            if isinstance(part, Const) and part.value is not None and _NAME.fullmatch(part.text):
                found.setdefault(part.value, part.text)
    return found


def _signed(word: int) -> int:
    """A word as a C programmer writes it."""
    return word - (1 << 64) if word >> 63 else word


def written(expr: Expr, function: FunctionAnalysis) -> str:
    """An expression of a function as it was written, shortened."""
    match expr:
        case Const():
            return expr.text
        case Load(place=Var(kind="temp", key=key)):
            return _called(key, function)
        case Load() | Addr():
            return str(expr)
        case Unary():
            return f"{expr.op}{written(expr.operand, function)}"
        case Cast():
            return written(expr.operand, function)
        case Binary():
            return f"({written(expr.left, function)} {expr.op} {written(expr.right, function)})"
        case _:
            return "a computed mask"


def _called(key: int | str, function: FunctionAnalysis) -> str:
    """The call that an intermediate value came from."""
    for node in function.definitions.get(key, ()):
        call = function.code[node]
        if isinstance(call, Call):
            return f"{call.callee}()"
    return "a computed mask"
