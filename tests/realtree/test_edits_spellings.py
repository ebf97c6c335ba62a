"""One leak, the guest's default as the user size, in many spellings; and spellings that do not leak (see leaks.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.realtree.cases import Cases, check
from tests.realtree.edits import TreeCopy
from tests.realtree.leaks import (
    CORE,
    FEATURES,
    HEIRS,
    MASK_IN_RESET,
    RESET,
    ROOM,
    ROOM_CODE,
    SIZE,
    SIZE_IN_RESET,
    USER_SIZE,
    XSTATE,
    Leak,
)
from tests.realtree.packs import Pack
from tests.realtree.variants import Variant

pytestmark = pytest.mark.realtree

case = Cases()


@case(SIZE_IN_RESET)
def by_a_local(tree: TreeCopy) -> None:
    tree.insert_at_top(CORE, RESET, f"unsigned int room = {SIZE};")
    tree.assign(CORE, RESET, "fpstate->user_size", "room")


@case()
def by_a_local_that_is_overwritten(tree: TreeCopy) -> None:
    tree.insert_at_top(CORE, RESET, f"unsigned int room = {SIZE};\n\n\troom = {USER_SIZE};")
    tree.assign(CORE, RESET, "fpstate->user_size", "room")


@case(SIZE_IN_RESET)
def by_two_helpers_in_another_file(tree: TreeCopy) -> None:
    tree.append(ROOM, ROOM_CODE)
    tree.assign(CORE, RESET, "fpstate->user_size", "xstate_room(true)")


@case()
def by_two_helpers_that_are_asked_for_the_host(tree: TreeCopy) -> None:
    tree.append(ROOM, ROOM_CODE)
    tree.assign(CORE, RESET, "fpstate->user_size", "xstate_room(false)")


@case(SIZE_IN_RESET)
def by_a_new_global(tree: TreeCopy) -> None:
    tree.insert_above(XSTATE, "init_xstate_size", "unsigned int xstate_frame_room __ro_after_init;")
    tree.insert(XSTATE, "init_xstate_size", f"xstate_frame_room = {SIZE};", after=f"{SIZE} =")
    tree.assign(CORE, RESET, "fpstate->user_size", "xstate_frame_room")


@case()
def by_a_new_global_of_the_user_size(tree: TreeCopy) -> None:
    tree.insert_above(XSTATE, "init_xstate_size", "unsigned int xstate_frame_room __ro_after_init;")
    tree.insert(XSTATE, "init_xstate_size", f"xstate_frame_room = {USER_SIZE};", after=f"{SIZE} =")
    tree.assign(CORE, RESET, "fpstate->user_size", "xstate_frame_room")


@case(SIZE_IN_RESET)
def by_a_pointer_to_the_configuration(tree: TreeCopy) -> None:
    tree.insert_at_top(CORE, RESET, "const struct vcpu_fpu_config *cfg = &guest_default_cfg;")
    tree.assign(CORE, RESET, "fpstate->user_size", "cfg->size")


@case(SIZE_IN_RESET)
def by_a_pointer_to_the_member(tree: TreeCopy) -> None:
    tree.insert_at_top(CORE, RESET, f"const unsigned int *bytes = &{SIZE};")
    tree.assign(CORE, RESET, "fpstate->user_size", "*bytes")


@case(SIZE_IN_RESET, MASK_IN_RESET, also=HEIRS)
def by_a_macro(tree: TreeCopy) -> None:
    tree.insert_above(CORE, "fpu_lock_guest_permissions", "#define DEFAULT_OF(member) (guest_default_cfg.member)")
    tree.assign(CORE, RESET, "fpstate->user_size", "DEFAULT_OF(size)")
    tree.assign(CORE, RESET, "fpstate->user_xfeatures", "DEFAULT_OF(features)")


@case(Leak("FPU101", RESET, "STORE(fpstate", "user_size", None, kernel_format=True))
def by_a_macro_that_stores(tree: TreeCopy) -> None:
    macro = "#define STORE(fps, bytes) do { WRITE_ONCE((fps)->user_size, (bytes)); } while (0)"
    tree.insert_above(CORE, "fpu_lock_guest_permissions", macro)
    tree.insert(CORE, RESET, f"STORE(fpstate, {SIZE});", after="fpstate->user_size")


@case(SIZE_IN_RESET)
def by_a_struct_copy(tree: TreeCopy) -> None:
    tree.insert_at_top(CORE, RESET, "struct vcpu_fpu_config mine = guest_default_cfg;")
    tree.assign(CORE, RESET, "fpstate->user_size", "mine.size")


@case(MASK_IN_RESET, also=HEIRS)
def by_memcpy(tree: TreeCopy) -> None:
    tree.insert_at_top(CORE, RESET, f"u64 mine;\n\n\tmemcpy(&mine, &{FEATURES}, sizeof(mine));")
    tree.assign(CORE, RESET, "fpstate->user_xfeatures", "mine")


OUT = f"""static void get_room(unsigned int *kernel, unsigned int *user)
{{
	*kernel = {SIZE};
	*user = {USER_SIZE};
}}"""


@case(SIZE_IN_RESET)
def by_an_out_parameter(tree: TreeCopy) -> None:
    tree.insert_above(CORE, "fpstate_init_user", OUT)
    tree.insert_at_top(CORE, RESET, "unsigned int kernel, user;\n\n\tget_room(&user, &kernel);")
    tree.assign(CORE, RESET, "fpstate->user_size", "user")


@case()
def by_an_out_parameter_in_order(tree: TreeCopy) -> None:
    tree.insert_above(CORE, "fpstate_init_user", OUT)
    tree.insert_at_top(CORE, RESET, "unsigned int kernel, user;\n\n\tget_room(&kernel, &user);")
    tree.assign(CORE, RESET, "fpstate->user_size", "user")


@case(SIZE_IN_RESET)
def by_a_function_pointer(tree: TreeCopy) -> None:
    tree.insert_above(CORE, "fpstate_init_user", f"static unsigned int room(void)\n{{\n\treturn {SIZE};\n}}")
    tree.insert_at_top(CORE, RESET, "unsigned int (*get)(void) = room;")
    tree.assign(CORE, RESET, "fpstate->user_size", "get()")


@case(SIZE_IN_RESET)
def by_an_ops_table(tree: TreeCopy) -> None:
    code = f"""static unsigned int room(void)
{{
	return {SIZE};
}}

static const struct room_ops {{
	unsigned int (*bytes)(void);
}} room_ops = {{ .bytes = room }};"""
    tree.insert_above(CORE, "fpstate_init_user", code)
    tree.assign(CORE, RESET, "fpstate->user_size", "room_ops.bytes()")


@case(SIZE_IN_RESET)
def by_a_per_cpu_variable(tree: TreeCopy) -> None:
    tree.insert_above(CORE, "fpu_lock_guest_permissions", "static DEFINE_PER_CPU(unsigned int, room);")
    tree.insert(CORE, "fpu_alloc_guest_fpstate", f"this_cpu_write(room, {SIZE});", after="gfpu->xfeatures")
    tree.assign(CORE, RESET, "fpstate->user_size", "this_cpu_read(room)")


@case(SIZE_IN_RESET)
def behind_an_ifdef(tree: TreeCopy) -> None:
    code = f"unsigned int room;\n\n#ifdef CONFIG_KVM\n\troom = {SIZE};\n#else\n\troom = {USER_SIZE};\n#endif"
    tree.insert_at_top(CORE, RESET, code)
    tree.assign(CORE, RESET, "fpstate->user_size", "room")


@case()
def in_a_dead_arm(tree: TreeCopy) -> None:
    tree.insert(CORE, RESET, f"#if 0\n\tfpstate->user_size = {SIZE};\n#endif", after="fpstate->user_xfeatures")


@case(SIZE_IN_RESET)
def over_a_goto(tree: TreeCopy) -> None:
    code = f"unsigned int room = {SIZE};\n\n\tif (fpstate->in_use)\n\t\tgoto out;\n\troom = {USER_SIZE};\nout:"
    tree.insert(CORE, RESET, code, before="fpstate->user_size")
    tree.assign(CORE, RESET, "fpstate->user_size", "room")


@case(SIZE_IN_RESET)
def in_arithmetic(tree: TreeCopy) -> None:
    tree.assign(CORE, RESET, "fpstate->user_size", f"max(ALIGN({SIZE}, 64) + 64, {USER_SIZE})")


@case()
def compared_measured_and_printed(tree: TreeCopy) -> None:
    code = f'WARN_ON_ONCE({SIZE} < {USER_SIZE});\n\tpr_info("%u\\n", {SIZE});'
    tree.insert(CORE, RESET, code, after="fpstate->user_xfeatures")
    tree.assign(CORE, RESET, "fpstate->user_size", f"{USER_SIZE} + 0 * sizeof({SIZE})")


@pytest.mark.sampled(3)
@pytest.mark.parametrize("pack", case.params())
def test_edits_of_the_newest_tree(pack: Pack[Variant], newest: Path) -> None:
    check(pack, newest)
