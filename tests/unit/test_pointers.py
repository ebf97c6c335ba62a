"""Pointers of one function: how much work it is to follow them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fpuscan.engine.functions.pointers import Pointers
from fpuscan.ir import Assign, Load
from tests.fixture_trees import analysed

FPU = "arch/x86/kernel/fpu"
WAYS = ("one", "two", "three", "four", "five", "six", "seven", "eight")


def decoder() -> str:
    """A loop that steps through a table of tables: each pointer may have been read through each other one."""
    members = "".join(f"const struct entry *{way};" for way in WAYS)
    steps = "".join(f"case {number}: at = at.u.{way}->next[at.kind]; break;" for number, way in enumerate(WAYS))
    return f"""
struct entry {{ int kind; union {{ {members} }} u; struct entry next[4]; }};
extern struct entry first;
int f(void)
{{
    struct entry at = first;
    while (at.kind) {{
        switch (at.kind) {{ {steps} }}
    }}
    return at.u.one->kind;
}}
"""


def test_pointers_that_lead_to_each_other_are_followed_in_bounded_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / FPU).mkdir(parents=True)
    (tmp_path / "Makefile").write_text("VERSION = 7\nPATCHLEVEL = 3\n", encoding="utf-8")
    (tmp_path / FPU / "core.c").write_text(decoder(), encoding="utf-8")
    analysis = analysed(tmp_path)
    (unit,) = analysis.program.functions_named("f")
    function = analysis.of(unit)
    steps = 0
    compute = Pointers._compute_loaded

    def counted(self: Pointers, *arguments: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps > 5_000:
            pytest.fail("it goes round and round")
        return compute(self, *arguments)

    monkeypatch.setattr(Pointers, "_compute_loaded", counted)
    found = [
        function.resolve(node, instruction.value.place)
        for node, instruction in enumerate(function.code)
        if isinstance(instruction, Assign) and isinstance(instruction.value, Load)
    ]

    assert len(found) > len(WAYS)
    assert all(found), "each denotes something"
