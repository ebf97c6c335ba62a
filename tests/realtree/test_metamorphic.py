"""What changes no behaviour changes no finding of a real tree, with leaks in it or without.

Each rewrite is made at every site that the traces of the findings lead through, as
far as two do not touch the same text: an expression goes through a local, a helper
or a macro, a store through a function, a call is inlined, functions change their
order or their file. Where a function is made or goes, findings are compared by
rule, severity, source, sink and what survives, else by fingerprint.

A wide run takes one kind of rewrite for each state, a short one some of these, a long one all kinds;
FPUSCAN_PROOF_SEED=N takes others, and other sites where they touch each other.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from fpuscan.result import Finding, ScanResult, Severity
from tests.effort import LONG, SEED
from tests.realtree.leaks import describe
from tests.realtree.moves import inlined, moved, rename_files, reordered
from tests.realtree.releases import tree_of
from tests.realtree.rewrites import REWRITES, Rewrite, apply, compatible
from tests.realtree.sites import calls, expressions
from tests.realtree.states import STATES, State
from tests.realtree.traces import Code
from tests.realtree.variants import MemoryCopy

pytestmark = pytest.mark.realtree

EACH = 1  # the rewrites of a state that a wide run makes
Key = tuple[object, ...]
# What changes findings today, and why; what does not any more must leave this list.
OPEN: dict[tuple[str, str], str] = {}


@dataclass(frozen=True, slots=True)
class Scanned:
    """A state of a tree: its texts, its findings, and its code."""

    copy: MemoryCopy
    result: ScanResult
    code: Code

    def changed(self) -> MemoryCopy:
        """A copy to rewrite."""
        found = MemoryCopy(self.copy.source)
        found.changes.update(self.copy.changes)
        return found


Rewrites = Callable[[Scanned, random.Random], list[Rewrite]]


def at_expressions(kind: str) -> Rewrites:
    """One rewrite at the expressions of the traces, in another order each time."""

    def find(state: Scanned, chance: random.Random) -> list[Rewrite]:
        sites = list(enumerate(expressions(state.code, state.result.findings)))
        chance.shuffle(sites)
        return [made for number, site in sites if (made := REWRITES[kind](site, number))]

    return find


def at_calls(state: Scanned, chance: random.Random) -> list[Rewrite]:
    """The calls of the traces, inlined; what the model says of a function's result needs its call."""
    known = set(state.code.program.model.helpers)
    sites = [call for call in calls(state.code, state.result.findings) if call.name not in known]
    chance.shuffle(sites)
    return [made for number, call in enumerate(sites) if (made := inlined(state.code, call, number))]


def in_files(state: Scanned, chance: random.Random) -> list[Rewrite]:
    """The functions of the traces' files, in another order."""
    paths = sorted({place.path for place in state.code.places(state.result.findings)})
    return [made for path in paths if path in state.code.files and (made := reordered(state.code, path, chance))]


def to_files(state: Scanned, _: random.Random) -> list[Rewrite]:
    """The functions of the traces, each in a file of its own."""
    names = sorted({place.function for place in state.code.places(state.result.findings)})
    return [made for name in names if (made := moved(state.code, name))]


KINDS: dict[str, Rewrites] = {
    **{kind: at_expressions(kind) for kind in REWRITES},
    "inline": at_calls,
    "reorder": in_files,
    "move": to_files,
}
# A function more, or less, or elsewhere.
SPLIT = frozenset({"helper", "store-helper", "out-parameter", "inline", "move", "rename"})


def by_fingerprint(finding: Finding) -> Key:
    return finding.fingerprint, finding.severity, finding.surviving.mask, finding.surviving.kernel_format


def by_flow(finding: Finding) -> Key:
    """Without the side: a helper that reads behind a pointer may read for both sides at once."""
    surviving = finding.surviving
    place = finding.source.place if finding.is_flow else ""
    return finding.rule, finding.severity, place, finding.sink.place, surviving.mask, surviving.kernel_format


def difference(before: ScanResult, after: ScanResult, key: Callable[[Finding], Key]) -> list[str]:
    """What is gone (-) and what is new (+)."""
    was, now = ({key(finding): finding for finding in result.findings} for result in (before, after))
    gone = [f"- {describe(was[each])}" for each in was if each not in now]
    return [*gone, *(f"+ {describe(now[each])}" for each in now if each not in was)]


def rewritten(state: Scanned, rewrites: list[Rewrite]) -> ScanResult:
    copy = state.changed()
    apply(rewrites, copy)
    return copy.scan()


def culprits(state: Scanned, rewrites: list[Rewrite], key: Callable[[Finding], Key]) -> list[Rewrite]:
    """The fewest rewrites, by halves, that still make a difference."""
    while len(rewrites) > 1:
        half = len(rewrites) // 2
        parts = (rewrites[:half], rewrites[half:])
        smaller = next((part for part in parts if difference(state.result, rewritten(state, part), key)), None)
        if smaller is None:
            break
        rewrites = smaller
    return rewrites


@pytest.fixture(scope="module")
def scanned(trees: tuple[Path, ...]) -> Callable[[State], Scanned]:
    @cache
    def give(state: State) -> Scanned:
        copy = MemoryCopy(tree_of(trees, state.release))
        for edit in state.edits:
            edit(copy)
        return Scanned(copy, copy.scan(), Code(copy.tree(), copy.memory.parsed))

    return give


def params() -> Iterator[object]:
    """All rewrites of all states, or one of each."""
    for number, state in enumerate(STATES):
        kinds = sorted(KINDS)
        chosen = kinds if LONG else [kinds[(number + SEED + each * 5) % len(kinds)] for each in range(EACH)]
        for kind in chosen:
            reason = OPEN.get((str(state), kind))
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            yield pytest.param(state, kind, id=f"{state}-{kind}", marks=marks)


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("state", "kind"), list(params()))
def test_a_rewrite_changes_no_finding(state: State, kind: str, scanned: Callable[[State], Scanned]) -> None:
    base = scanned(state)
    rewrites = compatible(KINDS[kind](base, random.Random(SEED)))
    print(f"seed {SEED}: {state}, {kind}: {len(rewrites)} sites")
    if not rewrites:
        pytest.skip("no site of this kind")
    key = by_flow if kind in SPLIT else by_fingerprint

    result = rewritten(base, rewrites)

    found = difference(base.result, result, key)
    assert found == [], [*found, *map(str, culprits(base, rewrites, key))]
    assert result.health.incomplete == ()


@pytest.mark.parametrize("state", [state for state in STATES if LONG or not state.edits], ids=str)
def test_the_names_of_files_change_no_finding(state: State, scanned: Callable[[State], Scanned]) -> None:
    base = scanned(state)
    copy = base.changed()
    rename_files(base.code, copy)

    assert difference(base.result, copy.scan(), by_flow) == []


@pytest.mark.sampled(4)
@pytest.mark.parametrize("state", [state for state in STATES if state.rule], ids=str)
def test_each_state_has_findings_of_its_rule(state: State, scanned: Callable[[State], Scanned]) -> None:
    rules = {finding.rule for finding in scanned(state).result.findings if finding.severity > Severity.NOTE}

    assert state.rule in rules
