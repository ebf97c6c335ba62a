"""Members that go into an anonymous union or struct are the same members: the findings of a real tree stay.

Each number in the structs of the FPU code gets company: a second name for the same
bytes, before it or behind it, an array of bytes, or only braces around it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from fpuscan.result import ScanResult, Severity
from tests.realtree.leaks import CORE, FEATURES, SIZE, TYPES_H
from tests.realtree.test_metamorphic import by_flow, difference
from tests.realtree.variants import MemoryCopy

pytestmark = pytest.mark.realtree

STRUCTS = "fpstate|fpu_guest|fpu_state_perm|fpu|fpu_state_config|vcpu_fpu_config"
MEMBER = re.compile(r"^\t(?P<type>unsigned int|u64|u32|struct \w+)\s+(?P<name>\w+);$", re.MULTILINE)
AROUND = {
    "a second name behind it": "union {{ {type} {name}; {type} {name}_alias; }};",
    "a second name before it": "union {{ {type} {name}_alias; {type} {name}; }};",
    "bytes behind it": "union {{ {type} {name}; u8 {name}_raw[4]; }};",
    "bytes before it": "union {{ u8 {name}_raw[4]; {type} {name}; }};",
    "a struct": "struct {{ {type} {name}; }};",
    "a struct with a name for all": "struct_group({name}_group, {type} {name}; );",
}


def wrapped(text: str, around: str) -> str:
    """The header with the members of the FPU structs inside something."""

    def members(body: re.Match[str]) -> str:
        return MEMBER.sub(lambda member: "\t" + around.format(**member.groupdict()), body[0])

    return re.sub(rf"^struct (?:{STRUCTS}) \{{$.*?^\}}", members, text, flags=re.DOTALL | re.MULTILINE)


def leaking(copy: MemoryCopy) -> None:
    """Guest defaults in a size, a permission and the features of a task."""
    copy.assign(CORE, "fpu_alloc_guest_fpstate", "gfpu->uabi_size", SIZE, was="sizeof")
    copy.assign(CORE, "fpstate_reset", "fpu->guest_perm.__user_state_size", SIZE)
    copy.assign(CORE, "__fpstate_reset", "fpstate->user_xfeatures", FEATURES)


def clean(_: MemoryCopy) -> None:
    """Nothing."""


@cache
def found(newest: Path, edit: Callable[[MemoryCopy], None], around: str) -> ScanResult:
    copy = MemoryCopy(newest)
    edit(copy)
    if around:
        copy.write(TYPES_H, wrapped(copy.text(TYPES_H), around))
    return copy.scan()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("edit", [clean, leaking])
@pytest.mark.parametrize("kind", AROUND)
def test_members_of_anonymous_unions_and_structs_are_the_same_members(
    kind: str, edit: Callable[[MemoryCopy], None], newest: Path
) -> None:
    """A store into ``user_size`` was no entry into the user ABI where that had a second name."""
    before = found(newest, edit, "")

    assert difference(before, found(newest, edit, AROUND[kind]), by_flow) == []
    leaks = {"FPU101", "FPU102", "FPU302"} if edit is leaking else set()
    assert leaks <= {finding.rule for finding in before.findings if finding.severity is not Severity.NOTE}
