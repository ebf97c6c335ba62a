"""Compares what programs show when they run with what fpuscan reports about their text.

``write_tree`` lays programs out as a mini kernel tree, ``report`` scans it, and
``misses`` is what was observed (``execution.py``) and not reported.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fpuscan.result import Finding, Severity
from fpuscan.scan import ScanOptions, scan
from fpuscan.tree import open_folder
from tests.proof.execution import Flow, NotRunnableError, observe
from tests.proof.programs import Program, smaller

__all__ = ["Miss", "find", "minimise", "misses", "report", "survivors", "write_tree"]

_MODEL = """
[masks]
user = "PROOF_NOTHING"
dynamic = "PROOF_NOTHING"
xss_bits = []
enum = "xfeature"
enum_prefix = "XFEATURE_"

[[source]]
id = "proof-source"
kind = "config"
type = "struct proof_source"
member = "w*rd"
variable = "p*_src"
bits = ["PROOF_EVERYTHING"]
why = "the source of a generated program"

[[sink]]
id = "proof-sink-global"
kind = "place"
what = "features"
variable = "p*_sink?"
why = "a sink of a generated program"

[[sink]]
id = "proof-sink-quiet"
kind = "place"
what = "features"
variable = "p*_quiet"
why = "a sink of a generated program that no build reaches"

[[sink]]
id = "proof-sink-member"
kind = "place"
what = "features"
type = "struct proof_sink"
member = "word"
why = "a sink of a generated program"
"""

_HEADER = """#ifndef PROOF_H
#define PROOF_H
#define PROOF_NOTHING 0ULL
#define PROOF_EVERYTHING 0xffffffffffffffffULL
struct proof_source {
	u64 word;
	u64 other;
};
struct proof_sink {
	u64 word;
};
#endif
"""

_TRACKED = "#include <asm/fpu/proof.h>\nunsigned int fpu_user_cfg;\n"


@dataclass(frozen=True, slots=True)
class Miss:
    """Bits that were seen to flow and are not among those that are reported to survive."""

    flow: Flow
    seen: int
    reported: int

    @property
    def bits(self) -> int:
        """What is missing."""
        return self.seen & ~self.reported


def write_tree(programs: Iterable[Program], folder: Path) -> None:
    """Lay the programs out as a kernel tree."""
    texts = {
        "Makefile": "VERSION = 7\nPATCHLEVEL = 0\nSUBLEVEL = 0\nEXTRAVERSION =\n",
        "arch/x86/include/asm/fpu/proof.h": _HEADER,
        "arch/x86/kernel/fpu/tracked.c": _TRACKED,
        "model.toml": _MODEL,
    }
    for program in programs:
        texts.update(program.texts())
    for path, text in texts.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


_SINK = re.compile(r"p(\d+)_(sink\d|out|quiet)(?:\.word)?$")
_SOURCE = re.compile(r"p(\d+)_src\.word$")


def find(tree: Path) -> dict[Flow, list[Finding]]:
    """The findings about each flow into a sink."""
    result = scan(open_folder(tree), ScanOptions(model_files=[tree / "model.toml"]))
    found: dict[Flow, list[Finding]] = {}
    for finding in result.findings:
        flow = _flow(finding)
        if flow is not None:
            found.setdefault(flow, []).append(finding)
    return found


def report(tree: Path) -> dict[Flow, int]:
    """The bits that fpuscan says survive on the way into each sink."""
    return {flow: survivors(findings) for flow, findings in find(tree).items()}


def survivors(findings: Iterable[Finding]) -> int:
    """The bits that some findings say survive."""
    bits = 0
    for finding in findings:
        bits |= finding.surviving.mask
    return bits


def _flow(finding: Finding) -> Flow | None:
    if finding.severity is not Severity.ERROR:
        return None
    sink = _SINK.match(finding.sink.place)
    sources = {match[1] for match in map(_SOURCE.match, (finding.source.place,)) if match}
    if not sink or sink[1] not in sources:
        return None
    return Flow(int(sink[1]), sink[2])


def misses(seen: Mapping[Flow, int], reported: Mapping[Flow, int]) -> list[Miss]:
    """What was seen and not reported."""
    found = [Miss(flow, bits, reported.get(flow, 0)) for flow, bits in sorted(seen.items())]
    return [miss for miss in found if miss.bits]


def minimise(program: Program, miss: Miss, folder: Path, tries: int = 400) -> Program:
    """A smaller program with a miss at the same sink."""
    whole = miss.reported == 0

    def fails(candidate: Program, number: int) -> bool:
        tree = folder / f"try{number}"
        write_tree([candidate], tree)
        try:
            seen = observe([candidate], tree, 8)
        except (NotRunnableError, subprocess.TimeoutExpired):
            return False
        else:
            found = [each for each in misses(seen, report(tree)) if each.flow == miss.flow]
            return any((each.reported == 0) == whole for each in found)
        finally:
            shutil.rmtree(tree)

    position = 0
    candidates = list(smaller(program))
    for count in range(tries):
        if position >= len(candidates):
            break
        if fails(candidates[position], count):
            before = len(candidates)
            program = candidates[position]
            candidates = list(smaller(program))
            position = 0 if len(candidates) > before else max(0, position - (before - len(candidates)))
        else:
            position += 1
    return program
