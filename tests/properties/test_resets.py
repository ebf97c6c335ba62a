"""Functions that reset in part, against all paths of small random programs.

A program is one boot function with two helpers: statements that enumerate, copy
or reset one of three members, branches and returns. The test walks every path
and says for each function what the rule says of it: the innermost function
around all resets of the paths they share, and the members that still hold at its
exit what was enumerated before the first of them. ``FPUSCAN_PROOF=long`` takes more programs.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fpuscan.engine.analysis import Analysis
from fpuscan.engine.boot.partial import Partials
from fpuscan.model import load_model
from fpuscan.program import Program
from fpuscan.tree import open_folder
from tests.effort import LONG

BASE = Path(__file__).parents[2] / "fixtures/_base"
INIT = "arch/x86/kernel/fpu/init.c"
MEMBERS = ("fpu_kernel_cfg.default_features", "fpu_user_cfg.default_features", "guest_default_cfg.features")
BOOT = "fpu__init_system"
HEAD = """#include <asm/fpu/xstate.h>
struct fpu_state_config fpu_kernel_cfg, fpu_user_cfg;
struct vcpu_fpu_config guest_default_cfg;
"""

Statement = tuple[Any, ...]
_MEMBER = st.sampled_from(MEMBERS)
_SIMPLE = st.one_of(
    st.tuples(st.just("set"), _MEMBER),
    st.tuples(st.just("set"), _MEMBER),
    st.tuples(st.just("fix"), _MEMBER),
    st.tuples(st.just("copy"), _MEMBER, _MEMBER),
    st.just(("return",)),
)


def _blocks(simple: st.SearchStrategy[Statement]) -> st.SearchStrategy[list[Statement]]:
    inner = st.lists(simple, max_size=3)
    branch = st.tuples(st.just("if"), inner, inner)
    return st.lists(st.one_of(simple, simple, simple, branch), max_size=6)


_CALL = st.tuples(st.just("call"), st.sampled_from(("first", "second")))
PROGRAMS = st.fixed_dictionaries(
    {BOOT: _blocks(st.one_of(_SIMPLE, _CALL)), "first": _blocks(_SIMPLE), "second": _blocks(_SIMPLE)}
)


# --- the program as C ---------------------------------------------------------------


def written(statements: list[Statement]) -> str:
    lines = []
    for kind, *rest in statements:
        if kind == "if":
            lines.append(f"if (ecx) {{ {written(rest[0])} }} else {{ {written(rest[1])} }}")
        else:
            text = {"set": "{0} = eax;", "fix": "{0} = 3;", "copy": "{0} = {1};", "call": "{0}(eax, ecx);"}
            lines.append(text.get(kind, "return;").format(*rest))
    return "\n\t".join(lines)


def source(program: dict[str, list[Statement]]) -> str:
    helpers = "".join(
        f"static void __init {name}(unsigned int eax, unsigned int ecx)\n{{\n\t{written(program[name])}\n}}\n"
        for name in ("first", "second")
    )
    return (
        f"{HEAD}{helpers}void {BOOT}(void)\n{{\n\tunsigned int eax, ebx, ecx, edx;\n"
        f"\tcpuid_count(0xd, 0, &eax, &ebx, &ecx, &edx);\n\t{written(program[BOOT])}\n}}\n"
    )


# --- all paths ----------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """One path: what the members hold ("E", or "e" if enumerated behind a reset, "F" or ""), its resets, its exits."""

    held: tuple[tuple[str, str], ...] = ()
    resets: tuple[tuple[tuple[str, ...], int], ...] = ()
    exits: tuple[tuple[tuple[str, ...], frozenset[str]], ...] = ()
    returned: bool = False


@dataclass
class Walker:
    """Walks every path; a function is named with the calls that led to it: ``("boot", "first#2")``."""

    program: dict[str, list[Statement]]
    numbers: Iterator[int] = field(default_factory=count)
    names: dict[int, int] = field(default_factory=dict)

    def number(self, statement: object) -> int:
        return self.names.setdefault(id(statement), len(self.names))

    def block(self, statements: list[Statement], inside: tuple[str, ...], ways: list[Way]) -> list[Way]:
        for statement in statements:
            ways = [
                after for way in ways for after in ([way] if way.returned else self.statement(statement, inside, way))
            ]
        return ways

    def statement(self, statement: Statement, inside: tuple[str, ...], way: Way) -> list[Way]:
        kind, *rest = statement
        if kind == "return":
            return [Way(way.held, way.resets, way.exits, returned=True)]
        if kind == "if":
            return [after for arm in rest for after in self.block(arm, inside, [way])]
        if kind == "call":
            return self.call(rest[0], (*inside, f"{rest[0]}#{self.number(statement)}"), way)
        held = dict(way.held)
        value = {"set": "E", "fix": "F", "copy": held.get(rest[-1], "")}[kind].upper() or "F"
        resets = way.resets
        if value == "F" and held.get(rest[0]) == "E":
            resets = (*resets, (inside, self.number(statement)))
        held[rest[0]] = "e" if value == "E" and resets else value
        return [Way(tuple(sorted(held.items())), resets, way.exits)]

    def call(self, name: str, inside: tuple[str, ...], way: Way) -> list[Way]:
        found = []
        for after in self.block(self.program[name], inside, [way]):
            stale = frozenset(member for member, what in after.held if what == "E")
            left = (*after.exits, (inside, stale)) if after.resets else after.exits
            found.append(Way(after.held, after.resets, left))
        return found

    def expected(self) -> dict[str, frozenset[str]]:
        ways = self.call(BOOT, (BOOT,), Way())
        groups: list[set[tuple[tuple[str, ...], int]]] = []
        for way in ways:
            together = set(way.resets)
            for group in [group for group in groups if group & together]:
                groups.remove(group)
                together |= group
            if together:
                groups.append(together)
        found: dict[str, set[str]] = {}
        for group in groups:
            around = common([inside for inside, _ in group])
            stale = {member for way in ways for inside, left in way.exits if inside == around for member in left}
            if stale:
                found.setdefault(around[-1].partition("#")[0], set()).update(stale)
        return {name: frozenset(stale) for name, stale in found.items()}


def common(ways: list[tuple[str, ...]]) -> tuple[str, ...]:
    length = 0
    while all(len(way) > length for way in ways) and len({way[length] for way in ways}) == 1:
        length += 1
    return ways[0][:length]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resets") / "linux"
    shutil.copytree(BASE, folder)
    return folder


# What it enumerates is all fixed at its end, but not where the helper leaves.
FIXED_AT_THE_END: dict[str, list[Statement]] = {
    BOOT: [("set", MEMBERS[0]), ("set", MEMBERS[2]), ("call", "first"), ("set", MEMBERS[0]), ("fix", MEMBERS[0])],
    "first": [("fix", MEMBERS[2])],
    "second": [],
}


@example(program=FIXED_AT_THE_END)
@settings(max_examples=1500 if LONG else 80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(program=PROGRAMS)
def test_what_is_left_is_what_some_path_leaves(tree: Path, program: dict[str, list[Statement]]) -> None:
    (tree / INIT).write_text(source(program))
    loaded = Program(open_folder(tree), load_model())
    loaded.load()
    analysis = Analysis(loaded, loaded.model)

    found = {
        analysis.by_id(each.function).facts.name: frozenset(map(analysis.describe, each.stale))
        for each in Partials(analysis).find()
    }

    assert found == Walker(program).expected()
