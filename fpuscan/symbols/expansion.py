"""What a call of a macro expands to, as text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpuscan.symbols.cpp import Macro

__all__ = ["expand_call", "split_arguments"]

_PIECE = re.compile(
    r"""
      "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*'   # literals are never substituted
    | [A-Za-z_]\w*                            # a name, maybe a parameter
    | \.?\d[\w.]*                             # a number with its suffix
    | \#\# | \s+ | .
    """,
    re.VERBOSE | re.DOTALL,
)
_LONGEST = 1_000_000  # characters of an expansion; only a hostile macro is longer


def split_arguments(text: str) -> list[str]:
    """The arguments of a macro call from the text between its parentheses, stripped.

    Only parentheses protect a comma, as in C; an empty text gives no argument.
    """
    if not text.strip():
        return []
    arguments: list[str] = []
    current: list[str] = []
    depth = 0
    for piece in _PIECE.findall(text):
        if piece == "," and depth == 0:
            arguments.append("".join(current).strip())
            current = []
            continue
        depth += (piece == "(") - (piece == ")")
        current.append(piece)
    return [*arguments, "".join(current).strip()]


def expand_call(macro: Macro, args: Sequence[str]) -> str:
    """The body of ``macro`` with ``args`` put in for its parameters.

    Handles ``#x``, ``a##b``, ``__VA_ARGS__``, named variadics, ``, ##args`` and
    the bodies of object-like macros. Missing arguments are empty. The result
    is not expanded again. An expansion beyond all measure is just the arguments.
    """
    parts = macro.body.split("##")
    body = "##".join([parts[0].rstrip(), *(part.strip() for part in parts[1:])]) if len(parts) > 1 else macro.body
    if macro.params is None:
        return body.replace("##", "")
    values = _bind(macro, args)
    if len(body) * max(map(len, values.values()), default=0) > _LONGEST and _length(body, values) > _LONGEST:
        return f"({', '.join(args)})"
    pieces = _PIECE.findall(body)
    result: list[str] = []
    for at, piece in enumerate(pieces):
        if piece == "##":
            _swallow_comma(result, pieces[at + 1] if at + 1 < len(pieces) else "", macro.variadic, values)
        elif piece in values and (hash_at := _stringizes(result)) is not None:
            result[hash_at:] = [_quote(values[piece])]
        else:
            result.append(values.get(piece, piece))
    return "".join(result)


def _stringizes(result: list[str]) -> int | None:
    # Where the ``#`` stands that makes a string of the parameter behind it.
    last = len(result) - 1
    if last > 0 and result[last].isspace():
        last -= 1
    return last if last >= 0 and result[last] == "#" else None


def _bind(macro: Macro, args: Sequence[str]) -> dict[str, str]:
    params = macro.params or ()
    values = {name: args[index] if index < len(args) else "" for index, name in enumerate(params)}
    if macro.variadic:
        values[macro.variadic] = ", ".join(args[len(params) :])
    return values


def _length(body: str, values: dict[str, str]) -> int:
    return sum(len(values.get(piece, piece)) for piece in _PIECE.findall(body))


def _swallow_comma(result: list[str], following: str, variadic: str, values: dict[str, str]) -> None:
    # GNU: in ``, ##args`` the comma goes away with empty variadic arguments.
    if variadic and following == variadic and result and result[-1] == "," and not values[variadic]:
        result.pop()


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
