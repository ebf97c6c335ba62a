"""Trees to rewrite: real ones as they are, and with edits that each rule reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.realtree import test_edits_kvm as kvm
from tests.realtree import test_edits_old as old
from tests.realtree import test_edits_requests as requests
from tests.realtree import test_edits_reset as reset
from tests.realtree import test_edits_sigframe as sigframe
from tests.realtree import test_edits_spellings as spellings
from tests.realtree import test_edits_stores as stores
from tests.realtree import test_edits_subset as subset
from tests.realtree.edits import TreeCopy

__all__ = ["STATES", "State"]

Edit = Callable[[TreeCopy], None]


@dataclass(frozen=True, slots=True)
class State:
    """Edits of a release ("7": the newest tree), and the rule that reports them ("": none)."""

    name: str
    release: str
    rule: str
    edits: tuple[Edit, ...]

    def __str__(self) -> str:
        return f"{self.release}-{self.name}"


def _guest_size_is_never_reset(tree: TreeCopy) -> None:
    reset.drop(tree, reset.XSTATE, reset.DISABLE, f"{reset.SIZE} = legacy_size;")
    reset.drop(tree, reset.INIT, reset.LEGACY, f"{reset.SIZE} = size;")


def _user_size_is_never_reset(tree: TreeCopy) -> None:
    reset.drop(tree, reset.XSTATE, reset.DISABLE, "fpu_user_cfg.default_size = legacy_size;")


STATES = (
    State("unmodified", "7", "", ()),
    State(
        "sizes",
        "7",
        "FPU101",
        (
            requests.request_without_the_user_mask,
            spellings.by_two_helpers_in_another_file,
            stores.guest_permission_size_from_the_guest_size,
            requests.guest_size_stored_in_the_host_permission,
        ),
    ),
    State("swapped", "7", "FPU101", (requests.host_buffer_grows_by_the_guest_permission, spellings.over_a_goto)),
    State(
        "features",
        "7",
        "FPU102",
        (
            stores.user_features_from_the_guest_features,
            stores.new_user_features_from_the_guest_fpu,
            requests.guest_option_unmasked,
            requests.host_permission_asks_for_the_guest,
        ),
    ),
    State(
        "frames",
        "7",
        "FPU103",
        (
            sigframe.software_bytes_features,
            sigframe.frame_size_by_two_helpers_in_another_file,
            sigframe.frame_save_mask,
            requests.request_checks_the_signal_stacks_of_guests,
        ),
    ),
    State(
        "vcpu",
        "7",
        "FPU201",
        (kvm.stored_through_locals, kvm.set_xsave_by_the_capability, kvm.supervisor_state_in_get_xsave),
    ),
    State(
        "kernel",
        "7",
        "FPU202",
        (kvm.user_features_without_the_mask, kvm.prctl_reports_the_kernel, kvm.frame_words_of_the_kernel_buffer),
    ),
    State(
        "buffers", "7", "FPU203", (kvm.before_1937e18cc3cf, kvm.before_dda366083e5f, kvm.grown_memory_of_the_user_size)
    ),
    State("resets", "7", "FPU301", (_guest_size_is_never_reset,)),
    State("subsets", "7", "FPU302", (subset.guests_lose_apx_by_a_statement, subset.grown_without_the_request)),
    State("unmodified", "6.12", "", ()),
    State(
        "sizes",
        "6.12",
        "FPU101",
        (
            old.old_request_without_the_user_mask,
            old.old_inherited_across_the_sides,
            old.old_host_buffer_grows_by_the_guest_permission,
        ),
    ),
    State("features", "6.12", "FPU102", (old.old_user_features_from_the_guest_permission,)),
    State("stacks", "6.12", "FPU103", (old.old_request_checks_the_signal_stacks_of_guests,)),
    State("vcpu", "6.12", "FPU201", (kvm.a1020a25e697, kvm.get_xsave_by_the_vcpu)),
    State("kernel", "6.12", "FPU202", (kvm.set_xsave_accepts_all_features, kvm.user_size_in_the_kernel_format)),
    State("buffers", "6.12", "FPU203", (kvm.before_1937e18cc3cf, kvm.before_dda366083e5f_the_permission)),
    State("resets", "6.12", "FPU301", (_user_size_is_never_reset,)),
    State("subsets", "6.12", "FPU302", (subset.old_kernel_default_loses_ymm, subset.grown_without_pkru)),
)
