"""Edits of 6.1 and 6.12, where guests have no configuration of their own (see leaks.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.realtree.cases import Cases, check
from tests.realtree.edits import TreeCopy
from tests.realtree.leaks import (
    CORE,
    ENABLE,
    HOST_READERS,
    OPT_IN,
    PRCTL,
    REQUEST,
    SUPERVISOR,
    USER,
    XSTATE,
    XSTATE_H,
    Leak,
    prctl_leak,
    request_leak,
)
from tests.realtree.packs import Pack
from tests.realtree.releases import tree_of
from tests.realtree.variants import Variant

pytestmark = pytest.mark.realtree

case = Cases()


@case(request_leak(SUPERVISOR))
def old_request_without_the_user_mask(tree: TreeCopy) -> None:
    tree.drop_mask(XSTATE, REQUEST, USER)


@case(request_leak(SUPERVISOR))
def old_request_masked_too_late(tree: TreeCopy) -> None:
    tree.drop_mask(XSTATE, REQUEST, USER)
    tree.insert(XSTATE, REQUEST, f"mask &= {USER};", after="usize =")


@case(Leak("FPU103", REQUEST, "ret = validate_sigaltstack(usize)", "", OPT_IN, side="host", path=XSTATE))
def old_request_checks_the_signal_stacks_of_guests(tree: TreeCopy) -> None:
    tree.replace(XSTATE, REQUEST, "if (!guest) {", "if (guest) {")


@case(request_leak(OPT_IN, side="host"), also=(REQUEST, PRCTL))
def old_request_lands_in_the_host_permission(tree: TreeCopy) -> None:
    tree.assign(XSTATE, REQUEST, "perm", "&fpu->perm")


@case(
    Leak(
        "FPU101", "fpu_inherit_perms", "dst_fpu->perm = src_fpu->guest_perm", "__user_state_size", OPT_IN, side="host"
    ),
    also=HOST_READERS,
)
def old_inherited_across_the_sides(tree: TreeCopy) -> None:
    tree.assign(CORE, "fpu_inherit_perms", "dst_fpu->perm", "src_fpu->guest_perm")


@case(
    Leak("FPU101", "fpstate_reset", "fpu->perm = fpu->guest_perm", "__user_state_size", OPT_IN, side="host"),
    also=HOST_READERS,
)
def old_defaults_from_the_guest(tree: TreeCopy) -> None:
    tree.replace(CORE, "fpstate_reset", "fpu->guest_perm = fpu->perm", "fpu->perm = fpu->guest_perm")


@case(Leak("FPU101", "fpstate_realloc", "newfps->user_size", "user_size", OPT_IN, side="host", path=XSTATE))
def old_host_buffer_grows_by_the_guest_permission(tree: TreeCopy) -> None:
    tree.assign(XSTATE, ENABLE, "perm", "guest_fpu ? &fpu->perm : &fpu->guest_perm")


@case(
    Leak(
        "FPU102", "fpu_alloc_guest_fpstate", "gfpu->fpstate->user_xfeatures", "user_xfeatures", SUPERVISOR, side="guest"
    )
)
def old_user_features_from_the_guest_permission(tree: TreeCopy) -> None:
    code = "gfpu->fpstate->user_xfeatures = gfpu->perm;"
    tree.insert(CORE, "fpu_alloc_guest_fpstate", code, before="gfpu->uabi_size = sizeof")


@case(prctl_leak(OPT_IN, "host"))
def old_host_permission_asks_for_the_guest(tree: TreeCopy) -> None:
    tree.replace(XSTATE_H, "xstate_get_host_group_perm", "false", "true")


@case()
def old_request_masked_in_the_expression(tree: TreeCopy) -> None:
    tree.drop_mask(XSTATE, REQUEST, USER)
    tree.assign(XSTATE, REQUEST, "usize", f"xstate_calculate_size(mask & {USER}, false)")


@case()
def old_guest_permission_set_member_by_member(tree: TreeCopy) -> None:
    members = ("__state_perm", "__state_size", "__user_state_size")
    code = "\n\t".join(f"fpu->guest_perm.{member} = fpu->perm.{member};" for member in members)
    tree.insert(CORE, "fpstate_reset", code, after="fpu->guest_perm = fpu->perm")


@pytest.mark.sampled(3)
@pytest.mark.parametrize("pack", case.params("6.1", "6.12"))
def test_edits_of_an_old_tree(pack: Pack[Variant], trees: tuple[Path, ...]) -> None:
    check(pack, tree_of(trees, pack.release))
