"""What the tests that edit real trees share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.realtree.edits import TreeCopy, copy_tree
from tests.realtree.releases import tree_of


@pytest.fixture(scope="session")
def copied_trees() -> dict[Path, TreeCopy]:
    """The copies that the tests have made so far, by the tree."""
    return {}


@pytest.fixture
def copy_of(
    copied_trees: dict[Path, TreeCopy], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Path], TreeCopy]]:
    """Give the one copy of a tree, and undo its edits behind the test."""

    def give(tree: Path) -> TreeCopy:
        if tree not in copied_trees:
            copied_trees[tree] = copy_tree(tree, tmp_path_factory.mktemp(tree.name) / "linux")
        return copied_trees[tree]

    yield give
    for copy in copied_trees.values():
        copy.restore()


@pytest.fixture
def newest_copy(trees: tuple[Path, ...], copy_of: Callable[[Path], TreeCopy]) -> TreeCopy:
    """The copy of the newest tree, which has to be a 7.x."""
    return copy_of(tree_of(trees))
