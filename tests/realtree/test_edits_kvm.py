"""What belongs to one vCPU, or to the kernel's own buffers, written into copies of real trees; and harmless twins.

An edit names a function, a member and an operand; the history of the kernel says
what must be found (FPU201, FPU202, FPU203). Each edit runs on the oldest and the newest tree (FPUSCAN_PROOF=long: on
all) if its code has the place that it needs; those that have nothing to do with each other share a scan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from fpuscan.result import Finding, Severity
from tests.kernel_trees import outer_trees
from tests.realtree.edits import TreeCopy, last_member, version
from tests.realtree.packs import Operations, Pack, Reach, apply, packs, record
from tests.realtree.variants import MemoryCopy

pytestmark = pytest.mark.realtree

FPU = "arch/x86/kernel/fpu"
CORE, INIT, XSTATE, SIGNAL, REGSET = (f"{FPU}/{name}.c" for name in ("core", "init", "xstate", "signal", "regset"))
XSTATE_H = f"{FPU}/xstate.h"
SIGFRAME, PTRACE = "arch/x86/kernel/signal.c", "arch/x86/kernel/ptrace.c"
KVM, CPUID = "arch/x86/kvm/x86.c", "arch/x86/kvm/cpuid.c"

USER = "XFEATURE_MASK_USER_SUPPORTED"
XCR0 = "vcpu->arch.guest_supported_xcr0"
ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
RULES = ("FPU201", "FPU202", "FPU203")

# The supervisor features that a kernel buffer may hold, by release.
SUPERVISOR = {
    (6, 1): frozenset({"PASID"}),
    (6, 12): frozenset({"PASID", "CET_USER"}),
    (7,): frozenset({"PASID", "CET_USER", "CET_KERNEL"}),
}


@dataclass(frozen=True, slots=True)
class Want:
    """A finding: where, of what, and with what. ``bits`` "supervisor" are those of the release; None accepts any."""

    rule: str
    severity: Severity
    function: str
    sink: str = ""
    bits: frozenset[str] | str | None = None
    kernel_format: bool | None = None
    side: str = ""

    def fits(self, finding: Finding, release: tuple[int, ...]) -> bool:
        bits = supervisor(release) if self.bits == "supervisor" else self.bits
        surviving = finding.surviving
        return (
            (self.rule, self.severity, self.function) == (finding.rule, finding.severity, finding.location.function)
            and self.sink in {"", last_member(finding.sink.place)}
            and (bits is None or bits == frozenset(surviving.bits))
            and self.kernel_format in {None, surviving.kernel_format}
            and self.side in {"", finding.side}
        )


def supervisor(release: tuple[int, ...]) -> frozenset[str]:
    return next(bits for known, bits in SUPERVISOR.items() if release[: len(known)] == known)


Edit = Callable[[TreeCopy], None]


@dataclass(frozen=True, slots=True)
class Case:
    """An edit, what it makes of a tree, and the first and last release that has its place."""

    edit: Edit
    wants: tuple[Want, ...]
    since: tuple[int, ...]
    before: tuple[int, ...]


@dataclass(frozen=True)
class Recorded:
    """A case in one release: what it does to that tree."""

    case: Case
    release: str
    operations: Operations

    @property
    def name(self) -> str:
        return self.case.edit.__name__

    @cached_property
    def reach(self) -> Reach:
        return Reach.of(self.operations, [(want.function, want.sink) for want in self.case.wants], ())


CASES: list[Case] = []


def case(*wants: Want, since: tuple[int, ...] = (6, 1), before: tuple[int, ...] = (99,)) -> Callable[[Edit], Edit]:
    """Register an edit; without a finding it is a harmless twin."""

    def register(edit: Edit) -> Edit:
        CASES.append(Case(edit, wants, since, before))
        return edit

    return register


# --- FPU201: stored in what all copies share ---------------------------------------

AFTER_CPUID = "kvm_vcpu_after_set_cpuid"
STORED = Want("FPU201", ERROR, AFTER_CPUID, "user_xfeatures", frozenset(), kernel_format=False, side="guest")


def after_cpuid(tree: TreeCopy, code: str) -> None:
    """KVM's vCPU learns what its guest's CPUID offers: the place of the commits of 2022."""
    tree.insert(CPUID, AFTER_CPUID, code, before="kvm_mmu_after_set_cpuid(vcpu)")


@case(STORED)
def ad856280ddea(tree: TreeCopy) -> None:
    after_cpuid(tree, f"vcpu->arch.guest_fpu.fpstate->user_xfeatures = {XCR0};")


@case(STORED)
def a1020a25e697(tree: TreeCopy) -> None:
    after_cpuid(tree, f"vcpu->arch.guest_fpu.fpstate->user_xfeatures = {XCR0} | XFEATURE_MASK_FPSSE;")


@case(STORED, since=(7,))
def commit_988896bb6182(tree: TreeCopy) -> None:
    """The vCPU has no member of its own any more: what CPUID offers goes straight into the fpstate."""
    tree.replace(CPUID, AFTER_CPUID, XCR0, "vcpu->arch.guest_fpu.fpstate->user_xfeatures")


@case(STORED)
def narrowed_in_place(tree: TreeCopy) -> None:
    after_cpuid(tree, f"vcpu->arch.guest_fpu.fpstate->user_xfeatures &= {XCR0};")


@case(STORED)
def stored_through_locals(tree: TreeCopy) -> None:
    code = (
        "{ struct fpu_guest *gfpu = &vcpu->arch.guest_fpu; struct fpstate *fps = gfpu->fpstate; "
        f"u64 allowed = {XCR0}; fps->user_xfeatures = allowed; }}"
    )
    after_cpuid(tree, code)


@case(Want("FPU201", ERROR, AFTER_CPUID, "uabi_size", side="guest"))
def length_of_the_vcpu(tree: TreeCopy) -> None:
    after_cpuid(tree, f"vcpu->arch.guest_fpu.uabi_size = xstate_required_size({XCR0}, false);")


@case(Want("FPU201", ERROR, AFTER_CPUID, "max_features", side="host"))
def user_configuration_of_kvm(tree: TreeCopy) -> None:
    after_cpuid(tree, "fpu_user_cfg.max_features &= kvm_caps.supported_xcr0;")


@case()
def a_copy_of_the_mask_in_kvm(tree: TreeCopy) -> None:
    after_cpuid(tree, f"vcpu->arch.xcr0 &= {XCR0};")


@case()
def opt_in_behind_the_permission(tree: TreeCopy) -> None:
    after_cpuid(tree, f"fpu_enable_guest_xfd_features(&vcpu->arch.guest_fpu, {XCR0});")


# --- FPU201: one copy ---------------------------------------------------------------

GET, SET, IOCTL = "kvm_vcpu_ioctl_x86_get_xsave2", "kvm_vcpu_ioctl_x86_set_xsave", "kvm_arch_vcpu_ioctl"


@case()
def mask_without_fpsse(tree: TreeCopy) -> None:
    """8647c52e9504 with another operand: it narrows one copy (the note that is there already)."""
    tree.replace(KVM, GET, "supported_xcr0", XCR0, near="fpu_copy_guest_fpstate_to_uabi")


@case(Want("FPU201", ERROR, GET, "", frozenset({"CET_USER", "CET_KERNEL"}), side="guest"), since=(7,))
def supervisor_state_in_get_xsave(tree: TreeCopy) -> None:
    tree.replace(KVM, GET, "XFEATURE_MASK_FPSSE", "vcpu->arch.guest_supported_xss", near="supported_xcr0 =")


@case(Want("FPU201", ERROR, SET, "", frozenset({"CET_USER", "CET_KERNEL"}), side="guest"), since=(7,))
def supervisor_state_in_set_xsave(tree: TreeCopy) -> None:
    tree.replace(KVM, SET, "kvm_caps.supported_xcr0", "kvm_caps.supported_xcr0 | kvm_caps.supported_xss")


@case(since=(6, 1), before=(7,))
def no_supervisor_state_in_an_old_kvm(tree: TreeCopy) -> None:
    """Before 6.18 kvm_caps.supported_xss is always zero."""
    tree.replace(KVM, SET, "kvm_caps.supported_xcr0", "kvm_caps.supported_xcr0 | kvm_caps.supported_xss")


@case(Want("FPU201", ERROR, IOCTL, side="guest"))
def set_xsave_by_the_capability(tree: TreeCopy) -> None:
    size = "xstate_required_size(kvm_caps.supported_xcr0, false)"
    tree.replace(KVM, IOCTL, "memdup_user(argp, size)", f"memdup_user(argp, {size})")


@case(Want("FPU201", ERROR, IOCTL, side="guest"))
def get_xsave_by_the_vcpu(tree: TreeCopy) -> None:
    size = f"xstate_required_size({XCR0}, false)"
    tree.replace(KVM, IOCTL, f"{GET}(vcpu, u.buffer, size)", f"{GET}(vcpu, u.buffer, {size})")


@case()
def set_xsave_by_uabi_size(tree: TreeCopy) -> None:
    tree.replace(KVM, IOCTL, "memdup_user(argp, size)", "memdup_user(argp, vcpu->arch.guest_fpu.uabi_size)")


# --- FPU202: KVM --------------------------------------------------------------------


@case(Want("FPU202", ERROR, SET, "", "supervisor", kernel_format=False, side="guest"), before=(6, 17))
def set_xsave_accepts_all_features(tree: TreeCopy) -> None:
    tree.replace(KVM, SET, "kvm_caps.supported_xcr0", "vcpu->arch.guest_fpu.fpstate->xfeatures")


@case(Want("FPU201", ERROR, "kvm_vm_ioctl_check_extension", "", kernel_format=True, side="guest"))
def extension_of_a_compacted_size(tree: TreeCopy) -> None:
    """KVM_CAP_XSAVE2 in the kernel's format: what KVM supports and the guest's permission make it up."""
    tree.replace(KVM, "kvm_vm_ioctl_check_extension", "false", "true", near="xstate_required_size")


@case(Want("FPU202", ERROR, "fpu_alloc_guest_fpstate", "uabi_size", kernel_format=True, side="guest"))
def uabi_size_of_the_kernel(tree: TreeCopy) -> None:
    tree.assign(CORE, "fpu_alloc_guest_fpstate", "gfpu->uabi_size", "fpu_kernel_cfg.default_size", was="sizeof")


@case(Want("FPU202", ERROR, AFTER_CPUID, "user_xfeatures", frozenset({"CET_KERNEL"})), since=(7,))
def supervisor_shadow_stacks_in_the_xsave_abi(tree: TreeCopy) -> None:
    """CET_S, the named case."""
    after_cpuid(tree, "vcpu->arch.guest_fpu.fpstate->user_xfeatures |= XFEATURE_MASK_CET_KERNEL;")


# --- FPU202: the user's configuration -----------------------------------------------

BOOT = "fpu__init_system_xstate"


@case(Want("FPU202", ERROR, BOOT, "max_features", "supervisor", side="host"))
def user_features_without_the_mask(tree: TreeCopy) -> None:
    statement = "fpu_user_cfg.max_features &= XFEATURE_MASK_USER_SUPPORTED"
    tree.replace(XSTATE, BOOT, statement, "fpu_user_cfg.legacy_features |= XFEATURE_MASK_FP")


@case()
def user_features_masked_in_one_statement(tree: TreeCopy) -> None:
    tree.replace(
        XSTATE,
        BOOT,
        "fpu_user_cfg.max_features = fpu_kernel_cfg.max_features",
        f"fpu_user_cfg.max_features = fpu_kernel_cfg.max_features & {USER}",
    )


@case(Want("FPU202", ERROR, "init_xstate_size", "default_size", kernel_format=True, side="host"))
def user_size_in_the_kernel_format(tree: TreeCopy) -> None:
    tree.replace(XSTATE, "init_xstate_size", "false", "compacted", near="fpu_user_cfg.default_size")


@case(Want("FPU202", ERROR, "init_xstate_size", "max_size", kernel_format=True, side="host"))
def largest_user_size_of_the_kernel(tree: TreeCopy) -> None:
    tree.assign(XSTATE, "init_xstate_size", "fpu_user_cfg.max_size", "kernel_size")


@case(Want("FPU202", ERROR, "__fpstate_reset", "user_size", kernel_format=True))
def user_size_of_the_kernel_buffer(tree: TreeCopy) -> None:
    tree.assign(CORE, "__fpstate_reset", "fpstate->user_size", "fpu_kernel_cfg.default_size")


@case(Want("FPU202", ERROR, "fpstate_reset", "__user_state_size", kernel_format=True, side="host"))
def permission_of_the_kernel_size(tree: TreeCopy) -> None:
    tree.assign(CORE, "fpstate_reset", "fpu->perm.__user_state_size", "fpu->perm.__state_size")


# --- FPU202: signal frame, ptrace, prctl, core dump, auxv ---------------------------


@case(Want("FPU202", ERROR, "save_sw_bytes", "xstate_size", kernel_format=True, side="host"))
def frame_words_of_the_kernel_buffer(tree: TreeCopy) -> None:
    tree.assign(SIGNAL, "save_sw_bytes", "sw_bytes->xstate_size", "fpstate->size")


@case(Want("FPU202", ERROR, "save_sw_bytes", "xfeatures", "supervisor", side="host"))
def frame_features_of_the_kernel_buffer(tree: TreeCopy) -> None:
    tree.assign(SIGNAL, "save_sw_bytes", "sw_bytes->xfeatures", "fpstate->xfeatures")


@case(Want("FPU202", ERROR, "xstate_sigframe_size", "", kernel_format=True, side="host"))
def frame_size_of_the_kernel_buffer(tree: TreeCopy) -> None:
    tree.assign(SIGNAL, "xstate_sigframe_size", "size", "fpstate->size")


@case(Want("FPU202", ERROR, "fpu__get_fpstate_size", "", kernel_format=True, side="host"))
def auxv_of_the_kernel_size(tree: TreeCopy) -> None:
    """AT_MINSIGSTKSZ."""
    tree.assign(SIGNAL, "fpu__get_fpstate_size", "ret", "fpu_kernel_cfg.max_size")


@case(Want("FPU202", ERROR, "restore_fpregs_from_user", "", "supervisor", side="host"))
def frame_restores_all_features(tree: TreeCopy) -> None:
    tree.replace(
        SIGNAL,
        "restore_fpregs_from_user",
        "fpu->fpstate->user_xfeatures",
        "fpu_kernel_cfg.max_features",
        near="__restore_fpregs_from_user",
    )


@case(Want("FPU202", ERROR, "xsave_to_user_sigframe", "", "supervisor", side="host"))
def frame_saves_all_features(tree: TreeCopy) -> None:
    tree.assign(XSTATE_H, "xsave_to_user_sigframe", "mask", "fpstate->xfeatures")


@case()
def kernel_header_keeps_supervisor_state(tree: TreeCopy) -> None:
    """In the in-kernel header and behind os_xrstor*() supervisor features are right."""
    code = "fpregs->xsave.header.xfeatures |= xfeatures_mask_supervisor();"
    tree.insert(SIGNAL, "__fpu_restore_sig", code, after="fpregs->xsave.header.xfeatures &= mask")


@case(Want("FPU202", ERROR, BOOT, "", kernel_format=True, side="host"))
def regset_of_the_kernel_size(tree: TreeCopy) -> None:
    tree.replace(XSTATE, BOOT, "fpu_user_cfg.max_size", "fpu_kernel_cfg.max_size", near="update_regset_xstate_info")


@case(Want("FPU202", ERROR, BOOT, "", "supervisor", side="host"))
def regset_of_the_kernel_features(tree: TreeCopy) -> None:
    tree.replace(
        XSTATE, BOOT, "fpu_user_cfg.max_features", "fpu_kernel_cfg.max_features", near="update_regset_xstate_info"
    )


@case(Want("FPU202", ERROR, "xstateregs_set", "", kernel_format=True, side="host"))
def ptrace_write_of_the_kernel_size(tree: TreeCopy) -> None:
    tree.replace(REGSET, "xstateregs_set", "fpu_user_cfg.max_size", "fpu_kernel_cfg.max_size")


@case(Want("FPU202", ERROR, "fpu_xstate_prctl", "", "supervisor", side="host"))
def prctl_reports_the_kernel(tree: TreeCopy) -> None:
    """ARCH_GET_XCOMP_SUPP."""
    tree.replace(XSTATE, "fpu_xstate_prctl", "fpu_user_cfg.max_features", "fpu_kernel_cfg.max_features")


@case(Want("FPU202", ERROR, "dump_xsave_layout_desc", "type", "supervisor", side="host"), since=(6, 12))
def core_dump_lists_the_kernel(tree: TreeCopy) -> None:
    tree.replace(XSTATE, "dump_xsave_layout_desc", "fpu_user_cfg.max_features", "fpu_kernel_cfg.max_features")


@case(Want("FPU202", ERROR, "copy_xstate_to_uabi_buf", "", "supervisor", side="host"))
def ptrace_shows_all_features(tree: TreeCopy) -> None:
    path = "tsk->thread.fpu.fpstate->" if version(tree.root) < (6, 16) else "x86_task_fpu(tsk)->fpstate->"
    tree.replace(XSTATE, "copy_xstate_to_uabi_buf", f"{path}user_xfeatures", f"{path}xfeatures")


# --- FPU203 -------------------------------------------------------------------------

ALLOCATE, GUEST_RESET = "fpu_alloc_guest_fpstate", "__fpstate_reset"
SHORT = Want("FPU203", ERROR, ALLOCATE, "uabi_size", side="guest")


def buffer_of(tree: TreeCopy) -> str:
    return "guest_default_cfg" if version(tree.root) >= (6, 17) else "fpu_kernel_cfg"


@case(Want("FPU203", WARNING, ALLOCATE))
def before_1937e18cc3cf(tree: TreeCopy) -> None:
    size = "size" if version(tree.root) >= (6, 17) else "default_size"
    tree.replace(CORE, ALLOCATE, f"{buffer_of(tree)}.{size}", "fpu_user_cfg.default_size", near="size =")


@case(Want("FPU203", WARNING, ALLOCATE, "xfeatures", side="guest"))
def before_dda366083e5f(tree: TreeCopy) -> None:
    tree.assign(CORE, ALLOCATE, "gfpu->xfeatures", "fpu_user_cfg.default_features")


@case(Want("FPU203", WARNING, ALLOCATE, "perm", side="guest"), before=(6, 17))
def before_dda366083e5f_the_permission(tree: TreeCopy) -> None:
    tree.assign(CORE, ALLOCATE, "gfpu->perm", "fpu_user_cfg.default_features")


@case(Want("FPU203", WARNING, GUEST_RESET, "size"))
def buffer_size_of_the_user(tree: TreeCopy) -> None:
    tree.assign(CORE, GUEST_RESET, "fpstate->size", "fpu_user_cfg.default_size", was="fpu_kernel_cfg.default_size")
    if version(tree.root) >= (6, 17):
        tree.assign(CORE, GUEST_RESET, "fpstate->size", "fpu_user_cfg.default_size", was="guest_default_cfg.size")


@case(Want("FPU203", WARNING, "fpstate_realloc", "size"))
def grown_by_the_user_size(tree: TreeCopy) -> None:
    tree.replace(XSTATE, "fpstate_realloc", "newfps->size = ksize", "newfps->size = usize")


@case(Want("FPU203", WARNING, "fpstate_realloc"))
def grown_memory_of_the_user_size(tree: TreeCopy) -> None:
    tree.replace(XSTATE, "fpstate_realloc", "ksize", "usize", near="fpsize =")


@case(Want("FPU203", WARNING, "init_xstate_size", "default_size"))
def kernel_default_of_the_user_features(tree: TreeCopy) -> None:
    tree.replace(
        XSTATE,
        "init_xstate_size",
        "fpu_kernel_cfg.default_features",
        "fpu_user_cfg.default_features",
        near="kernel_default_size =",
    )


@case()
def the_larger_of_both_sizes(tree: TreeCopy) -> None:
    size = "size" if version(tree.root) >= (6, 17) else "default_size"
    both = f"max(fpu_user_cfg.default_size, {buffer_of(tree)}.{size})"
    tree.replace(CORE, ALLOCATE, f"{buffer_of(tree)}.{size}", both, near="size =")


@case()
def features_of_both_sides(tree: TreeCopy) -> None:
    features = "features" if version(tree.root) >= (6, 17) else "default_features"
    both = f"fpu_user_cfg.default_features | {buffer_of(tree)}.{features}"
    tree.assign(CORE, ALLOCATE, "gfpu->xfeatures", both)


@case()
def two_sizes_from_one_local(tree: TreeCopy) -> None:
    tree.assign(XSTATE, "init_xstate_size", "fpu_kernel_cfg.max_size", "user_size")


@case(SHORT)
def before_d187ba531230(tree: TreeCopy) -> None:
    """Nothing keeps uabi_size above struct kvm_xsave: 512 bytes without XSAVE (CVE-2022-49557)."""
    tree.assign(CORE, ALLOCATE, "gfpu->uabi_size", "fpu_user_cfg.default_size", was="sizeof")


@case()
def uabi_size_of_at_least_kvm_xsave(tree: TreeCopy) -> None:
    size = "max_t(unsigned int, fpu_user_cfg.default_size, sizeof(struct kvm_xsave))"
    tree.assign(CORE, ALLOCATE, "gfpu->uabi_size", size, was="sizeof")


# --- kernel buffers copied as they are -----------------------------------------------

COPY = "fpu_copy_guest_fpstate_to_uabi"


@case(Want("FPU202", ERROR, COPY, "", frozenset(), kernel_format=True, side="guest"))
def before_df1daba7d1cb(tree: TreeCopy) -> None:
    tree.insert(CORE, COPY, "memcpy(buf, &kstate->regs.xsave, size);", after="ustate->xsave.header.xfeatures =")


@case(Want("FPU202", ERROR, "xstateregs_get", "", frozenset(), kernel_format=True))
def regset_copied_raw(tree: TreeCopy) -> None:
    task = "&target->thread.fpu" if version(tree.root) < (6, 16) else "x86_task_fpu(target)"
    code = f"membuf_write(&to, &({task})->fpstate->regs.xsave, fpu_user_cfg.max_size);"
    tree.insert(REGSET, "xstateregs_get", code, before="copy_xstate_to_uabi_buf")


@case()
def legacy_part_copied(tree: TreeCopy) -> None:
    code = "memcpy(&ustate->fxsave, &kstate->regs.fxsave, sizeof(struct fxregs_state));"
    tree.insert(CORE, COPY, code, after="ustate->xsave.header.xfeatures =")


# --- legal on the kernel's side -----------------------------------------------------


@case()
def kernel_side_stays_silent(tree: TreeCopy) -> None:
    tree.assign(CORE, "fpstate_reset", "fpu->perm.__state_size", "fpu->fpstate->size")
    tree.assign(XSTATE, BOOT, "init_fpstate.size", "fpu_kernel_cfg.max_size")


# --- running them -------------------------------------------------------------------


def describe(finding: Finding) -> str:
    place, surviving = finding.location, finding.surviving
    what = ",".join((*surviving.bits, *(["format"] if surviving.kernel_format else [])))
    flow = f"{finding.source.place} -> {finding.sink.place} ({finding.side})"
    return f"{place.path}:{place.line} {place.function}(): {finding.rule} {finding.severity.label} [{what}] {flow}"


def params() -> Iterator[object]:
    """The scans of each tree, by their first edit."""
    for tree in outer_trees() or (None,):
        if tree is None:
            yield pytest.param(None, None, id="none")
            continue
        release = version(tree)
        fitting = [one for one in CASES if one.since <= release < one.before]
        for pack in packs(Recorded(one, tree.name, record(one.edit, tree)) for one in fitting):
            yield pytest.param(pack, tree, id=f"{tree.name}-{pack.names[0]}-{len(pack.members)}")


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("pack", "tree"), list(params()))
def test_edits(pack: Pack[Recorded], tree: Path) -> None:
    release = version(tree)
    edited = MemoryCopy(tree)
    for one in pack.members:
        apply(one.operations, edited, {})

    result = edited.scan()

    wants = [want for one in pack.members for want in one.case.wants]
    found = [item for item in result.findings if item.rule in RULES and item.severity > NOTE]
    missing = [want for want in wants if not any(want.fits(item, release) for item in found)]
    more = [item for item in found if not any(want.fits(item, release) for want in wants)]
    lines = [*(f"- {want}" for want in missing), *(f"+ {describe(item)}" for item in more)]
    assert not lines, "\n".join([*lines, f"  ({', '.join(pack.names)})"])
    assert result.health.incomplete == ()
    for finding in found:
        assert [step.location.line for step in finding.trace if step.crossing] == [finding.location.line]
