"""Callbacks: a function outside of the program that is given one of the program's functions may call it.

``on_each_cpu(note, &info, 1)`` and ``INIT_WORK(&job->work, note)`` have no body here. What the callback is called with
is among the other arguments: all that follow it, if they are as many as it has parameters, else those whose type fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.ir import Const, Deref, FunctionRef, Load, Member, Opaque, uncast
from fpuscan.lower.generic import Generic
from fpuscan.lower.nodes import without_comments
from fpuscan.symbols.declarators import CType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fpuscan.ir import Expr, Var
    from fpuscan.model.rows import Effect
    from fpuscan.parse.syntax import Node

__all__ = ["Callbacks"]

_ANYTHING = "void"


class Callbacks(Generic):
    """Adds calls of functions, and those that others make for them, to the lowering of expressions."""

    def arguments(self, node: Node) -> list[Expr]:
        """The values of a call's arguments, in order."""
        return [self.value(child) for child in without_comments(node)]

    def where(self, node: Node) -> tuple[int, int]:
        """Where a call is written in the file."""
        if self.offset_override is not None:
            return self.offset_override, self.offset_override
        return node.start_byte, node.end_byte

    def plain_call(self, node: Node, name: str, arguments: Node) -> Expr:
        """The value of a call of the function ``name``."""
        values, where = self.arguments(arguments), self.where(node)
        self.call_back(name, values, where)
        return self.call(name, values, self.temp(self.context.return_type(name)), where)

    def effect_calls(self, node: Node, name: str, arguments: Node, effect: Effect) -> Expr:
        """``blocking_notifier_call_chain(&chain, event, data)``: calls what registered objects hold in a member, with
        the object and the arguments `values`.
        """  # noqa: D205
        values = self.arguments(arguments)
        tag, _, member = effect.member.rpartition(".")
        members = self.context.members(tag) or {}
        registered = Opaque((), name)
        held = Member(Deref(registered, CType(tag, 0)), member, members.get(member))
        given: list[Expr] = [registered, *(values[index] for index in effect.values if index < len(values))]
        without = self.frontier
        self.call(Load(held, self.offset(node)), given, self.temp(None), self.where(node))
        self.frontier = self.frontier + without
        return Const(None, name)

    def call_back(self, name: str, arguments: Sequence[Expr], where: tuple[int, int]) -> None:
        """Emit the calls that an unknown function may make of its arguments; each may as well not happen."""
        if self.context.defines(name):
            return
        for position, argument in enumerate(arguments):
            function = _function(argument)
            if function is None or not self.context.defines(function.name):
                continue
            parameters = self.context.parameters(function.name, self.facts.path)
            for values in self._given(parameters, arguments, position):
                without = self.frontier
                self.call(function.name, values, self.temp(self.context.return_type(function.name)), where)
                self.frontier = self.frontier + without

    def _given(self, parameters: Sequence[Var], arguments: Sequence[Expr], position: int) -> Iterator[list[Expr]]:
        """What the callback may be given: one list of values for each call."""
        behind = arguments[position + 1 :]
        if len(behind) == len(parameters) > 1:
            yield list(behind)
            return
        others = [other for other in arguments if _function(other) is None]
        fitting = [[other for other in others if self._fits(parameter, other)] for parameter in parameters]
        for number in range(max((len(values) for values in fitting), default=0)):
            yield [values[min(number, len(values) - 1)] if values else Opaque((), "") for values in fitting]

    def _fits(self, parameter: Var, argument: Expr) -> bool:
        """Whether an argument is a pointer that a parameter can be."""
        wanted, ctype = parameter.type, self.type_of(argument)
        if wanted is None or ctype is None or not wanted.is_pointer or not (ctype.pointers or ctype.is_array):
            return False
        return wanted.base == ctype.base or _ANYTHING in {wanted.base, ctype.base}


def _function(expr: Expr) -> FunctionRef | None:
    expr = uncast(expr)
    return expr if isinstance(expr, FunctionRef) else None
