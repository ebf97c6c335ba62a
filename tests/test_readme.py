"""The README shows what the command prints today.

Every ``console`` block that begins with ``$ fpuscan`` holds the output of that
command, and the TOML block is a model that loads. After a change that is meant,

    python -m tests.test_readme

writes the outputs anew; look at the diff.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from fpuscan.report import FORMATS
from tests.realtree.variants import read_variants

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"^```console\n\$ fpuscan(?P<arguments>[^\n&]*)\n(?P<output>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str]]:
    """The commands that README shows, with the outputs shown."""
    return [(found["arguments"].strip(), found["output"]) for found in BLOCK.finditer(README.read_text())]


def output_of(arguments: str) -> str:
    """What the command prints, in a terminal of no special width."""
    command = [sys.executable, "-m", "fpuscan", *shlex.split(arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout


@pytest.mark.parametrize(("arguments", "shown"), blocks(), ids=[arguments for arguments, _ in blocks()])
def test_the_shown_output_is_current(arguments: str, shown: str) -> None:
    assert shown == output_of(arguments)


def test_help_and_a_finding_are_shown() -> None:
    shown = [arguments for arguments, _ in blocks()]

    assert "--help" in shown
    assert any("--demo" in arguments for arguments in shown)


def test_the_two_commands_are_there_and_ci_runs_them() -> None:
    """.ci/run takes the commands from README, so they cannot differ; this guards the form that it looks for."""
    commands = [line for line in README.read_text().splitlines() if line.startswith("$ pip install")]

    assert [command.partition(" && ")[2] for command in commands] == ["fpuscan --demo", "pytest"]
    assert "README.md" in (ROOT / ".ci/run").read_text()


def test_every_format_exit_status_and_severity_is_named() -> None:
    text = README.read_text()

    assert all(f"| {status} |" in text for status in (0, 1, 2, 3, 4, 70, 130))
    assert all(f"| {severity} |" in text for severity in ("error", "warning", "note"))
    assert all(name in text for name in FORMATS)


def number_of_edits() -> int:
    files = sorted((ROOT / "tests/realtree/variants").glob("*.toml"))
    return sum(1 for file in files for _ in read_variants(file.name))


def test_the_number_of_edits_of_real_trees_is_current() -> None:
    assert f"makes {number_of_edits()} larger edits" in README.read_text()


def test_the_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README.read_text()):
        assert (ROOT / target).exists(), target


def test_the_shown_model_is_one(tmp_path: Path) -> None:
    from fpuscan.model import load_model

    shown = re.search(r"^```toml\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    assert shown is not None
    file = tmp_path / "model.toml"
    file.write_text(shown[1])

    added = load_model((str(file),))

    assert len(added.sources) == len(load_model().sources) + 1
    assert len(added.sinks) == len(load_model().sinks) + 1


def _write_anew() -> None:
    def current(found: re.Match[str]) -> str:
        arguments = found["arguments"].strip()
        try:
            return f"```console\n$ fpuscan {arguments}\n{output_of(arguments)}```"
        except AssertionError as error:
            print(f"kept as it is: fpuscan {arguments}: {error}", file=sys.stderr)
            return found[0]

    text = BLOCK.sub(current, README.read_text())
    README.write_text(re.sub(r"makes \d+ larger edits", f"makes {number_of_edits()} larger edits", text))


if __name__ == "__main__":
    _write_anew()
