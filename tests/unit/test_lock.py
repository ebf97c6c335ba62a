"""The lock: one readable line per root, compared as sets, and never written unasked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fpuscan.errors import UsageError
from fpuscan.lock import compare_lock, dump_lock, load_lock, parse_lock, write_lock
from fpuscan.result import Controlled, LockEntry, Provenance, Root
from tests.samples import CONTROLLED, CORE, PROVENANCE, at

UABI = "struct fpu_guest.uabi_size"


def test_a_lock_has_one_sorted_line_for_each_root_and_no_line_numbers() -> None:
    text = dump_lock(PROVENANCE)

    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines == [
        "fpuscan-lock 1",
        f"{UABI} (guest) <- config fpu_user_cfg.default_size",
        f"{UABI} (guest) <- constant sizeof(struct kvm_xsave)",
        f"{UABI} (guest) <- user arg2 of arch_prctl()",
    ]


def test_what_was_written_holds_wherever_the_code_has_moved_to(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    write_lock(file, PROVENANCE)
    moved = [Root(root.kind, root.name, at(CORE, 999)) for root in CONTROLLED.roots]

    compared = compare_lock(Provenance("uabi", (_with(moved),)), load_lock(file))

    assert (compared.gained, compared.lost) == ((), ())


def test_a_root_more_or_less_is_named() -> None:
    known = parse_lock(dump_lock(PROVENANCE), "lock")
    mask = Root("mask", "XFEATURE_MASK_GUEST_SUPERVISOR", at(CORE, 40))

    compared = compare_lock(Provenance("uabi", (_with([*CONTROLLED.roots[:-1], mask]),)), known)

    assert compared.gained == (LockEntry(UABI, "guest", "mask", mask.name),)
    assert compared.ways == ((compared.gained[0], mask),)
    assert compared.lost == (LockEntry(UABI, "guest", "constant", "sizeof(struct kvm_xsave)"),)


def test_the_side_and_the_kind_are_part_of_it() -> None:
    known = parse_lock(dump_lock(PROVENANCE), "lock")
    other = [Root("config", "arg2 of arch_prctl()", at(CORE, 40)), *CONTROLLED.roots[:1], *CONTROLLED.roots[2:]]

    compared = compare_lock(Provenance("uabi", (_with(other),)), known)

    assert [entry.kind for entry in (*compared.gained, *compared.lost)] == ["config", "user"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is no lock of fpuscan"),
        ("fpuscan-baseline 1\n", "is no lock of fpuscan"),
        ("fpuscan-lock 2\n", "is a lock of version 2, and this fpuscan reads version 1"),
        (f"fpuscan-lock 1\n<<<<<<< HEAD\n{UABI} (guest) <- config a.b\n", "lock:2: is no line of a lock"),
        (f"fpuscan-lock 1\n{UABI} (guest)\n", "lock:2: is no line of a lock"),
    ],
)
def test_a_damaged_or_newer_lock_is_one_error(text: str, complaint: str) -> None:
    with pytest.raises(UsageError, match="lock") as error:
        parse_lock(text, "lock")

    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_cannot_be_read_or_written_are_one_error(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")

    for file, what in (
        (tmp_path / "none", "cannot read"),
        (tmp_path / "bytes", "not UTF-8"),
        (tmp_path, "cannot read"),
    ):
        with pytest.raises(UsageError, match=what):
            load_lock(file)
    with pytest.raises(UsageError, match="cannot write"):
        write_lock(tmp_path / "no/folder", PROVENANCE)


def test_a_name_never_breaks_the_line() -> None:
    odd = Root("constant", "a\nb\x1b[31m (guest) <- c", at(CORE, 1))

    text = dump_lock(Provenance("uabi", (_with([odd]),)))

    assert text.count("\n") == 4
    assert "\x1b" not in text
    assert compare_lock(Provenance("uabi", (_with([odd]),)), parse_lock(text, "lock")).gained == ()


def _with(roots: list[Root]) -> Controlled:
    return replace(CONTROLLED, roots=tuple(roots))
