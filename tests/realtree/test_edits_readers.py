"""Guest values at ptrace, core dump and KVM, and in the legacy sizes (see leaks.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.realtree.cases import Cases, check
from tests.realtree.edits import TreeCopy
from tests.realtree.leaks import (
    CORE,
    FEATURES,
    INIT,
    INIT_C,
    KVM,
    LEGACY,
    PTRACE,
    REGSET,
    SIGFRAME,
    SIGNAL,
    SIZE,
    SUPERVISOR,
    USER,
    XSTATE,
    Leak,
    frame_leak,
)
from tests.realtree.packs import Pack
from tests.realtree.variants import Variant

pytestmark = pytest.mark.realtree

case = Cases()

# --- ptrace, core dump, KVM -------------------------------------------------------


@case(Leak("FPU101", INIT, "update_regset_xstate_info", "", None, kernel_format=True, path=XSTATE))
def regset_size(tree: TreeCopy) -> None:
    tree.replace(XSTATE, INIT, "fpu_user_cfg.max_size", SIZE, near="update_regset_xstate_info")


@case(Leak("FPU102", INIT, "update_regset_xstate_info", "", SUPERVISOR, path=XSTATE))
def regset_features(tree: TreeCopy) -> None:
    tree.replace(XSTATE, INIT, "fpu_user_cfg.max_features", FEATURES, near="update_regset_xstate_info")


@case(Leak("FPU101", "xstateregs_set", SIZE, "", None, kernel_format=True, path=REGSET))
def tracer_buffer_check(tree: TreeCopy) -> None:
    tree.replace(REGSET, "xstateregs_set", "fpu_user_cfg.max_size", SIZE)


@case(Leak("FPU102", "validate_user_xstate_header", FEATURES, "", SUPERVISOR, path=XSTATE))
def user_header_check(tree: TreeCopy) -> None:
    tree.replace(XSTATE, "validate_user_xstate_header", "fpstate->user_xfeatures", FEATURES)


@case(Leak("FPU102", "dump_xsave_layout_desc", "", "", SUPERVISOR, path=XSTATE))
def core_dump_records(tree: TreeCopy) -> None:
    tree.replace(XSTATE, "dump_xsave_layout_desc", "fpu_user_cfg.max_features", FEATURES)


@case(
    Leak(
        "FPU102",
        "kvm_vcpu_ioctl_x86_get_xsave2",
        "fpu_copy_guest_fpstate_to_uabi",
        "",
        SUPERVISOR,
        path=KVM,
        side="guest",
    )
)
def kvm_copies_all_features(tree: TreeCopy) -> None:
    tree.replace(
        KVM, "kvm_vcpu_ioctl_x86_get_xsave2", "vcpu->arch.guest_supported_xcr0", "vcpu->arch.guest_fpu.xfeatures"
    )


@case()
def kvm_copies_the_user_features(tree: TreeCopy) -> None:
    mask = f"(vcpu->arch.guest_fpu.xfeatures & {USER})"
    tree.replace(KVM, "kvm_vcpu_ioctl_x86_get_xsave2", "vcpu->arch.guest_supported_xcr0", mask)


@case(
    Leak(
        "FPU101",
        "kvm_arch_vcpu_ioctl",
        "kvm_vcpu_ioctl_x86_get_xsave2",
        "",
        None,
        kernel_format=True,
        path=KVM,
        side="guest",
    )
)
def kvm_get_xsave2_by_the_buffer_size(tree: TreeCopy) -> None:
    tree.replace(
        KVM, "kvm_arch_vcpu_ioctl", "u.buffer, size", f"u.buffer, size + {SIZE}", near="kvm_vcpu_ioctl_x86_get_xsave2"
    )


@case(Leak("FPU101", "kvm_vm_ioctl_check_extension", "", "", SUPERVISOR, path=KVM, side="guest"))
def kvm_cap_xsave2_of_the_whole_permission(tree: TreeCopy) -> None:
    call = "xstate_required_size(kvm_get_filtered_xcr0(), false)"
    tree.replace(
        KVM, "kvm_vm_ioctl_check_extension", call, "xstate_required_size(xstate_get_guest_group_perm(), false)"
    )


# --- legacy sizes, ptrace words, KVM lengths and masks ----------------------------


@case(
    Leak(
        "FPU101",
        LEGACY,
        f"fpu_user_cfg.max_size = {SIZE}",
        "max_size",
        None,
        kernel_format=True,
        path=INIT_C,
        side="host",
    )
)
def legacy_user_size_from_the_guest(tree: TreeCopy) -> None:
    tree.insert(INIT_C, LEGACY, f"fpu_user_cfg.max_size = {SIZE};", after=f"{SIZE} =")


@case(Leak("FPU102", "update_regset_xstate_info", "xstate_fx_sw_bytes", "", SUPERVISOR, path=PTRACE, side="host"))
def regset_word_from_the_guest(tree: TreeCopy) -> None:
    tree.replace(PTRACE, "update_regset_xstate_info", "xstate_mask", FEATURES)


@case(
    Leak(
        "FPU101", "update_regset_xstate_info", "x86_64_regsets", "", None, kernel_format=True, path=PTRACE, side="host"
    ),
)
def regset_length_from_the_guest(tree: TreeCopy) -> None:
    tree.replace(
        PTRACE, "update_regset_xstate_info", "size / sizeof(u64)", f"{SIZE} / sizeof(u64)", near="x86_64_regsets"
    )


@case(frame_leak("init_sigframe_size", "", None, kernel_format=True, path=SIGFRAME))
def largest_frame_grown(tree: TreeCopy) -> None:
    code = f"max_frame_size += {SIZE};"
    tree.insert(SIGFRAME, "init_sigframe_size", code, after="max_frame_size += fpu_default_state_size")


@case(frame_leak("fpu__alloc_mathframe", "", None, kernel_format=True))
def frame_room_on_the_stack(tree: TreeCopy) -> None:
    tree.assign(SIGNAL, "fpu__alloc_mathframe", "frame_size", SIZE)


SET_XSAVE, GET_XSAVE2 = "kvm_vcpu_ioctl_x86_set_xsave", "kvm_vcpu_ioctl_x86_get_xsave2"


@case(Leak("FPU102", SET_XSAVE, "return fpu_copy_uabi_to_guest_fpstate", "", SUPERVISOR, path=KVM, side="guest"))
def kvm_accepts_all_features(tree: TreeCopy) -> None:
    tree.replace(KVM, SET_XSAVE, "kvm_caps.supported_xcr0", "vcpu->arch.guest_fpu.xfeatures")


@case(Leak("FPU102", "fpu_copy_guest_fpstate_to_uabi", "__copy_xstate_to_uabi_buf", "", SUPERVISOR, side="guest"))
def kvm_copy_by_the_guest_fpu(tree: TreeCopy) -> None:
    tree.replace(CORE, "fpu_copy_guest_fpstate_to_uabi", "kstate, xfeatures, pkru", "kstate, gfpu->xfeatures, pkru")


@case(Leak("FPU102", "kvm_x86_dev_get_attr", "put_user", "", SUPERVISOR, path=KVM, side="guest"))
def kvm_announces_guest_defaults(tree: TreeCopy) -> None:
    tree.replace(
        KVM,
        "__kvm_x86_dev_get_attr",
        "kvm_caps.supported_xcr0",
        "xstate_get_guest_group_perm() & XFEATURE_MASK_FPSTATE",
    )


@case(
    Leak("FPU101", "kvm_arch_vcpu_ioctl", "", "", None, kernel_format=True, path=KVM, side="guest"),
)
def kvm_set_xsave_by_the_buffer_size(tree: TreeCopy) -> None:
    tree.replace(KVM, "kvm_arch_vcpu_ioctl", "memdup_user(argp, size)", f"memdup_user(argp, size + {SIZE})")


@case(
    Leak("FPU101", "kvm_arch_vcpu_ioctl", "", "", None, kernel_format=True, path=KVM, side="guest"),
)
def kvm_copies_the_buffer_size(tree: TreeCopy) -> None:
    tree.replace(
        KVM, "kvm_arch_vcpu_ioctl", "copy_to_user(argp, u.xsave, size)", f"copy_to_user(argp, u.xsave, {SIZE})"
    )


@pytest.mark.parametrize("pack", case.params())
def test_edits_of_the_newest_tree(pack: Pack[Variant], newest: Path) -> None:
    check(pack, newest)
