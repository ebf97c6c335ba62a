"""The fixtures as trees: the files of one laid over the common base; and small trees, read and ready for questions."""

from __future__ import annotations

import shutil
from pathlib import Path

from fpuscan.engine.analysis import Analysis
from fpuscan.model import load_model
from fpuscan.program import Program
from fpuscan.tree import open_folder

__all__ = ["BASE", "FIXTURES", "NAMES", "analysed", "base_with", "lay_out"]

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


def base_with(path: str, code: str, tree: Path) -> Analysis:
    """The common base with one more file, written to a folder that is there, and analysed."""
    shutil.copytree(BASE, tree, dirs_exist_ok=True)
    (tree / path).write_text(f"#include <asm/fpu/xstate.h>\n{code}", encoding="utf-8")
    return analysed(tree)


def analysed(tree: Path) -> Analysis:
    """A tree, read: for a test that asks the engine itself."""
    program = Program(open_folder(tree), load_model())
    program.load()
    return Analysis(program, program.model)
