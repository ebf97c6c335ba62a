"""A stand-in for the engine, the command, and the least that is a kernel tree."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from fpuscan import cli
from tests.cli.command import Engine, Run
from tests.repositories import CORE, Repository, make_repository


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    @dataclass(frozen=True)
    class ScanOptions:
        select: tuple[str, ...]
        ignore: tuple[str, ...]
        model_files: tuple[Path, ...]
        progress: Callable[[str], None] | None
        graph: bool
        memory: object
        provenance: str | None

    stand_in, module = Engine(), ModuleType("fpuscan.scan")
    memory = partial(SimpleNamespace, footprint=None)
    module.__dict__.update(scan=stand_in.scan, ScanOptions=ScanOptions, ScanMemory=memory)
    monkeypatch.setitem(sys.modules, "fpuscan.scan", module)
    return stand_in


@pytest.fixture
def fpuscan(capfd: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    def run(*arguments: str | Path) -> Run:
        status = cli.run([str(argument) for argument in arguments])
        return Run(status, *capfd.readouterr())

    return run


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The least that is a kernel tree."""
    top = tmp_path / "linux"
    (top / "arch/x86/kernel/fpu").mkdir(parents=True)
    (top / "Makefile").write_text("VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 0\nEXTRAVERSION =\n")
    return top


@pytest.fixture
def repository(tree: Path) -> Repository:
    """The least that is a kernel tree, committed, with one file of the scope."""
    (tree / CORE).write_text("int a;\nint b;\n")
    return make_repository(tree, {})
