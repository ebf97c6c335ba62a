"""What a perfect analyzer says about unmodified trees: no error, no warning, and the masked permission as a note."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from fpuscan.result import Finding, ScanResult, Severity
from fpuscan.scan import ScanOptions, scan
from fpuscan.tree import open_folder
from tests.realtree.edits import last_member, leaks, version

pytestmark = pytest.mark.realtree

XSTATE = "arch/x86/kernel/fpu/xstate.c"
SUPERVISOR = 0x1C00  # PASID, CET_USER, CET_KERNEL
RULES = ("FPU101", "FPU102", "FPU103")


@cache
def scanned(tree: Path) -> ScanResult:
    return scan(open_folder(tree), ScanOptions())


def notes(tree: Path) -> list[Finding]:
    return [item for item in scanned(tree).findings if item.rule in RULES and item.severity is Severity.NOTE]


@pytest.fixture
def masked_request(real_tree: Path) -> Finding:
    """The permission request of a guest: its user part sizes KVM's buffers."""
    found = [
        item
        for item in notes(real_tree)
        if (item.rule, item.location.path, item.location.function) == ("FPU101", XSTATE, "__xstate_request_perm")
    ]
    (request,) = found
    return request


def test_neither_error_nor_warning(real_tree: Path) -> None:
    assert [(item.rule, item.location, item.message) for item in leaks(scanned(real_tree))] == []


def test_the_masked_request_is_a_note_on_the_guest_side(masked_request: Finding) -> None:
    assert masked_request.side == "guest"
    assert last_member(masked_request.sink.place) == "__user_state_size"
    assert (masked_request.surviving.mask, masked_request.surviving.kernel_format) == (0, False)


def test_the_masked_request_starts_at_the_guest_default(real_tree: Path, masked_request: Finding) -> None:
    """Guests have defaults of their own since 6.17; before, the permission itself is the source."""
    sources = {place.place for place in (masked_request.source, *masked_request.other_sources)}

    assert "__state_perm" in {last_member(place) for place in sources}
    assert ("guest_default_cfg.features" in sources) == (version(real_tree) >= (6, 17))


def test_the_trace_leads_through_the_mask_to_the_guest_buffer(masked_request: Finding) -> None:
    steps = masked_request.trace
    crossing = [index for index, step in enumerate(steps) if step.crossing]
    before = [step.location.function for step in steps if not step.after]
    behind = [step.location.function for step in steps if step.after]

    assert len(crossing) == 1
    assert [step.after for step in steps] == sorted(step.after for step in steps)
    assert "__xstate_request_perm" in before
    assert [name for name in dict.fromkeys(behind) if name in ("__xfd_enable_feature", "fpstate_realloc")] == [
        "__xfd_enable_feature",
        "fpstate_realloc",
    ]
    assert "uabi_size" in {last_member(step.place) for step in steps if step.after}


def test_the_trace_says_where_the_bits_were_cut(masked_request: Finding) -> None:
    """The last step before the size helper has the user bits only."""
    masks = [step.mask for step in masked_request.trace if not step.after]

    assert masks[0] & SUPERVISOR
    assert masks[-1] & SUPERVISOR == 0
    assert all(later & ~earlier == 0 for earlier, later in pairwise(masks))


def test_kvm_consumes_the_masked_request(masked_request: Finding) -> None:
    kvm = {consumer.location.function for consumer in masked_request.consumers if consumer.kind == "kvm"}

    assert "kvm_arch_vcpu_ioctl" in kvm


def test_the_barrier_is_listed_on_every_tree(real_tree: Path) -> None:
    (barrier,) = scanned(real_tree).assumptions

    assert barrier.kind == "barrier"
    assert "fpstate" in barrier.what
    assert barrier.why
    assert barrier.commit


@pytest.mark.parametrize(
    "silent",
    [
        pytest.param(lambda item: item.rule == "FPU103", id="signal frame and sigaltstack"),
        pytest.param(lambda item: item.location.function == "validate_sigaltstack", id="validate_sigaltstack"),
        pytest.param(lambda item: ".perm." in item.sink.place, id="host permission"),
        pytest.param(lambda item: "guest_perm" not in item.sink.place and item.side == "host", id="host side"),
        pytest.param(lambda item: item.sink.place.startswith("fpu_user_cfg"), id="user configuration"),
    ],
)
def test_not_even_a_note(real_tree: Path, silent: Callable[[Finding], bool]) -> None:
    assert [item.message for item in notes(real_tree) if silent(item)] == []


def test_health_is_complete(real_tree: Path) -> None:
    health = scanned(real_tree).health

    assert (health.incomplete, health.unaccounted, health.error_bytes) == ((), (), 0)
    assert health.occurrences > 50
    assert health.functions > 3000


def test_the_same_tree_gives_the_same_result(real_tree: Path) -> None:
    assert scan(open_folder(real_tree), ScanOptions()) == scanned(real_tree)


# Who reports a vCPU's or KVM's own mask, or narrows one copy with it; the files are those of the newest trees.
VCPU_NOTES = {
    ("fpu_copy_guest_fpstate_to_uabi", "guest_supported_xcr0"),  # KVM_GET_XSAVE
    ("fpu_copy_uabi_to_guest_fpstate", "supported_xcr0"),  # KVM_SET_XSAVE
    ("kvm_vm_ioctl_check_extension", "supported_xcr0"),  # KVM_CAP_XSAVE2
    ("put_user", "supported_xcr0"),  # KVM_X86_XCOMP_GUEST_SUPP
    ("kvm_cpuid_entry2", "supported_xcr0"),  # KVM_GET_SUPPORTED_CPUID
    ("kvm_cpuid_entry2", "supported_xss"),
    ("kvm_cpuid_entry2", "xcr0"),  # KVM_GET_CPUID2
    ("kvm_cpuid_entry2", "ia32_xss"),
    ("msr_data", "ia32_xss"),  # the IA32_XSS MSR
    ("kvm_tdx_capabilities", "supported_xcr0"),  # KVM_TDX_CAPABILITIES
}


def vcpu_notes(tree: Path) -> set[tuple[str, str]]:
    """What each note of FPU201 is about: a word of the sink's name, and the source's member."""
    found = [item for item in scanned(tree).findings if item.rule == "FPU201"]
    words = {word for word, _ in VCPU_NOTES}
    return {
        (next((word for word in words if word in item.sink.place), item.sink.place), last_member(item.source.place))
        for item in found
    }


def test_vcpu_and_kernel_values_give_no_error_and_no_warning(real_tree: Path) -> None:
    rules = ("FPU201", "FPU202", "FPU203")
    worse = [item for item in scanned(real_tree).findings if item.rule in rules and item.severity > Severity.NOTE]

    assert [(item.rule, item.location, item.message) for item in worse] == []


def test_masks_of_vcpus_and_of_kvm_are_notes_where_they_narrow_or_are_reported(real_tree: Path) -> None:
    found = vcpu_notes(real_tree)
    release = version(real_tree)
    wanted = {
        (sink, source)
        for sink, source in VCPU_NOTES
        if not (sink == "kvm_tdx_capabilities" and release < (6, 16))
        and not ((sink, source) == ("kvm_cpuid_entry2", "ia32_xss") and release < (6, 18))
    }

    assert sorted(wanted - found) == []
    assert sorted(found - VCPU_NOTES) == []


def test_the_kernel_side_gives_not_even_a_note(real_tree: Path) -> None:
    silent = [item.message for item in scanned(real_tree).findings if item.rule in ("FPU202", "FPU203")]

    assert silent == []
