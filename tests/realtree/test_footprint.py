"""A commit is not scanned where a footprint is indifferent to it: it must see every edit of a real tree that leaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpuscan.scan import ScanMemory, ScanOptions, scan
from fpuscan.tree import open_folder
from tests.realtree.releases import tree_of
from tests.realtree.test_variants import FILES
from tests.realtree.variants import MemoryCopy, read_variants

pytestmark = pytest.mark.realtree


@pytest.mark.sampled(3)
@pytest.mark.parametrize("release", ["", "6.12", "6.1"])
def test_every_edit_that_leaks_is_seen(release: str, trees: tuple[Path, ...]) -> None:
    tree = tree_of(trees, release)
    base, memory = open_folder(tree), ScanMemory()
    scan(base, ScanOptions(memory=memory))
    footprint = memory.footprint
    assert footprint is not None
    leaking = [each for file in FILES for each in read_variants(file) if each.release == release and each.leaks]
    assert len(leaking) > 10

    unseen = []
    for variant in leaking:
        copy = MemoryCopy(tree, memory)
        variant.apply(copy)
        changes = {path: None if text is None else text.encode("latin-1") for path, text in copy.changes.items()}
        if all(footprint.indifferent(path, base.read(path), data) for path, data in changes.items()):
            unseen.append(variant.name)

    assert unseen == []
