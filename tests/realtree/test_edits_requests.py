"""Permission requests, grown buffers, prctl, and the flags that tell guests from hosts (see leaks.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.realtree.cases import Cases, check
from tests.realtree.edits import TreeCopy
from tests.realtree.leaks import (
    CORE,
    ENABLE,
    FEATURES,
    HOST_READERS,
    LOCKED,
    OPT_IN,
    PRCTL,
    REQUEST,
    REQUESTED,
    RESET,
    SIZE,
    SUPERVISOR,
    USER,
    XSTATE,
    XSTATE_H,
    Leak,
    prctl_leak,
    request_leak,
)
from tests.realtree.packs import Pack
from tests.realtree.variants import Variant

pytestmark = pytest.mark.realtree

case = Cases()

# --- permission requests ----------------------------------------------------------


@case(request_leak(SUPERVISOR))
def request_without_the_user_mask(tree: TreeCopy) -> None:
    tree.drop_mask(XSTATE, REQUEST, USER)


@case(request_leak(SUPERVISOR))
def request_masked_with_the_buffer_mask(tree: TreeCopy) -> None:
    tree.replace(XSTATE, REQUEST, USER, "XFEATURE_MASK_FPSTATE")


@case(request_leak(SUPERVISOR))
def request_masked_with_the_kernel_configuration(tree: TreeCopy) -> None:
    tree.replace(XSTATE, REQUEST, USER, "fpu_kernel_cfg.max_features")


@case(request_leak(frozenset({"PASID", "CET_USER"})))
def request_without_the_guest_supervisor_bit_only(tree: TreeCopy) -> None:
    tree.replace(XSTATE, REQUEST, USER, "~XFEATURE_MASK_GUEST_SUPERVISOR")


@case(request_leak(SUPERVISOR))
def request_masked_with_the_complement(tree: TreeCopy) -> None:
    tree.replace(XSTATE, REQUEST, USER, f"~{USER}")


@case()
def request_masked_with_the_restore_mask(tree: TreeCopy) -> None:
    tree.replace(XSTATE, REQUEST, USER, "XFEATURE_MASK_USER_RESTORE")


@case()
def request_masked_with_the_user_configuration(tree: TreeCopy) -> None:
    tree.replace(XSTATE, REQUEST, USER, "fpu_user_cfg.max_features")


@case()
def request_masked_by_a_statement(tree: TreeCopy) -> None:
    tree.drop_mask(XSTATE, REQUEST, USER)
    tree.insert(XSTATE, REQUEST, f"u64 user_mask = mask;\n\n\tuser_mask &= {USER};", before="usize =")
    tree.assign(XSTATE, REQUEST, "usize", "xstate_calculate_size(user_mask, false)")


@case(request_leak(SUPERVISOR))
def request_masked_too_late(tree: TreeCopy) -> None:
    tree.drop_mask(XSTATE, REQUEST, USER)
    tree.insert(XSTATE, REQUEST, f"mask &= {USER};", after="usize =")


@case(request_leak(SUPERVISOR))
def request_with_the_mask_on_the_size(tree: TreeCopy) -> None:
    tree.assign(XSTATE, REQUEST, "usize", f"xstate_calculate_size(mask, false) & {USER}")


@case(request_leak(frozenset(), kernel_format=True))
def request_sized_in_kernel_format(tree: TreeCopy) -> None:
    tree.assign(XSTATE, REQUEST, "usize", f"xstate_calculate_size(mask & {USER}, compacted)")


@case(request_leak(SUPERVISOR, kernel_format=True))
def request_stores_the_kernel_size(tree: TreeCopy) -> None:
    tree.assign(XSTATE, REQUEST, REQUESTED, "ksize")


@case(Leak("FPU103", REQUEST, "ret = validate_sigaltstack(usize)", "", OPT_IN, side="host", path=XSTATE))
def request_checks_the_signal_stacks_of_guests(tree: TreeCopy) -> None:
    tree.replace(XSTATE, REQUEST, "!guest", "guest")


@case()
def request_checks_in_another_spelling(tree: TreeCopy) -> None:
    tree.replace(XSTATE, REQUEST, "!guest", "guest == false")


@case(
    request_leak(OPT_IN, side="host"),
    also=("fpu_xstate_prctl", REQUEST),  # the guest's permission becomes the host's, and the host reads its own
)
def request_lands_in_the_host_permission(tree: TreeCopy) -> None:
    tree.assign(XSTATE, REQUEST, "perm", "&fpu->perm")


@case(
    request_leak(OPT_IN, side="host"),
    Leak("FPU103", REQUEST, "ret = validate_sigaltstack(usize)", "", OPT_IN, side="host", path=XSTATE),
    Leak("FPU102", "fpu_xstate_prctl", "", "", OPT_IN, side="host", path=XSTATE),
    also=(REQUEST,),
)
def permissions_swapped_in_the_getter(tree: TreeCopy) -> None:
    tree.assign(XSTATE_H, "xstate_get_group_perm", "perm", "guest ? &fpu->perm : &fpu->guest_perm")


@case()
def permissions_chosen_by_statements(tree: TreeCopy) -> None:
    tree.assign(XSTATE_H, "xstate_get_group_perm", "perm", "&fpu->perm;\n\tif (guest)\n\t\tperm = &fpu->guest_perm")


@case(request_leak(SUPERVISOR | LOCKED))
def request_of_a_locked_permission_unmasked(tree: TreeCopy) -> None:
    tree.replace(XSTATE, "xstate_request_perm", "FPU_GUEST_PERM_LOCKED", "0")
    tree.drop_mask(XSTATE, REQUEST, USER)


# --- growing a buffer -------------------------------------------------------------


@case(Leak("FPU101", "fpstate_realloc", "newfps->user_size", "user_size", OPT_IN, side="host", path=XSTATE))
def host_buffer_grows_by_the_guest_permission(tree: TreeCopy) -> None:
    tree.assign(XSTATE, ENABLE, "perm", "guest_fpu ? &fpu->perm : &fpu->guest_perm")


@case()
def guest_buffer_grows_by_statements(tree: TreeCopy) -> None:
    code = "if (!guest_fpu)\n\t\tperm = &fpu->perm;\n\telse\n\t\tperm = &fpu->guest_perm;"
    tree.insert(XSTATE, ENABLE, code, after="perm =")


@case(
    Leak(
        "FPU101",
        "fpstate_realloc",
        "newfps->user_size",
        "user_size",
        None,
        kernel_format=True,
        side="guest",
        path=XSTATE,
    ),
    Leak(
        "FPU101",
        "fpstate_realloc",
        "guest_fpu->uabi_size",
        "uabi_size",
        None,
        kernel_format=True,
        side="guest",
        path=XSTATE,
    ),
)
def sizes_swapped_at_the_call(tree: TreeCopy) -> None:
    tree.replace(XSTATE, ENABLE, "xfd_event, ksize, usize", "xfd_event, usize, ksize")


@case(
    Leak(
        "FPU101",
        "fpstate_realloc",
        "fpu->perm.__user_state_size",
        "__user_state_size",
        OPT_IN,
        side="host",
        path=XSTATE,
    )
)
def guest_size_stored_in_the_host_permission(tree: TreeCopy) -> None:
    code = "if (guest_fpu)\n\t\tfpu->perm.__user_state_size = usize;"
    tree.insert(XSTATE, "fpstate_realloc", code, before="newfps->xfeatures =")


@case()
def host_size_stored_in_the_host_permission(tree: TreeCopy) -> None:
    code = "if (!guest_fpu)\n\t\tfpu->perm.__user_state_size = usize;"
    tree.insert(XSTATE, "fpstate_realloc", code, before="newfps->xfeatures =")


@case(
    Leak(
        "FPU101", "fpu_inherit_perms", "dst_fpu->perm = src_fpu->guest_perm", "__user_state_size", OPT_IN, side="host"
    ),
    also=HOST_READERS,
)
def inherited_across_the_sides(tree: TreeCopy) -> None:
    tree.assign(CORE, "fpu_inherit_perms", "dst_fpu->perm", "src_fpu->guest_perm")


@case()
def inherited_from_the_host(tree: TreeCopy) -> None:
    tree.assign(CORE, "fpu_inherit_perms", "dst_fpu->guest_perm", "src_fpu->perm")


# --- prctl ------------------------------------------------------------------------


@case(prctl_leak(OPT_IN, "host"))
def host_permission_asks_for_the_guest(tree: TreeCopy) -> None:
    tree.replace(XSTATE_H, "xstate_get_host_group_perm", "false", "true")


@case(prctl_leak(SUPERVISOR | OPT_IN | LOCKED, "host"))
def host_option_reports_the_guest_unmasked(tree: TreeCopy) -> None:
    code = "xstate_get_guest_group_perm();\n\t\treturn put_user(permitted, uptr)"
    tree.replace(XSTATE, PRCTL, "xstate_get_host_group_perm()", code)


@case(prctl_leak(SUPERVISOR, "host"))
def supported_features_from_the_guest(tree: TreeCopy) -> None:
    tree.replace(XSTATE, PRCTL, "fpu_user_cfg.legacy_features", FEATURES)


@case(prctl_leak(SUPERVISOR | LOCKED, "guest"))
def guest_option_unmasked(tree: TreeCopy) -> None:
    code = "xstate_get_guest_group_perm();\n\t\treturn put_user(permitted, uptr)"
    tree.replace(XSTATE, PRCTL, "xstate_get_guest_group_perm()", code)


# --- flags and literals at calls --------------------------------------------------

INNER_REQUEST = "__xstate_request_perm(permitted, requested, guest)"


@case(
    request_leak(OPT_IN, side="host"),
    Leak("FPU103", REQUEST, "ret = validate_sigaltstack(usize)", "", OPT_IN, side="host", path=XSTATE),
    also=(PRCTL, REQUEST),
)
def guest_request_handled_as_the_host_s(tree: TreeCopy) -> None:
    tree.replace(XSTATE, "xstate_request_perm", INNER_REQUEST, "__xstate_request_perm(permitted, requested, false)")


@case(
    Leak("FPU101", "fpstate_realloc", "newfps->user_size", "user_size", OPT_IN, side="host", path=XSTATE),
    Leak("FPU102", "fpstate_realloc", "newfps->user_xfeatures", "user_xfeatures", OPT_IN, side="host", path=XSTATE),
)
def guest_buffer_allocated_as_the_host_s(tree: TreeCopy) -> None:
    tree.replace(XSTATE, ENABLE, "ksize, usize, guest_fpu", "ksize, usize, NULL")


@case()
def every_request_is_for_guests(tree: TreeCopy) -> None:
    tree.replace(XSTATE, PRCTL, "xstate_request_perm(idx, guest)", "xstate_request_perm(idx, true)")


@case()
def locked_permissions_are_asked_for(tree: TreeCopy) -> None:
    tree.replace(XSTATE, "xstate_request_perm", "FPU_GUEST_PERM_LOCKED", "0")


@case()
def every_fpstate_gets_the_kernel_size_of_guests(tree: TreeCopy) -> None:
    tree.replace(CORE, RESET, "fpstate->is_guest", "true")


@case(Leak("FPU101", "fpu_alloc_guest_fpstate", "fpstate->user_size", "user_size", None, kernel_format=True))
def guest_buffer_gets_a_user_size_of_its_own(tree: TreeCopy) -> None:
    code = f"fpstate->user_size = {SIZE};"
    tree.insert(CORE, "fpu_alloc_guest_fpstate", code, before="fpstate_init_user(fpstate)")


@pytest.mark.sampled(3)
@pytest.mark.parametrize("pack", case.params())
def test_edits_of_the_newest_tree(pack: Pack[Variant], newest: Path) -> None:
    check(pack, newest)
