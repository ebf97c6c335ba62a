"""Variants: edits of real trees as data, with the verdict that follows from the kernel's semantics.

Reads ``variants/*.toml``. A variant is a list of edits in the words of
:class:`~tests.realtree.edits.TreeCopy` and the leaks that must be reported; one
without a leak is a harmless twin. Independent variants share one scan: they
touch other functions and cannot reach each other's places, so every finding
belongs to one of them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fpuscan.result import ScanResult, Severity
from fpuscan.scan import ScanMemory, ScanOptions, scan
from fpuscan.tree import open_folder
from fpuscan.trees.overlay import OverlayTree
from tests.realtree.edits import EditError, TreeCopy
from tests.realtree.leaks import Leak

__all__ = ["FILES", "MemoryCopy", "Pack", "Variant", "packs", "read_variants"]

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
}
# The supervisor features of a guest default, by release; the newest one is ().
_SUPERVISOR = {
    "": frozenset({"PASID", "CET_USER", "CET_KERNEL"}),
    "7.2": frozenset({"PASID", "CET_USER", "CET_KERNEL"}),
    "6.12": frozenset({"PASID", "CET_USER"}),
    "6.1": frozenset({"PASID"}),
}
_INSIDE = frozenset({"assign", "replace", "drop_mask", "insert", "insert_at_top", "rewrite", "redefine"})
# What they change is read everywhere.
_SHARED = frozenset({"xstate_get_group_perm", "xstate_get_host_group_perm", "host_default_mask", "guest_default_mask"})
_NEW_NAME = re.compile(r"^(?!\s)[^\n(]*?(\w+)\s*(?:\(|\[|=|;|\{)|\b(?:struct|enum)\s+(\w+)\s*\{", re.MULTILINE)
_STATE = re.compile(r"guest_perm|guest_fpu|uabi_size|user_state_size|__state_size")
_TOLD_ONCE = "fresh_"  # the rows of these files want each leak once
_LARGEST = 16  # variants that share a scan, so that a failure can be read


@dataclass(frozen=True, slots=True)
class Variant:
    """One edit of one release ("": the newest tree)."""

    name: str
    release: str
    edits: tuple[tuple[Any, ...], ...]
    leaks: tuple[Leak, ...]
    also: frozenset[str]
    todo: str

    def apply(self, tree: TreeCopy) -> None:
        """Make the edits."""
        for operation, path, *arguments in self.edits:
            words: dict[str, str] = arguments.pop() if isinstance(arguments[-1], dict) else {}
            getattr(tree, operation)(FILES.get(path, path), *arguments, **words)

    def concerns(self) -> frozenset[str]:
        """The functions and names that another variant of the same scan must leave alone."""
        found = {leak.function for leak in self.leaks} | self.also
        for operation, path, *arguments in self.edits:
            if operation in _INSIDE:
                found.add(arguments[0])
            if operation in {"insert_above", "append", "redefine"}:
                found.update(f"new {word}" for match in _NEW_NAME.finditer(arguments[-1]) for word in match.groups())
            if operation == "append":
                found.add(path)
        return frozenset(found)

    @property
    def alone(self) -> bool:
        """Whether it changes what every function sees."""
        operations = {edit[0] for edit in self.edits}
        return bool(operations & {"add_member", "include", "rename"} or self.concerns() & _SHARED or self.todo)

    @property
    def leaks_into_state(self) -> bool:
        """Whether others may read what leaks."""
        return any(leak.sink for leak in self.leaks)

    @property
    def reads_state(self) -> bool:
        """Whether it may read what others leak."""
        return any(_STATE.search(str(edit)) for edit in self.edits)


@dataclass(slots=True)
class Pack:
    """Variants of one release that share a scan."""

    release: str
    variants: list[Variant] = field(default_factory=list)
    concerns: set[str] = field(default_factory=set)

    def takes(self, variant: Variant) -> bool:
        """Whether a variant and those here cannot get in each other's way."""
        if self.release != variant.release or len(self.variants) >= _LARGEST or self.concerns & variant.concerns():
            return False
        if variant.alone or any(other.alone for other in self.variants):
            return False
        state = [other for other in self.variants if other.leaks_into_state]
        if variant.leaks_into_state and (state or any(other.reads_state for other in self.variants)):
            return False
        return not (state and variant.reads_state)

    def add(self, variant: Variant) -> None:
        """Take one more."""
        self.variants.append(variant)
        self.concerns |= variant.concerns()


class MemoryCopy(TreeCopy):
    """A copy of a tree in memory: nothing is written; unchanged files are parsed once for all copies."""

    def __init__(self, source: Path, memory: ScanMemory) -> None:
        super().__init__(source, source)
        self.memory = memory
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
    )
    path = words.pop("path", "core")
    assert not words, f"unknown keys {sorted(words)}"
    return replace(leak, path=FILES.get(path, path))


def packs(variants: Iterable[Variant]) -> list[Pack]:
    """Variants in as few scans as they allow."""
    found: list[Pack] = []
    for variant in variants:
        pack = next((pack for pack in found if pack.takes(variant)), None)
        if pack is None:
            pack = Pack(variant.release)
            found.append(pack)
        pack.add(variant)
    return found
