"""Guest values in the signal frame, its sizes, masks and checks (see leaks.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.realtree.cases import Cases, check
from tests.realtree.edits import TreeCopy
from tests.realtree.leaks import (
    FEATURES,
    OPT_IN,
    ROOM,
    ROOM_CODE,
    SIGFRAME,
    SIGNAL,
    SIZE,
    SUPERVISOR,
    USER_SIZE,
    XSTATE_H,
    Leak,
    frame_leak,
)
from tests.realtree.packs import Pack
from tests.realtree.variants import Variant

pytestmark = pytest.mark.realtree

case = Cases()


@case(frame_leak("save_sw_bytes", "sw_bytes->xstate_size", None, kernel_format=True))
def software_bytes_size(tree: TreeCopy) -> None:
    tree.assign(SIGNAL, "save_sw_bytes", "sw_bytes->xstate_size", SIZE)


@case(frame_leak("save_sw_bytes", "sw_bytes->extended_size = guest_default_cfg.size", None, kernel_format=True))
def software_bytes_extended_size(tree: TreeCopy) -> None:
    tree.replace(SIGNAL, "save_sw_bytes", "fpstate->user_size", SIZE, near="sw_bytes->extended_size = ")


@case(frame_leak("save_sw_bytes", "sw_bytes->xfeatures", SUPERVISOR, kernel_format=False))
def software_bytes_features(tree: TreeCopy) -> None:
    tree.assign(SIGNAL, "save_sw_bytes", "sw_bytes->xfeatures", FEATURES)


@case()
def software_bytes_from_the_user_configuration(tree: TreeCopy) -> None:
    tree.assign(SIGNAL, "save_sw_bytes", "sw_bytes->xfeatures", "fpu_user_cfg.default_features")
    tree.assign(SIGNAL, "save_sw_bytes", "sw_bytes->xstate_size", USER_SIZE)


@case(frame_leak("save_sw_bytes", "sw_bytes->xstate_size", None, kernel_format=True))
def software_bytes_by_two_helpers_in_another_file(tree: TreeCopy) -> None:
    tree.append(ROOM, ROOM_CODE)
    tree.assign(SIGNAL, "save_sw_bytes", "sw_bytes->xstate_size", "xstate_room(true)")


@case()
def software_bytes_by_two_helpers_for_the_host(tree: TreeCopy) -> None:
    tree.append(ROOM, ROOM_CODE)
    tree.assign(SIGNAL, "save_sw_bytes", "sw_bytes->xstate_size", "xstate_room(false)")


@case(frame_leak("xstate_sigframe_size", "size + FP_XSTATE_MAGIC2_SIZE", None, kernel_format=True))
def frame_size(tree: TreeCopy) -> None:
    tree.assign(SIGNAL, "xstate_sigframe_size", "size", SIZE)


@case(frame_leak("xstate_sigframe_size", "size + FP_XSTATE_MAGIC2_SIZE", None, kernel_format=True))
def frame_size_by_two_helpers_in_another_file(tree: TreeCopy) -> None:
    tree.append(ROOM, ROOM_CODE)
    tree.assign(SIGNAL, "xstate_sigframe_size", "size", "xstate_room(true)")


@case()
def frame_size_by_two_helpers_for_the_host(tree: TreeCopy) -> None:
    tree.append(ROOM, ROOM_CODE)
    tree.assign(SIGNAL, "xstate_sigframe_size", "size", "xstate_room(false)")


@case(frame_leak("save_xstate_epilog", "__put_user(FP_XSTATE_MAGIC2", None, kernel_format=True))
def second_magic_word(tree: TreeCopy) -> None:
    tree.replace(SIGNAL, "save_xstate_epilog", "fpstate->user_size", SIZE)


@case(frame_leak("copy_fpstate_to_sigframe", SIZE, None, kernel_format=True))
def frame_clear(tree: TreeCopy) -> None:
    tree.replace(SIGNAL, "copy_fpstate_to_sigframe", "fpstate->user_size", SIZE)


@case(frame_leak("restore_fpregs_from_user", SIZE, None, kernel_format=True))
def frame_fault_in(tree: TreeCopy) -> None:
    tree.replace(SIGNAL, "restore_fpregs_from_user", "fpu->fpstate->user_size", SIZE)


@case(Leak("FPU103", "check_xstate_in_sigframe", "", "", None, kernel_format=True, path=SIGNAL))
def frame_check(tree: TreeCopy) -> None:
    tree.replace(SIGNAL, "check_xstate_in_sigframe", "x86_task_fpu(current)->fpstate->user_size", SIZE)


@case(Leak("FPU103", "xsave_to_user_sigframe", "", "", SUPERVISOR, path=XSTATE_H))
def frame_save_mask(tree: TreeCopy) -> None:
    tree.assign(XSTATE_H, "xsave_to_user_sigframe", "mask", FEATURES)


@case(frame_leak("fpu__get_fpstate_size", "return ret", None, kernel_format=True))
def largest_frame(tree: TreeCopy) -> None:
    tree.assign(SIGNAL, "fpu__get_fpstate_size", "ret", SIZE)


@case(frame_leak("get_sigframe_size", "return max_frame_size", None, kernel_format=True, path=SIGFRAME))
def announced_frame_size(tree: TreeCopy) -> None:
    tree.replace(SIGFRAME, "get_sigframe_size", "max_frame_size", f"max_frame_size + {SIZE}")


@case(Leak("FPU103", "sigaltstack_size_valid", "", "", None, kernel_format=True, path=SIGFRAME))
def signal_stack_check(tree: TreeCopy) -> None:
    tree.insert(SIGFRAME, "sigaltstack_size_valid", f"fsize += {SIZE};", before="if (likely(ss_size > fsize)")


@case(Leak("FPU103", "sigaltstack_size_valid", "", "", OPT_IN, path=SIGFRAME, side="host"))
def signal_stack_check_of_the_guest_permission(tree: TreeCopy) -> None:
    tree.replace(SIGFRAME, "sigaltstack_size_valid", "->perm.__user_state_size", "->guest_perm.__user_state_size")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("pack", case.params())
def test_edits_of_the_newest_tree(pack: Pack[Variant], newest: Path) -> None:
    check(pack, newest)
