"""The integers of C on x86-64: types, literals, conversions and operators."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

__all__ = [
    "INTEGER_BITS",
    "TYPE_WORDS",
    "Integer",
    "NotConstantError",
    "binary",
    "common_type",
    "fit",
    "integer_bits",
    "literal",
    "truth_value",
]

INTEGER_BITS: dict[str, tuple[int, bool]] = {
    "bool": (1, False),
    "_Bool": (1, False),
    "char": (8, True),
    "short": (16, True),
    "int": (32, True),
    "unsigned": (32, False),
    "signed": (32, True),
    "long": (64, True),
    "size_t": (64, False),
    "ssize_t": (64, True),
    "loff_t": (64, True),
    "gfn_t": (64, False),
    "gpa_t": (64, False),
    "gva_t": (64, False),
    "hpa_t": (64, False),
    "uintptr_t": (64, False),
    "compat_ulong_t": (32, False),
} | {
    spelling.format(bits): (bits, signed)
    for bits in (8, 16, 32, 64)
    for signed, spellings in (
        (True, ("s{}", "__s{}", "int{}_t")),
        (False, ("u{}", "__u{}", "uint{}_t", "__le{}", "__be{}")),
    )
    for spelling in spellings
}
"""Integer types of the kernel on x86-64: (width in bits, signed)."""

TYPE_WORDS = frozenset(INTEGER_BITS) | {"const", "volatile", "__force"}
"""The words of which a cast to an integer type is made."""


@lru_cache(maxsize=512)
def integer_bits(base: str) -> tuple[int, bool] | None:
    """(width in bits, signed) of an integer type such as ``u32`` or ``unsigned long``; None for any other."""
    words = [word for word in base.split() if word not in {"const", "volatile", "__force"}]
    if not words or any(word not in INTEGER_BITS for word in words):
        return None
    if len(words) == 1:
        return INTEGER_BITS[words[0]]
    for name in ("char", "short", "long"):
        if name in words:
            return INTEGER_BITS[name][0], "unsigned" not in words
    return 32, "unsigned" not in words


class NotConstantError(Exception):
    """There is no value that every build agrees on; caught where an evaluation begins."""


class Integer(NamedTuple):
    """A C integer after promotion: ``bits`` is 32 or 64."""

    number: int
    bits: int
    signed: bool


def fit(number: int, bits: int, *, signed: bool) -> Integer:
    """The value that a C integer of that type has; narrower types are promoted to int."""
    number &= (1 << bits) - 1
    if signed and number >> (bits - 1):
        number -= 1 << bits
    if bits < 32:
        return Integer(number, 32, signed=True)
    return Integer(number, bits, signed)


def truth_value(*, truth: bool) -> Integer:
    """The int that a comparison gives."""
    return Integer(int(truth), 32, signed=True)


def common_type(left: Integer, right: Integer) -> tuple[int, bool]:
    """(bits, signed) after the usual arithmetic conversions."""
    bits = max(left.bits, right.bits)
    signed = all(side.signed for side in (left, right) if side.bits == bits)
    return bits, signed


def _divide(left: int, right: int) -> int:
    if right == 0:
        raise NotConstantError
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "|": int.__or__,
    "^": int.__xor__,
    "&": int.__and__,
    "+": int.__add__,
    "-": int.__sub__,
    "*": int.__mul__,
    "/": _divide,
    "%": lambda left, right: left - right * _divide(left, right),
}
_COMPARISON: dict[str, Callable[[int, int], bool]] = {
    "==": int.__eq__,
    "!=": int.__ne__,
    "<": int.__lt__,
    "<=": int.__le__,
    ">": int.__gt__,
    ">=": int.__ge__,
}


def binary(operator: str, left: Integer, right: Integer) -> Integer:
    """``left operator right``; an impossible shift and a division by zero are no constants."""
    if operator == "||":
        return truth_value(truth=bool(left.number or right.number))
    if operator == "&&":
        return truth_value(truth=bool(left.number and right.number))
    if operator in {"<<", ">>"}:
        if not 0 <= right.number < left.bits:
            raise NotConstantError
        shifted = left.number << right.number if operator == "<<" else left.number >> right.number
        return fit(shifted, left.bits, signed=left.signed)
    bits, signed = common_type(left, right)
    operands = fit(left.number, bits, signed=signed).number, fit(right.number, bits, signed=signed).number
    if operator in _COMPARISON:
        return truth_value(truth=_COMPARISON[operator](*operands))
    return fit(_ARITHMETIC[operator](*operands), bits, signed=signed)


def literal(text: str) -> Integer:
    """The value of ``10``, ``0x1f``, ``0b11``, ``017`` with any of the suffixes u, l, ll."""
    found = re.fullmatch(r"(0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)([uUlL]*)", text)
    if not found:
        raise NotConstantError
    digits, suffix = found[1], found[2].lower()
    octal = len(digits) > 1 and digits.isdigit() and digits[0] == "0"
    try:
        number = int(digits, 8 if octal else 0)
    except ValueError:
        raise NotConstantError from None
    unsigned, long = "u" in suffix, "l" in suffix
    decimal = digits.isdigit() and not octal
    for bits in (64,) if long else (32, 64):
        if not unsigned and number < 1 << (bits - 1):
            return Integer(number, bits, signed=True)
        if number < 1 << bits and (unsigned or not decimal or bits == 64):
            return Integer(number, bits, signed=False)
    raise NotConstantError
