"""Hand-made results for the tests of the reports and the command: no engine is needed to make them."""

from __future__ import annotations

from dataclasses import replace

from fpuscan.result import (
    Assumption,
    BaselineEntry,
    Consumer,
    Controlled,
    Finding,
    Health,
    IgnoreProblem,
    Incomplete,
    Location,
    LockComparison,
    LockEntry,
    MaskOnWay,
    Place,
    Provenance,
    Related,
    Root,
    ScanResult,
    Severity,
    Step,
    SuppressedFinding,
    Surviving,
    TreeInfo,
)

CORE = "arch/x86/kernel/fpu/core.c"
XSTATE = "arch/x86/kernel/fpu/xstate.c"
KVM = "arch/x86/kvm/x86.c"


def at(path: str, line: int, column: int = 2, *, length: int = 10, function: str = "") -> Location:
    """A span on one line."""
    return Location(path, line, column, line, column + length, function)


STATEMENT = "gfpu->uabi_size = guest_buffer_size();"

ERROR = Finding(
    rule="FPU101",
    slug="guest-default-in-uabi-size",
    severity=Severity.ERROR,
    message="guest_default_cfg.size reaches struct fpu_guest.uabi_size",
    fingerprint="0123456789abcdef",
    location=at(CORE, 31, length=len(STATEMENT), function="fpu_alloc_guest_fpstate"),
    source=Place("guest_default_cfg.size", at(XSTATE, 40, 9, length=22, function="guest_buffer_size")),
    sink=Place("struct fpu_guest.uabi_size", at(CORE, 31, length=15, function="fpu_alloc_guest_fpstate"), "size"),
    surviving=Surviving(mask=1 << 12 | 1 << 20, bits=("CET_KERNEL",), kernel_format=True),
    side="guest",
    trace=(
        Step(
            place="guest_default_cfg.size",
            location=at(XSTATE, 40, 9, function="guest_buffer_size"),
            kind="load",
            text="return guest_default_cfg.size;",
            mask=0x1002FF,
            effect="source: a kernel-format size",
        ),
        Step(
            place="guest_buffer_size()",
            location=at(XSTATE, 40, 2, function="guest_buffer_size"),
            kind="return",
            text="return guest_default_cfg.size;",
            mask=0x1002FF,
        ),
        Step(
            place="struct fpu_guest.uabi_size",
            location=at(CORE, 31, function="fpu_alloc_guest_fpstate"),
            kind="store",
            text=STATEMENT,
            mask=0x1000,
            guard="guest",
            crossing=True,
        ),
        Step(
            place="size",
            location=at(KVM, 77, function="kvm_vcpu_ioctl_x86_get_xsave2"),
            kind="load",
            text="u32 size = vcpu->arch.guest_fpu.uabi_size;",
            mask=0x1000,
            after=True,
        ),
    ),
    fix="Take the size from fpu_user_cfg.default_size: the user ABI is the same for guests and for the host.",
    config=("CONFIG_KVM",),
    other_sources=(Place("guest_default_cfg.features", at(XSTATE, 52, function="guest_buffer_size")),),
    consumers=(
        Consumer("kvm", at(KVM, 77, function="kvm_vcpu_ioctl_x86_get_xsave2")),
        Consumer("sigframe", at("arch/x86/kernel/fpu/signal.c", 12, function="save_sw_bytes")),
    ),
    related=(Related("set", at(XSTATE, 20, function="init_xstate_size"), "guest_default_cfg.size"),),
    statement=STATEMENT,
)

WARNING = replace(
    ERROR,
    rule="FPU102",
    slug="guest-default-in-uabi-features",
    severity=Severity.WARNING,
    message="guest_default_cfg.user_features reaches struct fpstate.user_xfeatures",
    fingerprint="1123456789abcdef",
    location=at(CORE, 60, function="__fpstate_reset"),
    surviving=Surviving(),
    statement="",
    trace=(),
    consumers=(),
    related=(),
    other_sources=(),
    config=(),
)

NOTE = replace(
    WARNING,
    severity=Severity.NOTE,
    message="guest_perm.__state_perm reaches struct fpu_guest.uabi_size, cut to user bits",
    fingerprint="2123456789abcdef",
    location=at(XSTATE, 90, function="fpstate_realloc"),
)

HEALTH = Health(files=111, functions=3963, analysed=84, occurrences=57)

CLEAN = ScanResult(tree=TreeInfo("7.3.0-rc7"), health=HEALTH, timings=(("parse", 0.31), ("graph", 0.12)))

LEAKY = replace(
    CLEAN,
    findings=(ERROR, WARNING, NOTE),
    assumptions=(
        Assumption(
            "barrier",
            "struct fpu_guest.fpstate into struct fpu.fpstate",
            "KVM swaps back before it returns to user space",
            "69f6ed1d14c6",
        ),
    ),
)

INCOMPLETE = replace(
    CLEAN,
    health=replace(
        HEALTH,
        error_bytes=80,
        unaccounted=(at(XSTATE, 7), at(XSTATE, 9)),
        unresolved_calls=("mystery",),
        unmatched_model_rows=("source fpu_guest_cfg",),
        incomplete=(
            Incomplete(CORE, 12, "could not be parsed near a tracked symbol", "fpu_copy"),
            Incomplete(KVM, 0, "is too large"),
        ),
    ),
)

TRIAGED = replace(
    LEAKY,
    findings=(ERROR,),
    suppressed=(SuppressedFinding(WARNING, "the mask is cut by the caller, see the comment there", at(CORE, 59)),),
    baselined=(NOTE,),
    gone=(BaselineEntry("FPU103", Severity.ERROR, "3123456789abcdef", f"{CORE} f(): a.b -> c.d", "[PATCH 2/3] mend"),),
    compared=True,
    ignore_problems=(
        IgnoreProblem(at(CORE, 8), "unused", "no finding of FPU101 passes here"),
        IgnoreProblem(at(KVM, 9), "no-reason", "say why: ignore[FPU101] -- reason"),
    ),
)

_READ = Step(
    "fpu_user_cfg.default_size", at(CORE, 29), "source", "gfpu->uabi_size = fpu_user_cfg.default_size;", 0, side="uabi"
)
_STORED = replace(_READ, place="struct fpu_guest.uabi_size", kind="store", guard="gfpu", crossing=True)

CONTROLLED = Controlled(
    "struct fpu_guest.uabi_size",
    "size",
    "guest",
    (
        Root("config", "fpu_user_cfg.default_size", at(CORE, 29), trace=(_READ, _STORED)),
        Root(
            "user",
            "arg2 of arch_prctl()",
            at("arch/x86/kernel/process.c", 12, function="arch_prctl"),
            (MaskOnWay("XFEATURE_MASK_USER_SUPPORTED", 0x2FF, at(XSTATE, 70, function="__xstate_request_perm")),),
            (replace(_READ, place="arg2 of arch_prctl()", mask=0x1002FF), replace(_STORED, mask=0x2FF)),
        ),
        Root("constant", "sizeof(struct kvm_xsave)", at(CORE, 28), trace=(_READ, _STORED)),
    ),
)

PROVENANCE = Provenance("struct fpu_guest.uabi_size", (CONTROLLED,))

ASKED = replace(CLEAN, provenance=PROVENANCE)

UNLOCKED = replace(
    LEAKY,
    lock=LockComparison(
        (LockEntry("struct fpu_guest.uabi_size", "guest", "config", "fpu_user_cfg.default_size"),),
        (LockEntry("fpu_user_cfg.max_size", "host", "cpu", "cpuid_count(0xd, 0)"),),
        (
            (
                LockEntry("struct fpu_guest.uabi_size", "guest", "config", "fpu_user_cfg.default_size"),
                CONTROLLED.roots[0],
            ),
        ),
    ),
)
