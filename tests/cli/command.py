"""The command with a stand-in for the engine: these tests say nothing about the scan and do not wait for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fpuscan.result import ScanResult
from fpuscan.tree import KernelTree
from tests.samples import CLEAN


@dataclass
class Engine:
    """Stands in for fpuscan.scan: gives `result`, or does what `action` does, and remembers what it was asked."""

    result: ScanResult = CLEAN
    action: Callable[[], None] | None = None
    asked: list[Any] = field(default_factory=list)
    scan_of: Callable[[KernelTree], ScanResult] | None = None

    def scan(self, tree: KernelTree, options: object) -> ScanResult:
        self.asked.append((tree, options))
        if self.action:
            self.action()
        return self.scan_of(tree) if self.scan_of else self.result


@dataclass
class Run:
    """What one run of the command gave."""

    status: int
    out: str
    err: str


def process(*arguments: str | Path, **settings: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fpuscan", *map(str, arguments)]
    settings = {"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": 60, **settings}
    return subprocess.run(command, text=True, check=False, **settings)


def one_line(run: Run) -> str:
    """The error message, which must be one line with the program's name."""
    lines = run.err.splitlines()

    assert len(lines) == 1, run.err
    assert lines[0].startswith("fpuscan: ")
    return lines[0]
