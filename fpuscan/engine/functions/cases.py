"""What follows from a value that depends on a few flags alone: ``guest ^ 1``, ``1 - guest``, ``side < FOR_GUEST``.

Such a value is computed as C does for each combination of the values that the
flags can have. A flag is a bool, a bit-field of one or two bits, an enum, an
integer that is only ever set to constants or to truth values, or a condition.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING

from fpuscan.conversions import WORD_BITS, integer_type
from fpuscan.engine.functions.expressions import is_boolean
from fpuscan.engine.functions.literals import IMPOSSIBLE, NOTHING, compatible, join
from fpuscan.ir import Assign, Binary, Cast, Const, Load, Unary, Var
from fpuscan.symbols.integers import Integer, NotConstantError, binary, fit, truth_value

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.ir import Expr, LValue
    from fpuscan.symbols.declarators import CType

__all__ = ["Cases", "is_number", "undo"]

_MOST_FLAGS = 3
_MOST_VALUES = 8  # of a flag
_MOST_WAYS = 32  # to combine them
_NARROW = 2  # bits of a bit-field whose values are all tried
_MAX_DEPTH = 3  # of copies from one variable to the next
_WORD = (1 << WORD_BITS) - 1
_INT_BITS = 32

_Flags = dict["Hashable", tuple["Expr", tuple[int, ...]]]


class Cases:
    """The values of expressions over flags, each with what the flags are then."""

    def __init__(self, function: FunctionAnalysis) -> None:
        self.function = function
        self._depth = 0  # of the copies that are being followed

    def where(self, node: int, expr: Expr, holds: Callable[[Integer], bool]) -> Guards | None:
        """What follows for the flags where ``holds`` is true of the value; None where it depends on more than flags."""
        ways = self._ways(node, expr, holds, inner=False)
        if ways is None:
            return None
        return join(*(guards for _, guards in ways)) if ways else IMPOSSIBLE

    def ways(self, node: int, expr: Expr) -> list[tuple[int, Guards]]:
        """The few values that an expression can have, each with what the flags are then; none where it may be any."""
        return self._ways(node, expr, lambda _: True, inner=True) or []

    def _ways(
        self, node: int, expr: Expr, holds: Callable[[Integer], bool], *, inner: bool
    ) -> list[tuple[int, Guards]] | None:
        """The same for which ``holds`` is true; ``inner``: the whole may be a flag."""
        flags: _Flags = {}
        if not self._collect(node, expr, flags, inner=inner):
            return None
        if prod(len(values) for _, values in flags.values()) > _MOST_WAYS:
            return None
        found: list[tuple[int, Guards]] = []
        for chosen in product(*(values for _, values in flags.values())):
            try:
                value = _value(expr, dict(zip(flags, chosen, strict=True)))
            except NotConstantError:
                return None
            guards = self._together(node, flags, chosen) if holds(value) else None
            if guards is not None:
                found.append((value.number, guards))
        return found

    def _values(self, node: int, expr: Expr) -> tuple[int, ...] | None:
        """The numbers that a value can be, if they are few and known."""
        if isinstance(expr, Const):
            return (_constant(expr).number,) if expr.value is not None else None
        if is_boolean(expr):
            return 0, 1
        if isinstance(expr, Cast) and expr.type.integer is not None:
            inner = self._values(node, expr.operand)
            return None if inner is None else _all_as(expr.type, inner)
        if isinstance(expr, Binary | Unary):
            found = self._ways(node, expr, lambda _: True, inner=True)
            return None if found is None else tuple(dict.fromkeys(number for number, _ in found))
        if not isinstance(expr, Load) or expr.place.type is None or expr.place.type.is_pointer:
            return None
        return self._of_type(expr.place.type) or self._of_definitions(node, expr)

    def _of_type(self, ctype: CType) -> tuple[int, ...] | None:
        """All values of a narrow bit-field or of an enum."""
        if ctype.width and ctype.width <= _NARROW and ctype.integer is not None:
            return _all_as(ctype, tuple(range(1 << ctype.width)))
        if not ctype.base.startswith("enum "):
            return None
        constants = {value for _, value in self.function.analysis.program.types.enum_constants(ctype.base)}
        return tuple(sorted(constants)) if 0 < len(constants) <= _MOST_VALUES else None

    def _of_definitions(self, node: int, load: Load) -> tuple[int, ...] | None:
        """What was stored into a local variable."""
        place = load.place
        if self._depth > _MAX_DEPTH or not isinstance(place, Var) or place.kind not in {"local", "temp"}:
            return None
        root = self.function.variable_root(place)
        stores = [self.function.code[each] for each in self.function.definitions.get(place.key, ())]
        if not 0 < len(stores) <= _MOST_VALUES or not all(isinstance(each, Assign) for each in stores):
            return None
        if not self.function.is_unaliased((root, ())) or place.type is None or place.type.integer is None:
            return None
        found: set[int] = set()
        self._depth += 1
        try:
            for definition in self.function.reaching(node, (root, ())):
                store = self.function.code[definition]
                some = self._values(definition, store.value) if isinstance(store, Assign) else None
                if some is None:
                    return None
                found.update(_all_as(place.type, some))
        finally:
            self._depth -= 1
        return tuple(sorted(found)) if 0 < len(found) <= _MOST_VALUES else None

    def _collect(self, node: int, expr: Expr, flags: _Flags, *, inner: bool = True) -> bool:
        """Find the flags that an expression (a part of one) depends on; whether it depends on nothing else."""
        if isinstance(expr, Load) and not _may_be_flag(expr.place):
            return False
        name = _name(expr)
        if name in flags:
            return True
        values = None
        match expr:
            case Const():
                return expr.value is not None
            case Load():
                values = self._values(node, expr)
            case Cast() if expr.type.integer is not None:
                return self._collect(node, expr.operand, flags, inner=inner)
            case Unary() | Binary():
                known = dict(flags)
                parts = (expr.operand,) if isinstance(expr, Unary) else (expr.left, expr.right)
                if all(self._collect(node, part, flags) for part in parts):
                    return True
                flags.clear()
                flags.update(known)
                values = (0, 1) if inner and is_boolean(expr) else None
            case _:
                pass
        if values is None or len(flags) >= _MOST_FLAGS:
            return False
        flags[name] = expr, values
        return True

    def _together(self, node: int, flags: _Flags, chosen: tuple[int, ...]) -> Guards | None:
        """What holds where each flag has one of its values; None where that cannot be."""
        found: Guards = NOTHING
        for (expr, values), value in zip(flags.values(), chosen, strict=True):
            for each in values:
                more = self.function.equals(node, expr, each & _WORD, each == value)
                if not compatible(found, more):
                    return None
                found |= more
        return found


def is_number(value: Integer, word: int) -> bool:
    """Whether a value equals a constant, converted to its type as in the label of a switch."""
    return fit(word, value.bits, signed=value.signed).number == value.number


def undo(expr: Expr, word: int) -> tuple[Expr, int] | None:
    """What an operand must equal for an operation with a constant to give ``word``: ``x ^ 1`` is 0 where x is 1.

    Counting up and down is left alone: the depth of a recursion says nothing where that is cut.
    """
    kind = integer_type(expr)
    number = None
    operand = expr
    match expr:
        case Unary():
            operand, number = expr.operand, {"~": ~word, "-": -word, "+": word}.get(expr.op)
        case Binary(op="^", left=left, right=Const(value=int(value))):
            operand, number = left, word ^ value
        case Binary(left=Const(value=int(value)), right=right):
            operand, number = right, {"^": word ^ value, "-": value - word}.get(expr.op)
        case _:
            pass
    if kind is None or number is None:
        return None
    return operand, fit(number, kind[0], signed=kind[1]).number & _WORD


def _converted(value: Integer, ctype: CType) -> Integer:
    """A value after conversion to an integer type."""
    assert ctype.integer is not None
    bits, signed = ctype.integer
    if bits == 1 and not ctype.width:  # a bool
        return truth_value(truth=value.number != 0)
    return fit(value.number, bits, signed=signed)


def _constant(expr: Const) -> Integer:
    """A constant with its type; one without a suffix of its own is an int where that can hold it."""
    assert expr.value is not None
    kind = integer_type(expr)
    if kind is not None:
        return fit(expr.value, kind[0], signed=kind[1])
    number = fit(expr.value, WORD_BITS, signed=True).number
    if -(1 << _INT_BITS - 1) <= number < 1 << _INT_BITS - 1:
        return Integer(number, _INT_BITS, signed=True)
    return fit(expr.value, WORD_BITS, signed=number < 0)


def _may_be_flag(place: LValue) -> bool:
    """Whether the type of an lvalue, or its being a variable of the function, allows that few values are all it has."""
    ctype = place.type
    if ctype is None or ctype.pointers or ctype.arrays:
        return False
    local = isinstance(place, Var) and place.kind in {"local", "temp"}
    return local or bool(ctype.width) or ctype.base in {"bool", "_Bool"} or ctype.base.startswith("enum ")


def _all_as(ctype: CType, values: tuple[int, ...]) -> tuple[int, ...]:
    """Some values after conversion to an integer type."""
    return tuple(dict.fromkeys(_converted(Integer(each, WORD_BITS, signed=True), ctype).number for each in values))


def _name(expr: Expr) -> Hashable:
    """What two readings of one flag in an expression have in common."""
    if isinstance(expr, Load) and isinstance(expr.place, Var):
        return expr.place.kind, expr.place.key
    if isinstance(expr, Load):
        return str(expr.place)
    return id(expr)


def _value(expr: Expr, flags: dict[Hashable, int]) -> Integer:
    """The value of an expression with flags of known values."""
    number = flags.get(_name(expr))
    match expr:
        case Const() if expr.value is not None:
            return _constant(expr)
        case Load() if number is not None:
            kind = expr.place.type.integer if expr.place.type is not None else None
            bits, signed = kind or (_INT_BITS, number < 0)
            return fit(number, bits, signed=signed)
        case _ if number is not None:
            return truth_value(truth=bool(number))
        case Cast():
            return _converted(_value(expr.operand, flags), expr.type)
        case Unary():
            return _unary(expr.op, _value(expr.operand, flags))
        case Binary():
            return binary(expr.op, _value(expr.left, flags), _value(expr.right, flags))
        case _:
            raise NotConstantError


def _unary(operator: str, value: Integer) -> Integer:
    if operator == "!":
        return truth_value(truth=value.number == 0)
    number = {"-": -value.number, "~": ~value.number}.get(operator, value.number)
    return fit(number, value.bits, signed=value.signed)
