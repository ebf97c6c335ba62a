"""Integer constant expressions of C, evaluated without a compiler.

Takes the text of an expression and a lookup of names, gives its value as a
64-bit word, or None where only a build would know it. Types follow C on x86-64
(``int`` is 32 bits and signed), so that ``~0U``, ``(u32)`` casts and
``1 << 31`` come out as in the kernel.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from fpuscan.symbols.cpp import Macro
from fpuscan.symbols.expansion import expand_call, split_arguments
from fpuscan.symbols.integers import (
    INTEGER_BITS,
    TYPE_WORDS,
    Integer,
    NotConstantError,
    binary,
    common_type,
    fit,
    integer_bits,
    literal,
    truth_value,
)

__all__ = ["BIT_MACROS", "INTEGER_BITS", "WORD", "Evaluator", "Lookup", "constant_lookup", "evaluate", "integer_bits"]

WORD = (1 << 64) - 1
"""All bits of a 64-bit word."""

Lookup = Callable[[str], Macro | int | None]
"""What a name stands for: a macro, the value of an enum constant, or nothing known."""

_PRECEDENCE = {
    operator: level
    for level, operators in enumerate(("||", "&&", "|", "^", "&", "== !=", "< <= > >=", "<< >>", "+ -", "* / %"))
    for operator in operators.split()
}


class _TooDeepError(NotConstantError):
    # Says nothing about the macro at hand: shallower, it may have a value.
    pass


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
_LONGEST = 5_000  # tokens of one fully expanded expression


@lru_cache(maxsize=1024)  # the same masks are evaluated again and again
def _tokens(text: str) -> tuple[str, ...]:
    return tuple([found["token"] for found in _TOKEN.finditer(text) if found["token"]])


def _mask_between(high: Integer, low: Integer) -> Integer:
    if not 0 <= low.number <= high.number < 64:
        raise NotConstantError
    return Integer((1 << (high.number + 1)) - (1 << low.number), 64, signed=False)


def _bit(number: Integer) -> Integer:
    return binary("<<", Integer(1, 64, signed=False), number)


# Macros of headers outside the scope (linux/bits.h, uapi/linux/const.h), whose bodies need sizeof and pasting.
BIT_MACROS = ("BIT", "BIT_ULL", "_BITUL", "_BITULL", "BIT_U64", "BIT_U32")
_GENMASK = ("GENMASK", "GENMASK_ULL", "GENMASK_U64", "__GENMASK", "__GENMASK_ULL")
_WIDEN = ("UL", "_UL", "ULL", "_ULL", "U64_C", "UINT64_C", "_AC")
_BUILTINS = frozenset((*BIT_MACROS, *_GENMASK, *_WIDEN))


class Evaluator:
    """Evaluates expressions over one lookup, remembering the macros it has seen.

    The lookup must answer the same for a name each time.
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._known: dict[str, Integer | None] = {}
        self._active: set[str] = set()

    def evaluate(self, expression: str | bytes) -> int | None:
        """The 64-bit word that the expression has in every build, or None."""
        text = expression.decode("utf-8", "replace") if isinstance(expression, bytes) else expression
        try:
            return _Parser(_tokens(text), self).parse(0).number & WORD
        except NotConstantError:
            return None

    def name(self, name: str) -> Macro | Integer:
        """What a name stands for; raises where nothing is known."""
        found = self._lookup(name)
        if found is None:
            raise NotConstantError
        if isinstance(found, int):
            return fit(found, 32 if -(1 << 31) <= found < 1 << 31 else 64, signed=found < 1 << 63)
        return found

    def body(self, name: str, tokens: Sequence[str], depth: int) -> Integer:
        """The value of a macro body that is one operand; each name is evaluated once."""
        if name not in self._known:
            if name in self._active:
                raise NotConstantError
            self._active.add(name)
            try:
                self._known[name] = _Parser(tokens, self).parse(depth)
            except _TooDeepError:
                raise
            except NotConstantError:
                self._known[name] = None
            finally:
                self._active.discard(name)
        value = self._known[name]
        if value is None:
            raise NotConstantError
        return value


def _is_operand(tokens: Sequence[str]) -> bool:
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

    def __init__(self, tokens: Sequence[str], names: Evaluator) -> None:
        self._rest = [*reversed(tokens)]
        self._names = names
        self._budget = _LONGEST

    def parse(self, depth: int) -> Integer:
        value = self._ternary(depth)
        if self._rest:
            raise NotConstantError
        return value

    def _peek(self) -> str:
        return self._rest[-1] if self._rest else ""

    def _take(self, expected: str = "") -> str:
        if not self._rest or (expected and self._rest[-1] != expected):
            raise NotConstantError
        return self._rest.pop()

    def _ternary(self, depth: int) -> Integer:
        if depth > _DEEPEST:
            raise _TooDeepError
        condition = self._operation(0, depth)
        if self._peek() != "?":
            return condition
        self._take()
        yes = self._ternary(depth + 1)
        self._take(":")
        no = self._ternary(depth + 1)
        bits, signed = common_type(yes, no)
        return fit((yes if condition.number else no).number, bits, signed=signed)

    def _operation(self, level: int, depth: int) -> Integer:
        left = self._unary(depth)
        while (found := _PRECEDENCE.get(self._peek(), -1)) >= level:
            operator = self._take()
            left = binary(operator, left, self._operation(found + 1, depth))
        return left

    def _unary(self, depth: int) -> Integer:
        if depth > _DEEPEST:
            raise _TooDeepError
        match self._peek():
            case "~" | "-" | "+" | "!" as operator:
                self._take()
                value = self._unary(depth + 1)
                if operator == "!":
                    return truth_value(truth=not value.number)
                number = {"~": ~value.number, "-": -value.number, "+": value.number}[operator]
                return fit(number, value.bits, signed=value.signed)
            case "(":
                return self._parenthesis(depth + 1)
            case _:
                return self._primary(self._take(), depth)

    def _parenthesis(self, depth: int) -> Integer:
        self._take("(")
        if self._peek() in TYPE_WORDS:
            words = []
            while self._peek() != ")":
                words.append(self._take())
            self._take(")")
            width = integer_bits(" ".join(words))
            if width is None:
                raise NotConstantError
            value = self._unary(depth)
            number = int(value.number != 0) if width[0] == 1 else value.number
            return fit(number, width[0], signed=width[1])
        value = self._ternary(depth)
        self._take(")")
        return value

    def _primary(self, token: str, depth: int) -> Integer:
        if token[0].isdigit():
            return literal(token)
        if token[0] == "'":
            return _character(token)
        if not (token[0].isalpha() or token[0] == "_"):
            raise NotConstantError
        if token in _BUILTINS and self._peek() == "(":
            return self._builtin(token, depth)
        found = self._names.name(token)
        return found if isinstance(found, Integer) else self._macro(found, depth)

    def _builtin(self, name: str, depth: int) -> Integer:
        arguments = self._arguments()
        if name == "_AC":
            del arguments[1:]  # the suffix
        match [_Parser(_tokens(text), self._names).parse(depth + 1) for text in arguments]:
            case [high, low] if name in _GENMASK:
                return _mask_between(high, low)
            case [number] if name in BIT_MACROS:
                return _bit(number)
            case [number] if name in _WIDEN:
                return fit(number.number, 64, signed=False)
            case _:
                raise NotConstantError

    def _macro(self, macro: Macro, depth: int) -> Integer:
        if macro.params is None:
            tokens = _tokens(macro.body)
            if _is_operand(tokens):
                return self._names.body(macro.name, tokens, depth + 1)
        else:
            tokens = _tokens(expand_call(macro, self._arguments()))
        self._budget -= len(tokens) + 1
        if self._budget < 0 or not tokens:
            raise NotConstantError
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


def _character(token: str) -> Integer:
    if len(token) != 3:
        raise NotConstantError
    return Integer(ord(token[1]), 32, signed=True)


def evaluate(expression: str | bytes, lookup: Lookup) -> int | None:
    """The value of a C integer constant expression as a 64-bit word.

    Knows literals with suffixes, enum constants and macros (through
    ``lookup``), ``BIT*()`` and ``GENMASK*()``, casts to integer types, the
    operators ``~ ! & | ^ << >> + - * / % ?:``, comparisons and parentheses.
    None for everything else: ``sizeof``, unknown names, cyclic macros.
    """
    return Evaluator(lookup).evaluate(expression)


def constant_lookup(macro: Callable[[str], Macro | None], constant: Callable[[str], int | None]) -> Lookup:
    """The lookup over a table of macros and one of enum constants.

    A constant comes first: where both have a name, the macro only makes it
    visible to ``#ifdef`` (``#define RED RED``).
    """

    def lookup(name: str) -> Macro | int | None:
        value = constant(name)
        return value if value is not None else macro(name)

    return lookup
