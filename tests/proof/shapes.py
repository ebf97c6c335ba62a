"""Hand-written programs, one per shape of C that random ones do not reach; read from ``shapes.c``."""

from __future__ import annotations

import re
from pathlib import Path

from tests.proof.programs import Program

__all__ = ["shapes"]

_PRELUDE = """#include <asm/fpu/proof.h>
struct proof_source P_src;
struct proof_sink P_out;
u64 P_sink0, P_sink1, P_quiet, P_global;
struct P_in { u64 a; u64 b; u32 n; };
struct P_out { u64 x; struct P_in in; u64 arr[3]; struct P_in *link; union { u64 first; u64 second; }; };
struct P_in P_spare;
struct P_out P_shared = { .link = &P_spare };
"""


def shapes() -> dict[str, Program]:
    """Name to program, in the order of the file."""
    text = (Path(__file__).parent / "shapes.c").read_text(encoding="utf-8")
    parts = re.split(r"^//// (\S+)\n", text, flags=re.MULTILINE)[1:]
    return {
        name: _program(number, body) for number, (name, body) in enumerate(zip(parts[::2], parts[1::2], strict=True))
    }


def _program(number: int, text: str) -> Program:
    prefix = f"p{number}_"
    first, *others = re.split(r"^///file\n", text, flags=re.MULTILINE)
    bodies = [_PRELUDE + first, *others]
    files = tuple(
        (f"arch/x86/kernel/fpu/p{number}_{part}.c", tuple(re.sub(r"\bP_", prefix, body).split("\n")))
        for part, body in enumerate(bodies)
    )
    return Program(number, files, (), switches=())
