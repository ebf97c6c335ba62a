"""The control-flow graph under construction.

Takes instructions in program order; keeps the *frontier*, the edges that still
wait for their target. An empty frontier means that control does not get here;
what is emitted then is analysed all the same, without predecessors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from fpuscan.ir import Assign, Branch, Call, Edge, FunctionFacts, Load, Marker, Return, Var

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fpuscan.ir import Expr, Instruction, LValue
    from fpuscan.symbols.cpp import ConfigLiteral
    from fpuscan.symbols.declarators import CType

__all__ = ["Builder", "Frontier", "together"]

# (from node, truth on this edge, case constant on this edge)
Frontier = list[tuple[int, bool | None, int | None]]

ENTRY, EXIT = 0, 1


def together(config: tuple[ConfigLiteral, ...], more: tuple[ConfigLiteral, ...]) -> tuple[ConfigLiteral, ...]:
    """All conditions of two places."""
    return config + tuple(literal for literal in more if literal not in config)


class Builder(ABC):
    """Appends instructions to a function's facts and connects them."""

    def __init__(self, facts: FunctionFacts) -> None:
        """Start an empty graph: entry, exit, and a frontier at the entry."""
        self.facts = facts
        self.frontier: Frontier = []
        self.span = (facts.start, facts.start)
        self.config: tuple[ConfigLiteral, ...] = facts.config
        self._temps = 0
        self._append(Marker(facts.start, facts.start, facts.config, "entry"))
        self._append(Marker(facts.end, facts.end, facts.config, "exit"))
        self.frontier = [(ENTRY, None, None)]

    def _append(self, instruction: Instruction) -> int:
        self.facts.code.append(instruction)
        self.facts.succ.append([])
        self.facts.pred.append([])
        return len(self.facts.code) - 1

    def emit(self, instruction: Instruction) -> int:
        """Append an instruction behind the frontier; it becomes the frontier. Returns its number."""
        number = self._append(instruction)
        self.connect(number)
        self.frontier = [(number, None, None)]
        return number

    def connect(self, target: int) -> None:
        """Let every waiting edge end at ``target``."""
        succ, pred = self.facts.succ, self.facts.pred
        for source, truth, equals in self.frontier:
            succ[source].append(Edge(target, truth, equals))
            pred[target].append(source)

    def temp(self, ctype: CType | None) -> Var:
        """A fresh variable for an intermediate value."""
        self._temps += 1
        variable = Var("temp", f"${self._temps}", f"${self._temps}", ctype)
        self.facts.variables[variable.key] = variable
        return variable

    def assign(self, target: LValue, value: Expr, *, weak: bool = False, user: bool = False) -> int:
        """Emit ``target = value``."""
        return self.emit(Assign(*self.span, self.config, target, value, weak, user))

    def branch(self, condition: Expr, *, picks: bool = False) -> tuple[Frontier, Frontier]:
        """Emit a branch; returns the frontiers of its true and its false side."""
        number = self.emit(Branch(*self.span, self.config, condition, picks))
        return [(number, True, None)], [(number, False, None)]

    def either(self, choices: Sequence[tuple[tuple[ConfigLiteral, ...], Callable[[], Expr]]], start: int) -> Expr:
        """The value of one of several choices, each made where its configuration holds, read at ``start``."""
        before, config = self.frontier, self.config
        after: Frontier = []
        result = self.temp(None)
        for conditions, choose in choices:
            self.frontier = list(before)
            self.config = together(config, conditions)
            value = choose()
            self.assign(result, value)
            result.type = result.type or self.type_of(value)
            after += self.frontier
        self.frontier, self.config = after, config
        return Load(result, start)

    @abstractmethod
    def type_of(self, expr: Expr) -> CType | None:
        """The C type of a value; added by ``names.py``."""

    def marker(self, name: str) -> int:
        """Emit a point without effect (a label or a loop head)."""
        return self.emit(Marker(*self.span, self.config, name))

    def call(self, callee: str | Expr, arguments: Sequence[Expr], result: Var, where: tuple[int, int]) -> Expr:
        """Emit a call; returns the value of its result."""
        self.emit(Call(*self.span, self.config, result, callee, tuple(arguments), *where))
        return Load(result, where[0])

    def leave(self, value: Expr | None) -> None:
        """Emit a return."""
        self.emit(Return(*self.span, self.config, value))
        self.connect(EXIT)
        self.frontier = []

    def finish(self) -> None:
        """Falling off the end of the function is a return."""
        self.connect(EXIT)
        self.frontier = []
