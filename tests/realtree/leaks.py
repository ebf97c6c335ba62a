"""What an edit of a real tree must be reported as, and the kernel's names that edits and expectations share.

What is expected follows from the kernel: on 7.x a guest default holds PASID,
CET_USER and CET_KERNEL beyond the user ABI, a guest permission also the opt-in
XTILE_DATA (which no host place may get) and the lock, and `guest_default_cfg.size`
is the size of a kernel buffer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fpuscan.result import Finding, Severity
from tests.realtree.edits import TreeCopy, last_member

FPU = "arch/x86/kernel/fpu"
CORE, INIT_C, XSTATE, SIGNAL, REGSET = (f"{FPU}/{name}.c" for name in ("core", "init", "xstate", "signal", "regset"))
XSTATE_H = f"{FPU}/xstate.h"
SIGFRAME, PTRACE = "arch/x86/kernel/signal.c", "arch/x86/kernel/ptrace.c"
TYPES_H = "arch/x86/include/asm/fpu/types.h"
MASKS_H = "arch/x86/include/asm/fpu/xstate.h"
KVM = "arch/x86/kvm/x86.c"

SIZE = "guest_default_cfg.size"
FEATURES = "guest_default_cfg.features"
USER_SIZE = "fpu_user_cfg.default_size"
USER = "XFEATURE_MASK_USER_SUPPORTED"
GUEST_PERM = "fpu->guest_perm.__user_state_size"
REQUESTED = "perm->__user_state_size"

INIT, LEGACY = "fpu__init_system_xstate", "fpu__init_system_xstate_size_legacy"
RESET = "__fpstate_reset"
REQUEST, ENABLE, PRCTL = "__xstate_request_perm", "__xfd_enable_feature", "fpu_xstate_prctl"

SUPERVISOR = frozenset({"PASID", "CET_USER", "CET_KERNEL"})
# 6.1 knows no CET; what is asserted of the bits is that at least PASID is among them.
SIX_SUPERVISOR = {"6.1": frozenset({"PASID"}), "6.12": frozenset({"PASID", "CET_USER"})}
OPT_IN = frozenset({"XTILE_DATA"})
LOCKED = frozenset({"FPU_GUEST_PERM_LOCKED"})
ERROR, WARNING = Severity.ERROR, Severity.WARNING

# A guest's next buffer inherits the mask, and the headers of user buffers are checked against it.
HEIRS = ("fpstate_realloc", "validate_user_xstate_header", "__copy_xstate_to_uabi_buf")
# What reads the host's permission: a leak into it has these consequences, too.
HOST_READERS = (REQUEST, PRCTL)
# A guest takes its user side from the host's configuration: there the leak enters the other side's user ABI.
GUEST_READERS = ("fpu_alloc_guest_fpstate", "fpstate_reset")

# A file of its own with two helpers that choose between the guest's size and the user's.
ROOM = f"{FPU}/room.c"
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


@dataclass(frozen=True, slots=True)
class Leak:
    """What must be reported: ``at`` is an expression of the crossing statement; None accepts any.

    ``through`` names functions in the order of the trace, ``source`` the place that it starts at, ``consumers`` kinds
    of code that must be named as readers of the leak; ``once`` means that no second finding may fit.
    """

    rule: str
    function: str
    at: str
    sink: str = ""
    bits: frozenset[str] | None = None
    kernel_format: bool = False
    severity: Severity = ERROR
    side: str = ""
    path: str = CORE
    source: str = ""
    through: tuple[str, ...] = ()
    consumers: frozenset[str] = frozenset()
    once: bool = False
    says: tuple[str, ...] = ()  # parts of the message

    def __str__(self) -> str:
        bits = ["any bits"] if self.bits is None else sorted(self.bits)
        what = ",".join((*bits, *(["format"] if self.kernel_format else [])))
        where = f"{self.path} {self.function}() {self.at}"
        said = "".join(f' "{words}"' for words in self.says)
        return f"{where}: {self.rule} {self.severity.label} [{what}] {self.sink} ({self.side}){said}"

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
            and self._tells(finding)
        )

    # Whether the trace and what is told beside it are the expected ones.
    def _tells(self, finding: Finding) -> bool:
        functions = iter([step.location.function for step in finding.trace])
        return (
            (not self.source or self.source == finding.source.place)
            and all(name in functions for name in self.through)
            and self.consumers <= {consumer.kind for consumer in finding.consumers}
            and all(words in finding.message for words in self.says)
        )

    @staticmethod
    def _inside(finding: Finding, line: int) -> bool:
        return finding.location.line <= line <= finding.location.end_line


SIZE_IN_RESET = Leak("FPU101", RESET, "fpstate->user_size", "user_size", None, kernel_format=True)
MASK_IN_RESET = Leak("FPU102", RESET, "fpstate->user_xfeatures", "user_xfeatures", SUPERVISOR)


def request_leak(bits: frozenset[str], *, side: str = "guest", kernel_format: bool = False) -> Leak:
    """The size that a permission request stores."""
    return Leak("FPU101", REQUEST, REQUESTED, "__user_state_size", bits, kernel_format, side=side, path=XSTATE)


def prctl_leak(bits: frozenset[str], side: str) -> Leak:
    """The features that arch_prctl() reports."""
    return Leak("FPU102", PRCTL, "", "", bits, side=side, path=XSTATE)


def frame_leak(function: str, at: str, bits: frozenset[str] | None, *, kernel_format: bool, path: str = SIGNAL) -> Leak:
    """Something of the signal frame."""
    return Leak("FPU103", function, at, "", bits, kernel_format, path=path)


def in_release(leak: Leak, release: str) -> Leak:
    """The same leak of the supervisor features that an old release knows."""
    return replace(leak, bits=SIX_SUPERVISOR[release]) if leak.bits == SUPERVISOR else leak


def describe(finding: Finding) -> str:
    """A finding in one line, for the message of a failing test."""
    place, surviving = finding.location, finding.surviving
    flags = [word for word, on in (("format", surviving.kernel_format), ("unknown", surviving.unknown)) if on]
    what = ",".join((*surviving.bits, *flags))
    flow = f"{finding.source.place} -> {finding.sink.place} ({finding.side})"
    return f"{place.path}:{place.line} {place.function}(): {finding.rule} {finding.severity.label} [{what}] {flow}"
