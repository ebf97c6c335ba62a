"""The command's exit status: findings, wrong usage, failures expected and not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fpuscan import __version__
from fpuscan.errors import ModelError, NotApplicableError
from fpuscan.result import ScanResult
from tests.cli.command import Engine, Run, one_line
from tests.samples import CLEAN, INCOMPLETE, LEAKY, NOTE, WARNING


@pytest.mark.parametrize(
    ("result", "arguments", "status"),
    [
        (CLEAN, [], 0),
        (LEAKY, [], 1),
        (replace(CLEAN, findings=(WARNING,)), [], 1),
        (replace(CLEAN, findings=(WARNING,)), ["--fail-on", "error"], 0),
        (replace(CLEAN, findings=(NOTE,)), [], 0),
        (replace(CLEAN, findings=(NOTE,)), ["--fail-on", "note"], 1),
        (LEAKY, ["--fail-on", "never"], 0),
        (INCOMPLETE, [], 4),
        (INCOMPLETE, ["--fail-on", "never"], 4),
        (replace(INCOMPLETE, findings=(NOTE,)), [], 4),
        (replace(INCOMPLETE, findings=(WARNING,)), [], 1),
    ],
)
def test_the_status_says_findings_before_incomplete(
    engine: Engine, fpuscan: Callable[..., Run], tree: Path, result: ScanResult, arguments: list[str], status: int
) -> None:
    engine.result = result

    assert fpuscan(tree, *arguments).status == status


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nothing"], 2, "nothing: no such file or directory"),
        (["linux/Makefile"], 2, "linux/Makefile: is not a folder"),
        (["."], 3, ".: is no Linux tree"),
        ([], 3, "no kernel tree encloses this folder"),
        (["linux/arch"], 3, "the tree that encloses it is"),
        (["--select", "FPU999", "linux"], 2, "--select FPU999: there is no such rule"),
        (["--ignore", "FPU101,nonsense", "linux"], 2, "--ignore nonsense: there is no such rule"),
        (["--explain", ""], 2, "there is no such rule"),
        (["--select", "FPU101", "--ignore", "FPU101", "linux"], 2, "leave no rule to check"),
        (["--demo", "linux"], 2, "--demo scans a tree of its own"),
        (["-q", "-v", "linux"], 2, "-q and -v contradict"),
        (["--fail-on", "fatal", "linux"], 2, "'fatal' is not one of"),
        (["--format", "xml", "linux"], 2, "'xml' is not one of"),
        (["--nonsense"], 2, "--nonsense"),
        (["linux", "linux"], 2, "unexpected extra argument"),
        (["--patch", "1.patch", "2.patch", "3.patch"], 2, "cat *.patch | fpuscan --patch -;"),
        (["-o", "nowhere/report", "linux"], 2, "nowhere/report: cannot write the report (No such file or directory)"),
        (["-o", "linux", "linux"], 2, "linux: cannot write the report (Is a directory)"),
        (["bad\x1b[2J"], 2, "bad\\x1b[2J: no such file"),
    ],
)
def test_wrong_usage_is_one_line(
    engine: Engine,
    fpuscan: Callable[..., Run],
    tree: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    status: int,
    message: str,
) -> None:
    monkeypatch.chdir(tree.parent)

    run = fpuscan(*arguments)

    assert (run.status, run.out) == (status, "")
    assert message in one_line(run)
    assert engine.result is CLEAN


@pytest.mark.parametrize(
    ("error", "status"), [(ModelError("my.toml: [[source]] row 1: no 'name'"), 2), (NotApplicableError("x: none"), 3)]
)
def test_an_expected_failure_of_the_scan_keeps_its_status(
    engine: Engine, fpuscan: Callable[..., Run], tree: Path, error: Exception, status: int
) -> None:
    def fail() -> None:
        raise error

    engine.action = fail

    run = fpuscan(tree)

    assert run.status == status
    assert one_line(run) == f"fpuscan: error: {error}"


def test_an_unexpected_failure_is_70_with_what_to_report(
    engine: Engine, fpuscan: Callable[..., Run], tree: Path
) -> None:
    def fail() -> None:
        raise KeyError("a\nb\x1b")

    engine.action = fail

    run = fpuscan(tree)

    assert run.status == 70
    line = one_line(run)
    assert "internal error: KeyError" in line
    assert "test_status.py" in line
    assert f"please report this line together with fpuscan {__version__}" in line
    assert "Traceback" not in run.err


def test_a_traceback_is_shown_on_request(engine: Engine, fpuscan: Callable[..., Run], tree: Path) -> None:
    def fail() -> None:
        raise RecursionError("deep\x1b")

    engine.action = fail

    run = fpuscan(tree, "-v")

    assert run.status == 70
    assert "Traceback" in run.err
    assert "\x1b" not in run.err
