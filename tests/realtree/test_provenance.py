"""What controls the user ABI of real trees, and a lock that sees when something else starts to.

What must be found follows from the kernel: KVM's buffer has the size of struct
kvm_xsave, or the default size where that is larger, and grows with the guest's
permission, which user space asks for with arch_prctl(); the defaults come from
what CPUID enumerates, cut to the user's features.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from fpuscan.engine.graph.def_use import DefUseGraph
from fpuscan.engine.search.flows import Flows
from fpuscan.lock import compare_lock, dump_lock, parse_lock
from fpuscan.provenance import answer
from fpuscan.result import Controlled, LockEntry, Provenance, Root
from tests.realtree.edits import TreeCopy, version
from tests.realtree.variants import MemoryCopy, feature_bits

pytestmark = pytest.mark.realtree

FPU = "arch/x86/kernel/fpu"
CORE, XSTATE = (f"{FPU}/{name}.c" for name in ("core", "xstate"))
TYPES_H = "arch/x86/include/asm/fpu/types.h"
USER = "XFEATURE_MASK_USER_SUPPORTED"
UABI_SIZE = "struct fpu_guest.uabi_size"


@cache
def asked(tree: Path, place: str) -> Provenance:
    """What the scan answers, without its findings."""
    return controls(MemoryCopy(tree), place)


def controls(copy: MemoryCopy, place: str) -> Provenance:
    analysis = copy.analysis()
    return answer(Flows(analysis, DefUseGraph(analysis)), place, feature_bits(analysis))


def only(found: Provenance) -> Controlled:
    (place,) = found.places
    return place


def named(place: Controlled) -> set[tuple[str, str]]:
    return {(root.kind, root.name) for root in place.roots}


def root(place: Controlled, name: str) -> Root:
    (found,) = (each for each in place.roots if each.name == name)
    return found


def test_the_size_of_kvm_comes_from_its_struct_the_defaults_and_the_permission(real_tree: Path) -> None:
    place = only(asked(real_tree, UABI_SIZE))

    assert (place.place, place.kind, place.side) == (UABI_SIZE, "size", "guest")
    assert {
        ("config", "fpu_user_cfg.default_size"),
        ("constant", "sizeof(struct kvm_xsave)"),
        ("runtime", "struct fpu.guest_perm.__state_perm"),
        ("runtime", "struct fpu.guest_perm.__user_state_size"),
        ("user", "arg2 of arch_prctl()"),
        ("mask", USER),
    } <= named(place)
    guest = "guest_default_cfg.features" if version(real_tree) >= (6, 17) else "fpu_kernel_cfg.default_features"
    for each in (guest, "struct fpu.guest_perm.__state_perm", "arg2 of arch_prctl()"):
        assert USER in [mask.text for mask in root(place, each).masks] or version(real_tree) < (6, 16)
    functions = [step.location.function for step in root(place, "struct fpu.guest_perm.__user_state_size").trace]
    assert functions == ["__xfd_enable_feature"] * 3 + ["fpstate_realloc"]
    assert "guest_default_cfg.size" not in {each.name for each in place.roots}


def test_the_default_size_is_what_cpuid_enumerates_for_the_users_features(real_tree: Path) -> None:
    place = only(asked(real_tree, "fpu_user_cfg.default_size"))

    assert ("config", "fpu_user_cfg.default_features") in named(place)
    assert any(kind == "cpu" and name.startswith("cpuid_count(") for kind, name in named(place))
    assert not any("guest" in name for _, name in named(place))


def test_the_default_features_are_cut_to_the_users(real_tree: Path) -> None:
    place = only(asked(real_tree, "fpu_user_cfg.default_features"))

    assert {kind for kind, _ in named(place)} == {"config", "cpu", "mask"}
    assert USER in [mask.text for mask in root(place, "fpu_kernel_cfg.max_features").masks]


def test_no_frame_of_a_task_is_controlled_by_a_guest(real_tree: Path) -> None:
    found = asked(real_tree, "save_sw_bytes")

    assert [place.place for place in found.places] == [
        f"struct _fpx_sw_bytes.{member}" for member in ("extended_size", "xfeatures", "xstate_size")
    ]
    assert not [each.name for place in found.places for each in place.roots if "guest" in each.name]
    sizes, features = found.places[0], found.places[1]
    assert ("config", "fpu_user_cfg.default_size") in named(sizes)
    assert ("config", "fpu_user_cfg.default_features") in named(features)


def test_of_one_big_ioctl_only_the_arm_of_the_user_abi_counts(real_tree: Path) -> None:
    place = only(asked(real_tree, "the return value of kvm_vm_ioctl_check_extension()"))

    assert ("runtime", "struct fpu.guest_perm.__state_perm") in named(place)
    assert ("constant", "sizeof(struct kvm_xsave)") in named(place)
    assert not [name for _, name in named(place) if "QUIRK" in name]


def test_every_place_has_roots_and_every_way_is_whole(outer_tree: Path) -> None:
    found = asked(outer_tree, "uabi")

    assert len(found.places) > 40
    for place in found.places:
        assert place.side in {"guest", "host"}
        for each in place.roots:
            assert each.trace, (place.place, each.name)
            assert each.trace[-1].crossing
            assert [step.crossing for step in each.trace[:-1]] == [False] * (len(each.trace) - 1)


def test_a_lock_holds_for_the_tree_that_it_was_written_of(outer_tree: Path) -> None:
    found = asked(outer_tree, "uabi")

    compared = compare_lock(found, parse_lock(dump_lock(found), "lock"))

    assert (compared.gained, compared.lost) == ((), ())


# ---------------------------------------------------------------- edits


def guest_size(tree: TreeCopy) -> None:
    """v5: the guest has a user size of its own."""
    tree.assign(CORE, "fpu_alloc_guest_fpstate", "gfpu->uabi_size", "guest_default_cfg.size", was="sizeof")


def far_mask(tree: TreeCopy) -> None:
    """A guest mask in boot code, far from KVM, decides about the user's size."""
    tree.replace(
        XSTATE,
        "init_xstate_size",
        "fpu_user_cfg.default_features",
        "fpu_user_cfg.default_features & guest_default_cfg.features",
    )


def no_mask(tree: TreeCopy) -> None:
    """The cut to user features is dropped from the size of a grown fpstate."""
    tree.drop_mask(XSTATE, "__xstate_request_perm", USER)


GUEST, HOST = "guest", "host"


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("edit", "gained", "lost"),
    [
        (
            guest_size,
            {LockEntry(UABI_SIZE, GUEST, "config", "guest_default_cfg.size")},
            {LockEntry(UABI_SIZE, GUEST, "constant", "sizeof(struct kvm_xsave)")},
        ),
        (
            far_mask,
            {LockEntry("fpu_user_cfg.default_size", HOST, "config", "guest_default_cfg.features")},
            set(),
        ),
        (
            no_mask,
            set(),
            {
                LockEntry(UABI_SIZE, GUEST, "mask", USER),
                LockEntry("struct fpu.perm.__user_state_size", HOST, "mask", USER),
            },
        ),
    ],
    ids=["guest_size", "far_mask", "no_mask"],
)
def test_an_edit_breaks_the_lock_at_the_place_that_it_reaches(
    edit: Callable[[TreeCopy], None],
    gained: set[LockEntry],
    lost: set[LockEntry],
    newest: Path,
) -> None:
    copy = MemoryCopy(newest)
    edit(copy)

    after = controls(copy, "uabi")
    compared = compare_lock(after, parse_lock(dump_lock(asked(newest, "uabi")), "lock"))

    assert gained <= set(compared.gained)
    assert lost <= set(compared.lost)
    if not gained:
        assert compared.gained == ()
    ways = dict(compared.ways)
    for entry in gained:
        assert ways[entry].trace[0].place == entry.root
        assert ways[entry].trace[-1].place == entry.place
