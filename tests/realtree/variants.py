"""Variants: edits of real trees as data, with the verdict that follows from the kernel's semantics.

Reads ``variants/*.toml``. A variant is a list of edits in the words of
:class:`~tests.realtree.edits.TreeCopy` and the leaks that must be reported; one
without a leak is a harmless twin. Independent variants share one scan (see packs.py).
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from fpuscan.engine.analysis import Analysis
from fpuscan.model import load_model
from fpuscan.program import Program
from fpuscan.result import ScanResult, Severity
from fpuscan.scan import ScanMemory, ScanOptions, scan
from fpuscan.tree import open_folder
from fpuscan.trees.overlay import OverlayTree
from fpuscan.xfeatures import FeatureBits
from tests.realtree.edits import EditError, TreeCopy
from tests.realtree.leaks import Leak
from tests.realtree.packs import Operations, Reach, apply

__all__ = ["FILES", "MemoryCopy", "Variant", "feature_bits", "read_variants"]

_FOLDER = Path(__file__).parent / "variants"
_FPU = "arch/x86/kernel/fpu"
# The names that the data uses for the files that are edited most.
FILES = {
    "core": f"{_FPU}/core.c",
    "xstate": f"{_FPU}/xstate.c",
    "signal": f"{_FPU}/signal.c",
    "regset": f"{_FPU}/regset.c",
    "xstate.h": f"{_FPU}/xstate.h",
    "asig": "arch/x86/kernel/signal.c",
    "types.h": "arch/x86/include/asm/fpu/types.h",
    "kvm": "arch/x86/kvm/x86.c",
    "init": f"{_FPU}/init.c",
    "internal.h": f"{_FPU}/internal.h",
    "ptrace": "arch/x86/kernel/ptrace.c",
    "api.h": "arch/x86/include/asm/fpu/api.h",
    "kcpuid": "arch/x86/kvm/cpuid.c",
    "p64": "arch/x86/kernel/process_64.c",
    "s64": "arch/x86/kernel/signal_64.c",
}
# The supervisor features of a guest default, by release; the newest one is ().
_SUPERVISOR = {
    "": frozenset({"PASID", "CET_USER", "CET_KERNEL"}),
    "7.2": frozenset({"PASID", "CET_USER", "CET_KERNEL"}),
    "6.12": frozenset({"PASID", "CET_USER"}),
    "6.1": frozenset({"PASID"}),
}
# The rows of such files want each leak once.
_TOLD_ONCE = (
    "fresh_",
    "third_core",
    "third_ports",
    "third_idioms",
    "third_turns",
    "third_sinks",
    "third_kvm",
    "fourth_kvm",
    "fourth_",
    "fifth_",
)


@dataclass(frozen=True)
class Variant:
    """One edit of one release ("": the newest tree)."""

    name: str
    release: str
    edits: Operations
    leaks: tuple[Leak, ...]
    also: frozenset[str]
    todo: str
    gone: frozenset[str] = frozenset()  # the rules whose warnings the edit mends
    alone: bool = False  # what it leaves out is missed by others

    def apply(self, tree: TreeCopy) -> None:
        """Make the edits."""
        apply(self.edits, tree, FILES)

    @cached_property
    def reach(self) -> Reach:
        """The functions and names that another variant of the same scan must leave alone."""
        found = Reach.of(self.edits, [(leak.function, leak.sink) for leak in self.leaks], self.also)
        return replace(found, alone=True) if self.todo or self.gone or self.alone else found


_MEMORIES: defaultdict[Path, ScanMemory] = defaultdict(ScanMemory)  # what all scans of edits of one tree share


class MemoryCopy(TreeCopy):
    """A copy of a tree in memory: nothing is written; unchanged files are parsed once for all copies."""

    def __init__(self, source: Path, memory: ScanMemory | None = None) -> None:
        super().__init__(source, source)
        self.memory = memory or _MEMORIES[source]
        self.changes: dict[str, str | None] = {}

    def text(self, path: str) -> str:
        """A file of the copy; one byte is one character."""
        changed = self.changes.get(path)
        return (self.source / path).read_bytes().decode("latin-1") if changed is None else changed

    def remove(self, path: str) -> None:
        """Take a file out of the copy."""
        self.changes[path] = None

    def write(self, path: str, text: str) -> None:
        """Replace a file of the copy."""
        if self.exists(path) and text == self.text(path):
            raise EditError(f"{path}: the edit changes nothing")
        self.changes[path] = text

    def exists(self, path: str) -> bool:
        """Whether the copy has a file."""
        return path in self.changes or (self.source / path).exists()

    def include(self, path: str, header: str) -> None:
        """Include a header in front of the others."""
        text = self.text(path)
        at = text.index("#include")
        self.write(path, f"{text[:at]}#include {header}\n{text[at:]}")

    def tree(self) -> OverlayTree:
        """The copy as a tree."""
        changes = {path: None if text is None else text.encode("latin-1") for path, text in self.changes.items()}
        return OverlayTree(open_folder(self.source), changes)

    def scan(self) -> ScanResult:
        """Scan the copy."""
        return scan(self.tree(), ScanOptions(memory=self.memory))

    def analysis(self) -> Analysis:
        """The copy, read: for a test that runs one rule."""
        model = load_model()
        program = Program(self.tree(), model, parsed=self.memory.parsed)
        program.load()
        return Analysis(program, model)


def feature_bits(analysis: Analysis) -> FeatureBits:
    """The features that a tree names."""
    program = analysis.program
    constants = program.types.enum_constants(f"enum {analysis.model.masks.enum}")
    return FeatureBits.from_tree(constants, program.evaluate)


def read_variants(file: str) -> Iterator[Variant]:
    """The variants of one file, once per release."""
    data = tomllib.loads((_FOLDER / file).read_text(encoding="utf-8"))
    for row in data["variant"]:
        for release in row.get("releases", [""]):
            yield Variant(
                row["name"],
                release,
                tuple(tuple(edit) for edit in (*data.get("base", {}).get(row.get("base"), ()), *row["edits"])),
                tuple(replace(_leak(leak, release), once=file.startswith(_TOLD_ONCE)) for leak in row.get("leaks", ())),
                frozenset(row.get("also", ())),
                row.get("todo", ""),
                frozenset(row.get("gone", ())),
                row.get("alone", False),
            )


def _leak(row: dict[str, Any], release: str) -> Leak:
    words = dict(row)
    bits = words.pop("bits", None)
    if bits is not None:
        named = frozenset(bits) - {"SUPERVISOR"}
        bits = named | _SUPERVISOR[release] if "SUPERVISOR" in bits else named
    leak = Leak(
        words.pop("rule"),
        words.pop("function"),
        words.pop("at", ""),
        words.pop("sink", ""),
        bits,
        words.pop("format", False),
        Severity[words.pop("severity", "error").upper()],
        words.pop("side", ""),
        source=words.pop("source", ""),
        through=tuple(words.pop("through", ())),
        consumers=frozenset(words.pop("consumers", ())),
        says=tuple(words.pop("says", ())),
    )
    path = words.pop("path", "core")
    assert not words, f"unknown keys {sorted(words)}"
    return replace(leak, path=FILES.get(path, path))
