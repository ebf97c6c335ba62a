"""Real kernel trees, found through FPUSCAN_TREES."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.effort import LONG

__all__ = ["TREES_VARIABLE", "outer_trees", "real_trees", "version"]

TREES_VARIABLE = "FPUSCAN_TREES"


def real_trees() -> tuple[Path, ...]:
    """The kernel trees in the folder that FPUSCAN_TREES names, sorted; none if it is not set."""
    folder = os.environ.get(TREES_VARIABLE, "")
    if not folder:
        return ()
    return tuple(sorted(path for path in Path(folder).iterdir() if (path / "arch/x86/kernel/fpu").is_dir()))


def outer_trees() -> tuple[Path, ...]:
    """The oldest and the newest of them, for what takes many seconds each; FPUSCAN_PROOF=long: all."""
    trees = real_trees()
    if LONG or len(trees) < 3:
        return trees
    return min(trees, key=version), max(trees, key=version)


def version(tree: Path) -> tuple[int, ...]:
    """Version, patch level and sublevel from the top Makefile."""
    text = (tree / "Makefile").read_text(encoding="utf-8")
    return tuple(int(number) for number in re.findall(r"^(?:VERSION|PATCHLEVEL|SUBLEVEL) = (\d+)", text, re.MULTILINE))
