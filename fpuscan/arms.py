"""Under which build configuration a byte of a file is compiled.

Takes the ``#if`` groups of one normalised file, gives for every offset the
literals that must hold there. All arms of a group stay in the syntax tree, so
two statements of contradicting arms must be told apart by these literals.
Conditions that are no test of ``CONFIG_*`` are opaque: their arms still
exclude each other.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fpuscan.normalise.values import Group, Normalised

__all__ = ["ArmIndex", "ConfigLiteral", "arm_conditions", "contradict"]


@dataclass(frozen=True, slots=True, order=True)
class ConfigLiteral:
    """One thing that must hold for a byte to be compiled.

    ``name`` is ``CONFIG_KVM`` with a bool value, or ``arm:<path>:<offset>`` of
    an ``#if`` group with the index of its arm.
    """

    name: str
    value: bool | int

    @property
    def is_config(self) -> bool:
        """True for a Kconfig symbol, False for an arm of an opaque group."""
        return self.name.startswith("CONFIG_")

    def __str__(self) -> str:
        if self.is_config:
            return self.name if self.value else f"!{self.name}"
        return f"{self.name}={int(self.value)}"


def contradict(left: Iterable[ConfigLiteral], right: Iterable[ConfigLiteral]) -> bool:
    """True when no build compiles both places."""
    values = {literal.name: literal.value for literal in left}
    return any(values.get(literal.name, literal.value) != literal.value for literal in right)


# ---------------------------------------------------------------- conditions

# A condition is one of: ("const", bool) ("config", name) ("other",) ("not", c) ("and", c, c) ("or", c, c).
_Condition = tuple[object, ...]

_TOKEN = re.compile(r"&&|\|\||[()!](?!=)|[A-Za-z_]\w*|[^\s&|()!\w]+|\w+|.")
_CONFIG_TESTS = frozenset({"defined", "IS_ENABLED", "IS_REACHABLE", "IS_BUILTIN", "IS_MODULE"})
# The tree is read as the compiler reads it for C code of a 64-bit kernel build.
_NEVER_DEFINED = frozenset({"__ASSEMBLER__", "__ASSEMBLY__", "__CHECKER__"})
_ALWAYS_DEFINED = frozenset({"__KERNEL__", "__GNUC__"})
_DEEPEST = 100  # nesting of parentheses; an endless condition is opaque
_OTHER: _Condition = ("other",)


class _ConditionParser:
    # Recursive descent over ``! && || ( )``; whatever else stands in a condition is opaque.

    def __init__(self, text: str) -> None:
        self._tokens = [token for token in _TOKEN.findall(text) if not token.isspace()]
        self._at = 0
        self._depth = 0

    def parse(self) -> _Condition:
        condition = self._disjunction()
        return condition if self._at == len(self._tokens) else _OTHER

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _disjunction(self) -> _Condition:
        left = self._conjunction()
        while self._peek() == "||":
            self._at += 1
            left = ("or", left, self._conjunction())
        return left

    def _conjunction(self) -> _Condition:
        left = self._operand()
        while self._peek() == "&&":
            self._at += 1
            left = ("and", left, self._operand())
        return left

    def _operand(self) -> _Condition:
        negated = False
        while self._peek() == "!":
            self._at += 1
            negated = not negated
        operand = self._atom()
        return ("not", operand) if negated else operand

    def _atom(self) -> _Condition:
        start = self._at
        if self._peek() == "(" and self._depth < _DEEPEST:
            self._at += 1
            self._depth += 1
            inner = self._disjunction()
            self._depth -= 1
            if self._peek() == ")":
                self._at += 1
                if self._peek() in {"", "&&", "||", ")"}:
                    return inner
            self._at = start
        self._skip_operand()
        return _classify(self._tokens[start : self._at])

    def _skip_operand(self) -> None:
        depth = 0
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if depth == 0 and token in {"&&", "||", ")"}:
                return
            depth += (token == "(") - (token == ")")
            self._at += 1


def _classify(tokens: list[str]) -> _Condition:
    # One operand: a literal, a CONFIG test, a predefined macro, or something opaque.
    match tokens:
        case [number] if number.isdigit():
            return ("const", int(number) != 0)
        case [name] if name.startswith("CONFIG_"):
            return ("config", name)
        case [test, "(", name, ")"] | [test, name] if test in _CONFIG_TESTS:
            if name in _NEVER_DEFINED or name in _ALWAYS_DEFINED:
                return ("const", name in _ALWAYS_DEFINED)
            return ("config", name) if name.startswith("CONFIG_") else _OTHER
        case _:
            return _OTHER


def _parse_condition(kind: str, text: str) -> _Condition:
    if kind.removeprefix("el") in {"ifdef", "ifndef"}:
        condition = _ConditionParser(f"defined({text.strip().split(maxsplit=1)[0] if text.strip() else '?'})").parse()
        return ("not", condition) if kind.endswith("ifndef") else condition
    return _ConditionParser(text).parse()


def _truth(condition: _Condition) -> bool | None:
    # The value that a condition has in every build, None where builds differ.
    match condition:
        case ("const", bool(value)):
            return value
        case ("not", tuple(inner)):
            inside = _truth(inner)
            return None if inside is None else not inside
        case ("and" | "or" as operator, tuple(left), tuple(right)):
            sides = _truth(left), _truth(right)
            absorbing = operator == "or"
            if absorbing in sides:
                return absorbing
            return None if None in sides else not absorbing
        case _:
            return None


def _literals(condition: _Condition, *, holds: bool) -> tuple[dict[str, bool], bool]:
    # The CONFIG literals that follow from a condition's value, and whether they say all of it.
    match condition:
        case ("config", str(name)):
            return {name: holds}, True
        case ("const", _):
            return {}, True
        case ("not", tuple(inner)):
            return _literals(inner, holds=not holds)
        case ("and" | "or" as operator, tuple(left), tuple(right)):
            operands = [side for side in (left, right) if _truth(side) is None]
            parts = [_literals(side, holds=holds) for side in operands]
            if len(parts) == 1 or (operator == "and") == holds:
                merged = {name: value for literals, _ in parts for name, value in literals.items()}
                return merged, all(exact for _, exact in parts)
            return {}, False
        case _:
            return {}, False


# ---------------------------------------------------------------- arms


@dataclass(frozen=True, slots=True)
class _ArmFacts:
    start: int
    end: int
    literals: tuple[ConfigLiteral, ...]
    dead: bool  # compiled by no build


def _arm_facts(group: Group, path: str, *, guard: bool) -> Iterator[_ArmFacts]:
    conditions = [
        ("const", True) if arm.kind == "else" else _parse_condition(arm.kind, arm.condition) for arm in group.arms
    ]
    known = [_truth(condition) for condition in conditions]
    open_arms = sum(value is not False for value in known[: known.index(True) + 1 if True in known else None])
    for index, arm in enumerate(group.arms):
        found: dict[str, bool] = {}
        exact = True
        for earlier in conditions[:index]:
            found |= _literals(earlier, holds=False)[0]
        own, exact = _literals(conditions[index], holds=True)
        literals = [ConfigLiteral(name, value) for name, value in sorted((found | own).items())]
        dead = known[index] is False or True in known[:index]
        if (len(group.arms) > 1 and (open_arms > 1 or dead)) or (len(group.arms) == 1 and not exact and not guard):
            literals.append(ConfigLiteral(f"arm:{path}:{group.start}", index))
        yield _ArmFacts(arm.start, arm.end, tuple(literals), dead)


def _is_guard(normalised: Normalised, group: Group) -> bool:
    # An include guard, or the default definition of a macro: its one arm says nothing about the build.
    text = normalised.text
    if not text[: group.start].strip() and not text[group.end :].strip():
        return True
    name = group.arms[0].condition.split(maxsplit=1)[:1] if group.arms[0].kind == "ifndef" else []
    inside = bisect.bisect_left(normalised.directives, group.arms[0].start, key=lambda directive: directive.start)
    if not name or inside >= len(normalised.directives):
        return False
    first = normalised.directives[inside]
    return first.kind == "define" and first.text.split(maxsplit=1)[:1] == [name[0].encode()]


class ArmIndex:
    """The conditions of one file by offset, found in O(log n)."""

    def __init__(self, normalised: Normalised, path: str) -> None:
        self.normalised = normalised
        self._starts: list[int] = [0]
        self._values: list[tuple[tuple[ConfigLiteral, ...], bool]] = [((), False)]
        arms: list[_ArmFacts] = []
        for group in normalised.groups:
            guard = len(group.arms) == 1 and _is_guard(normalised, group)
            arms.extend(_arm_facts(group, path, guard=guard))
        self._sweep([arm for arm in arms if arm.end > arm.start])

    def _sweep(self, arms: list[_ArmFacts]) -> None:
        # Walk all boundaries in order with a stack of the open arms; ends come before starts.
        boundaries = sorted(
            [(arm.start, 1, -arm.end, arm) for arm in arms] + [(arm.end, 0, -arm.start, arm) for arm in arms],
            key=lambda boundary: boundary[:3],
        )
        stack = [self._values[0]]
        for offset, opens, _, arm in boundaries:
            if opens:
                literals, dead = stack[-1]
                new = tuple(literal for literal in arm.literals if literal not in literals)
                stack.append((literals + new, dead or arm.dead))
            elif len(stack) > 1:
                stack.pop()
            self._starts.append(offset)
            self._values.append(stack[-1])

    def at(self, offset: int) -> tuple[ConfigLiteral, ...]:
        """What must hold for the byte at ``offset`` to be compiled, outermost group first."""
        return self._values[bisect.bisect_right(self._starts, offset) - 1][0]

    def is_dead(self, offset: int) -> bool:
        """True where no C build compiles the byte (``#if 0``, ``__ASSEMBLER__``)."""
        return self._values[bisect.bisect_right(self._starts, offset) - 1][1]


_indexes: dict[str, ArmIndex] = {}  # the newest file of each path; identity is checked, so a stale entry is harmless


def arm_conditions(normalised: Normalised, path: str, offset: int) -> tuple[ConfigLiteral, ...]:
    """What must hold for that offset of the file to be compiled, outermost group first."""
    index = _indexes.get(path)
    if index is None or index.normalised is not normalised:
        index = _indexes[path] = ArmIndex(normalised, path)
    return index.at(offset)
