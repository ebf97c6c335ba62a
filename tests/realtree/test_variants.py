"""Many more edits of real trees, leaking and harmless, as data (see variants.py): each gets its verdict.

A short run takes some of them; FPUSCAN_PROOF=long takes all, some minutes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fpuscan.result import Finding, ScanResult, Severity
from fpuscan.scan import ScanMemory
from tests.realtree.edits import EditError, TreeCopy, leaks
from tests.realtree.leaks import Leak, describe
from tests.realtree.releases import tree_of
from tests.realtree.variants import MemoryCopy, Pack, packs, read_variants

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
)
EVERY_RULE = frozenset(FILES[FILES.index("patches.toml") :])  # these say what all rules find beyond the unmodified tree
LONG = os.environ.get("FPUSCAN_PROOF") == "long"
EVERY = 6  # the packs that a short run looks at


def params() -> list[object]:
    found: list[object] = []
    for file in FILES:
        for number, pack in enumerate(packs(read_variants(file)), 1):
            if not LONG and number % EVERY:
                continue
            todo = "; ".join(variant.todo for variant in pack.variants if variant.todo)
            name = pack.variants[0].name if len(pack.variants) == 1 else f"{number}"
            marks = [pytest.mark.xfail(reason=todo)] if todo else []
            found.append(
                pytest.param(
                    pack, file in EVERY_RULE, id=f"{file.removesuffix('.toml')}-{pack.release}{name}", marks=marks
                )
            )
    return found


@pytest.fixture(scope="module")
def memory() -> ScanMemory:
    return ScanMemory()


@pytest.fixture(scope="module")
def unmodified(memory: ScanMemory) -> Callable[[Path], frozenset[Known]]:
    known: dict[Path, frozenset[Known]] = {}

    def scanned(tree: Path) -> frozenset[Known]:
        if tree not in known:
            known[tree] = frozenset(map(identity, MemoryCopy(tree, memory).scan().findings))
        return known[tree]

    return scanned


@pytest.mark.parametrize(("pack", "every_rule"), params())
def test_variants_of_a_real_tree(
    pack: Pack,
    every_rule: bool,  # noqa: FBT001
    trees: tuple[Path, ...],
    memory: ScanMemory,
    unmodified: Callable[[Path], frozenset[Known]],
) -> None:
    tree = tree_of(trees, pack.release)
    copy = MemoryCopy(tree, memory)
    for variant in pack.variants:
        variant.apply(copy)

    result = copy.scan()

    found = new_ones(result, unmodified(tree)) if every_rule else leaks(result)
    assert difference(pack, found, copy) == ""
    assert result.health.incomplete == ()


def identity(finding: Finding) -> Known:
    return finding.fingerprint, finding.severity


def new_ones(result: ScanResult, known: frozenset[Known]) -> list[Finding]:
    return [each for each in result.findings if each.severity > Severity.NOTE and identity(each) not in known]


# What is expected and missing (-), by variant, and what is found and not expected (+).
def difference(pack: Pack, found: list[Finding], tree: TreeCopy) -> str:
    lines = []
    known: set[str] = set()
    for variant in pack.variants:
        for leak in variant.leaks:
            fitting = [finding for finding in found if fits(leak, finding, tree)]
            known.update(finding.fingerprint for finding in fitting)
            if not fitting:
                lines.append(f"- {variant.name}: {leak}")
            if len(fitting) > 1 and leak.once:
                lines.append(f"+ {variant.name}: {len(fitting)} times {leak}")
    also = frozenset().union(*(variant.also for variant in pack.variants))
    lines += [
        f"+ {describe(finding)}"
        for finding in found
        if finding.fingerprint not in known and finding.location.function not in also
    ]
    if lines:
        lines.append(f"  ({', '.join(variant.name for variant in pack.variants)})")
    return "\n".join(lines)


def fits(leak: Leak, finding: Finding, tree: TreeCopy) -> bool:
    """A statement that the edit itself has put there may hold its anchor twice: then its function will do."""
    try:
        return leak.fits(finding, tree)
    except EditError:
        return replace(leak, at="").fits(finding, tree)
