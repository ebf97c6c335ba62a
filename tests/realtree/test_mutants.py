"""Mutants of an unmodified 7.x tree: what leaks is reported where it crosses, everything else stays silent.

What is expected follows from the kernel's semantics, written down once per
function and token before any scan: a guest default, or what only the kernel's own
buffers have, in a user size, a user mask or signal code is an error; in a kernel
buffer, a branch, a hardware register or a message it is nothing. A token that is not
in the table has to stay silent. The end of the run prints what each mutant got.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from fpuscan.result import Finding, ScanResult, Severity
from tests.realtree.edits import TreeCopy
from tests.realtree.leaks import (
    ENABLE,
    GUEST_READERS,
    HEIRS,
    HOST_READERS,
    INIT,
    MASK_IN_RESET,
    OPT_IN,
    PRCTL,
    REGSET,
    REQUEST,
    RESET,
    SIGFRAME,
    SIGNAL,
    SIZE_IN_RESET,
    SUPERVISOR,
    XSTATE,
    Leak,
    describe,
    prctl_leak,
    request_leak,
)
from tests.realtree.leaks import LOCKED as LOCK
from tests.realtree.mutants import Mutant, mutants
from tests.realtree.releases import tree_of
from tests.realtree.variants import MemoryCopy
from tests.tables import MUTANT

pytestmark = pytest.mark.realtree

Record = Callable[[str, object], None]

USER, KERNEL, MASK = "user configuration", "kernel configuration", "user mask"
TO_KERNEL = "user configuration by the kernel's"
GUEST, HOST, CONDITION, FLAG = "guest permission", "host permission", "condition", "flag"
SIZE, FEATURES = "fpu_user_cfg.default_size", "fpu_user_cfg.default_features"
MAX_SIZE, MAX_FEATURES = "fpu_user_cfg.max_size", "fpu_user_cfg.max_features"
REALLOC, GETTER, INHERIT = "fpstate_realloc", "xstate_get_group_perm", "fpu_inherit_perms"
DISABLE = "fpu__init_disable_system_xstate"

TO_HOST = request_leak(OPT_IN, side="host")
STACKS = Leak("FPU103", REQUEST, "", "", OPT_IN, side="host", path=XSTATE)
GROWN = Leak("FPU101", REALLOC, "newfps->user_size", "user_size", OPT_IN, side="host", path=XSTATE)
GROWN_MASK = Leak("FPU102", REALLOC, "newfps->user_xfeatures", "user_xfeatures", OPT_IN, side="host", path=XSTATE)
INHERITED = Leak("FPU101", INHERIT, "", "__user_state_size", OPT_IN, side="host")


def size(function: str, path: str, sink: str = "", rule: str = "FPU101", side: str = "") -> Leak:
    """The guest's buffer size, in kernel format, in a place of the user ABI."""
    return Leak(rule, function, "", sink, None, kernel_format=True, path=path, side=side)


def features(function: str, sink: str = "", bits: frozenset[str] = SUPERVISOR, rule: str = "FPU102") -> Leak:
    """The guest's default features in a place of the user ABI, all in xstate.c."""
    return Leak(rule, function, "", sink, bits, path=XSTATE)


def kernel_size(function: str, path: str, sink: str = "", side: str = "") -> Leak:
    """The size of the kernel's own buffers in a place of the user ABI."""
    return Leak("FPU202", function, "", sink, None, kernel_format=True, path=path, side=side)


def kernel_features(function: str, sink: str = "", bits: frozenset[str] = SUPERVISOR, path: str = XSTATE) -> Leak:
    """The supervisor features of the kernel's configuration in a place of the user ABI."""
    return Leak("FPU202", function, "", sink, bits, path=path)


CORE = SIZE_IN_RESET.path
# What `& host_default_mask()` leaves of them.
DEFAULT = SUPERVISOR - {"CET_KERNEL"}
# The leaks of a mutant, and the functions in which it has more consequences.
EXPECTED: dict[tuple[str, str, str, int], tuple[tuple[Leak, ...], frozenset[str]]] = {
    key: (found, frozenset(also))
    for key, found, also in (
        ((USER, RESET, SIZE, 1), (SIZE_IN_RESET,), ()),
        ((USER, RESET, FEATURES, 1), (MASK_IN_RESET,), HEIRS),
        ((USER, "fpstate_reset", SIZE, 1), (size("fpstate_reset", CORE, "__user_state_size", side="host"),), ()),
        ((USER, "fpstate_reset", SIZE, 2), (size("fpstate_reset", CORE, "__user_state_size", side="guest"),), ()),
        # the first one is an operand of a comparison
        ((USER, "fpu_alloc_guest_fpstate", SIZE, 2), (size("fpu_alloc_guest_fpstate", CORE, "uabi_size"),), ()),
        ((USER, "xstateregs_set", MAX_SIZE, 1), (size("xstateregs_set", REGSET),), ()),
        ((USER, "fpu__get_fpstate_size", MAX_SIZE, 1), (size("fpu__get_fpstate_size", SIGNAL, rule="FPU103"),), ()),
        ((USER, "validate_sigaltstack", MAX_SIZE, 1), (size("validate_sigaltstack", XSTATE, rule="FPU103"),), ()),
        ((USER, "init_xstate_size", FEATURES, 1),
         (features("init_xstate_size", "default_size", rule="FPU101"),), GUEST_READERS),
        ((USER, INIT, MAX_FEATURES, 1),
         (features(INIT, "default_features", DEFAULT),), (*GUEST_READERS, *HEIRS, RESET)),
        # the second one goes to the XFD MSR
        ((USER, INIT, MAX_FEATURES, 3), (features(INIT),), ()),
        ((USER, INIT, MAX_SIZE, 1), (size(INIT, XSTATE),), ()),
        ((USER, PRCTL, MAX_FEATURES, 1), (prctl_leak(SUPERVISOR, "host"),), ()),
        ((USER, PRCTL, "fpu_user_cfg.legacy_features", 1), (prctl_leak(SUPERVISOR, "host"),), ()),
        ((USER, "dump_xsave_layout_desc", MAX_FEATURES, 1), (features("dump_xsave_layout_desc"),), ()),
        ((USER, "get_xsave_desc_size", MAX_FEATURES, 1), (features("get_xsave_desc_size", rule="FPU101"),), ()),
        # the host's default features lack those of guests alone
        ((TO_KERNEL, RESET, SIZE, 1), (kernel_size(RESET, CORE, "user_size"),), ()),
        ((TO_KERNEL, RESET, FEATURES, 1), (kernel_features(RESET, "user_xfeatures", DEFAULT, CORE),), HEIRS),
        ((TO_KERNEL, "fpstate_reset", SIZE, 1), (kernel_size("fpstate_reset", CORE, "__user_state_size", "host"),), ()),
        ((TO_KERNEL, "fpstate_reset", SIZE, 2),
         (kernel_size("fpstate_reset", CORE, "__user_state_size", "guest"),), ()),
        ((TO_KERNEL, "fpu_alloc_guest_fpstate", SIZE, 2),
         (kernel_size("fpu_alloc_guest_fpstate", CORE, "uabi_size"),), ()),
        ((TO_KERNEL, "xstateregs_set", MAX_SIZE, 1), (kernel_size("xstateregs_set", REGSET),), ()),
        ((TO_KERNEL, "fpu__get_fpstate_size", MAX_SIZE, 1), (kernel_size("fpu__get_fpstate_size", SIGNAL),), ()),
        ((TO_KERNEL, "validate_sigaltstack", MAX_SIZE, 1), (kernel_size("validate_sigaltstack", XSTATE),), ()),
        ((TO_KERNEL, "init_xstate_size", FEATURES, 1),
         (kernel_features("init_xstate_size", "default_size", DEFAULT),), GUEST_READERS),
        ((TO_KERNEL, INIT, MAX_FEATURES, 1),
         (kernel_features(INIT, "default_features", DEFAULT),), (*GUEST_READERS, *HEIRS, RESET)),
        # the second one goes to the XFD MSR
        ((TO_KERNEL, INIT, MAX_FEATURES, 3), (kernel_features(INIT),), ()),
        ((TO_KERNEL, INIT, MAX_SIZE, 1), (kernel_size(INIT, XSTATE),), ()),
        # the legacy features hold no supervisor feature, whoever's they are
        ((TO_KERNEL, PRCTL, MAX_FEATURES, 1), (kernel_features(PRCTL),), ()),
        ((TO_KERNEL, "dump_xsave_layout_desc", MAX_FEATURES, 1), (kernel_features("dump_xsave_layout_desc"),), ()),
        ((TO_KERNEL, "get_xsave_desc_size", MAX_FEATURES, 1), (kernel_features("get_xsave_desc_size"),), ()),
        # what is passed as the legacy size becomes the user's size where XSAVE is given up
        ((KERNEL, "fpu__init_system", "fpu_kernel_cfg.max_size", 1),
         (size(DISABLE, XSTATE, "max_size"), size(DISABLE, XSTATE, "default_size")), (*GUEST_READERS, RESET)),
        ((MASK, REQUEST, "& XFEATURE_MASK_USER_SUPPORTED", 1), (request_leak(SUPERVISOR),), ()),
        # the first one masks the host's permission
        ((MASK, PRCTL, "permitted &= XFEATURE_MASK_USER_SUPPORTED", 2), (prctl_leak(SUPERVISOR | LOCK, "guest"),), ()),
        ((GUEST, INHERIT, "guest_perm", 1), (INHERITED,), HOST_READERS),
        ((GUEST, REQUEST, "guest_perm", 1), (TO_HOST,), (REQUEST, PRCTL)),
        ((HOST, INHERIT, "perm", 2), (INHERITED,), HOST_READERS),
        ((HOST, ENABLE, "perm", 1), (GROWN,), ()),
        ((HOST, GETTER, "perm", 1), (TO_HOST, STACKS, prctl_leak(OPT_IN, "host")), (REQUEST,)),
        ((HOST, "sigaltstack_size_valid", "perm", 1),
         (Leak("FPU103", "sigaltstack_size_valid", "", "", OPT_IN, side="host", path=SIGFRAME),), ()),
        ((CONDITION, REQUEST, "!guest", 1), (STACKS,), ()),
        ((CONDITION, REQUEST, "guest", 1), (TO_HOST,), (REQUEST, PRCTL)),
        ((CONDITION, ENABLE, "guest_fpu", 1), (GROWN,), ()),
        # the guest's new fpstate is taken for the one in use, and becomes the host's
        ((CONDITION, REALLOC, "guest_fpu", 1), (GROWN, GROWN_MASK), ()),
        ((CONDITION, GETTER, "guest", 1), (TO_HOST, STACKS, prctl_leak(OPT_IN, "host")), (REQUEST,)),
        ((FLAG, REQUEST, "false", 1), (request_leak(frozenset(), kernel_format=True),), ()),
        ((FLAG, "xstate_get_host_group_perm", "false", 1), (prctl_leak(OPT_IN, "host"),), ()),
    )
}  # fmt: skip
# Those that are judged wrong today, and why.
MISSED: dict[tuple[str, str, str, int], str] = {}
KEYS = [pytest.param(key, marks=[pytest.mark.xfail(reason=MISSED[key])] if key in MISSED else []) for key in EXPECTED]


@cache
def newest(trees: tuple[Path, ...]) -> tuple[Path, tuple[Mutant, ...]]:
    tree = tree_of(trees)
    return tree, tuple(mutants(TreeCopy(tree, tree)))


def leaks(result: ScanResult, kind: str) -> list[Finding]:
    """The errors and warnings about what a kind of mutants lets through."""
    rules = ("FPU202",) if kind == TO_KERNEL else ("FPU101", "FPU102", "FPU103")
    return [item for item in result.findings if item.rule in rules and item.severity > Severity.NOTE]


def mutated(tree: Path, chosen: list[Mutant]) -> MemoryCopy:
    copy = MemoryCopy(tree)
    for mutant in sorted(chosen, key=lambda each: (each.path, -each.start)):
        text = copy.text(mutant.path)
        copy.write(mutant.path, text[: mutant.start] + mutant.new + text[mutant.end :])
    return copy


@pytest.mark.sampled(3)
@pytest.mark.parametrize("key", KEYS, ids=lambda key: "-".join(map(str, key)).replace(" ", "_"))
def test_a_mutant_that_leaks_is_reported(
    key: tuple[str, str, str, int], trees: tuple[Path, ...], record_property: Record
) -> None:
    tree, every = newest(trees)
    (mutant,) = [each for each in every if each.key == key]
    expected, also = EXPECTED[key]
    copy = mutated(tree, [mutant])

    found = leaks(copy.scan(), mutant.kind)

    missing = [leak for leak in expected if not any(leak.fits(finding, copy) for finding in found)]
    more = [
        describe(finding)
        for finding in found
        if finding.location.function not in also and not any(leak.fits(finding, copy) for leak in expected)
    ]
    record_property(MUTANT, (str(mutant), "leak", "missed" if missing else "more" if more else "reported"))
    assert ([str(leak) for leak in missing], more) == ([], [])


@pytest.mark.parametrize("kind", [USER, TO_KERNEL, KERNEL, MASK, GUEST, HOST, CONDITION, FLAG])
def test_every_other_mutant_is_silent(kind: str, trees: tuple[Path, ...], record_property: Record) -> None:
    """Those of one kind share a scan: together they are no worse than alone."""
    tree, every = newest(trees)
    chosen = [each for each in every if each.kind == kind and each.key not in EXPECTED]

    found = leaks(mutated(tree, chosen).scan(), kind)

    for mutant in chosen:
        record_property(MUTANT, (str(mutant), "silent", "FALSE ALARM" if found else "silent"))
    assert ([describe(finding) for finding in found], [str(each) for each in chosen] if found else []) == ([], [])


def test_every_expectation_is_about_a_mutant(trees: tuple[Path, ...]) -> None:
    _, every = newest(trees)

    assert [key for key in EXPECTED if key not in {mutant.key for mutant in every}] == []


def test_the_numbers_of_readme_are_current(trees: tuple[Path, ...], root: Path) -> None:
    _, every = newest(trees)
    told = f"of {len(every)} mutants {len(EXPECTED) - len(MISSED)} of the {len(EXPECTED)} that leak"

    assert told in " ".join((root / "README.md").read_text(encoding="utf-8").split())
