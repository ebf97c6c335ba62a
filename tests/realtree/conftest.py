"""What the tests that edit real trees share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.realtree.packs import Pack
from tests.realtree.releases import tree_of


def pytest_itemcollected(item: pytest.Item) -> None:
    """``-k NAME`` selects the scan that the edit of that name shares."""
    pack = item.callspec.params.get("pack") if isinstance(item, pytest.Function) and hasattr(item, "callspec") else None
    if isinstance(pack, Pack):
        item.extra_keyword_matches.update(pack.names)


@pytest.fixture
def newest(trees: tuple[Path, ...]) -> Path:
    """The newest tree, which has to be a 7.x."""
    return tree_of(trees, "")
