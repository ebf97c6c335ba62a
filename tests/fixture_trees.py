"""The fixtures as trees: the files of one laid over the common base."""

from __future__ import annotations

import shutil
from pathlib import Path

__all__ = ["BASE", "FIXTURES", "NAMES", "lay_out"]

FIXTURES = Path(__file__).parent.parent / "fixtures"
BASE = FIXTURES / "_base"
# All that annotate what is expected of them; `demo` is a tree of its own.
NAMES = tuple(sorted(each.name for each in FIXTURES.iterdir() if each.is_dir() and each.name not in {"_base", "demo"}))


def lay_out(name: str, tree: Path) -> Path:
    """Write a fixture to a folder that does not exist yet; its path again."""
    if name != "demo":
        shutil.copytree(BASE, tree)
    shutil.copytree(FIXTURES / name, tree, dirs_exist_ok=True)
    return tree
