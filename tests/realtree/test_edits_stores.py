"""Stores into fpstate, permissions and the guest FPU that leak, and harmless twins (see leaks.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.realtree.cases import Cases, check
from tests.realtree.edits import TreeCopy
from tests.realtree.leaks import (
    CORE,
    FEATURES,
    GUEST_PERM,
    HEIRS,
    MASK_IN_RESET,
    RESET,
    SIZE,
    SIZE_IN_RESET,
    SUPERVISOR,
    USER,
    USER_SIZE,
    XSTATE,
    Leak,
)
from tests.realtree.packs import Pack
from tests.realtree.variants import Variant

pytestmark = pytest.mark.realtree

case = Cases()


@case(SIZE_IN_RESET)
def user_size_from_the_guest_size(tree: TreeCopy) -> None:
    tree.assign(CORE, RESET, "fpstate->user_size", SIZE)


@case(MASK_IN_RESET, also=HEIRS)
def user_features_from_the_guest_features(tree: TreeCopy) -> None:
    tree.assign(CORE, RESET, "fpstate->user_xfeatures", FEATURES)


@case()
def user_size_from_the_larger_user_size(tree: TreeCopy) -> None:
    tree.assign(CORE, RESET, "fpstate->user_size", "fpu_user_cfg.max_size")


@case()
def user_features_masked(tree: TreeCopy) -> None:
    tree.assign(CORE, RESET, "fpstate->user_xfeatures", f"{FEATURES} & {USER}")


@case(Leak("FPU101", "fpu_alloc_guest_fpstate", "sizeof(*gfpu)", "uabi_size", None, kernel_format=True, side="guest"))
def uabi_size_from_the_guest_size(tree: TreeCopy) -> None:
    tree.assign(CORE, "fpu_alloc_guest_fpstate", "gfpu->uabi_size", f"sizeof(*gfpu) + {SIZE}", was="sizeof")


@case()
def uabi_size_from_the_user_size(tree: TreeCopy) -> None:
    tree.assign(CORE, "fpu_alloc_guest_fpstate", "gfpu->uabi_size", USER_SIZE, was="sizeof")


@case(Leak("FPU101", "fpstate_reset", GUEST_PERM, "__user_state_size", None, kernel_format=True, side="guest"))
def guest_permission_size_from_the_guest_size(tree: TreeCopy) -> None:
    tree.assign(CORE, "fpstate_reset", GUEST_PERM, SIZE)


@case(
    Leak(
        "FPU101",
        "fpstate_reset",
        "fpu->perm.__user_state_size",
        "__user_state_size",
        None,
        kernel_format=True,
        side="host",
    )
)
def host_permission_size_from_the_guest_size(tree: TreeCopy) -> None:
    tree.assign(CORE, "fpstate_reset", "fpu->perm.__user_state_size", SIZE)


@case()
def kernel_sizes_from_the_guest_size(tree: TreeCopy) -> None:
    tree.assign(CORE, "fpstate_reset", "fpu->perm.__state_size", SIZE)
    tree.assign(CORE, RESET, "fpstate->size", SIZE, was="fpu_kernel_cfg.default_size")
    tree.assign(CORE, RESET, "fpstate->xfeatures", FEATURES, was="fpu_kernel_cfg.default_features")


@case()
def guest_permission_copied_from_the_host(tree: TreeCopy) -> None:
    tree.assign(CORE, "fpstate_reset", "fpu->guest_perm.__state_perm", "fpu->perm.__state_perm")
    tree.insert(CORE, "fpstate_reset", "fpu->guest_perm = fpu->perm;", after=GUEST_PERM)


@case(
    Leak(
        "FPU102",
        "fpstate_realloc",
        "newfps->user_xfeatures = guest_fpu->xfeatures",
        "user_xfeatures",
        SUPERVISOR,
        path=XSTATE,
        side="guest",
    )
)
def new_user_features_from_the_guest_fpu(tree: TreeCopy) -> None:
    code = "if (guest_fpu)\n\t\tnewfps->user_xfeatures = guest_fpu->xfeatures;"
    tree.insert(XSTATE, "fpstate_realloc", code, after="newfps->user_xfeatures")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("pack", case.params())
def test_edits_of_the_newest_tree(pack: Pack[Variant], newest: Path) -> None:
    check(pack, newest)
