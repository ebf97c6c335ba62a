"""What each rule is, in words: the one source of --list-rules, --explain and the reports.

Pure data. The metadata of a rule is complete or its construction fails, so a
rule without a reason, advice or an example cannot exist.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

__all__ = ["FPU101", "FPU102", "FPU103", "FPU301", "RULE_INFOS", "Commit", "RuleInfo", "find_rule"]

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
    has one line that says when a finding is an error, one for a warning, one
    for a note; the examples are a few lines of C. Raises ValueError if anything is missing or misspelt.
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
    example_bad="gfpu->uabi_size = guest_default_cfg.size;",
    example_good="gfpu->uabi_size = fpu_user_cfg.default_size;",
    commits=(
        *_GUEST_DEFAULTS,
        Commit("d187ba531230", "x86/fpu: KVM: Set the base guest FPU uABI size to sizeof(struct kvm_xsave)", "v5.19"),
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
        Commit(
            "18164f66e6c5",
            "x86/fpu: Allow caller to constrain xfeatures when copying to uabi buffer",
            "v6.6",
        ),
        Commit("d8414603b29f", "x86/fpu/xstate: Always preserve non-user xfeatures/flags in __state_perm", "v6.16"),
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
        "other configurations only: it stays 0 on a CPU without XSAVE. fpu__init_disable_system_xstate() of mainline "
        "does so since it was written, and every unmodified tree has this warning; a baseline sets it aside."
    ),
    how_to_fix=(
        "Reset all members of all configurations in the function that gives XSAVE up, before it calls "
        "fpstate_reset(): the features to 0, the sizes to the legacy size, and the regset information through "
        "update_regset_xstate_info(). A new member needs a line there, and a size one in "
        "fpu__init_system_xstate_size_legacy() too."
    ),
    severity=(
        "error: never.\n"
        "warning: a member that a reader of the user ABI sees keeps what the CPU enumerated, or a size that is read "
        "has no value at all.\n"
        "note: never."
    ),
    example_bad="fpu_user_cfg.max_size = legacy_size;\n/* fpu_user_cfg.max_features is left as it was */",
    example_good=(
        "fpu_user_cfg = (struct fpu_state_config){\n\t.max_size = legacy_size,\n\t.default_size = legacy_size,\n};"
    ),
    commits=(
        Commit("7bc4ed75f2d6", "x86/fpu/xstate: Differentiate default features for host and guest FPUs", "v6.17"),
    ),
)

RULE_INFOS: tuple[RuleInfo, ...] = (FPU101, FPU102, FPU103, FPU301)
"""Every rule, sorted by id."""


def find_rule(name: str) -> RuleInfo | None:
    """Find a rule by its id (any case) or its slug."""
    wanted = name.strip()
    return next((rule for rule in RULE_INFOS if wanted.upper() == rule.id or wanted.lower() == rule.slug), None)
