"""Which of the real trees a test is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.realtree.edits import version

__all__ = ["tree_of"]


def tree_of(trees: Sequence[Path], release: str = "") -> Path:
    """The newest tree of a release like "6.12", or of all, which has to be a 7.x; the test is skipped without it."""
    wanted = tuple(int(number) for number in release.split(".")) if release else ()
    fitting = [tree for tree in trees if version(tree)[: len(wanted)] == wanted]
    if not fitting or (not release and version(max(fitting, key=version)) < (7,)):
        pytest.skip(f"no {release or '7.x'} tree in FPUSCAN_TREES")
    return max(fitting, key=version)
