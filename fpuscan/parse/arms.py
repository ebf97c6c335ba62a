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
from typing import NamedTuple

from fpuscan.parse.normalise.values import Arm, Group, Normalised

__all__ = ["ArmIndex", "ConfigLiteral", "arm_conditions", "contradict"]


class ConfigLiteral(NamedTuple):
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

# A condition is one of: ("const", bool) ("config", name) ("other",) ("not", c) ("and", (c, ...)) ("or", (c, ...)).
_Condition = tuple[object, ...]

_TOKEN = re.compile(r"&&|\|\||[()!](?!=)|[A-Za-z_]\w*|[^\s&|()!\w]+|\w+|.")
_CONFIG_TESTS = frozenset({"defined", "IS_ENABLED", "IS_REACHABLE", "IS_BUILTIN", "IS_MODULE"})
# The tree is read as the compiler reads it for C code of a 64-bit kernel build.
_NEVER_DEFINED = frozenset({"__ASSEMBLER__", "__ASSEMBLY__", "__CHECKER__"})
_ALWAYS_DEFINED = frozenset({"__KERNEL__", "__GNUC__"})
_DEEPEST = 100  # nesting of parentheses; an endless condition is opaque
_MOST_LITERALS = 50  # that earlier arms of one group leave behind; an endless #elif chain keeps the first ones
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
        operands = [self._conjunction()]
        while self._peek() == "||":
            self._at += 1
            operands.append(self._conjunction())
        return ("or", tuple(operands)) if len(operands) > 1 else operands[0]

    def _conjunction(self) -> _Condition:
        operands = [self._operand()]
        while self._peek() == "&&":
            self._at += 1
            operands.append(self._operand())
        return ("and", tuple(operands)) if len(operands) > 1 else operands[0]

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
        case ("and" | "or" as operator, tuple(operands)):
            values = [_truth(operand) for operand in operands]
            absorbing = operator == "or"
            if absorbing in values:
                return absorbing
            return None if None in values else not absorbing
        case _:
            return None


# CONFIG symbols with their values; one with both makes a condition that never has its value.
_Values = frozenset[tuple[str, bool]]
_NOTHING: _Values = frozenset()


def _literals(condition: _Condition, *, holds: bool) -> tuple[_Values, bool]:
    # The CONFIG literals that follow from a condition's value, and whether they say all of it.
    match condition:
        case ("config", str(name)):
            return frozenset({(name, holds)}), True
        case ("const", _):
            return _NOTHING, True
        case ("not", tuple(inner)):
            return _literals(inner, holds=not holds)
        case ("and" | "or" as operator, tuple(operands)):
            undecided = [operand for operand in operands if _truth(operand) is None]
            if len(undecided) > 1 and (operator == "and") != holds:
                return _NOTHING, False
            parts = [_literals(operand, holds=holds) for operand in undecided]
            return _NOTHING.union(*(found for found, _ in parts)), all(all_of for _, all_of in parts)
        case _:
            return _NOTHING, False


# ---------------------------------------------------------------- arms


class _ArmFacts(NamedTuple):
    start: int
    end: int
    literals: tuple[ConfigLiteral, ...]
    dead: bool  # compiled by no build


def _arm_facts(group: Group, path: str, *, guard: bool) -> Iterator[_ArmFacts]:
    # ``guard``: the group is no choice of the build, so that its arm says nothing unless it tests a CONFIG.
    conditions = [
        ("const", True) if arm.kind == "else" else _parse_condition(arm.kind, arm.condition) for arm in group.arms
    ]
    truths = [_truth(condition) for condition in conditions]
    taken = truths.index(True) if True in truths else len(truths)  # the arms behind it are compiled by no build
    choices = sum(truth is not False for truth in truths[: taken + 1])
    before = _NOTHING
    for index, (arm, condition) in enumerate(zip(group.arms, conditions, strict=True)):
        own, exact = _literals(condition, holds=True)
        values = before | own
        literals = [ConfigLiteral(name, value) for name, value in sorted(values)]
        never = any((name, not value) in values for name, value in values)
        dead = arm.dead or truths[index] is False or index > taken or never
        opaque = not exact and not guard if len(group.arms) == 1 else choices > 1 or dead
        if opaque:
            literals.append(ConfigLiteral(f"arm:{path}:{group.start}", index))
        yield _ArmFacts(arm.start, arm.end, tuple(literals), dead)
        if len(before) < _MOST_LITERALS:
            before |= _literals(condition, holds=False)[0]


class _Guards:
    # Tells which groups of a file are include guards, or default definitions of a macro: no choice of the build.

    def __init__(self, normalised: Normalised) -> None:
        text = normalised.text
        self._first = len(text) - len(text.lstrip())
        self._last = len(text.rstrip())
        self._directives = normalised.directives

    def __contains__(self, group: Group) -> bool:
        if len(group.arms) > 1:
            return False
        if group.start <= self._first and group.end >= self._last:
            return True
        arm = group.arms[0]
        inside = bisect.bisect_left(self._directives, arm.start, key=lambda directive: directive.start)
        if arm.kind != "ifndef" or inside >= len(self._directives):
            return False
        first = self._directives[inside]
        name = arm.condition.split(maxsplit=1)[:1]
        return first.kind == "define" and first.text.decode("utf-8", "replace").split(maxsplit=1)[:1] == name


class ArmIndex:
    """The conditions of one file by offset, found in O(log n)."""

    def __init__(self, normalised: Normalised, path: str) -> None:
        self.normalised = normalised
        self._path = path
        self._starts: list[int] = [0]
        self._values: list[tuple[tuple[ConfigLiteral, ...], bool]] = [((), False)]
        arms: list[_ArmFacts] = []
        guards = _Guards(normalised)
        for group in normalised.groups:
            arms.extend(_arm_facts(group, path, guard=group in guards))
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
                dead = dead or contradict(literals, arm.literals)
                new = tuple(literal for literal in arm.literals if literal not in literals)
                stack.append((literals + new, dead or arm.dead))
            elif len(stack) > 1:
                stack.pop()
            self._starts.append(offset)
            self._values.append(stack[-1])

    def at(self, offset: int) -> tuple[ConfigLiteral, ...]:
        """What must hold for the byte at ``offset`` to be compiled, outermost group first."""
        return self._values[bisect.bisect_right(self._starts, offset) - 1][0]

    def otherwise(self, group: Group) -> tuple[ConfigLiteral, ...]:
        """What must hold for none of the arms of a group to be compiled."""
        last = Arm(group.end, group.end, "", "else")
        *_, none = _arm_facts(group._replace(arms=(*group.arms, last)), self._path, guard=False)
        told = all(literal.is_config for arm in _arm_facts(group, self._path, guard=False) for literal in arm.literals)
        outer = self.at(group.start)
        return outer + tuple(
            literal for literal in none.literals if literal not in outer and (literal.is_config or not told)
        )

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
