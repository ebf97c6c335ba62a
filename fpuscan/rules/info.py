"""What each rule is, in words: the one source of --list-rules, --explain and the reports.

Pure data. The metadata of a rule is complete or its construction fails, so a
rule without a reason, advice or an example cannot exist.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

__all__ = [
    "FPU101",
    "FPU102",
    "FPU103",
    "FPU201",
    "FPU202",
    "FPU203",
    "FPU301",
    "FPU302",
    "RULE_INFOS",
    "Commit",
    "RuleInfo",
    "find_rule",
]

_ID = re.compile(r"FPU[1-9][0-9]{2}")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_HASH = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Commit:
    """A Linux kernel commit: 12 hex digits, its subject, and the release that has it."""

    hash: str
    subject: str
    release: str

    def __post_init__(self) -> None:
        if not _HASH.fullmatch(self.hash):
            raise ValueError(f"{self.hash!r} is no abbreviated commit hash of 12 digits")

    def __str__(self) -> str:
        return f'Linux kernel commit {self.hash} ("{self.subject}") (in {self.release})'


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """The metadata of one rule.

    ``why`` and ``how_to_fix`` are paragraphs on one line each, ``severity``
    has one line for each severity that a finding can have, the worst first; the
    examples are a few lines of C. Raises ValueError if anything is missing or misspelt.
    """

    id: str
    slug: str
    title: str
    why: str
    how_to_fix: str
    severity: str
    example_bad: str
    example_good: str
    commits: tuple[Commit, ...]

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError(f"rule id {self.id!r} is not FPU and three digits")
        if not _SLUG.fullmatch(self.slug):
            raise ValueError(f"{self.id}: slug {self.slug!r} is not lower-case words joined by -")
        missing = [field.name for field in fields(self) if not getattr(self, field.name)]
        if missing:
            raise ValueError(f"{self.id}: no {', '.join(missing)}")


_GUEST_DEFAULTS = (
    Commit("7bc4ed75f2d6", "x86/fpu/xstate: Differentiate default features for host and guest FPUs", "v6.17"),
    Commit("7c2c89364d92", "x86/fpu: Initialize guest FPU permissions from guest defaults", "v6.17"),
    Commit("509e880b7795", "x86/fpu: Initialize guest fpstate and FPU pseudo container from guest defaults", "v6.17"),
    Commit("151bf232494d", 'x86/fpu/xstate: Introduce "guest-only" supervisor xfeature set', "v6.17"),
    Commit("8b05b3c98816", "x86/fpu/xstate: Add CET supervisor xfeature support as a guest-only feature", "v6.17"),
)

_KVM_XSAVE = Commit(
    "d187ba531230", "x86/fpu: KVM: Set the base guest FPU uABI size to sizeof(struct kvm_xsave)", "v5.19"
)
_CONSTRAIN = Commit("18164f66e6c5", "x86/fpu: Allow caller to constrain xfeatures when copying to uabi buffer", "v6.6")
_PRESERVE = Commit("d8414603b29f", "x86/fpu/xstate: Always preserve non-user xfeatures/flags in __state_perm", "v6.16")

_SEVERITY = (
    "error: a bit that the user ABI does not have, or a kernel-format (XSAVES) size, arrives; so does a value that "
    "cannot be evaluated and passes no mask.\n"
    "warning: the bits are right today, but no mask makes sure of it and the user ABI now has a second source of "
    "truth.\n"
    "note: a mask on the way removes every such bit, or a guest's run-time state stays on the guest side."
)

FPU101 = RuleInfo(
    id="FPU101",
    slug="guest-default-in-uabi-size",
    title="A guest default reaches a user-ABI size",
    why=(
        "Guest and host FPUs may differ in supervisor features, and so in the size of the kernel's buffers; user "
        "features and user sizes never differ. Signal frames, ptrace and KVM_{GET,SET}_XSAVE share one layout and "
        "one size. A guest-specific default in user_size, uabi_size or __user_state_size gives guests a frame "
        "layout of their own, or counts supervisor state into a buffer that user space sees. "
        "On CPUs whose alignment swallows the difference no boot test notices."
    ),
    how_to_fix=(
        "Take the size from fpu_user_cfg.default_size, or compute it as "
        "xstate_calculate_size(mask & XFEATURE_MASK_USER_SUPPORTED, false): the mask inside, the standard format "
        "as the last argument. guest_default_cfg.size is for fpstate->size and for allocations only."
    ),
    severity=_SEVERITY,
    example_bad="fpstate->user_size = guest_default_cfg.size;",
    example_good="fpstate->user_size = fpu_user_cfg.default_size;",
    commits=(
        *_GUEST_DEFAULTS,
        _KVM_XSAVE,
    ),
)

FPU102 = RuleInfo(
    id="FPU102",
    slug="guest-default-in-uabi-features",
    title="A guest default reaches a user-ABI feature mask",
    why=(
        "user_xfeatures and fpu_user_cfg.*_features say which state user space may see and set. "
        "guest_default_cfg.features also holds supervisor features, CET_KERNEL among them, which the host default "
        "does not have. In a user mask such a bit offers kernel state to signal frames, ptrace and the KVM ioctls."
    ),
    how_to_fix=(
        "Take the mask from fpu_user_cfg.default_features, or cut it with & XFEATURE_MASK_USER_SUPPORTED before it "
        "is stored. & fpu_kernel_cfg.max_features and & ~XFEATURE_MASK_USER_DYNAMIC do not remove supervisor bits."
    ),
    severity=_SEVERITY,
    example_bad="fpstate->user_xfeatures = guest_default_cfg.features;",
    example_good="fpstate->user_xfeatures = fpu_user_cfg.default_features;",
    commits=(
        *_GUEST_DEFAULTS,
        _CONSTRAIN,
        _PRESERVE,
    ),
)

FPU103 = RuleInfo(
    id="FPU103",
    slug="guest-default-in-signal-frame",
    title="A guest default reaches signal-frame or sigaltstack code",
    why=(
        "The signal frame is written to, and read back from, the stack of a process: its size, its software bytes, "
        "the position of MAGIC2, and the check of the alternate stack all come from the host's user configuration. "
        "A value that belongs to guests there corrupts frames, rejects stacks that are large enough, or accepts "
        "stacks that are too small, for processes that never run a guest."
    ),
    how_to_fix=(
        "Use fpu_user_cfg or current's fpstate->user_size and user_xfeatures. In code that host and guest requests "
        "share, keep the call to validate_sigaltstack() under if (!guest), and the host's permissions apart from "
        "guest_perm."
    ),
    severity=_SEVERITY,
    example_bad="sw_bytes->xstate_size = guest_default_cfg.size;",
    example_good="sw_bytes->xstate_size = fpstate->user_size;",
    commits=_GUEST_DEFAULTS,
)

FPU201 = RuleInfo(
    id="FPU201",
    slug="vcpu-value-in-uabi-state",
    title="A per-vCPU or KVM capability value is stored in shared user-ABI state",
    why=(
        "user_xfeatures, user_size, __user_state_size, uabi_size and fpu_user_cfg describe the one ABI that signal "
        "frames, ptrace and KVM_{GET,SET}_XSAVE share. What one guest's CPUID offers (guest_supported_xcr0, xcr0, "
        "ia32_xss), or what KVM supports (kvm_caps.supported_xcr0), is about one vCPU or one module. Stored there, it "
        "changes what every later copy of that fpstate accepts: KVM_SET_XSAVE rejected state that the same kernel had "
        "given out, and migration broke. The right place for such a mask is an argument of the one copy it narrows."
    ),
    how_to_fix=(
        "Leave the shared state as fpu_user_cfg set it, and pass the mask to the one copy that it is for, as "
        "kvm_vcpu_ioctl_x86_get_xsave2() passes guest_supported_xcr0 | XFEATURE_MASK_FPSSE. Opt-in features go "
        "through fpu_enable_guest_xfd_features(), which checks the permission. The length of a KVM XSAVE buffer is "
        "uabi_size and nothing else. Supervisor features (ia32_xss, supported_xss) stay out of every XSAVE copy."
    ),
    severity=(
        "error: the value is stored in shared user-ABI state, &= included, whatever its bits; it sets the length of a "
        "KVM_{GET,SET}_XSAVE copy or buffer; or a supervisor bit can reach an XSAVE copy.\n"
        "note: the value narrows one copy, or is only reported to user space."
    ),
    example_bad="fpstate->user_xfeatures = vcpu->arch.guest_supported_xcr0;",
    example_good=(
        "u64 mask = vcpu->arch.guest_supported_xcr0 | XFEATURE_MASK_FPSSE;\n\n"
        "fpu_copy_guest_fpstate_to_uabi(gfpu, buf, size, mask, pkru);"
    ),
    commits=(
        Commit("ad856280ddea", "x86/kvm/fpu: Limit guest user_xfeatures to supported bits of XCR0", "v5.17"),
        Commit("988896bb6182", "x86/kvm/fpu: Remove kvm_vcpu_arch.guest_supported_xcr0", "v5.17"),
        Commit("a1020a25e697", "KVM: x86: Always enable legacy FP/SSE in allowed user XFEATURES", "v6.0"),
        _CONSTRAIN,
        Commit("8647c52e9504", "KVM: x86: Constrain guest-supported xfeatures only at KVM_GET_XSAVE{2}", "v6.6"),
    ),
)

FPU202 = RuleInfo(
    id="FPU202",
    slug="kernel-format-in-uabi",
    title="A kernel-format size or a supervisor feature reaches the user ABI",
    why=(
        "The kernel's own buffers (fpu_kernel_cfg, fpstate->size and xfeatures, __state_size and __state_perm, "
        "init_fpstate) are in the CPU's format, compacted where it has XSAVES, and hold supervisor state: PASID, user "
        "and supervisor shadow stacks. User space knows neither. A kernel size in a signal frame, a regset, a core "
        "dump or a KVM ioctl gives a buffer of the wrong length; a kernel mask there offers supervisor state to user "
        "space; a kernel buffer copied as it is shows the compacted format, which no user of it can read."
    ),
    how_to_fix=(
        "Take sizes and masks from fpu_user_cfg or the user_ members, cut a kernel mask with "
        "& XFEATURE_MASK_USER_SUPPORTED before it is stored, give false as the last argument of "
        "xstate_calculate_size(), and copy buffers with __copy_xstate_to_uabi_buf()."
    ),
    severity="error: a supervisor bit or a kernel-format size arrives, or a kernel buffer is copied out as it is.",
    example_bad="fpu_user_cfg.max_features = fpu_kernel_cfg.max_features;",
    example_good=(
        "fpu_user_cfg.max_features = fpu_kernel_cfg.max_features;\n"
        "fpu_user_cfg.max_features &= XFEATURE_MASK_USER_SUPPORTED;"
    ),
    commits=(
        Commit("2bd264bce238", "x86/fpu: Move xstate size to fpu_*_cfg", "v5.16"),
        Commit("df1daba7d1cb", "KVM: x86: support XSAVES usage in the host", "v3.19"),
        _PRESERVE,
        Commit("8b05b3c98816", "x86/fpu/xstate: Add CET supervisor xfeature support as a guest-only feature", "v6.17"),
    ),
)

FPU203 = RuleInfo(
    id="FPU203",
    slug="uabi-size-for-kernel-buffer",
    title="A kernel buffer gets its size or features from the user ABI",
    why=(
        "A kernel buffer holds supervisor state that the user ABI does not count, in a format of its own. Sized by "
        "fpu_user_cfg it can be too small for what XSAVES writes into it; with the user's features alone the guest "
        "FPU forgets supervisor features that its fpstate has. Both were found in fpu_alloc_guest_fpstate(), years "
        "after it was written, because today's CPUs hide the difference. In the other direction KVM's buffers for "
        "struct kvm_xsave must not be smaller than that, whatever the size of the host's user ABI."
    ),
    how_to_fix=(
        "Take the size and features of fpstates, of permissions and of the guest's configuration from fpu_kernel_cfg "
        "or guest_default_cfg. For a lower bound write max(user size, kernel size). Set uabi_size to at least "
        "sizeof(struct kvm_xsave)."
    ),
    severity=(
        "error: uabi_size is set from the host's user size alone, and so can be smaller than struct kvm_xsave.\n"
        "warning: every value that reaches the size or the features of a kernel buffer is one of the user ABI."
    ),
    example_bad="fpstate = vzalloc(fpu_user_cfg.default_size + header);",
    example_good="fpstate = vzalloc(fpu_kernel_cfg.default_size + header);",
    commits=(
        Commit("1937e18cc3cf", "x86/fpu: Fix guest FPU state buffer allocation size", "v6.15"),
        Commit("dda366083e5f", "x86/fpu/xstate: Fix inconsistencies in guest FPU xfeatures", "v6.15"),
        _KVM_XSAVE,
    ),
)

FPU301 = RuleInfo(
    id="FPU301",
    slug="partial-config-reset",
    title="A function resets the FPU configuration in part",
    why=(
        "fpu_kernel_cfg, fpu_user_cfg and guest_default_cfg say together what XSAVE state there is. Where the kernel "
        "gives XSAVE up after it has enumerated the CPU, each member that keeps its enumerated value contradicts the "
        "others: fpstate_reset() hands stale masks to every task and guest, ARCH_GET_XCOMP_SUPP and _PERM report "
        "features that are off, a core dump carries a layout of state that it does not hold, and a guest permission "
        "sizes buffers beyond what KVM_CAP_XSAVE2 says. The same holds for a size that the boot code gives to the "
        "other configurations only: it stays 0 on a CPU without XSAVE. fpu__init_disable_system_xstate() does so in "
        "every kernel from 6.1 to 7.3, so that every unmodified tree has this warning; a baseline sets it aside."
    ),
    how_to_fix=(
        "Reset all members of all configurations in the function that gives XSAVE up, before it calls "
        "fpstate_reset(): the features to 0 (but for legacy_features, which need no XSAVE), the sizes to the legacy "
        "size, and the regset information through update_regset_xstate_info(). A new member needs a line there, and "
        "a size one in fpu__init_system_xstate_size_legacy() too."
    ),
    severity=(
        "error: never.\n"
        "warning: a member that a reader of the user ABI sees keeps what the CPU enumerated, or a size that is read "
        "has no value at all.\n"
        "note: never."
    ),
    example_bad="fpu_user_cfg.max_size = legacy_size;\n/* fpu_user_cfg.max_features is left as it was */",
    example_good=(
        "fpu_user_cfg.max_size = legacy_size;\nfpu_user_cfg.max_features = 0;\nfpu_user_cfg.default_features = 0;"
    ),
    commits=_GUEST_DEFAULTS[:2],
)

FPU302 = RuleInfo(
    id="FPU302",
    slug="user-features-not-subset",
    title="user_xfeatures of an fpstate may hold a feature that its xfeatures lacks",
    why=(
        "xfeatures says for which features an fpstate has a buffer, user_xfeatures which of them signal frames, "
        "ptrace and the KVM ioctls may touch. Whoever copies from user space checks the buffer's header against "
        "user_xfeatures alone; a feature that only user_xfeatures holds has no room in the kernel's buffer, and "
        "KVM_SET_XSAVE could write through a NULL pointer. User features are the same for hosts and guests, so a "
        "guest's default that excludes one of them breaks the pair: its fpstate takes xfeatures from "
        "guest_default_cfg and user_xfeatures from fpu_user_cfg."
    ),
    how_to_fix=(
        "Take both members from masks that exclude the same user features: what guest_default_mask() excludes, "
        "host_default_mask() must exclude too, unless it is a supervisor feature. Code that adds a feature to "
        "user_xfeatures adds it to xfeatures in the same place."
    ),
    severity=(
        "error: a feature that KVM lets guests enable (KVM_SUPPORTED_XCR0 of the scanned tree) is missing.\n"
        "warning: any other feature is missing; nobody can ask for it yet.\n"
        "note: a value that cannot be evaluated is stored, so the pair can be neither proved nor refuted."
    ),
    example_bad=(
        "fpstate->xfeatures = features & ~XFEATURE_MASK_APX;\n"
        "fpstate->user_xfeatures = features & XFEATURE_MASK_USER_SUPPORTED;"
    ),
    example_good=(
        "fpstate->xfeatures = features & ~XFEATURE_MASK_APX;\n"
        "fpstate->user_xfeatures = fpstate->xfeatures & XFEATURE_MASK_USER_SUPPORTED;"
    ),
    commits=(_GUEST_DEFAULTS[0], _GUEST_DEFAULTS[2]),
)

RULE_INFOS: tuple[RuleInfo, ...] = (FPU101, FPU102, FPU103, FPU201, FPU202, FPU203, FPU301, FPU302)
"""Every rule, sorted by id."""


def find_rule(name: str) -> RuleInfo | None:
    """Find a rule by its id (any case) or its slug."""
    wanted = name.strip()
    return next((rule for rule in RULE_INFOS if wanted.upper() == rule.id or wanted.lower() == rule.slug), None)
