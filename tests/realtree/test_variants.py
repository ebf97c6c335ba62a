"""Many more edits of real trees, leaking and harmless, as data (see variants.py): each gets its verdict.

Edits of one file that have nothing to do with each other share a scan. A wide run takes every scan of five edits or
more and some of the others, a third of all edits; a short one some of these, a long one all, half an hour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from fpuscan.result import Finding, ScanResult, Severity
from tests.effort import LONG
from tests.realtree.edits import EditError, TreeCopy, leaks
from tests.realtree.leaks import Leak, describe
from tests.realtree.packs import LARGEST, Pack, choose, packs
from tests.realtree.releases import tree_of
from tests.realtree.variants import MemoryCopy, Variant, read_variants
from tests.tables import EDITS

Known = tuple[str, Severity]  # a finding by fingerprint; a note that became an error is new

pytestmark = pytest.mark.realtree

FILES = (
    "values.toml",
    "requests.toml",
    "places.toml",
    "backports.toml",
    "writers.toml",
    "bits.toml",
    "memory.toml",
    "patches.toml",
    "state.toml",
    "helpers.toml",
    "designs.toml",
    "hunks.toml",
    "masks.toml",
    "slips.toml",
    "guards.toml",
    "chosen.toml",
    "refactors.toml",
    "harmless.toml",
    "pointed.toml",
    "fresh_requirements.toml",
    "fresh_sinks.toml",
    "fresh_backports.toml",
    "fresh_shapes.toml",
    "fresh_slips.toml",
    "second_state.toml",
    "second_formats.toml",
    "second_buffers.toml",
    "second_resets.toml",
    "second_subsets.toml",
    "third_guards.toml",
    "third_core.toml",
    "third_ports.toml",
    "third_sinks.toml",
    "third_kvm.toml",
    "fourth_kvm.toml",
    "third_idioms.toml",
    "third_turns.toml",
    "fourth_core.toml",
    "fifth_core.toml",
    "known_values.toml",
)
EVERY_RULE = frozenset(FILES[FILES.index("patches.toml") :])  # what all rules find beyond the unmodified tree
# Their leaks meet in the operands behind them.
APART = frozenset({"fresh_sinks.toml", "third_sinks.toml", "third_kvm.toml", "fourth_kvm.toml"})
FULL, EVERY = 5, 24  # a wide run takes the scans of so many edits, and of the others each so manieth


@cache
def scans() -> tuple[tuple[str, Pack[Variant]], ...]:
    """All packs, with their files: another row moves none of another file's edits."""
    return tuple((file, pack) for file in FILES for pack in packs(read_variants(file), 1 if file in APART else LARGEST))


def params() -> list[object]:
    found: list[object] = []
    chosen = scans() if LONG else choose(scans(), lambda scan: len(scan[1].members), full=FULL, every=EVERY)
    for file, pack in chosen:
        todo = "; ".join(variant.todo for variant in pack.members if variant.todo)
        marks = [pytest.mark.xfail(reason=todo)] if todo else []
        name = f"{file.removesuffix('.toml')}-{pack.release}{pack.names[0]}-{len(pack.members)}"
        found.append(pytest.param(pack, file in EVERY_RULE, id=name, marks=marks))
    return found


@cache
def unmodified(tree: Path) -> frozenset[Known]:
    return frozenset(map(identity, MemoryCopy(tree).scan().findings))


@pytest.mark.sampled(12)
@pytest.mark.parametrize(("pack", "every_rule"), params())
def test_variants_of_a_real_tree(
    pack: Pack[Variant],
    every_rule: bool,  # noqa: FBT001
    trees: tuple[Path, ...],
    record_property: Callable[[str, object], None],
) -> None:
    tree = tree_of(trees, pack.release)
    copy = MemoryCopy(tree)
    for variant in pack.members:
        variant.apply(copy)

    result = copy.scan()

    record_property(EDITS, (len(pack.members), sum(len(each.members) for _, each in scans())))
    found = new_ones(result, unmodified(tree)) if every_rule else leaks(result)
    assert difference(pack, found, copy) == ""
    assert not_gone(pack, result) == []
    assert result.health.incomplete == ()


def identity(finding: Finding) -> Known:
    return finding.fingerprint, finding.severity


def new_ones(result: ScanResult, known: frozenset[Known]) -> list[Finding]:
    return [each for each in result.findings if each.severity > Severity.NOTE and identity(each) not in known]


def not_gone(pack: Pack[Variant], result: ScanResult) -> list[str]:
    gone = frozenset[str]().union(*(variant.gone for variant in pack.members))
    return [describe(each) for each in result.findings if each.rule in gone and each.severity > Severity.NOTE]


# What is expected and missing (-), by variant, and what is found and not expected (+).
def difference(pack: Pack[Variant], found: list[Finding], tree: TreeCopy) -> str:
    lines = []
    known: set[str] = set()
    for variant in pack.members:
        for leak in variant.leaks:
            fitting = [finding for finding in found if fits(leak, finding, tree)]
            known.update(finding.fingerprint for finding in fitting)
            if not fitting:
                lines.append(f"- {variant.name}: {leak}")
            if len(fitting) > 1 and leak.once:
                lines.append(f"+ {variant.name}: {len(fitting)} times {leak}")
    also = frozenset().union(*(variant.also for variant in pack.members))
    lines += [
        f"+ {describe(finding)}"
        for finding in found
        if finding.fingerprint not in known and finding.location.function not in also
    ]
    if lines:
        lines.append(f"  ({', '.join(pack.names)})")
    return "\n".join(lines)


def fits(leak: Leak, finding: Finding, tree: TreeCopy) -> bool:
    """A statement that the edit itself has put there may hold its anchor twice: then its function will do."""
    try:
        return leak.fits(finding, tree)
    except EditError:
        return replace(leak, at="").fits(finding, tree)
