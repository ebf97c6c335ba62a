"""Leaks written into copies of real trees are found, at the statement, with what survives; harmless twins are not.

An edit names a function, a member and an operand. What must be found follows from
the kernel: on 7.x a guest default holds PASID, CET_USER and CET_KERNEL beyond the
user ABI, a guest permission also the opt-in XTILE_DATA (which no host place may
get) and the lock, and `guest_default_cfg.size` is the size of a kernel buffer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fpuscan.result import Finding, ScanResult, Severity
from tests.realtree.edits import TreeCopy, last_member, leaks, version

pytestmark = pytest.mark.realtree

FPU = "arch/x86/kernel/fpu"
CORE, XSTATE, SIGNAL, REGSET = (f"{FPU}/{name}.c" for name in ("core", "xstate", "signal", "regset"))
XSTATE_H = f"{FPU}/xstate.h"
SIGFRAME = "arch/x86/kernel/signal.c"
TYPES_H = "arch/x86/include/asm/fpu/types.h"
MASKS_H = "arch/x86/include/asm/fpu/xstate.h"
KVM = "arch/x86/kvm/x86.c"
ROOM = f"{FPU}/room.c"

SIZE = "guest_default_cfg.size"
FEATURES = "guest_default_cfg.features"
USER_SIZE = "fpu_user_cfg.default_size"
USER = "XFEATURE_MASK_USER_SUPPORTED"

SUPERVISOR = frozenset({"PASID", "CET_USER", "CET_KERNEL"})
OPT_IN = frozenset({"XTILE_DATA"})
LOCKED = frozenset({"FPU_GUEST_PERM_LOCKED"})
ERROR, WARNING = Severity.ERROR, Severity.WARNING


@dataclass(frozen=True, slots=True)
class Leak:
    """What must be reported: ``at`` is an expression of the crossing statement; None accepts any."""

    rule: str
    function: str
    at: str
    sink: str = ""
    bits: frozenset[str] | None = None
    kernel_format: bool = False
    severity: Severity = ERROR
    side: str = ""
    path: str = CORE

    def __str__(self) -> str:
        bits = ["any bits"] if self.bits is None else sorted(self.bits)
        what = ",".join((*bits, *(["format"] if self.kernel_format else [])))
        where = f"{self.path} {self.function}() {self.at}"
        return f"{where}: {self.rule} {self.severity.label} [{what}] {self.sink} ({self.side})"

    def fits(self, finding: Finding, tree: TreeCopy) -> bool:
        surviving = finding.surviving
        return (
            (self.rule, self.severity, self.path) == (finding.rule, finding.severity, finding.location.path)
            and self.function == finding.location.function
            and (not self.at or self._inside(finding, tree.place(self.path, self.function, self.at).line))
            and (not self.sink or self.sink == last_member(finding.sink.place))
            and (self.bits is None or self.bits == frozenset(surviving.bits))
            and (self.kernel_format, False) == (surviving.kernel_format, surviving.unknown)
            and (not self.side or self.side == finding.side)
        )

    @staticmethod
    def _inside(finding: Finding, line: int) -> bool:
        return finding.location.line <= line <= finding.location.end_line


@dataclass(frozen=True, slots=True)
class Case:
    """An edit and its leaks; ``also`` are functions in which the edit has more consequences.

    ``todo`` says why the verdict is wrong today (a strict xfail).
    """

    edit: Callable[[TreeCopy], None]
    leaks: tuple[Leak, ...]
    also: frozenset[str]
    todo: str = ""

    @property
    def name(self) -> str:
        return self.edit.__name__


Edit = Callable[[TreeCopy], None]
SEVEN: list[Case] = []
SIX: list[Case] = []


def case(
    *expected: Leak, also: tuple[str, ...] = (), cases: list[Case] = SEVEN, todo: str = ""
) -> Callable[[Edit], Edit]:
    """Register an edit of the newest 7.x tree; without a leak it is a harmless twin."""

    def register(edit: Edit) -> Edit:
        cases.append(Case(edit, expected, frozenset(also), todo))
        return edit

    return register


def params(cases: list[Case]) -> list[object]:
    """The cases for parametrize; a wrong verdict that is known is a strict xfail."""
    return [
        pytest.param(one, id=one.name, marks=[pytest.mark.xfail(reason=one.todo)] if one.todo else []) for one in cases
    ]


# --- stores of fpstate, permission and guest FPU ----------------------------------

RESET = "__fpstate_reset"
SIZE_IN_RESET = Leak("FPU101", RESET, "fpstate->user_size", "user_size", None, kernel_format=True)
MASK_IN_RESET = Leak("FPU102", RESET, "fpstate->user_xfeatures", "user_xfeatures", SUPERVISOR)


@case(SIZE_IN_RESET)
def user_size_from_the_guest_size(tree: TreeCopy) -> None:
    tree.assign(CORE, RESET, "fpstate->user_size", SIZE)


# A guest's next buffer inherits the mask, and the headers of user buffers are checked against it.
HEIRS = ("fpstate_realloc", "validate_user_xstate_header", "__copy_xstate_to_uabi_buf")


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


GUEST_PERM = "fpu->guest_perm.__user_state_size"


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


# --- the same leak in other clothes -----------------------------------------------


@case(SIZE_IN_RESET)
def by_a_local(tree: TreeCopy) -> None:
    tree.insert_at_top(CORE, RESET, f"unsigned int room = {SIZE};")
    tree.assign(CORE, RESET, "fpstate->user_size", "room")


@case()
def by_a_local_that_is_overwritten(tree: TreeCopy) -> None:
    tree.insert_at_top(CORE, RESET, f"unsigned int room = {SIZE};\n\n\troom = {USER_SIZE};")
    tree.assign(CORE, RESET, "fpstate->user_size", "room")


ROOM_CODE = f"""#include <asm/fpu/types.h>

static unsigned int inner_room(bool guest)
{{
	return guest ? {SIZE} : {USER_SIZE};
}}

unsigned int xstate_room(bool guest)
{{
	unsigned int bytes = inner_room(guest);

	return bytes;
}}"""


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


# What reads the host's permission: a leak into it has these consequences, too.
HOST_READERS = ("__xstate_request_perm", "fpu_xstate_prctl")

# --- permission requests ----------------------------------------------------------

REQUEST = "__xstate_request_perm"
REQUESTED = "perm->__user_state_size"


def request_leak(bits: frozenset[str], *, side: str = "guest", kernel_format: bool = False) -> Leak:
    return Leak("FPU101", REQUEST, REQUESTED, "__user_state_size", bits, kernel_format, side=side, path=XSTATE)


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

ENABLE = "__xfd_enable_feature"


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

PRCTL = "fpu_xstate_prctl"


def prctl_leak(bits: frozenset[str], side: str) -> Leak:
    return Leak("FPU102", PRCTL, "", "", bits, side=side, path=XSTATE)


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


# --- configuration ----------------------------------------------------------------

INIT = "fpu__init_system_xstate"
# A guest takes its user side from the host's configuration: there the leak enters the other side's user ABI.
GUEST_READERS = ("fpu_alloc_guest_fpstate", "fpstate_reset")


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


# --- signal frame -----------------------------------------------------------------


def frame_leak(function: str, at: str, bits: frozenset[str] | None, *, kernel_format: bool, path: str = SIGNAL) -> Leak:
    return Leak("FPU103", function, at, "", bits, kernel_format, path=path)


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


@case(Leak("FPU101", "kvm_vm_ioctl_check_extension", "", "", SUPERVISOR | LOCKED, path=KVM, side="guest"))
def kvm_cap_xsave2_of_the_whole_permission(tree: TreeCopy) -> None:
    call = "xstate_required_size(kvm_get_filtered_xcr0(), false)"
    tree.replace(
        KVM, "kvm_vm_ioctl_check_extension", call, "xstate_required_size(xstate_get_guest_group_perm(), false)"
    )


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


# --- legacy sizes, ptrace words, KVM lengths and masks ----------------------------

LEGACY = "fpu__init_system_xstate_size_legacy"
INIT_C = f"{FPU}/init.c"
PTRACE = "arch/x86/kernel/ptrace.c"


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


# --- 6.1 and 6.12 -----------------------------------------------------------------


def case_6(*expected: Leak, also: tuple[str, ...] = ()) -> Callable[[Edit], Edit]:
    return case(*expected, also=also, cases=SIX)


# 6.1 knows no CET; what is asserted of the bits is that at least PASID is among them.
SIX_SUPERVISOR = {(6, 1): frozenset({"PASID"}), (6, 12): frozenset({"PASID", "CET_USER"})}


@case_6(request_leak(SUPERVISOR))
def old_request_without_the_user_mask(tree: TreeCopy) -> None:
    tree.drop_mask(XSTATE, REQUEST, USER)


@case_6(request_leak(SUPERVISOR))
def old_request_masked_too_late(tree: TreeCopy) -> None:
    tree.drop_mask(XSTATE, REQUEST, USER)
    tree.insert(XSTATE, REQUEST, f"mask &= {USER};", after="usize =")


@case_6(Leak("FPU103", REQUEST, "ret = validate_sigaltstack(usize)", "", OPT_IN, side="host", path=XSTATE))
def old_request_checks_the_signal_stacks_of_guests(tree: TreeCopy) -> None:
    tree.replace(XSTATE, REQUEST, "if (!guest) {", "if (guest) {")


@case_6(request_leak(OPT_IN, side="host"), also=(REQUEST, PRCTL))
def old_request_lands_in_the_host_permission(tree: TreeCopy) -> None:
    tree.assign(XSTATE, REQUEST, "perm", "&fpu->perm")


@case_6(
    Leak(
        "FPU101", "fpu_inherit_perms", "dst_fpu->perm = src_fpu->guest_perm", "__user_state_size", OPT_IN, side="host"
    ),
    also=HOST_READERS,
)
def old_inherited_across_the_sides(tree: TreeCopy) -> None:
    tree.assign(CORE, "fpu_inherit_perms", "dst_fpu->perm", "src_fpu->guest_perm")


@case_6(
    Leak("FPU101", "fpstate_reset", "fpu->perm = fpu->guest_perm", "__user_state_size", OPT_IN, side="host"),
    also=HOST_READERS,
)
def old_defaults_from_the_guest(tree: TreeCopy) -> None:
    tree.replace(CORE, "fpstate_reset", "fpu->guest_perm = fpu->perm", "fpu->perm = fpu->guest_perm")


@case_6(Leak("FPU101", "fpstate_realloc", "newfps->user_size", "user_size", OPT_IN, side="host", path=XSTATE))
def old_host_buffer_grows_by_the_guest_permission(tree: TreeCopy) -> None:
    tree.assign(XSTATE, ENABLE, "perm", "guest_fpu ? &fpu->perm : &fpu->guest_perm")


@case_6(
    Leak(
        "FPU102", "fpu_alloc_guest_fpstate", "gfpu->fpstate->user_xfeatures", "user_xfeatures", SUPERVISOR, side="guest"
    )
)
def old_user_features_from_the_guest_permission(tree: TreeCopy) -> None:
    code = "gfpu->fpstate->user_xfeatures = gfpu->perm;"
    tree.insert(CORE, "fpu_alloc_guest_fpstate", code, before="gfpu->uabi_size = sizeof")


@case_6(prctl_leak(OPT_IN, "host"))
def old_host_permission_asks_for_the_guest(tree: TreeCopy) -> None:
    tree.replace(XSTATE_H, "xstate_get_host_group_perm", "false", "true")


@case_6()
def old_request_masked_in_the_expression(tree: TreeCopy) -> None:
    tree.drop_mask(XSTATE, REQUEST, USER)
    tree.assign(XSTATE, REQUEST, "usize", f"xstate_calculate_size(mask & {USER}, false)")


@case_6()
def old_guest_permission_set_member_by_member(tree: TreeCopy) -> None:
    members = ("__state_perm", "__state_size", "__user_state_size")
    code = "\n\t".join(f"fpu->guest_perm.{member} = fpu->perm.{member};" for member in members)
    tree.insert(CORE, "fpstate_reset", code, after="fpu->guest_perm = fpu->perm")


# --- running them -----------------------------------------------------------------


def check(edited: TreeCopy, one: Case) -> None:
    result: ScanResult = edited.scan()
    found = leaks(result)
    missing = [leak for leak in one.leaks if not any(leak.fits(finding, edited) for finding in found)]
    rest = [item for item in found if not any(leak.fits(item, edited) for leak in one.leaks)]
    more = [item for item in rest if item.location.function not in one.also]

    assert difference(missing, more) == ""
    assert result.health.incomplete == ()
    for finding in found:
        assert [step.location.line for step in finding.trace if step.crossing] == [finding.location.line]


# What is expected and missing (-), and what is found and not expected (+).
def difference(missing: list[Leak], more: list[Finding]) -> str:
    return "\n".join([f"- {leak}" for leak in missing] + [f"+ {describe(finding)}" for finding in more])


def describe(finding: Finding) -> str:
    place, surviving = finding.location, finding.surviving
    flags = [word for word, on in (("format", surviving.kernel_format), ("unknown", surviving.unknown)) if on]
    what = ",".join((*surviving.bits, *flags))
    flow = f"{finding.source.place} -> {finding.sink.place} ({finding.side})"
    return f"{place.path}:{place.line} {place.function}(): {finding.rule} {finding.severity.label} [{what}] {flow}"


@pytest.mark.parametrize("one", params(SEVEN))
def test_edit_of_the_newest_tree(one: Case, trees: tuple[Path, ...], copy_of: Callable[[Path], TreeCopy]) -> None:
    newest = max(trees, key=version)
    if version(newest) < (7,):
        pytest.skip("no 7.x tree in FPUSCAN_TREES")
    edited = copy_of(newest)
    one.edit(edited)

    check(edited, one)


@pytest.mark.parametrize("release", sorted(SIX_SUPERVISOR), ids=lambda release: ".".join(map(str, release)))
@pytest.mark.parametrize("one", params(SIX))
def test_edit_of_an_old_tree(
    one: Case, release: tuple[int, int], trees: tuple[Path, ...], copy_of: Callable[[Path], TreeCopy]
) -> None:
    old = [tree for tree in trees if version(tree)[:2] == release]
    if not old:
        pytest.skip(f"no {release[0]}.{release[1]} tree in FPUSCAN_TREES")
    edited = copy_of(old[0])
    one.edit(edited)

    check(edited, Case(one.edit, tuple(in_release(leak, release) for leak in one.leaks), one.also))


# The supervisor features that a release knows.
def in_release(leak: Leak, release: tuple[int, int]) -> Leak:
    return replace(leak, bits=SIX_SUPERVISOR[release]) if leak.bits == SUPERVISOR else leak
