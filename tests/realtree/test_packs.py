"""Edits share a scan only where each finding can belong to one of them, and none is left out."""

from __future__ import annotations

import pytest

from tests.realtree.edits import TreeCopy
from tests.realtree.leaks import Leak
from tests.realtree.packs import choose, packs, record
from tests.realtree.test_variants import FILES, scans
from tests.realtree.variants import Variant, read_variants

PERMISSION = Leak("FPU101", "__xstate_request_perm", "", "__user_state_size")
SIZE = Leak("FPU101", "__fpstate_reset", "", "user_size")


def variant(function: str, code: str = "0", *leaks: Leak, operation: str = "rewrite", todo: str = "") -> Variant:
    return Variant(function, "", ((operation, "core", function, code),), leaks, frozenset(), todo)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(variant("set"), variant("set"), id="one function"),
        pytest.param(variant("set"), variant("get", "0", Leak("FPU101", "set", "")), id="reported in the other's"),
        pytest.param(variant("a", "x = 1;", SIZE), variant("b", "y = fpstate->user_size;"), id="reads what leaks"),
        pytest.param(variant("a", "0", PERMISSION), variant("b", "p = &fpu->guest_perm;"), id="reads a permission"),
        pytest.param(
            variant("__xstate_request_perm"),
            variant("b", "x = fpu->guest_perm;", SIZE),
            id="leaks what a permission holds",
        ),
        pytest.param(variant("a", "0", PERMISSION), variant("xstate_request_perm"), id="asks for a permission"),
        pytest.param(variant("a", "0", PERMISSION), variant("b", "0", SIZE), id="permissions reach every buffer"),
        pytest.param(
            variant("a", "int new(void)\n{}", operation="insert_above"),
            variant("b", "static int new(void)\n{}", operation="insert_above"),
            id="one new name",
        ),
        pytest.param(variant("host_default_mask"), variant("b"), id="a mask that all read"),
        pytest.param(variant("struct fpu", operation="add_member"), variant("b"), id="a struct that all see"),
        pytest.param(variant("a", todo="why"), variant("b"), id="judged wrong today"),
    ],
)
def test_edits_that_meet_are_scanned_apart(one: Variant, other: Variant) -> None:
    assert len(packs([one, other])) == len(packs([other, one])) == 2


def test_others_share_a_scan() -> None:
    (pack,) = packs([variant("a", "0", SIZE), variant("b", "x = y;"), variant("c")])

    assert pack.names == ("a", "b", "c")


def test_no_edit_is_left_out() -> None:
    every = [str(variant) for file in FILES for variant in read_variants(file)]

    found = [str(member) for _, pack in scans() for member in pack.members]

    assert sorted(found) == sorted(every)


def test_a_short_run_takes_full_packs_and_some_of_the_others() -> None:
    found = packs([*(variant(f"f{number}") for number in range(3)), *(variant("g") for _ in range(7))])

    chosen = choose(found, lambda pack: len(pack.members), full=3, every=3)

    assert [pack.names for pack in chosen] == [("f0", "f1", "f2", "g"), ("g",), ("g",)]


def test_what_an_edit_does_is_recorded() -> None:
    def edit(tree: TreeCopy) -> None:
        tree.assign("core.c", "set", "x", "1", was="0")
        tree.append("new.c", "int x;")

    assert record(edit) == (("assign", "core.c", "set", "x", "1", {"was": "0"}), ("append", "new.c", "int x;"))


def test_an_edit_by_hand_cannot_be_recorded() -> None:
    with pytest.raises(AssertionError, match="none of the operations"):
        record(lambda tree: tree.write("core.c", "int x;"))
