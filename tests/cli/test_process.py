"""The world around the process: closed pipes, full disks, interrupts, locales."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.command import process


@pytest.fixture
def site(tmp_path: Path) -> dict[str, str]:
    """An environment in which the whole process finds a stand-in for the engine: it prints much, or waits."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(
        "import os, sys, time, types\n"
        "from dataclasses import replace\n"
        "def scan(tree, options):\n"
        "    from tests.samples import LEAKY, WARNING\n"
        "    if 'MARK' in os.environ:\n"
        "        open(os.environ['MARK'], 'w').close()\n"
        "        time.sleep(30)\n"
        "    return replace(LEAKY, findings=(WARNING,) * 5000)\n"
        "module = types.ModuleType('fpuscan.scan')\n"
        "module.scan, module.ScanOptions = scan, lambda **chosen: chosen\n"
        "sys.modules['fpuscan.scan'] = module\n"
    )
    root = Path(__file__).resolve().parents[2]
    return {**os.environ, "PYTHONPATH": f"{tmp_path / 'site'}{os.pathsep}{root}"}


def test_a_closed_output_pipe_is_one_line_and_keeps_the_verdict(site: dict[str, str], tree: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    done = process(tree, env=site, capture_output=False, stdout=writer, stderr=subprocess.PIPE)

    os.close(writer)
    assert (done.returncode, done.stderr) == (
        1,
        "fpuscan: the output pipe was closed before the whole report was written; -o FILE keeps it\n",
    )


@pytest.mark.parametrize("argument", ["--help", "--version", "--list-rules"])
def test_a_closed_output_pipe_is_no_traceback_for_help_either(argument: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    done = process(argument, capture_output=False, stdout=writer, stderr=subprocess.PIPE)

    os.close(writer)
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 1


def test_a_full_disk_is_an_error(site: dict[str, str], tree: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = process(tree, env=site, capture_output=False, stdout=full, stderr=subprocess.PIPE)

    assert done.returncode == 2
    assert done.stderr == (
        "fpuscan: error: standard output: cannot write the report (No space left on device); try -o FILE\n"
    )


def test_a_closed_standard_output_is_an_error(site: dict[str, str], tree: Path) -> None:
    command = f"exec '{sys.executable}' -m fpuscan '{tree}' >&-"

    done = subprocess.run(["sh", "-c", command], env=site, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (
        2,
        "fpuscan: error: standard output is closed; name a file with -o FILE\n",
    )


def test_interrupting_is_130_and_one_line(site: dict[str, str], tree: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    # A job in the background ignores the signal, and so would what it starts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        [sys.executable, "-m", "fpuscan", tree],
        env={**site, "MARK": str(mark)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        signal.signal(signal.SIGINT, before)
        while not mark.exists() and running.poll() is None:
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)

    assert (running.returncode, out, err) == (130, "", "fpuscan: interrupted\n")


def test_the_report_is_the_same_bytes_in_any_locale(site: dict[str, str], tree: Path) -> None:
    outputs = {
        process(tree, env={**site, "LC_ALL": locale, "PYTHONUTF8": utf8, "PYTHONHASHSEED": seed}).stdout
        for locale, utf8, seed in (("C", "0", "1"), ("C.UTF-8", "1", "2"), ("POSIX", "0", "3"))
    }

    assert len(outputs) == 1
