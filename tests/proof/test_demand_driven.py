"""The answer does not depend on what was lowered, when, or in which order.

The engine asks the text which units may touch a place. Here every such question
is answered with *all* units, every unit is lowered before the first question, or
the answers come in reverse: the findings stay the same, by fingerprint and by what survives.
By default on the fixtures where values pass between functions; ``FPUSCAN_PROOF=long`` takes all, and
all real trees instead of the oldest and the newest.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fpuscan.program import Program, Unit
from fpuscan.scan import scan
from fpuscan.tree import open_folder
from tests import fixture_trees
from tests.effort import LONG

NAMES = (
    fixture_trees.NAMES
    if LONG
    else ["cross-file", "ops-struct", "out-parameter", "pointer-alias", "struct-memcpy", "uabi-copy"]
)
Key = tuple[str, str, int, str]
# The questions to the text: they name candidates, and the engine looks at the facts of each.
CANDIDATES = ("units_mentioning", "units_naming", "units_accessing", "units_initialising", "copiers")

# Fixtures on which a wider candidate list finds more, and what: each is an open miss of the engine.
WIDER: dict[str, str] = {}


def findings(tree: Path) -> frozenset[Key]:
    """What a scan says: fingerprint, severity, surviving word and sink of each finding."""
    result = scan(open_folder(tree))
    return frozenset(
        (each.fingerprint, each.severity.label, each.surviving.mask, each.sink.place) for each in result.findings
    )


def undecidable(tree: Path) -> frozenset[str]:
    """The fingerprints of FPU302."""
    return frozenset(each.fingerprint for each in scan(open_folder(tree)).findings if each.rule == "FPU302")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demand")


@cache
def laid_out(name: str, folder: Path) -> tuple[Path, frozenset[Key]]:
    tree = fixture_trees.lay_out(name, folder / name)
    return tree, findings(tree)


def all_units(program: Program, *, functions: bool) -> list[Unit]:
    """Every function, and the initialiser of every global that the scan knows."""
    for path, parsed in program.files.items():
        for node in parsed.root.children:
            if node.type == "declaration":
                program.unit_at(path, node.start_byte)
    units = [unit for unit in program.units if unit.is_function or not functions]
    return sorted(units, key=lambda unit: (unit.path, unit.start))


def widen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer every question for candidates with all units."""
    for name in CANDIDATES:
        functions = name in {"units_accessing", "copiers"}

        def answer(self: Program, *_: Any, functions: bool = functions) -> list[Unit]:
            return all_units(self, functions=functions)

        monkeypatch.setattr(Program, name, answer)


def lower_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower every unit as soon as the files are read."""
    load = Program.load

    def load_and_lower(self: Program) -> None:
        load(self)
        for unit in all_units(self, functions=False):
            assert unit.facts.code

    monkeypatch.setattr(Program, "load", load_and_lower)


def reverse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the candidates in the opposite order."""
    for name in (*CANDIDATES, "users_of"):
        original: Callable[..., list[Unit]] = getattr(Program, name)

        def answer(self: Program, *args: Any, original: Callable[..., list[Unit]] = original) -> list[Unit]:
            return list(reversed(original(self, *args)))

        monkeypatch.setattr(Program, name, answer)


@pytest.mark.parametrize("name", NAMES)
def test_asking_fewer_functions_loses_nothing(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, expected = laid_out(name, folder)
    widen(monkeypatch)

    found = findings(tree)
    # FPU302 takes the candidates for a fact, not for a hint: who cannot name a global whose address nobody takes does
    # not store into it, so with all functions as candidates it can decide less.
    left_aside = undecidable(tree)
    decided = {key for key in expected | found if key[0] not in left_aside}

    assert not (expected - found) & decided
    assert bool((found - expected) & decided) == (name in WIDER), found - expected


@pytest.mark.parametrize("name", NAMES)
def test_lowering_everything_first_changes_nothing(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, expected = laid_out(name, folder)
    lower_first(monkeypatch)

    assert findings(tree) == expected


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_candidates_changes_nothing(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, expected = laid_out(name, folder)
    reverse(monkeypatch)

    assert findings(tree) == expected


@cache
def as_they_are(tree: Path) -> frozenset[Key]:
    return findings(tree)


@pytest.mark.realtree
def test_lowering_a_real_tree_first_changes_nothing(outer_tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = as_they_are(outer_tree)
    lower_first(monkeypatch)

    assert findings(outer_tree) == expected


@pytest.mark.realtree
def test_the_order_of_the_candidates_on_a_real_tree_changes_nothing(
    outer_tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = as_they_are(outer_tree)
    reverse(monkeypatch)

    assert findings(outer_tree) == expected
