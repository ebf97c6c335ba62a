"""Branch conditions as literals over definitions.

A literal is (key, operator, constant). The key names *one definition* of a
variable or member: ``("b", function, root, path, definitions)``; two conditions
correlate only if they read the same one. ``("c", name)`` is a configuration
option. Operators: ``=`` and ``!`` (not equal) against a constant, where a true
condition is ``! 0``; ``clr``, the bits of the constant are all clear, and ``set``,
one of them is not; ``in``, the value is in a set of ranges: what the labels of a
``switch`` that run into each other have in common, or ``x < n``.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from fpuscan.engine.functions.ranges import ALL, Ranges, both, complement, either, few

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "IMPOSSIBLE",
    "NOTHING",
    "Guards",
    "Key",
    "Literal",
    "compatible",
    "contradicts",
    "join",
    "negated",
    "settled",
]

Key = tuple[Any, ...]  # as for the roots of places: the first item says what the others are
Literal = tuple[Key, str, int | Ranges]
Guards = frozenset[Literal]

NOTHING: Guards = frozenset()
# The condition can never have the wanted truth.
_NEVER: Key = ("impossible",)
IMPOSSIBLE: Guards = frozenset({(_NEVER, "=", 0)})
_NEGATED = {"=": "!", "!": "=", "set": "clr", "clr": "set"}
# Bounds on what a join keeps, so that it stays small and ends.
_MAX_RANGES = 4
_MAX_WORDS = 64


def negated(literal: Literal) -> Literal:
    """The literal that holds where this one does not."""
    key, operator, constant = literal
    if isinstance(constant, tuple):
        return key, operator, complement(constant)
    return key, _NEGATED[operator], constant


def contradicts(first: Literal, second: Literal) -> bool:
    """Whether two literals about one definition exclude each other."""
    if first[0] != second[0]:
        return False
    operators = {first[1], second[1]}
    if operators == {"="}:
        return first[2] != second[2]
    if operators == {"=", "!"}:
        return first[2] == second[2]
    if "in" in operators:
        return _excludes(*((first, second) if first[1] == "in" else (second, first)))
    constants = {first[1]: first[2], second[1]: second[2]}
    return _bits_contradict({operator: word for operator, word in constants.items() if isinstance(word, int)})


def _bits_contradict(constants: dict[str, int]) -> bool:
    match sorted(constants):
        case ["clr", "set"]:
            return constants["set"] & ~constants["clr"] == 0
        case ["=", "clr"]:
            return constants["="] & constants["clr"] != 0
        case ["=", "set"]:
            return constants["="] & constants["set"] == 0
        case _:
            return False


def _excludes(within: Literal, other: Literal) -> bool:
    """Whether no value of a set is as the other literal says."""
    ranges, wanted = _ranges(within), _ranges(other)
    if wanted is not None:
        return ranges is not None and not both(ranges, wanted)
    words = few(ranges, _MAX_WORDS) if ranges is not None else None
    return words is not None and all(contradicts((within[0], "=", word), other) for word in words)


def _ranges(literal: Literal) -> Ranges | None:
    """The values that a literal allows; None where it is about bits."""
    _, operator, constant = literal
    if isinstance(constant, tuple):
        return constant
    match operator:
        case "=":
            return ((constant, constant),)
        case "!":
            return complement(((constant, constant),))
        case _:
            return None


def compatible(guards: Guards, more: Iterable[Literal]) -> bool:
    """Whether all of ``more`` can hold together with ``guards``."""
    for literal in more:
        if literal in guards:
            continue
        key = literal[0]
        if key == _NEVER:
            return False
        same = [literal]
        for known in guards:
            if known[0] == key:
                if contradicts(known, literal):
                    return False
                same.append(known)
        if len(same) > 2 and any(each[1] == "in" for each in same) and not _allowed(same):
            return False  # no two of them exclude each other, and all of them do
    return True


def join(*ways: Guards) -> Guards:
    """What holds on each of some ways; of a value that is one thing on the one and another on the other, either."""
    return reduce(_join, ways)


def _join(first: Guards, second: Guards) -> Guards:
    common = first & second
    if len(common) in {len(first), len(second)}:
        return common
    left, right = first - common, second - common
    keys = {literal[0] for literal in left if literal[0][0] == "b"} & {literal[0] for literal in right}
    for key in keys:
        common = common.union(*_either(key, left, right))
    return common


def _either(key: Key, first: Guards, second: Guards) -> tuple[Iterable[Literal], ...]:
    """What two sets of guards both say about one definition, in other words."""
    left, right = [each for each in first if each[0] == key], [each for each in second if each[0] == key]
    some, others = _allowed(left), _allowed(right)
    return (
        _spelled(key, either(some, others)),
        (each for each in left if each[1] in {"set", "clr"} and _implied(each, others)),
        (each for each in right if each[1] in {"set", "clr"} and _implied(each, some)),
    )


def _allowed(literals: list[Literal]) -> Ranges:
    return reduce(both, (ranges for each in literals if (ranges := _ranges(each)) is not None), ALL)


def settled(guards: Guards) -> dict[Key, int]:
    """The definitions of which some guards about sets of values leave a single one."""
    keys = {key for key, operator, _ in guards if operator == "in"}
    found: dict[Key, int] = {}
    for key in keys:
        words = few(_allowed([each for each in guards if each[0] == key]), 1)
        if words is not None:
            found.update((key, word) for word in words)
    return found


def _implied(literal: Literal, allowed: Ranges) -> bool:
    words = few(allowed, _MAX_WORDS)
    return words is not None and all(contradicts((literal[0], "=", word), negated(literal)) for word in words)


def _spelled(key: Key, allowed: Ranges) -> list[Literal]:
    """A set of values in as plain literals as it can be said; nothing where that takes too many ranges."""
    for operator, ranges in (("!", complement(allowed)), ("=", allowed)):
        words = few(ranges, _MAX_RANGES if operator == "!" else 1)
        if words is not None:
            return [(key, operator, word) for word in words]
    return [(key, "in", allowed)] if len(allowed) <= _MAX_RANGES else []
