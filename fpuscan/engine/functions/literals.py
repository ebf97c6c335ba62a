"""Branch conditions as literals over definitions.

A literal is (key, operator, constant). The key names *one definition* of a
variable or member: ``("b", function, root, path, definitions)``; two conditions
correlate only if they read the same one. ``("c", name)`` is a configuration
option. Operators: ``=`` and ``!`` (not equal) against a constant, where a true
condition is ``! 0``; ``clr``, the bits of the constant are all clear, and ``set``,
one of them is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["IMPOSSIBLE", "NOTHING", "Guards", "Key", "Literal", "compatible", "contradicts", "join"]

Key = tuple[Any, ...]  # as for the roots of places: the first item says what the others are
Literal = tuple[Key, str, int]
Guards = frozenset[Literal]

NOTHING: Guards = frozenset()
# The condition can never have the wanted truth.
_NEVER: Key = ("impossible",)
IMPOSSIBLE: Guards = frozenset({(_NEVER, "=", 0)})


def contradicts(first: Literal, second: Literal) -> bool:
    """Whether two literals about one definition exclude each other."""
    if first[0] != second[0]:
        return False
    operators = {first[1], second[1]}
    if operators == {"="}:
        return first[2] != second[2]
    if operators == {"=", "!"}:
        return first[2] == second[2]
    constants = {first[1]: first[2], second[1]: second[2]}
    match sorted(operators):
        case ["clr", "set"]:
            return constants["set"] & ~constants["clr"] == 0
        case ["=", "clr"]:
            return constants["="] & constants["clr"] != 0
        case ["=", "set"]:
            return constants["="] & constants["set"] == 0
        case _:
            return False


def compatible(guards: Guards, more: Iterable[Literal]) -> bool:
    """Whether all of ``more`` can hold together with ``guards``."""
    for literal in more:
        if literal in guards:
            continue
        key = literal[0]
        if key == _NEVER:
            return False
        for known in guards:
            if known[0] == key and contradicts(known, literal):
                return False
    return True


def join(first: Guards, second: Guards) -> Guards:
    """What holds on both paths."""
    return first & second
