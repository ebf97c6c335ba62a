"""Runs programs through the machine's C compiler, and says which bits of the source change which sink.

All programs of a run become one binary per build configuration; the driver runs
each with pairs of source values that differ in one bit, once or twice in a row. A
change counts while both runs took the same branches: the compiler's coverage hook
logs every basic block. What does not count is told, too: a change that is gone when
the program ends, and one where the branches differ; and which lines ran at all.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.proof.lines import Line, lines_of_blocks
from tests.proof.programs import Program

__all__ = ["SINKS", "Flow", "NotRunnableError", "Observation", "compiles", "configurations", "observe", "watch"]

COMPILER = shutil.which("gcc")
DISASSEMBLER = shutil.which("objdump")

# The sinks of each program; the source is <name>_src.word.
# Nothing may ever flow into the last one.
SINKS = ("sink0", "sink1", "out", "quiet")

_FLAGS = (
    "-O0", "-std=gnu11", "-w", "-fno-strict-aliasing", "-fwrapv", "-fsanitize-coverage=trace-pc",
    "-g", "-no-pie", "-Werror=return-type", "-Werror=int-conversion",
    "-Werror=uninitialized", "-Werror=implicit-function-declaration",
)  # fmt: skip

# Which switches are on, a bit for each: pairs first, all combinations of three in the end.
_ROWS = (0, 3, 5, 6, 7, 4, 2, 1)

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
#define __ARG_PLACEHOLDER_1 0,
#define __take_second_arg(__ignored, val, ...) val
#define __is_defined(x) ___is_defined(x)
#define ___is_defined(val) ____is_defined(__ARG_PLACEHOLDER_##val)
#define ____is_defined(arg1_or_junk) __take_second_arg(arg1_or_junk 1, 0)
#define IS_ENABLED(option) __is_defined(option)
#define fallthrough __attribute__((__fallthrough__))
#define DECLARE_STATIC_CALL(name, func) extern __typeof__(func) *name##_key
#define DEFINE_STATIC_CALL(name, func) __typeof__(func) *name##_key = func
#define static_call(name) (*name##_key)
#define GFP_KERNEL 0
static char *heap_memory; /* outside of what each run starts from anew */
static u64 heap_used;
__attribute__((no_sanitize_coverage)) static inline void *kzalloc(size_t size, int flags)
{
	char *found = heap_memory + heap_used;
	heap_used += (size + 15) & ~15ULL;
	return memset(found, 0, size);
}
#define kfree(p) ((void)(p))
#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))
"""

_DRIVER = """
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
extern char __data_start, _end;
struct row { int number; void (*run)(int, int, u64); struct proof_source *source; u64 *sinks[4]; };
static const struct row rows[] = {
ROWS
};
struct result { u64 trace, sinks[4], past[4]; };
struct memory {
	u64 seed, changed[4], passing[4], branching[4], blocks[1 << 16];
	struct result base, other;
	char image[];
};
static struct memory *memory;
static const struct row *current;
static u64 trace, past[4];
__attribute__((no_sanitize_coverage)) void __sanitizer_cov_trace_pc(void)
{
	u64 at = (u64)__builtin_return_address(0);
	trace = (trace ^ at) * 0x100000001b3ULL + 1;
	for (int i = 0; i < 4; i++)
		past[i] = (past[i] ^ *current->sinks[i]) * 0x100000001b3ULL + 1;
	u64 slot = at & 0xffff;
	while (memory->blocks[slot] && memory->blocks[slot] != at)
		slot = (slot + 1) & 0xffff;
	memory->blocks[slot] = at;
}
static __attribute__((no_sanitize_coverage)) u64 word(struct memory *m)
{
	m->seed ^= m->seed << 13; m->seed ^= m->seed >> 7; m->seed ^= m->seed << 17;
	return m->seed;
}
static __attribute__((no_sanitize_coverage)) void once(struct memory *m, const struct row *row, u64 first,
	u64 second, int earlier, int flag, int mode, u64 given, struct result *to)
{
	memcpy(&__data_start, m->image, &_end - &__data_start);
	current = row;
	row->source->word = first;
	row->source->other = second;
	trace = 0;
	if (earlier >= 0) /* what is kept from call to call flows, too */
		row->run(earlier, mode, given);
	row->run(flag, mode, given);
	to->trace = trace;
	for (int i = 0; i < 4; i++) {
		to->sinks[i] = *row->sinks[i];
		to->past[i] = past[i];
	}
}
static __attribute__((no_sanitize_coverage)) void compare(struct memory *m, const struct row *row, u64 first,
	u64 second, int earlier, int flag, int mode, u64 given)
{
	once(m, row, first, second, earlier, flag, mode, given, &m->base);
	for (int bit = 0; bit < 64; bit++) {
		once(m, row, first ^ 1ULL << bit, second, earlier, flag, mode, given, &m->other);
		int same = m->base.trace == m->other.trace;
		for (int i = 0; i < 4; i++)
			if (m->base.sinks[i] != m->other.sinks[i])
				(same ? m->changed : m->branching)[i] |= 1ULL << bit;
			else if (same && m->base.past[i] != m->other.past[i])
				m->passing[i] |= 1ULL << bit;
	}
}
__attribute__((no_sanitize_coverage)) int main(int argc, char **argv)
{
	size_t size = &_end - &__data_start;
	struct memory *m = mmap(0, sizeof(*m) + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int rounds = atoi(argv[1]);
	heap_memory = mmap(0, 1 << 24, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	FILE *file = fopen(argv[2], "w");
	m->seed = 0x9e3779b97f4a7c15ULL;
	memory = m;
	memcpy(m->image, &__data_start, size);
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		memset(m->changed, 0, (char *)m->blocks - (char *)m->changed);
		for (int round = 0; round < rounds; round++) {
			u64 first = word(m), second = word(m), given = word(m);
			int flag = round & 3, mode = (round >> 2) & 3;
			if (round % 7 == 6) flag <<= 8;
			if (round % 5 == 4) { first = 0; given = 0; }
			if (round % 5 == 3) { first = ~0ULL; given = 1; }
			for (int earlier = -1; earlier < 4; earlier++)
				compare(m, &rows[k], first, second, earlier, flag, mode, given);
		}
		fprintf(file, "%d", rows[k].number);
		for (u64 *each = m->changed; each < m->blocks; each++)
			fprintf(file, " %llx", *each);
		fprintf(file, "\\n");
	}
	for (int slot = 0; slot < 1 << 16; slot++)
		if (m->blocks[slot])
			fprintf(file, "%llx\\n", m->blocks[slot]);
	return fclose(file);
}
"""


@dataclass(frozen=True, slots=True, order=True)
class Flow:
    """Bits of the source of program ``number`` that reach one of its sinks."""

    number: int
    sink: str


@dataclass(slots=True)
class Observation:
    """What the runs of some programs show, in any build.

    ``flows``: the bits that change a sink while the branches stay the same. Of the others ``passing`` change it on the
    way and not at the end, ``branching`` at the end of runs that branch apart. ``compiled`` and ``run`` are lines.
    """

    flows: dict[Flow, int] = field(default_factory=dict)
    passing: dict[Flow, int] = field(default_factory=dict)
    branching: dict[Flow, int] = field(default_factory=dict)
    compiled: set[Line] = field(default_factory=set)
    run: set[Line] = field(default_factory=set)


class NotRunnableError(Exception):
    """The compiler refused the text, or the program did not end well."""


def compiles() -> bool:
    """Whether there is a compiler that can log branches."""
    return COMPILER is not None


def configurations(program: Program, count: int) -> list[tuple[str, ...]]:
    """The switches that are on in each of ``count`` builds of a program: any two of them in all four ways.

    Programs that test no switch are built once.
    """
    text = "".join(program.texts().values())
    used = [any(re.search(rf"\b{name}\b", text) for name in program.switches)]
    rows = _ROWS if any(used) else _ROWS[:1]
    turn = program.number % len(_ROWS)
    return [tuple(name for bit, name in enumerate(program.switches) if (row ^ turn) >> bit & 1) for row in rows[:count]]


def observe(programs: Sequence[Program], tree: Path, rounds: int = 16, builds: int = 4) -> dict[Flow, int]:
    """The bits that change each sink while the branches stay the same, in any build.

    Raises :class:`NotRunnableError`.
    """
    return watch(programs, tree, rounds, builds, lines=False).flows


def watch(
    programs: Sequence[Program], tree: Path, rounds: int = 16, builds: int = 4, *, lines: bool = True
) -> Observation:
    """All that the runs show; ``lines``: the lines, too, which needs objdump. Raises :class:`NotRunnableError`."""
    found = Observation()
    wanted = {program.number: configurations(program, builds) for program in programs}
    for build in range(builds):
        built = [program for program in programs if build < len(wanted[program.number])]
        if not built:
            break
        switches = [name for program in built for name in wanted[program.number][build]]
        binary, text = _run(built, switches, tree, rounds)
        blocks = _read(text, found)
        if lines and DISASSEMBLER:
            for block, places in lines_of_blocks(DISASSEMBLER, binary, tree).items():
                found.compiled |= places
                found.run |= places if block in blocks else set()
    return found


def _run(programs: Sequence[Program], switches: Sequence[str], tree: Path, rounds: int) -> tuple[Path, str]:
    # One build of some programs, and what it shows.
    build = tree / "build"
    build.mkdir(exist_ok=True)
    text = [_STUB, *(f"#define {name} 1" for name in switches)]
    for program in programs:
        text.append(f"void {program.name}_run(int flag, int mode, u64 given);")
        text += [f'#include "{tree / path}"' for path, _ in program.files if path.endswith(".c")]
    text.append(_DRIVER.replace("ROWS", "\n".join(map(_row, programs))))
    source, binary, output = build / "all.c", build / "all", build / "out"
    source.write_text("\n".join(text), encoding="utf-8")
    command = [str(COMPILER), *_FLAGS, f"-I{tree}/arch/x86/include", "-o", str(binary), str(source)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode:
        raise NotRunnableError(built.stderr)
    ran = subprocess.run(
        [str(binary), str(rounds), str(output)], capture_output=True, text=True, check=False, timeout=600
    )
    if ran.returncode:
        raise NotRunnableError(f"the programs ended with {ran.returncode}")
    return binary, output.read_text(encoding="utf-8")


def _row(program: Program) -> str:
    sinks = ", ".join(f"&{program.name}_{sink}{'.word' if sink == 'out' else ''}" for sink in SINKS)
    return f"\t{{ {program.number}, {program.name}_run, &{program.name}_src, {{ {sinks} }} }},"


# Adds what one build shows, and gives the addresses of the basic blocks that ran.
def _read(text: str, found: Observation) -> set[int]:
    blocks: set[int] = set()
    for line in text.splitlines():
        number, *words = line.split()
        if not words:
            blocks.add(int(number, 16))
            continue
        bits = iter(int(word, 16) for word in words)
        for kind in (found.flows, found.passing, found.branching):
            for sink, changed in zip(SINKS, bits, strict=False):
                if changed:
                    flow = Flow(int(number), sink)
                    kind[flow] = kind.get(flow, 0) | changed
    return blocks
