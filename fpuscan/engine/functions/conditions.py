"""What follows from the branches of one function: conditions as literals about definitions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING

from fpuscan.conversions import fits, stored_constant
from fpuscan.engine.functions.cases import Cases, is_number, undo
from fpuscan.engine.functions.comparing import Comparing
from fpuscan.engine.functions.definitions import Definitions
from fpuscan.engine.functions.expressions import expressions_of, is_boolean, walk_expression
from fpuscan.engine.functions.literals import IMPOSSIBLE, NOTHING, compatible, join
from fpuscan.engine.functions.questions import Question
from fpuscan.engine.functions.variables import followed_pointer
from fpuscan.ir import (
    Addr,
    Assign,
    Binary,
    Branch,
    Cast,
    Const,
    ContainerOf,
    FunctionRef,
    Index,
    Load,
    Member,
    Unary,
    Var,
    uncast,
)
from fpuscan.places import is_several

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.ir import Edge, Expr, LValue

__all__ = ["Conditions"]

_SMALL = 300  # instructions
_MOST_PLACES = 4  # that one lvalue may denote


class Conditions(ABC):
    """The truth of conditions, and what it says about the values that they read."""

    def __init__(self, function: FunctionAnalysis) -> None:
        self.function = function
        self.analysis = function.analysis
        self.id = function.id
        self.code = function.code
        self.cases = Cases(function)
        self.comparing = Comparing(function)
        self.answer = Definitions(function, self.cases).answer
        self._edge_literals: dict[tuple[int, bool | None, int | None], Guards] = {}
        self._followed: dict[int, Guards] = {}

    def forget(self) -> None:
        """Drop what was concluded before the conditions of the definitions were known."""
        self._edge_literals.clear()

    def edge_literals(self, node: int, edge: Edge) -> Guards:
        """What holds on a control-flow edge."""
        if edge.truth is None and edge.equals is None and not isinstance(self.code[node], Branch):
            return NOTHING
        key = (node, edge.truth, edge.equals)
        found = self._edge_literals.get(key)
        if found is None:
            cuts = self.function.cuts()
            found = self._on_edge(node, edge)
            if cuts == self.function.cuts():  # else it was asked for while its pointers were being resolved
                self._edge_literals[key] = found
        return found

    def _on_edge(self, node: int, edge: Edge) -> Guards:
        instruction = self.code[node]
        if not isinstance(instruction, Branch):
            return NOTHING
        if edge.truth is not None:
            return self.truth(node, instruction.condition, edge.truth)
        if edge.equals is not None:
            return self.equals(node, instruction.condition, edge.equals, True)  # noqa: FBT003
        return self._other_case(node, instruction)

    def _other_case(self, node: int, branch: Branch) -> Guards:
        """What holds where a switch goes to ``default``, or to a label that is no single constant."""
        if node in self.function.facts.undecided and self._names_all(node, branch):
            return IMPOSSIBLE
        found: Guards = NOTHING
        for edge in self.function.facts.succ[node]:
            if edge.equals is not None:
                literals = self.equals(node, branch.condition, edge.equals, False)  # noqa: FBT003
                if literals == IMPOSSIBLE:
                    return IMPOSSIBLE
                found |= literals
        return found

    def _names_all(self, node: int, branch: Branch) -> bool:
        """Whether the labels of a switch without a default are all constants of the enum that it is over."""
        value = uncast(branch.condition)
        ctype = value.place.type if isinstance(value, Load) else None
        if ctype is None or ctype.is_pointer or not ctype.base.startswith("enum "):
            return False
        constants = {value for _, value in self.analysis.program.types.enum_constants(ctype.base)}
        return bool(constants) and constants <= {edge.equals for edge in self.function.facts.succ[node]}

    def truth(self, node: int, expr: Expr, want: bool, depth: int = 0) -> Guards:  # noqa: FBT001
        """The literals that follow when ``expr`` is true (false) at ``node``; IMPOSSIBLE when it cannot be."""
        match expr:
            case Const():
                return NOTHING if expr.value is None or bool(expr.value) is want else IMPOSSIBLE
            case FunctionRef() | Addr() | ContainerOf():
                return NOTHING if want else IMPOSSIBLE
            case Unary() if expr.op == "!":
                return self.truth(node, expr.operand, not want, depth)
            case Cast():
                if not want and not fits(expr.operand, expr.type) and not is_boolean(expr.operand):
                    return NOTHING  # a narrow zero says nothing about the upper bits
                return self.truth(node, expr.operand, want, depth)
            case Binary():
                return self._operation(node, expr, want, depth)
            case Unary():
                return self.computed(node, expr, 0, not want, depth)
            case Load():
                known = self.correlates(expr.place)
                return self.of_load(node, expr, Question("truth", want), depth) if known else NOTHING
            case _:
                return NOTHING

    def _operation(self, node: int, expr: Binary, want: bool, depth: int) -> Guards:  # noqa: FBT001
        match expr.op:
            case "==" | "!=":
                return self._comparison(node, expr, want is (expr.op == "=="), depth)
            case "<" | "<=" | ">" | ">=":
                return self.ordered(node, expr, want, depth)
            case "&":
                return self._masked(node, expr, want, depth)
            case "|":
                return self._either(node, expr, want, depth)
            case _:
                return self.computed(node, expr, 0, not want, depth)

    @abstractmethod
    def ordered(self, node: int, expr: Binary, want: bool, depth: int) -> Guards:  # noqa: FBT001
        """What follows when a comparison by size is true (false); added by ``bounds.py``."""

    def _comparison(self, node: int, expr: Binary, equal: bool, depth: int) -> Guards:  # noqa: FBT001
        for side, other in ((expr.left, expr.right), (expr.right, expr.left)):
            if isinstance(other, Const) and other.value is not None:
                if _is_bit_of(side, other.value, self.analysis.values.constant):
                    return self.truth(node, side, equal, depth)
                return self.equals(node, side, other.value, equal, depth)
        return self.computed(node, expr, 0, equal is (expr.op != "=="), depth)

    def computed(self, node: int, expr: Expr, constant: int, equal: bool, depth: int) -> Guards:  # noqa: FBT001
        """What follows when the result of arithmetic or of a comparison equals (does not equal) a constant."""
        if constant == 0 and isinstance(expr, Binary) and self.comparing.concerns(expr):
            return self.comparing.truth(node, expr, not equal)
        found = self.cases.where(node, expr, lambda value: is_number(value, constant) is equal)
        if found is not None:
            return found
        undone = undo(expr, constant)
        return NOTHING if undone is None else self.equals(node, *undone, equal, depth)

    def equals(self, node: int, expr: Expr, constant: int, equal: bool, depth: int = 0) -> Guards:  # noqa: FBT001
        """What follows when a value equals (does not equal) a constant."""
        if constant == 0:
            return self.truth(node, expr, not equal, depth)
        if constant == 1 and is_boolean(expr):
            return self.truth(node, expr, equal, depth)
        while isinstance(expr, Cast) and fits(expr.operand, expr.type):
            expr = expr.operand
        if isinstance(expr, Const) and expr.value is not None:
            return NOTHING if (expr.value == constant) is equal else IMPOSSIBLE
        if isinstance(expr, Binary | Unary | Cast):
            return self.computed(node, expr, constant, equal, depth)
        if not isinstance(expr, Load) or not self.correlates(expr.place):
            return NOTHING
        if constant >> 31 == 1:  # 0xffffffff is -1 for an int
            constant = stored_constant(constant, expr.place.type)
        return self.of_load(node, expr, Question("equals", equal, constant), depth)

    def of_load(self, node: int, load: Load, question: Question, depth: int) -> Guards:
        """What follows from a question about a value that is read; one of several places is read under its guards."""
        places = self.function.resolve(node, load.place)
        if len(places) == 1:
            root, path, guards = places[0]
            unresolved = root[0] == "h" and root[2] is None
            lost = guards or unresolved or (path and is_several(path))
            return NOTHING if lost else self.answer(node, (root, path), question, depth)
        if len(places) > _MOST_PLACES or any(is_several(path) for _, path, _ in places):
            return NOTHING
        found = [
            guards | held
            for root, path, guards in places
            if compatible(guards, held := self.answer(node, (root, path), question, depth, guards))
        ]
        return join(*found) if found else IMPOSSIBLE

    def _masked(self, node: int, expr: Binary, want: bool, depth: int) -> Guards:  # noqa: FBT001
        """What follows when ``value & mask`` is true (false); of two values, both are true if it is."""
        for side, other in ((expr.left, expr.right), (expr.right, expr.left)):
            mask = self.analysis.values.constant(other)
            if mask is not None:
                return self.bits(node, side, mask, want)
        return self._all(node, expr, want, depth) if want else NOTHING

    def _either(self, node: int, expr: Binary, want: bool, depth: int) -> Guards:  # noqa: FBT001
        """The same for ``x | y``: both are false if it is; the one is true where the other cannot be."""
        if not want:
            return self._all(node, expr, want, depth)
        ways = (self.truth(node, side, want, depth) for side in (expr.left, expr.right))
        possible = [literals for literals in ways if literals != IMPOSSIBLE]
        return possible[0] if len(possible) == 1 else NOTHING if possible else IMPOSSIBLE

    def _all(self, node: int, expr: Binary, want: bool, depth: int) -> Guards:  # noqa: FBT001
        """What follows when both operands are true (false)."""
        left, right = (self.truth(node, side, want, depth) for side in (expr.left, expr.right))
        return IMPOSSIBLE if IMPOSSIBLE in {left, right} else left | right

    def bits(self, node: int, expr: Expr, mask: int, want: bool, depth: int = 0) -> Guards:  # noqa: FBT001
        """What follows when one of some bits of a value is set (none of them is)."""
        while isinstance(expr, Cast) and (fits(expr.operand, expr.type) or mask == stored_constant(mask, expr.type)):
            expr = expr.operand
        if isinstance(expr, Const) and expr.value is not None:
            return NOTHING if bool(expr.value & mask) is want else IMPOSSIBLE
        if isinstance(expr, Binary) and expr.op == "|":
            return self._joined_bits(node, expr, mask, want, depth)
        if is_boolean(expr):
            return self.truth(node, expr, want, depth) if mask & 1 else IMPOSSIBLE if want else NOTHING
        if not isinstance(expr, Load):
            return self._computed_bits(node, expr, mask, want, depth)
        return self.of_load(node, expr, Question("bits", want, mask), depth)

    def _computed_bits(self, node: int, expr: Expr, mask: int, want: bool, depth: int) -> Guards:  # noqa: FBT001
        """The same for what remains of a masked value, and for the result of arithmetic."""
        if isinstance(expr, Binary) and expr.op == "&":
            for side, other in ((expr.left, expr.right), (expr.right, expr.left)):
                kept = self.analysis.values.constant(other)
                if kept is not None and kept & mask in {0, mask}:
                    return self.bits(node, side, mask, want, depth) if kept & mask else IMPOSSIBLE if want else NOTHING
        found = self.cases.where(node, expr, lambda value: bool(value.number & mask) is want)
        return NOTHING if found is None else found

    def _joined_bits(self, node: int, expr: Binary, mask: int, want: bool, depth: int) -> Guards:  # noqa: FBT001
        """The same for ``x | y``: clear where both are; set by the one where the other cannot set it."""
        sides = [(side, self.bits(node, side, mask, want, depth)) for side in (expr.left, expr.right)]
        possible = [literals for _, literals in sides if literals != IMPOSSIBLE]
        if want:
            return possible[0] if len(possible) == 1 else NOTHING if possible else IMPOSSIBLE
        return frozenset().union(*possible) if len(possible) == len(sides) else IMPOSSIBLE

    def correlates(self, place: LValue) -> bool:
        """Whether conditions on an lvalue are worth following: variables, members the model knows, small functions."""
        while isinstance(place, Member | Index):
            if (
                isinstance(place, Member)
                and place.base.type is not None
                and place.base.type.base in self.analysis.model_types
            ):
                return True
            if place.base is None:
                break
            place = place.base
        return isinstance(place, Var) or len(self.code) < _SMALL

    def followed(self, node: int) -> Guards:
        """Pointers to a guest FPU (or what the model calls a side) that a node follows are not NULL."""
        if not self._has_sides:
            return NOTHING
        found = self._followed.get(node)
        if found is None:
            found = self._compute_followed(node)
            self._followed[node] = found
        return found

    @cached_property
    def _has_sides(self) -> bool:
        """Whether any variable of the function is such a pointer; of most functions none is."""
        facts, wanted = self.function.facts, self.analysis.side_pointers
        types = (variable.type for variable in (*facts.params, *facts.variables.values()))
        return any(ctype is not None and ctype.pointers == 1 and ctype.base in wanted for ctype in types)

    def _compute_followed(self, node: int) -> Guards:
        wanted = self.analysis.side_pointers
        literals = set()
        exprs: list[Expr] = list(expressions_of(self.code[node]))
        instruction = self.code[node]
        if isinstance(instruction, Assign):
            exprs.append(Load(instruction.target, 0))
        for expr in exprs:
            for part in walk_expression(expr):
                if not isinstance(part, Load):
                    continue
                pointer = followed_pointer(part.place)
                if (
                    pointer is not None
                    and pointer.type is not None
                    and pointer.type.pointers == 1
                    and pointer.type.base in wanted
                    and pointer.kind != "global"
                ):
                    place = (self.function.variable_root(pointer), ())
                    literals.add((("b", self.id, *place, self.function.reaching(node, place)), "!", 0))
        return frozenset(literals)


def _is_bit_of(expr: Expr, value: int, constant: Callable[[Expr], int | None]) -> bool:
    """Whether an expression is ``x & bit`` with that single bit."""
    return (
        isinstance(expr, Binary)
        and expr.op == "&"
        and not value & (value - 1)
        and value in {constant(expr.left), constant(expr.right)}
    )
