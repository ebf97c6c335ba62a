"""The scans of one run: what they are asked, what they share, and which answers are known from earlier runs.

The scan is slow to import, and so is what git and earlier runs are read with. Each is imported when it is first
needed: for an answer that is known there is no scan, and a scan of one folder needs no git.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpuscan.triage.aside import set_aside

if TYPE_CHECKING:
    from fpuscan.cache import Answers, Footprint
    from fpuscan.commands.review import Scanner
    from fpuscan.result import ScanResult
    from fpuscan.scan import ScanMemory
    from fpuscan.tree import KernelTree

__all__ = ["Progress", "Question", "Scans"]

Progress = Callable[[], AbstractContextManager[Callable[[str], None] | None]]
"""Opened around each scan; gives who wants to hear of its progress."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a tree: see `ScanOptions`. ``checked`` are the ids of all rules that run."""

    select: tuple[str, ...]
    ignore: tuple[str, ...]
    checked: frozenset[str]
    model_files: tuple[Path, ...] = ()
    graph: bool = False
    provenance: str | None = None


class Scans:
    """Asks one question of several trees; what is parsed for one of them is parsed for all."""

    def __init__(self, question: Question, progress: Progress) -> None:
        self._question = question
        self._progress = progress

    def __call__(self, tree: KernelTree) -> ScanResult:
        """Scan one tree of several."""
        return self._ask(self._question, tree, self._memory)

    def once(self, tree: KernelTree) -> ScanResult:
        """Scan the only tree of the run."""
        return self._ask(self._question, tree, None)

    @property
    def footprint(self) -> Footprint | None:
        """That of the last scan."""
        return self._memory.footprint

    def scanner(self, *, cache: bool) -> Scanner:
        """Scan only what has to be scanned; with `cache`, the answers of earlier runs are used, and kept for later."""
        from fpuscan.commands.review import Scanner

        findings = replace(self._question, graph=False, provenance=None)
        plain = None if findings == self._question else partial(self._ask, findings, memory=self._memory)
        return Scanner(self, self, plain=plain, answers=self._answers() if cache else None)

    def _answers(self) -> Answers | None:
        from fpuscan.cache import Answers, cache_folder, question_key

        asked, folder = self._question, cache_folder()
        try:
            key = partial(question_key, asked.select, asked.ignore, asked.model_files)
            return Answers(folder, key, _restored) if folder is not None else None
        except (OSError, ValueError):  # the scan says what is wrong with a model
            return None

    def _ask(self, question: Question, tree: KernelTree, memory: ScanMemory | None) -> ScanResult:
        from fpuscan.scan import ScanOptions, scan

        if memory is not None and memory.footprint is not None:
            gc.collect()  # nobody else frees what the scan before has left: see __main__
        with self._progress() as progress:
            options = ScanOptions(
                select=question.select,
                ignore=question.ignore,
                model_files=question.model_files,
                progress=progress,
                graph=question.graph,
                memory=memory,
                provenance=question.provenance,
            )
            return set_aside(scan(tree, options), tree.read, question.checked)

    @cached_property
    def _memory(self) -> ScanMemory:
        from fpuscan.scan import ScanMemory

        return ScanMemory()


def _restored(record: dict[str, Any]) -> Footprint:
    from fpuscan.footprint import Footprint as Restored
    from fpuscan.parse.reuse import ParseCache

    return Restored.restored(record, ParseCache())
