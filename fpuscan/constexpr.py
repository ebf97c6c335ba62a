"""Integer constant expressions of C, evaluated without a compiler.

Takes the text of an expression and a lookup of names, gives its value as a
64-bit word, or None where only a build would know it. Types follow C on x86-64
(``int`` is 32 bits and signed), so that ``~0U``, ``(u32)`` casts and
``1 << 31`` come out as in the kernel.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from fpuscan.cpp import Macro, expand_call, split_arguments

__all__ = ["INTEGER_BITS", "WORD", "Evaluator", "Lookup", "evaluate", "integer_bits"]

WORD = (1 << 64) - 1
"""All bits of a 64-bit word."""

Lookup = Callable[[str], Macro | int | None]
"""What a name stands for: a macro, the value of an enum constant, or nothing known."""

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

_TYPE_WORDS = frozenset(INTEGER_BITS) | {"const", "volatile", "__force"}


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


# ---------------------------------------------------------------- values


class _NotConstantError(Exception):
    # Unwinds the parser to evaluate(), which gives None.
    pass


class _TooDeepError(_NotConstantError):
    # Says nothing about the macro at hand: shallower, it may have a value.
    pass


@dataclass(frozen=True, slots=True)
class _Value:
    # A C integer after promotion: bits is 32 or 64.
    number: int
    bits: int
    signed: bool


def _fit(number: int, bits: int, *, signed: bool) -> _Value:
    # The value a C integer of that type has; narrower types are promoted to int.
    number &= (1 << bits) - 1
    if signed and number >> (bits - 1):
        number -= 1 << bits
    if bits < 32:
        return _Value(number, 32, signed=True)
    return _Value(number, bits, signed)


def _boolean(*, truth: bool) -> _Value:
    return _Value(int(truth), 32, signed=True)


def _common(left: _Value, right: _Value) -> tuple[int, bool]:
    # The usual arithmetic conversions.
    bits = max(left.bits, right.bits)
    signed = all(side.signed for side in (left, right) if side.bits == bits)
    return bits, signed


def _divide(left: int, right: int) -> int:
    if right == 0:
        raise _NotConstantError
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
_PRECEDENCE = {
    operator: level
    for level, operators in enumerate(("||", "&&", "|", "^", "&", "== !=", "< <= > >=", "<< >>", "+ -", "* / %"))
    for operator in operators.split()
}


def _binary(operator: str, left: _Value, right: _Value) -> _Value:
    if operator == "||":
        return _boolean(truth=bool(left.number or right.number))
    if operator == "&&":
        return _boolean(truth=bool(left.number and right.number))
    if operator in {"<<", ">>"}:
        if not 0 <= right.number < left.bits:
            raise _NotConstantError
        shifted = left.number << right.number if operator == "<<" else left.number >> right.number
        return _fit(shifted, left.bits, signed=left.signed)
    bits, signed = _common(left, right)
    operands = _fit(left.number, bits, signed=signed).number, _fit(right.number, bits, signed=signed).number
    if operator in _COMPARISON:
        return _boolean(truth=_COMPARISON[operator](*operands))
    return _fit(_ARITHMETIC[operator](*operands), bits, signed=signed)


def _literal(text: str) -> _Value:
    # 10, 0x1f, 0b11, 017 with any of the suffixes u, l, ll.
    found = re.fullmatch(r"(0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)([uUlL]*)", text)
    if not found:
        raise _NotConstantError
    digits, suffix = found[1], found[2].lower()
    octal = len(digits) > 1 and digits.isdigit() and digits[0] == "0"
    try:
        number = int(digits, 8 if octal else 0)
    except ValueError:
        raise _NotConstantError from None
    unsigned, long = "u" in suffix, "l" in suffix
    decimal = digits.isdigit() and not octal
    for bits in (64,) if long else (32, 64):
        if not unsigned and number < 1 << (bits - 1):
            return _Value(number, bits, signed=True)
        if number < 1 << bits and (unsigned or not decimal or bits == 64):
            return _Value(number, bits, signed=False)
    raise _NotConstantError


# ---------------------------------------------------------------- the parser

_TOKEN = re.compile(
    r"""
      \s+ | (?P<token>
        [A-Za-z_]\w* | \d\w* | "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*'
      | << | >> | <= | >= | == | != | && | \|\| | .
      )
    """,
    re.VERBOSE | re.DOTALL,
)
_DEEPEST = 40  # nesting of parentheses and macros; deeper is hostile and no constant
_LONGEST = 20_000  # tokens of one fully expanded expression


def _tokens(text: str) -> list[str]:
    return [found["token"] for found in _TOKEN.finditer(text) if found["token"]]


def _mask_between(high: _Value, low: _Value) -> _Value:
    if not 0 <= low.number <= high.number < 64:
        raise _NotConstantError
    return _Value((1 << (high.number + 1)) - (1 << low.number), 64, signed=False)


def _bit(number: _Value) -> _Value:
    return _binary("<<", _Value(1, 64, signed=False), number)


# Macros of headers outside the scope (linux/bits.h, uapi/linux/const.h), whose bodies need sizeof and pasting.
_BIT = ("BIT", "BIT_ULL", "_BITUL", "_BITULL", "BIT_U64", "BIT_U32")
_GENMASK = ("GENMASK", "GENMASK_ULL", "GENMASK_U64", "__GENMASK", "__GENMASK_ULL")
_WIDEN = ("UL", "_UL", "ULL", "_ULL", "U64_C", "UINT64_C", "_AC")
_BUILTINS = frozenset((*_BIT, *_GENMASK, *_WIDEN))


class Evaluator:
    """Evaluates expressions over one lookup, remembering the macros it has seen.

    The lookup must answer the same for a name each time.
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._known: dict[str, _Value | None] = {}
        self._active: set[str] = set()

    def evaluate(self, expression: str | bytes) -> int | None:
        """The 64-bit word that the expression has in every build, or None."""
        text = expression.decode("utf-8", "replace") if isinstance(expression, bytes) else expression
        try:
            return _Parser(_tokens(text), self).parse(0).number & WORD
        except _NotConstantError:
            return None

    def name(self, name: str) -> Macro | _Value:
        """What a name stands for; raises where nothing is known."""
        found = self._lookup(name)
        if found is None:
            raise _NotConstantError
        if isinstance(found, int):
            return _fit(found, 32 if -(1 << 31) <= found < 1 << 31 else 64, signed=found < 1 << 63)
        return found

    def body(self, name: str, tokens: list[str], depth: int) -> _Value:
        """The value of a macro body that is one operand; each name is evaluated once."""
        if name not in self._known:
            if name in self._active:
                raise _NotConstantError
            self._active.add(name)
            try:
                self._known[name] = _Parser(tokens, self).parse(depth)
            except _TooDeepError:
                raise
            except _NotConstantError:
                self._known[name] = None
            finally:
                self._active.discard(name)
        value = self._known[name]
        if value is None:
            raise _NotConstantError
        return value


def _is_operand(tokens: list[str]) -> bool:
    # One token, or one pair of parentheses around everything: textual substitution cannot regroup it.
    if len(tokens) == 1:
        return True
    if len(tokens) < 2 or tokens[0] != "(":
        return False
    depth = 0
    for number, token in enumerate(tokens):
        depth += (token == "(") - (token == ")")
        if depth == 0:
            return number == len(tokens) - 1
    return False


class _Parser:
    # Precedence climbing; macros are put into the token list in place, as the preprocessor does.

    def __init__(self, tokens: list[str], names: Evaluator) -> None:
        self._rest = tokens[::-1]
        self._names = names
        self._budget = _LONGEST

    def parse(self, depth: int) -> _Value:
        value = self._ternary(depth)
        if self._rest:
            raise _NotConstantError
        return value

    def _peek(self) -> str:
        return self._rest[-1] if self._rest else ""

    def _take(self, expected: str = "") -> str:
        if not self._rest or (expected and self._rest[-1] != expected):
            raise _NotConstantError
        return self._rest.pop()

    def _ternary(self, depth: int) -> _Value:
        if depth > _DEEPEST:
            raise _TooDeepError
        condition = self._operation(0, depth)
        if self._peek() != "?":
            return condition
        self._take()
        yes = self._ternary(depth + 1)
        self._take(":")
        no = self._ternary(depth + 1)
        bits, signed = _common(yes, no)
        return _fit((yes if condition.number else no).number, bits, signed=signed)

    def _operation(self, level: int, depth: int) -> _Value:
        left = self._unary(depth)
        while (found := _PRECEDENCE.get(self._peek(), -1)) >= level:
            operator = self._take()
            left = _binary(operator, left, self._operation(found + 1, depth))
        return left

    def _unary(self, depth: int) -> _Value:
        if depth > _DEEPEST:
            raise _TooDeepError
        match self._peek():
            case "~" | "-" | "+" | "!" as operator:
                self._take()
                value = self._unary(depth + 1)
                if operator == "!":
                    return _boolean(truth=not value.number)
                number = {"~": ~value.number, "-": -value.number, "+": value.number}[operator]
                return _fit(number, value.bits, signed=value.signed)
            case "(":
                return self._parenthesis(depth + 1)
            case _:
                return self._primary(self._take(), depth)

    def _parenthesis(self, depth: int) -> _Value:
        self._take("(")
        if self._peek() in _TYPE_WORDS:
            words = []
            while self._peek() != ")":
                words.append(self._take())
            self._take(")")
            width = integer_bits(" ".join(words))
            if width is None:
                raise _NotConstantError
            value = self._unary(depth)
            number = int(value.number != 0) if width[0] == 1 else value.number
            return _fit(number, width[0], signed=width[1])
        value = self._ternary(depth)
        self._take(")")
        return value

    def _primary(self, token: str, depth: int) -> _Value:
        if token[0].isdigit():
            return _literal(token)
        if token[0] == "'":
            return _character(token)
        if not (token[0].isalpha() or token[0] == "_"):
            raise _NotConstantError
        if token in _BUILTINS and self._peek() == "(":
            return self._builtin(token, depth)
        found = self._names.name(token)
        return found if isinstance(found, _Value) else self._macro(found, depth)

    def _builtin(self, name: str, depth: int) -> _Value:
        arguments = self._arguments()
        if name == "_AC":
            del arguments[1:]  # the suffix
        match [_Parser(_tokens(text), self._names).parse(depth + 1) for text in arguments]:
            case [high, low] if name in _GENMASK:
                return _mask_between(high, low)
            case [number] if name in _BIT:
                return _bit(number)
            case [number] if name in _WIDEN:
                return _fit(number.number, 64, signed=False)
            case _:
                raise _NotConstantError

    def _macro(self, macro: Macro, depth: int) -> _Value:
        if macro.params is None:
            tokens = _tokens(macro.body)
            if _is_operand(tokens):
                return self._names.body(macro.name, tokens, depth + 1)
        else:
            tokens = _tokens(expand_call(macro, self._arguments()))
        self._budget -= len(tokens) + 1
        if self._budget < 0 or not tokens:
            raise _NotConstantError
        self._rest.extend(reversed(tokens))
        return self._unary(depth + 1)

    def _arguments(self) -> list[str]:
        # The text of a call's arguments; the parser stands before the parenthesis.
        self._take("(")
        inside: list[str] = []
        depth = 1
        while True:
            token = self._take()
            depth += (token == "(") - (token == ")")
            if depth == 0:
                return split_arguments(" ".join(inside))
            inside.append(token)


def _character(token: str) -> _Value:
    if len(token) != 3:
        raise _NotConstantError
    return _Value(ord(token[1]), 32, signed=True)


def evaluate(expression: str | bytes, lookup: Lookup) -> int | None:
    """The value of a C integer constant expression as a 64-bit word.

    Knows literals with suffixes, enum constants and macros (through
    ``lookup``), ``BIT*()`` and ``GENMASK*()``, casts to integer types, the
    operators ``~ ! & | ^ << >> + - * / % ?:``, comparisons and parentheses.
    None for everything else: ``sizeof``, unknown names, cyclic macros.
    """
    return Evaluator(lookup).evaluate(expression)
