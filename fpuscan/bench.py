"""``python -m fpuscan.bench TREE``: how long a cold run takes, beside the bare parse of the same files.

Prints; never judges: a machine's speed is no property of the code. Everything
is measured in one run on one machine, so the ratio can be compared where the
seconds cannot. The processes find compiled modules, as those of an installed
package do, whatever the environment says about writing them.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fpuscan.errors import FpuscanError
from fpuscan.tree import KernelTree, open_folder

__all__ = ["main"]


@dataclass(frozen=True, slots=True)
class _ColdRun:
    """One run of the command in a process of its own: seconds, peak resident size in bytes, exit status, --stats."""

    seconds: float
    peak: int
    status: int
    stats: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; gives 0, or 2 if the tree cannot be scanned."""
    parser = argparse.ArgumentParser(prog="python -m fpuscan.bench", description=__doc__.splitlines()[0])
    parser.add_argument("tree", help="top folder of a kernel source tree")
    parser.add_argument("--rounds", type=int, default=5, help="take the best of so many (default: 5)")
    chosen = parser.parse_args(arguments)
    try:
        tree = open_folder(chosen.tree)
        # NOTE: the processes come first. Linux counts the size of the parent at the time of the fork into the
        # peak of the child, and this process grows when it parses.
        command = [sys.executable, "-m", "fpuscan", "--stats", "--notes", str(Path(chosen.tree))]
        with TemporaryDirectory() as compiled:
            environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
            _cold_run(command, environment)  # compiles the modules
            start = _best(chosen.rounds, lambda: _cold_run([sys.executable, "-c", "pass"], environment))
            cold = _best(chosen.rounds, lambda: _cold_run(command, environment))
        files = _files(tree)
    except FpuscanError as error:
        print(f"fpuscan.bench: error: {error}", file=sys.stderr)
        return 2
    bare = min(_bare_parse(files) for _ in range(chosen.rounds))
    size = sum(map(len, files)) / 1e6
    print(f"Linux {tree.kernel_version()}: {len(files)} files, {size:.1f} MB; best of {chosen.rounds}")
    print(f"Python {platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores")
    print(f"  bare tree-sitter parse        {bare:8.3f} s")
    print(f"  fpuscan, whole cold process   {cold.seconds:8.3f} s   {cold.seconds / bare:.2f} x bare parse")
    print(f"  start of the interpreter      {start.seconds:8.3f} s   (part of it)")
    print(f"  peak memory                   {cold.peak / 1e6:8.0f} MB")
    print(f"  exit status                   {cold.status:8d}")
    print("phases of the best run:")
    print("".join(f"  {line}\n" for line in cold.stats.splitlines()), end="")
    return 0


def _best(rounds: int, measure: Callable[[], _ColdRun]) -> _ColdRun:
    runs = [measure() for _ in range(rounds)]
    best = min(runs, key=lambda run: run.seconds)
    return _ColdRun(best.seconds, max(run.peak for run in runs), best.status, best.stats)


def _cold_run(command: list[str], environment: dict[str, str]) -> _ColdRun:
    started = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        stats = process.stderr.read() if process.stderr else ""
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    return _ColdRun(seconds, usage.ru_maxrss * 1024, process.returncode, stats)


# The files that a scan parses, as bytes.
def _files(tree: KernelTree) -> list[bytes]:
    from fpuscan.model import load_model
    from fpuscan.program import Program

    program = Program(tree, load_model())
    program.load()
    return [parsed.source.data for parsed in program.files.values()]


# Seconds that tree-sitter alone takes, over the bytes as they are.
def _bare_parse(files: list[bytes]) -> float:
    import tree_sitter_c
    from tree_sitter import Language, Parser

    parser = Parser(Language(tree_sitter_c.language()))
    started = time.perf_counter()
    for data in files:
        parser.parse(data)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
