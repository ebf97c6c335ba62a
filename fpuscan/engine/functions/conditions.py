"""What follows from the branches of one function: conditions as literals about definitions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING

from fpuscan.conversions import fits, stored_constant
from fpuscan.engine.functions.expressions import expressions_of, is_boolean, walk_expression
from fpuscan.engine.functions.literals import IMPOSSIBLE, NOTHING, join
from fpuscan.engine.functions.questions import Question
from fpuscan.engine.functions.variables import followed_pointer
from fpuscan.ir import (
    ENTRY,
    Addr,
    Assign,
    Binary,
    Branch,
    Call,
    Cast,
    Const,
    ContainerOf,
    FunctionRef,
    Index,
    Load,
    Member,
    Unary,
    Var,
)
from fpuscan.places import covers, is_fresh, is_several, same_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards, Literal
    from fpuscan.ir import Edge, Expr, LValue
    from fpuscan.places import Place

__all__ = ["Conditions"]

_SMALL = 300  # instructions
_TELLING = Const | Load | Addr | FunctionRef  # values whose truth says something, or is known


class Conditions(ABC):
    """The truth of conditions, and what it says about the values that they read."""

    def __init__(self, function: FunctionAnalysis) -> None:
        self.function = function
        self.analysis = function.analysis
        self.id = function.id
        self.code = function.code
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
        found: Guards = NOTHING
        for edge in self.function.facts.succ[node]:
            if edge.equals is not None:
                literals = self.equals(node, branch.condition, edge.equals, False)  # noqa: FBT003
                if literals == IMPOSSIBLE:
                    return IMPOSSIBLE
                found |= literals
        return found

    def truth(self, node: int, expr: Expr, want: bool, depth: int = 0) -> Guards:  # noqa: FBT001
        """The literals that follow when ``expr`` is true (false) at ``node``; IMPOSSIBLE when it cannot be."""
        match expr:
            case Const():
                if expr.value is None:
                    return NOTHING
                return NOTHING if bool(expr.value) is want else IMPOSSIBLE
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
            case Load():
                return self._loaded_truth(node, expr, want, depth)
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
                return NOTHING

    @abstractmethod
    def ordered(self, node: int, expr: Binary, want: bool, depth: int) -> Guards:  # noqa: FBT001
        """What follows when a comparison by size is true (false); added by ``bounds.py``."""

    def _comparison(self, node: int, expr: Binary, equal: bool, depth: int) -> Guards:  # noqa: FBT001
        for side, other in ((expr.left, expr.right), (expr.right, expr.left)):
            if isinstance(other, Const) and other.value is not None:
                if _is_bit_of(side, other.value, self.analysis.values.constant):
                    return self.truth(node, side, equal, depth)
                return self.equals(node, side, other.value, equal)
        for side, other in ((expr.left, expr.right), (expr.right, expr.left)):
            if isinstance(other, Addr):
                return self._same_object(node, side, other, equal)
        return NOTHING

    def _same_object(self, node: int, pointer: Expr, address: Addr, equal: bool) -> Guards:  # noqa: FBT001
        """What follows when a pointer is (is not) the address of an object: how it came to point there."""
        objects = self.function.resolve(node, address.place)
        targets, unknown, *_ = self.function.targets(node, pointer)
        if len(objects) != 1 or objects[0][2] or unknown or len(targets) < 2:  # nothing to choose between
            return NOTHING
        there, below, _ = objects[0]
        fitting = [
            guards
            for root, path, guards in targets
            if (_may_be_one((root, path), (there, below)) if equal else (root, path) != (there, below))
        ]
        return join(*fitting) if fitting else IMPOSSIBLE

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
        if not isinstance(expr, Load) or not self.correlates(expr.place):
            return NOTHING
        place = self.one_place(node, expr.place)
        if place is None:
            return NOTHING
        if constant >> 31 == 1:  # 0xffffffff is -1 for an int
            constant = stored_constant(constant, expr.place.type)
        return self.place_equals(node, place, constant, equal, depth)

    def place_equals(self, node: int, place: Place, constant: int, equal: bool, depth: int = 0) -> Guards:  # noqa: FBT001
        """What follows when the value in ``place`` equals (does not equal) a constant."""
        reaching = self.function.reaching(node, place)
        values = [self.constant_definition(definition) for definition in reaching]
        if values and all(value is not None for value in values):
            if all((value == constant) is not equal for value in values):
                return IMPOSSIBLE
            if all((value == constant) is equal for value in values):
                return NOTHING
        literal = (("b", self.id, *place, reaching), "=" if equal else "!", constant)
        return self.and_definitions(node, literal, place, Question("equals", equal, constant), depth)

    def and_definitions(self, node: int, literal: Literal, place: Place, question: Question, depth: int) -> Guards:
        """A literal about a value, and what follows from what was stored: ``flags = guest ? FOR_GUEST : 0``."""
        found = self._by_definitions(node, place, literal[0][4], question, depth)
        if found is None:
            return frozenset({literal})
        return found if found == IMPOSSIBLE else found | {literal}

    def constant_definition(self, definition: int) -> int | None:
        """The constant that a definition stores; None for any other value."""
        instruction = self.code[definition]
        if isinstance(instruction, Assign) and not instruction.weak:
            value = stored(instruction)
            return value.value if isinstance(value, Const) else None
        return None

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
        if not isinstance(expr, Load):
            return NOTHING
        place = self.one_place(node, expr.place)
        return NOTHING if place is None else self.place_bits(node, place, mask, want, depth)

    def _joined_bits(self, node: int, expr: Binary, mask: int, want: bool, depth: int) -> Guards:  # noqa: FBT001
        """The same for ``x | y``: clear where both are; set by the one where the other cannot set it."""
        sides = [(side, self.bits(node, side, mask, want, depth)) for side in (expr.left, expr.right)]
        possible = [literals for _, literals in sides if literals != IMPOSSIBLE]
        if want:
            return possible[0] if len(possible) == 1 else NOTHING if possible else IMPOSSIBLE
        return frozenset().union(*possible) if len(possible) == len(sides) else IMPOSSIBLE

    def place_bits(self, node: int, place: Place, mask: int, want: bool, depth: int = 0) -> Guards:  # noqa: FBT001
        """The same about the value in a place."""
        reaching = self.function.reaching(node, place)
        values = [self.constant_definition(definition) for definition in reaching]
        known = {bool(value & mask) for value in values if value is not None}
        if None not in values and len(known) == 1:
            return NOTHING if want in known else IMPOSSIBLE
        literal = (("b", self.id, *place, reaching), "set" if want else "clr", mask)
        return self.and_definitions(node, literal, place, Question("bits", want, mask), depth)

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

    def _loaded_truth(self, node: int, load: Load, want: bool, depth: int) -> Guards:  # noqa: FBT001
        if not self.correlates(load.place):
            return NOTHING
        place = self.one_place(node, load.place)
        return NOTHING if place is None else self.place_truth(node, place, want, depth)

    def place_truth(self, node: int, place: Place, want: bool, depth: int = 0) -> Guards:  # noqa: FBT001
        """What follows when the value in ``place`` is true (false)."""
        reaching = self.function.reaching(node, place)
        found = self._by_definitions(node, place, reaching, Question("truth", want), depth)
        if found is not None:
            return found
        return frozenset({(("b", self.id, *place, reaching), "!" if want else "=", 0)})

    def _by_definitions(
        self, node: int, place: Place, reaching: frozenset[int], question: Question, depth: int
    ) -> Guards | None:
        """What is asked about a variable, from what was stored into it: ``bool host = !guest``."""
        if depth > 6 or len(reaching) > 4 or ENTRY in reaching:  # bounds on work
            return None
        consistent: list[Guards] = []
        for definition in sorted(reaching):
            inner = self._by_definition(place, definition, question, depth)
            if inner is None:
                return None
            if inner != IMPOSSIBLE:
                if len(reaching) > 1:
                    inner = self.function.lasting_guards(definition, place, inner, node)
                elif inner:
                    inner = self.function.lasting(inner, definition, place) or None
                if inner is None:
                    return None
                consistent.append(inner)
        if not consistent:
            return IMPOSSIBLE
        common = join(*consistent)
        if len(reaching) == 1 and not common:
            instruction = self.code[next(iter(reaching))]
            known = isinstance(instruction, Assign) and isinstance(instruction.value, Const)
            return common if known else None
        return common

    def _by_definition(self, place: Place, definition: int, question: Question, depth: int) -> Guards | None:
        """The same from the one call or store that left the value of a variable, or of a member of one, there."""
        instruction = self.code[definition]
        if isinstance(instruction, Call):
            return self._by_call(definition, instruction, place, question)
        if not isinstance(instruction, Assign) or place[0][0] not in {"v", "p", "d"}:
            return None
        written = self.function.writes(definition)
        if len(written) != 1 or not written[0][2] or written[0][3] or not covers(written[0][:2], place):
            return None
        below = place[1][len(written[0][1]) :]
        if below:
            return self._of_copy(definition, instruction.value, below, question, depth)
        return self._of_store(definition, instruction, question, depth)

    def _by_call(self, definition: int, call: Call, place: Place, question: Question) -> Guards | None:
        """The same from what a call returned, or left in a variable whose address it got."""
        if call.result is not None and place == (self.function.variable_root(call.result), ()):
            return self.analysis.calls.returned(self.function, definition, question)
        return self.analysis.calls.left(self.function, definition, place, question)

    def _of_store(self, definition: int, store: Assign, question: Question, depth: int) -> Guards | None:
        value = stored(store)
        match question.about:
            case "truth":
                if not isinstance(value, _TELLING) and not is_boolean(value) and not _is_gate(value):
                    return None
                narrowed = not fits(value, store.target.type) and not is_boolean(value)
                if narrowed and not question.want:
                    return NOTHING
            case "bits":
                if question.constant != stored_constant(question.constant, store.target.type):
                    return None
            case _:
                if not fits(value, store.target.type):
                    return None
        return question.of_value(self.function, definition, value, depth + 1)

    def _of_copy(
        self, definition: int, value: Expr, below: tuple[str, ...], question: Question, depth: int
    ) -> Guards | None:
        """The same about a member of a struct that was copied as a whole."""
        whole = self.one_place(definition, value.place) if isinstance(value, Load) else None
        if whole is None:
            return None
        return question.of_place(self.function, definition, (whole[0], (*whole[1], *below)), depth + 1)

    def one_place(self, node: int, place: LValue) -> Place | None:
        """The place that an lvalue denotes, where that is the same one each time; only its value can be told about."""
        found = self.function.resolve(node, place)
        if len(found) != 1:
            return None
        root, path, guards = found[0]
        unresolved = root[0] == "h" and root[2] is None
        return None if guards or unresolved or is_several(path) else (root, path)

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


def stored(instruction: Assign) -> Expr:
    """What a store leaves in its target: a constant as wide as that is, any other value as written."""
    value = instruction.value
    if not isinstance(value, Const) or value.value is None:
        return value
    word = stored_constant(value.value, instruction.target.type)
    return value if word == value.value else Const(word, value.text)


def _is_bit_of(expr: Expr, value: int, constant: Callable[[Expr], int | None]) -> bool:
    """Whether an expression is ``x & bit`` with that single bit."""
    return (
        isinstance(expr, Binary)
        and expr.op == "&"
        and not value & (value - 1)
        and value in {constant(expr.left), constant(expr.right)}
    )


def _may_be_one(target: Place, named: Place) -> bool:
    """Whether a pointer to ``target`` may be one to ``named``: also where the object around it is no known one, as that
    around the head of a list.
    """  # noqa: D205
    (root, path), (there, below) = target, named
    if path == below:
        return same_object(root, there)
    return root[0] == "h" and there[0] != "h" and not is_fresh(root) and len(path) > len(below)


def _is_gate(expr: Expr) -> bool:
    return isinstance(expr, Binary) and expr.op in {"&", "|"}
