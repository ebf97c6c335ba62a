"""Every fixture is a mini kernel tree with its expectations in the C source.

A fixture holds only what is special to it: ``fixtures/_base`` is laid below it, so
that headers and boot code (which fill the configuration globals as 7.x does) are
written once. A file of the fixture replaces the base's file of that name.
"""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import pytest

from fpuscan.result import Health, ScanResult
from fpuscan.scan import ScanOptions, scan
from fpuscan.tree import open_folder
from tests.expect import Expectation, compare, read_annotations, render
from tests.fixture_trees import BASE, FIXTURES, NAMES, lay_out

# What every fixture is checked for; a fixture that names another rule is checked for that one too.
ALWAYS = frozenset({"FPU101", "FPU102", "FPU103", "FPU301"})


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder under which fixtures are laid out."""
    return tmp_path_factory.mktemp("fixtures")


@cache
def scanned(name: str, trees: Path) -> tuple[tuple[Expectation, ...], ScanResult]:
    tree = lay_out(name, trees / name)
    return read_annotations(tree), scan(open_folder(tree), ScanOptions())


@pytest.mark.parametrize("name", NAMES)
def test_findings_are_the_annotated_ones(name: str, trees: Path) -> None:
    expected, result = scanned(name, trees)
    rules = ALWAYS | {item.rule for item in expected}

    differences = compare(expected, (finding for finding in result.findings if finding.rule in rules))

    assert not differences, render(differences)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left_out(name: str, trees: Path) -> None:
    health: Health = scanned(name, trees)[1].health

    assert (health.incomplete, health.unaccounted, health.error_bytes) == ((), (), 0)


@pytest.mark.parametrize("name", NAMES)
def test_the_fixture_is_small(name: str) -> None:
    files = sorted((FIXTURES / name).rglob("*.[ch]"))

    assert sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files) <= 125


def test_the_base_alone_is_clean(trees: Path) -> None:
    tree = trees / "_base"
    shutil.copytree(BASE, tree)

    assert [finding for finding in scan(open_folder(tree), ScanOptions()).findings if finding.rule in ALWAYS] == []


def test_the_barrier_is_listed_as_an_assumption(trees: Path) -> None:
    result = scanned("guard-g5-barrier", trees)[1]

    assert [assumption.kind for assumption in result.assumptions] == ["barrier"]
    assert all(assumption.what and assumption.why for assumption in result.assumptions)


def test_a_store_that_nobody_is_seen_to_read_is_in_the_health(trees: Path) -> None:
    """What goes through an unknown pointer is no flow; the health says where."""
    health = scanned("miss-global-pointer", trees)[1].health

    assert [(at.function, at.line) for at in health.unmodelled if "pointer" in at.function] == [
        ("store (through a pointer)", 13)
    ]


def test_a_source_behind_a_parameter_is_named_after_what_callers_pass(trees: Path) -> None:
    findings = scanned("config-tables", trees)[1].findings
    (found,) = (finding for finding in findings if finding.location.function == "fill_from")

    assert found.source.place == "guest_default_cfg.features"
