"""What controls a place, on every fixture: nothing is missed, nothing is claimed that no value does.

The search goes backward and each claim is checked forward, so the two searches
are held against each other: what a rule finds forward is among the roots, and a
root arrives with the slice taken away, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from fpuscan.engine.graph.def_use import DefUseGraph
from fpuscan.engine.search.flows import Flows
from fpuscan.engine.search.sinks import Sinks
from fpuscan.provenance import answer
from fpuscan.provenance.answer import search
from fpuscan.provenance.ways import Ways
from fpuscan.result import Finding, ScanResult
from fpuscan.scan import ScanOptions, scan
from fpuscan.tree import open_folder
from fpuscan.xfeatures import FeatureBits
from tests.fixture_trees import NAMES, analysed, lay_out

INFORMATIONAL = ("struct kvm_cpuid_entry2.",)
GUEST_RULES = frozenset({"FPU101", "FPU102", "FPU103"})


@cache
def laid_out(name: str, trees: Path) -> Path:
    return lay_out(name, trees / name)


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder under which fixtures are laid out."""
    return tmp_path_factory.mktemp("fixtures")


@cache
def scanned(name: str, trees: Path) -> ScanResult:
    return scan(open_folder(laid_out(name, trees)), ScanOptions(provenance="uabi"))


def roots(result: ScanResult) -> set[tuple[str, str, str]]:
    """(root, place, side) of every claim."""
    assert result.provenance is not None
    return {(root.name, place.place, place.side) for place in result.provenance.places for root in place.roots}


def claimed(finding: Finding, found: set[tuple[str, str, str]]) -> bool:
    """Whether a claim is the finding's: a rule names an object behind a pointer by its type, provenance by its name;
    provenance names an argument with the function that its row is about, of which a helper may be a part.
    """
    source, sink = finding.source.place, finding.sink.place
    tag, _, member = source.rpartition(".")
    return any(
        side == finding.side
        and (root == source or (tag.startswith("struct ") and root.endswith(f"_cfg.{member}")))
        and (place == sink or (place.startswith(f"{sink} in ") and sink.startswith("argument ")))
        for root, place, side in found
    )


def controls(name: str, trees: Path) -> set[tuple[str, str, str]]:
    """The claims, and those over one configuration global: the search ends there, as one can ask for it again."""
    found = roots(scanned(name, trees))
    for config in sorted({root for root, _, _ in found if "_cfg." in root}):
        behind = scan(open_folder(laid_out(name, trees)), ScanOptions(provenance=config)).provenance
        assert behind is not None
        more = {root.name for place in behind.places for root in place.roots}
        found |= {(root, place, side) for known, place, side in found if known == config for root in more}
    return found


def claims(name: str, trees: Path) -> Iterator[set[tuple[str, str, str]]]:
    """The claims, and for whom they are not enough, those over configurations."""
    yield roots(scanned(name, trees))
    yield controls(name, trees)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_rule_finds_is_among_the_roots(name: str, trees: Path) -> None:
    """Config and run-time sources; a mask constant is a source of the rules under another name."""
    wanted = {
        item
        for item in scanned(name, trees).findings
        if item.rule in GUEST_RULES
        and "." in item.source.place
        and not item.sink.place.startswith(INFORMATIONAL)
        and item.source.place != item.sink.place
    }

    for found in claims(name, trees):
        wanted = {item for item in wanted if not claimed(item, found)}
        if not wanted:
            break

    assert sorted((item.source.place, item.sink.place, item.side) for item in wanted) == []


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", NAMES)
def test_every_root_arrives_without_the_slice_and_nothing_else_does(name: str, trees: Path) -> None:
    analysis = analysed(laid_out(name, trees))
    program = analysis.program
    flows = Flows(analysis, DefUseGraph(analysis))
    bits = FeatureBits.from_tree(program.types.enum_constants(f"enum {program.model.masks.enum}"), program.evaluate)
    claimed = {
        (root.kind, root.name, place.place, place.side)
        for place in answer(flows, "uabi", bits).places
        for root in place.roots
    }

    rows, found, origins = search(flows, "uabi")
    ways = Ways(flows, Sinks(analysis, rows), origins, found, bits, everywhere=True)
    arrived = {
        (origin.kind, origin.name, place, side)
        for origin in found.origins.values()
        for place, _, side in ways.follow([origin])
    }

    assert claimed == arrived
