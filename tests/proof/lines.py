"""Which lines of C each basic block of a binary is made of.

A block begins behind a call of the coverage hook (``-fsanitize-coverage=trace-pc``);
the address that such a call returns to is its name.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

__all__ = ["Line", "lines_of_blocks"]

Line = tuple[str, int]  # path in the tree, line from 1

_PLACE = re.compile(r"(/\S+):(\d+)(?: \(discriminator \d+\))?$")
_INSTRUCTION = re.compile(r"\s*([0-9a-f]+):\t(.*)")
_HOOK = "<__sanitizer_cov_trace_pc>"


def lines_of_blocks(disassembler: str, binary: Path, tree: Path) -> dict[int, set[Line]]:
    """Address of each block to its lines; of lines outside of ``tree`` nothing is said."""
    command = [disassembler, "-d", "-l", "--no-show-raw-insn", str(binary)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[int, set[Line]] = {}
    place: Line = ("", 0)
    block: set[Line] = set()
    begins = False
    for row in text.splitlines():
        if match := _INSTRUCTION.match(row):
            if begins:
                block = found.setdefault(int(match[1], 16), set())
            begins = _HOOK in match[2]
            if place[0]:
                block.add(place)
        elif match := _PLACE.match(row):
            path = Path(match[1])
            place = (path.relative_to(tree).as_posix(), int(match[2])) if path.is_relative_to(tree) else ("", 0)
        elif row.endswith(">:"):  # another function
            block = set()
    return found
