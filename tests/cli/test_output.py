"""What the command prints: formats, colours, statistics, progress, help."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from fpuscan import __version__, cli
from fpuscan.cli.options import Options
from fpuscan.report import FORMATS
from fpuscan.rules.info import RULE_INFOS
from tests.cli.command import Engine, Run
from tests.samples import LEAKY


def test_formats_and_files(engine: Engine, fpuscan: Callable[..., Run], tree: Path, tmp_path: Path) -> None:
    engine.result = LEAKY
    report = tmp_path / "report.json"

    printed, written = fpuscan(tree, "--format", "json"), fpuscan(tree, "--format", "json", "-o", report)

    assert (written.status, written.out) == (1, "")
    assert report.read_text() == printed.out
    assert json.loads(printed.out)["schema"] == "fpuscan-report/1"
    assert fpuscan(tree, "-o", "-").out.startswith("arch/x86/kernel/fpu/core.c:31:2: error: ")


def test_text_choices_reach_the_report(engine: Engine, fpuscan: Callable[..., Run], tree: Path) -> None:
    engine.result = LEAKY

    assert "note: " not in fpuscan(tree).out
    assert "note: " in fpuscan(tree, "--notes").out
    assert len(fpuscan(tree, "-q").out.splitlines()) == 2
    assert "\x1b[1;31m" not in fpuscan(tree).out
    assert "\x1b[1;31m" in fpuscan(tree, "--color", "always").out


def test_colour_is_for_terminals_that_want_it(
    engine: Engine, fpuscan: Callable[..., Run], tree: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine.result = LEAKY
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")

    assert "\x1b[" in fpuscan(tree).out
    assert "\x1b[" not in fpuscan(tree, "--color", "never").out
    fpuscan(tree, "-o", tmp_path / "report")
    assert "\x1b[" not in (tmp_path / "report").read_text()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in fpuscan(tree).out
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[" not in fpuscan(tree).out


def test_stats_go_to_stderr_and_leave_the_report_alone(engine: Engine, fpuscan: Callable[..., Run], tree: Path) -> None:
    engine.result = replace(LEAKY, counts=(("nodes", 1234),))

    run = fpuscan(tree, "--stats")

    assert run.out == fpuscan(tree).out
    assert run.err.splitlines() == [
        "parse                        310.0 ms",
        "graph                        120.0 ms",
        "nodes                         1234",
    ]


def test_progress_shows_on_a_terminal_after_a_second(
    engine: Engine, fpuscan: Callable[..., Run], tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 0.5, 1.5])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    def work() -> None:
        progress = engine.asked[0][1].progress
        progress("reading")
        progress("following flows\x1b")

    engine.action = work

    run = fpuscan(tree)

    assert run.err == "\r\x1b[Kfollowing flows\\x1b...\r\x1b[K"


@pytest.mark.parametrize("rule", [rule.id for rule in RULE_INFOS])
def test_a_rule_is_explained_in_full(fpuscan: Callable[..., Run], rule: str) -> None:
    info = next(info for info in RULE_INFOS if info.id == rule)

    run = fpuscan("--explain", rule.lower())

    flat = " ".join(run.out.split())
    for text in (info.slug, info.title, info.why, info.how_to_fix, info.example_bad, info.example_good, info.severity):
        assert " ".join(text.split()) in flat
    assert all(commit.hash in flat for commit in info.commits)
    assert max(len(line) for line in run.out.splitlines()) <= 80
    assert fpuscan("--explain", info.slug).out == run.out


def test_every_rule_is_listed(fpuscan: Callable[..., Run]) -> None:
    lines = fpuscan("--list-rules").out.splitlines()

    assert [line.split()[:2] for line in lines] == [[rule.id, rule.slug] for rule in RULE_INFOS]


def test_help_names_every_option_and_format(fpuscan: Callable[..., Run]) -> None:
    text = fpuscan("--help").out

    for parameter in cli.command.params:
        if parameter.param_type_name == "option":
            assert max(parameter.opts, key=len) in text
    assert all(name in text for name in FORMATS)
    assert fpuscan("-h").out == text


def test_parameters_and_choices_are_the_same() -> None:
    names = {parameter.name for parameter in cli.command.params if parameter.expose_value}

    assert names == {field.name for field in fields(Options)}


def test_the_schema_of_the_json_report_is_printed(fpuscan: Callable[..., Run]) -> None:
    assert json.loads(fpuscan("--json-schema").out)["$id"] == "urn:fpuscan:report:1"


def test_version(fpuscan: Callable[..., Run]) -> None:
    assert fpuscan("--version").out == f"fpuscan {__version__}\n"


@pytest.mark.parametrize("argument", ["--help", "--version", "--list-rules", "--explain=FPU101"])
def test_words_come_without_loading_the_engine(argument: str) -> None:
    """--help is instant: nothing that only a scan needs is imported."""
    code = (
        "import sys; from fpuscan.cli import run; run(sys.argv[1:]); "
        "slow = {'networkx', 'tree_sitter', 'fpuscan.scan', 'fpuscan.git', 'email', 'tomllib'} & set(sys.modules); "
        "sys.exit(f'loaded: {slow}' if slow else 0)"
    )

    run = subprocess.run([sys.executable, "-c", code, argument], capture_output=True, text=True, check=False)

    assert (run.returncode, run.stderr) == (0, "")
