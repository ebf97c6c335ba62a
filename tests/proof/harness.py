"""Runs programs through the compiler and through fpuscan, and compares the two.

``observe`` compiles all programs into one binary, runs each with pairs of source
values that differ in one bit, and says which bits change which sink while both
runs took the same branches (the compiler's coverage hook logs every basic
block). ``report`` scans the same text as a mini kernel tree. ``misses`` is what
was observed and not reported.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fpuscan.result import Finding, Severity
from fpuscan.scan import ScanOptions, scan
from fpuscan.tree import open_folder
from tests.proof.programs import Program, smaller

__all__ = ["COMPILER", "Flow", "Miss", "compiles", "minimise", "misses", "observe", "report", "write_tree"]

COMPILER = shutil.which("gcc")

# The sinks of each program; the source is <name>_src.word.
SINKS = ("sink0", "sink1", "out")

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

# What the kernel's headers give, for the compiler only.
_STUB = """#include <stddef.h>
#include <string.h>
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;
#define READ_ONCE(x) (x)
#define WRITE_ONCE(x, v) ((x) = (v))
#define min(x, y) ({ u64 __x = (x), __y = (y); if (__y < __x) __x = __y; __x; })
#define max_t(t, x, y) ({ t __x = (x), __y = (y); if (__y > __x) __x = __y; __x; })
#define ALIGN(x, a) (((x) + (a) - 1) & ~((u64)(a) - 1))
#define swap(a, b) do { __typeof__(a) __s = (a); (a) = (b); (b) = __s; } while (0)
#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))
"""

_DRIVER = """
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
extern char __data_start, _end;
static u64 trace;
__attribute__((no_sanitize_coverage)) void __sanitizer_cov_trace_pc(void)
{
	trace = (trace ^ (u64)__builtin_return_address(0)) * 0x100000001b3ULL + 1;
}
struct row { int number; void (*run)(int, int, u64); struct proof_source *source; u64 *sinks[3]; };
static const struct row rows[] = {
ROWS
};
struct result { u64 trace, sinks[3]; };
struct memory { u64 seed, changed[3]; struct result base, other; char image[]; };
static __attribute__((no_sanitize_coverage)) u64 word(struct memory *m)
{
	m->seed ^= m->seed << 13; m->seed ^= m->seed >> 7; m->seed ^= m->seed << 17;
	return m->seed;
}
static __attribute__((no_sanitize_coverage)) void once(struct memory *m, const struct row *row, u64 first, u64 second,
	int flag, int mode, u64 given, struct result *to)
{
	memcpy(&__data_start, m->image, &_end - &__data_start);
	row->source->word = first;
	row->source->other = second;
	trace = 0;
	row->run(flag, mode, given);
	to->trace = trace;
	for (int i = 0; i < 3; i++)
		to->sinks[i] = *row->sinks[i];
}
__attribute__((no_sanitize_coverage)) int main(int argc, char **argv)
{
	size_t size = &_end - &__data_start;
	struct memory *m = mmap(0, sizeof(*m) + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int rounds = atoi(argv[1]);
	FILE *file = fopen(argv[2], "w");
	m->seed = 0x9e3779b97f4a7c15ULL;
	memcpy(m->image, &__data_start, size);
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		memset(m->changed, 0, sizeof(m->changed));
		for (int round = 0; round < rounds; round++) {
			u64 first = word(m), second = word(m), given = word(m);
			int flag = round & 3, mode = (round >> 2) & 3;
			if (round % 7 == 6) flag <<= 8;
			if (round % 5 == 4) { first = 0; given = 0; }
			if (round % 5 == 3) { first = ~0ULL; given = 1; }
			once(m, &rows[k], first, second, flag, mode, given, &m->base);
			for (int bit = 0; bit < 64; bit++) {
				once(m, &rows[k], first ^ 1ULL << bit, second, flag, mode, given, &m->other);
				if (m->base.trace == m->other.trace)
					for (int i = 0; i < 3; i++)
						if (m->base.sinks[i] != m->other.sinks[i])
							m->changed[i] |= 1ULL << bit;
			}
		}
		fprintf(file, "%d %llx %llx %llx\\n", rows[k].number, m->changed[0], m->changed[1], m->changed[2]);
	}
	return fclose(file);
}
"""


@dataclass(frozen=True, slots=True, order=True)
class Flow:
    """Bits of the source of program ``number`` that reach one of its sinks."""

    number: int
    sink: str


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


class NotRunnableError(Exception):
    """The compiler refused the text, or the program did not end well."""


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


def compiles() -> bool:
    """Whether there is a compiler that can log branches."""
    return COMPILER is not None


def observe(programs: Sequence[Program], tree: Path, rounds: int = 16) -> dict[Flow, int]:
    """The bits that change each sink while the branches stay the same. Raises :class:`NotRunnableError`."""
    build = tree / "build"
    build.mkdir(exist_ok=True)
    rows = "\n".join(
        f"\t{{ {p.number}, {p.name}_run, &{p.name}_src, {{ &{p.name}_sink0, &{p.name}_sink1, &{p.name}_out.word }} }},"
        for p in programs
    )
    text = [_STUB]
    for program in programs:
        if program.arm:
            text.append(f"#define CONFIG_{program.name.upper()} 1")
        text.append(f"void {program.name}_run(int flag, int mode, u64 given);")
        text += [f'#include "{tree / path}"' for path, _ in program.files if path.endswith(".c")]
    text.append(_DRIVER.replace("ROWS", rows))
    source, binary, output = build / "all.c", build / "all", build / "out"
    source.write_text("\n".join(text), encoding="utf-8")
    command = [str(COMPILER), "-O0", "-std=gnu11", "-fno-strict-aliasing", "-fwrapv", "-fsanitize-coverage=trace-pc"]
    command += ["-Werror=return-type", "-Werror=int-conversion", "-Werror=uninitialized"]
    command += [f"-I{tree}/arch/x86/include", "-o", str(binary), str(source)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode:
        raise NotRunnableError(built.stderr)
    ran = subprocess.run(
        [str(binary), str(rounds), str(output)], capture_output=True, text=True, check=False, timeout=600
    )
    if ran.returncode:
        raise NotRunnableError(f"the programs ended with {ran.returncode}")
    found: dict[Flow, int] = {}
    for line in output.read_text(encoding="utf-8").splitlines():
        number, *words = line.split()
        for sink, bits in zip(SINKS, words, strict=True):
            if int(bits, 16):
                found[Flow(int(number), sink)] = int(bits, 16)
    return found


_SINK = re.compile(r"p(\d+)_(sink\d|out)(?:\.word)?$")
_SOURCE = re.compile(r"p(\d+)_src\.word$")


def report(tree: Path) -> dict[Flow, int]:
    """The bits that fpuscan says survive on the way into each sink."""
    result = scan(open_folder(tree), ScanOptions(model_files=[tree / "model.toml"]))
    found: dict[Flow, int] = {}
    for finding in result.findings:
        flow = _flow(finding)
        if flow is not None:
            found[flow] = found.get(flow, 0) | finding.surviving.mask
    return found


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
