"""The configurations and how other designs of them would have been judged: v4, v5, a third one (see leaks.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.realtree.cases import Cases, check
from tests.realtree.edits import TreeCopy
from tests.realtree.leaks import (
    CORE,
    FEATURES,
    GUEST_PERM,
    GUEST_READERS,
    HEIRS,
    INIT,
    MASK_IN_RESET,
    MASKS_H,
    PRCTL,
    RESET,
    SIZE,
    SIZE_IN_RESET,
    SUPERVISOR,
    TYPES_H,
    WARNING,
    XSTATE,
    Leak,
    request_leak,
)
from tests.realtree.packs import Pack
from tests.realtree.variants import Variant

pytestmark = pytest.mark.realtree

case = Cases()


@case(
    Leak(
        "FPU101", "init_xstate_size", "fpu_user_cfg.default_size", "default_size", SUPERVISOR, side="host", path=XSTATE
    ),
    also=GUEST_READERS,
)
def user_default_size_from_guest_features(tree: TreeCopy) -> None:
    tree.replace(XSTATE, "init_xstate_size", "fpu_user_cfg.default_features", FEATURES)


@case(
    Leak(
        "FPU102",
        INIT,
        f"fpu_user_cfg.default_features = {FEATURES}",
        "default_features",
        SUPERVISOR,
        side="host",
        path=XSTATE,
    ),
    also=(*GUEST_READERS, *HEIRS),
)
def user_default_features_from_the_guest(tree: TreeCopy) -> None:
    code = f"fpu_user_cfg.default_features = {FEATURES};"
    tree.insert(XSTATE, INIT, code, after=f"{FEATURES} =")


@case(
    Leak("FPU101", RESET, "fpstate->user_size", "user_size", frozenset(), severity=WARNING, side="guest"),
    Leak(
        "FPU102",
        RESET,
        "fpstate->user_xfeatures = guest_default_cfg.user_features",
        "user_xfeatures",
        frozenset(),
        severity=WARNING,
        side="guest",
    ),
    Leak("FPU101", "fpstate_reset", GUEST_PERM, "__user_state_size", frozenset(), severity=WARNING, side="guest"),
)
def version_5(tree: TreeCopy) -> None:
    add_version_5(tree, "fpu_user_cfg.max_features & guest_default_mask()")


@case(
    Leak("FPU101", RESET, "fpstate->user_size", "user_size", SUPERVISOR, side="guest"),
    Leak(
        "FPU102",
        RESET,
        "fpstate->user_xfeatures = guest_default_cfg.user_features",
        "user_xfeatures",
        SUPERVISOR,
        side="guest",
    ),
    Leak("FPU101", "fpstate_reset", GUEST_PERM, "__user_state_size", SUPERVISOR, side="guest"),
)
def version_5_with_kernel_features(tree: TreeCopy) -> None:
    add_version_5(tree, FEATURES)


def add_version_5(tree: TreeCopy, user_features: str) -> None:
    tree.add_member(TYPES_H, "struct vcpu_fpu_config", "unsigned int user_size;")
    tree.add_member(TYPES_H, "struct vcpu_fpu_config", "u64 user_features;")
    tree.insert(XSTATE, INIT, f"guest_default_cfg.user_features = {user_features};", after=f"{FEATURES} =")
    code = "guest_default_cfg.user_size =\n\t\txstate_calculate_size(guest_default_cfg.user_features, false);"
    tree.insert(XSTATE, "init_xstate_size", code, after=f"{SIZE} =")
    tree.assign(CORE, "fpstate_reset", GUEST_PERM, "guest_default_cfg.user_size")
    tree.assign(
        CORE, RESET, "fpstate->user_size", "fpstate->is_guest ? guest_default_cfg.user_size : fpu_user_cfg.default_size"
    )
    code = "if (fpstate->is_guest)\n\t\tfpstate->user_xfeatures = guest_default_cfg.user_features;"
    tree.insert(CORE, RESET, code, after="fpstate->user_xfeatures")


@case(Leak("FPU101", RESET, "fpstate->user_size", "user_size", frozenset(), severity=WARNING))
def version_4(tree: TreeCopy) -> None:
    tree.add_member(TYPES_H, "struct fpu_state_config", "unsigned int guest_default_size;")
    mask = "fpu_user_cfg.max_features & ~(u64)XFEATURE_MASK_USER_DYNAMIC"
    code = f"fpu_user_cfg.guest_default_size = xstate_calculate_size({mask}, false);"
    tree.insert(XSTATE, "init_xstate_size", code, after=f"{SIZE} =")
    tree.assign(CORE, RESET, "fpstate->user_size", "fpu_user_cfg.guest_default_size")


@case(Leak("FPU101", RESET, "fpstate->user_size", "user_size", None, kernel_format=True))
def version_4_with_the_kernel_size(tree: TreeCopy) -> None:
    tree.add_member(TYPES_H, "struct fpu_state_config", "unsigned int guest_default_size;")
    tree.insert(XSTATE, "init_xstate_size", f"fpu_kernel_cfg.guest_default_size = {SIZE};", after=f"{SIZE} =")
    tree.assign(CORE, RESET, "fpstate->user_size", "fpu_kernel_cfg.guest_default_size")


def add_third_configuration(tree: TreeCopy) -> None:
    tree.insert_above(XSTATE, "init_xstate_size", "struct fpu_state_config fpu_guest_cfg __ro_after_init;")
    code = """fpu_guest_cfg.default_features = guest_default_cfg.features;
	fpu_guest_cfg.default_size = xstate_calculate_size(fpu_guest_cfg.default_features, compacted);"""
    tree.insert(XSTATE, "init_xstate_size", code, after=f"{SIZE} =")
    tree.append(TYPES_H, "extern struct fpu_state_config fpu_guest_cfg;")


@case(SIZE_IN_RESET, MASK_IN_RESET, also=HEIRS)
def third_configuration(tree: TreeCopy) -> None:
    add_third_configuration(tree)
    tree.assign(CORE, RESET, "fpstate->user_size", "fpu_guest_cfg.default_size")
    tree.assign(CORE, RESET, "fpstate->user_xfeatures", "fpu_guest_cfg.default_features")


@case()
def third_configuration_for_the_kernel_side(tree: TreeCopy) -> None:
    add_third_configuration(tree)
    tree.assign(CORE, RESET, "fpstate->size", "fpu_guest_cfg.default_size", was=SIZE)
    tree.assign(CORE, RESET, "fpstate->xfeatures", "fpu_guest_cfg.default_features", was=FEATURES)


@case(
    request_leak(frozenset({"CET_KERNEL"})),
    Leak("FPU102", PRCTL, "", "", frozenset({"CET_KERNEL"}), side="guest", path=XSTATE),
    also=("kvm_vm_ioctl_check_extension", "__do_cpuid_func", "kvm_vcpu_ioctl_x86_get_xsave2"),
)
def supervisor_feature_declared_a_user_feature(tree: TreeCopy) -> None:
    tree.extend_macro(MASKS_H, "XFEATURE_MASK_USER_SUPPORTED", "XFEATURE_MASK_CET_KERNEL |")


@pytest.mark.sampled(3)
@pytest.mark.parametrize("pack", case.params())
def test_edits_of_the_newest_tree(pack: Pack[Variant], newest: Path) -> None:
    check(pack, newest)
