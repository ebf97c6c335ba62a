"""The command over a range of commits."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fpuscan import cli
from fpuscan.result import ScanResult
from fpuscan.tree import KernelTree
from tests.cli.command import Engine, Run, one_line
from tests.repositories import CORE, Repository
from tests.samples import CLEAN, LEAKY


def test_a_history_shows_what_changed_and_how_to_go_on(
    engine: Engine, fpuscan: Callable[..., Run], repository: Repository
) -> None:
    start = repository.git("rev-parse", "HEAD")
    commit = repository.commit({CORE: "int c;\n"}, "x86/fpu: Leak\x1b")
    results = iter([CLEAN, LEAKY])
    engine.scan_of = lambda tree: (tree.read(CORE), next(results))[1]

    run = fpuscan("--history", f"{start}..", repository.folder)

    assert run.status == 1
    lines = run.out.splitlines()
    assert lines[0] == f"{commit[:12]}    2 new    0 gone  x86/fpu: Leak\\x1b"
    assert lines[1].startswith("  + FPU101 error arch/x86/kernel/fpu/core.c")
    results = iter([CLEAN, LEAKY])
    assert "    3 new    0 gone  " in fpuscan("--history", f"{start}..", "--notes", repository.folder).out
    nothing = fpuscan("--history", f"{commit}..", repository.folder)
    assert nothing.out == ""
    assert one_line(nothing) == f"fpuscan: note: no commit of {commit}.. brought or took away a finding"


def test_an_interrupted_history_says_how_to_go_on(
    engine: Engine, repository: Repository, capfd: pytest.CaptureFixture[str]
) -> None:
    start = repository.git("rev-parse", "HEAD")
    first = repository.commit({CORE: "int c;\n"}, "first")
    repository.commit({CORE: "int d;\n"}, "second")

    def scan(tree: KernelTree) -> ScanResult:
        if tree.read(CORE) == b"int d;\n":
            raise KeyboardInterrupt
        return CLEAN

    engine.scan_of = scan

    with pytest.raises(KeyboardInterrupt):
        cli.run(["--history", f"{start}..main", str(repository.folder)])

    assert capfd.readouterr().err == f"fpuscan: stopped behind {first[:12]}; --history {first[:12]}..main goes on\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--staged"], "TREE alone"), (["--rev", "HEAD"], "TREE alone"), (["--format", "json"], "prints a table")],
)
def test_a_history_stands_alone(
    fpuscan: Callable[..., Run], repository: Repository, arguments: list[str], message: str
) -> None:
    run = fpuscan("--history", "HEAD..", *arguments, repository.folder)

    assert (run.status, run.out) == (2, "")
    assert message in one_line(run)
