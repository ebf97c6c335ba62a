"""Edits of real trees that let user_xfeatures hold a bit that xfeatures lacks are found; harmless twins are not.

What must be found follows from the kernel: a guest's fpstate takes its features from
`guest_default_cfg`, a host's from `fpu_kernel_cfg`, both their user features from
`fpu_user_cfg`; a grown fpstate adds the one opt-in feature, XTILE_DATA, to both. KVM
supports every user feature but APX in XCR0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from fpuscan.result import Finding, Severity
from fpuscan.rules import not_subset
from tests.realtree.edits import TreeCopy, last_member, leaks
from tests.realtree.releases import tree_of
from tests.realtree.variants import MemoryCopy, feature_bits

pytestmark = pytest.mark.realtree

FPU = "arch/x86/kernel/fpu"
CORE, XSTATE = f"{FPU}/core.c", f"{FPU}/xstate.c"
KVM = "arch/x86/kvm/x86.c"
INIT, RESET, REALLOC, ALLOC = (
    "fpu__init_system_xstate",
    "__fpstate_reset",
    "fpstate_realloc",
    "fpu_alloc_guest_fpstate",
)
DISABLE = "fpu__init_disable_system_xstate"
DYNAMIC = "XFEATURE_MASK_USER_DYNAMIC"
APX = "XFEATURE_MASK_APX"
GUEST, KERNEL, USER = "guest_default_cfg.features", "fpu_kernel_cfg.default_features", "fpu_user_cfg.default_features"
MAX, USER_MAX = "fpu_kernel_cfg.max_features", "fpu_user_cfg.max_features"

# The user features of 7.x; without the opt-in one, and without APX, which 6.x does not have.
ALL = frozenset(
    "FP SSE YMM BNDREGS BNDCSR OPMASK ZMM_Hi256 Hi16_ZMM PKRU XTILE_CFG XTILE_DATA APX".split()  # noqa: SIM905
)
DEFAULT = ALL - {"XTILE_DATA"}
ERROR, WARNING = Severity.ERROR, Severity.WARNING


@dataclass(frozen=True, slots=True)
class Missing:
    """What must be reported: which features, at the statement of ``function`` that holds ``at``, on which side."""

    bits: frozenset[str]
    function: str = RESET
    at: str = "fpstate->user_xfeatures"
    side: str = "guest"
    severity: Severity = ERROR
    path: str = CORE

    def fits(self, finding: Finding, tree: TreeCopy) -> bool:
        """Whether a finding is this one; one slip on both sides is one finding, filed under the host."""
        at = finding.location
        line = tree.place(self.path, self.function, self.at).line
        return (
            (self.path, self.function, self.severity) == (at.path, at.function, finding.severity)
            and finding.side == ("host" if self.side == "both" else self.side)
            and ("(guest and host sides)" in finding.message) is (self.side == "both")
            and at.line <= line <= at.end_line
            and self.bits == frozenset(finding.surviving.bits)
        )


Edit = Callable[[TreeCopy], None]


@dataclass(frozen=True, slots=True)
class Case:
    """An edit and what it breaks; nothing: a harmless twin."""

    edit: Edit
    missing: tuple[Missing, ...]


SEVEN: list[Case] = []
SIX: list[Case] = []


def case(*missing: Missing, cases: list[Case] = SEVEN) -> Callable[[Edit], Edit]:
    """Register an edit of the newest 7.x tree (or of the 6.x trees)."""

    def register(edit: Edit) -> Edit:
        cases.append(Case(edit, missing))
        return edit

    return register


def apx(severity: Severity = WARNING) -> Missing:
    """The case that brought the rule: guests lose a user feature that their user features keep."""
    return Missing(frozenset({"APX"}), severity=severity)


YMM = frozenset({"YMM"})


# --- guest defaults that lose a user feature ---------------------------------------


def exclude(tree: TreeCopy, mask: str, function: str = "guest_default_mask") -> None:
    """Exclude a feature from one of the default masks of 7.x."""
    tree.replace(XSTATE, function, DYNAMIC, f"({DYNAMIC} | {mask})")


@case(apx())
def guests_lose_apx(tree: TreeCopy) -> None:
    exclude(tree, APX)


@case(apx(ERROR))
def guests_lose_apx_that_kvm_supports(tree: TreeCopy) -> None:
    exclude(tree, APX)
    tree.extend_macro(KVM, "KVM_SUPPORTED_XCR0", f"{APX} |")


@case(Missing(YMM))
def guests_lose_ymm(tree: TreeCopy) -> None:
    exclude(tree, "XFEATURE_MASK_YMM")


@case(apx())
def guests_lose_a_bit_by_number(tree: TreeCopy) -> None:
    tree.assign(XSTATE, INIT, GUEST, f"{MAX} & guest_default_mask() & ~BIT_ULL(XFEATURE_APX)")


@case(apx())
def guests_lose_apx_by_a_statement(tree: TreeCopy) -> None:
    tree.insert(XSTATE, INIT, f"{GUEST} &= ~{APX};", after=f"{GUEST} = {MAX}")


@case(apx())
def guests_lose_apx_in_a_local(tree: TreeCopy) -> None:
    tree.insert_at_top(XSTATE, INIT, f"u64 without = {APX};")
    tree.assign(XSTATE, INIT, GUEST, f"{MAX} & guest_default_mask() & ~without")


@case(apx())
def guests_lose_apx_in_a_helper(tree: TreeCopy) -> None:
    tree.insert_above(XSTATE, INIT, f"static u64 without_apx(u64 mask)\n{{\n\treturn mask & ~{APX};\n}}")
    tree.assign(XSTATE, INIT, GUEST, f"without_apx({MAX} & guest_default_mask())")


@case(apx())
def guests_lose_apx_in_the_allocation(tree: TreeCopy) -> None:
    tree.assign(CORE, RESET, "fpstate->xfeatures", f"{GUEST} & ~{APX}", was=GUEST)


@case(apx())
def guests_lose_apx_where_xfd_is_off(tree: TreeCopy) -> None:
    code = f"if (!cpu_feature_enabled(X86_FEATURE_XFD))\n\t\t{GUEST} &= ~{APX};"
    tree.insert(XSTATE, INIT, code, after=f"{GUEST} = {MAX}")


@case(Missing(frozenset({"APX"}), ALLOC, "fpstate->xfeatures", severity=WARNING))
def guests_lose_apx_behind_the_reset(tree: TreeCopy) -> None:
    tree.insert(CORE, ALLOC, f"fpstate->xfeatures &= ~{APX};", before="gfpu->fpstate = fpstate")


@case(Missing(DEFAULT - {"FP", "SSE"}))
def guests_get_the_legacy_features(tree: TreeCopy) -> None:
    tree.assign(XSTATE, INIT, GUEST, f"{MAX} & XFEATURE_MASK_FPSSE")


@case(Missing(DEFAULT))
def guests_get_nothing(tree: TreeCopy) -> None:
    tree.assign(XSTATE, INIT, GUEST, "0")


@case(Missing(DEFAULT))
def guests_get_only_supervisor_features(tree: TreeCopy) -> None:
    tree.assign(XSTATE, INIT, GUEST, f"{MAX} & XFEATURE_MASK_SUPERVISOR_SUPPORTED")


# --- the host's side ---------------------------------------------------------------


@case(Missing(YMM, side="host"))
def hosts_lose_ymm(tree: TreeCopy) -> None:
    tree.assign(XSTATE, INIT, KERNEL, f"{MAX} & host_default_mask() & ~XFEATURE_MASK_YMM")


@case(Missing(frozenset({"XTILE_DATA"}), side="both"))
def users_get_the_opt_in_feature(tree: TreeCopy) -> None:
    tree.assign(CORE, RESET, "fpstate->user_xfeatures", USER_MAX)


@case(Missing(frozenset({"XTILE_DATA"}), side="both"))
def users_get_the_opt_in_feature_by_its_mask(tree: TreeCopy) -> None:
    tree.assign(CORE, RESET, "fpstate->user_xfeatures", f"{USER} | {DYNAMIC}")


@case(Missing(DEFAULT, side="both"))
def users_keep_what_the_cpu_lacks(tree: TreeCopy) -> None:
    """The loop over xsave_cpuid_features clears what the user configuration has copied before."""
    tree.replace(XSTATE, INIT, f"{USER_MAX} = {MAX};", "")
    tree.insert(XSTATE, INIT, f"{USER_MAX} = {MAX};", before="fpu_kernel_cfg.independent_features")


FPSSE = frozenset({"FP", "SSE"})


@case(Missing(FPSSE, side="both"))
def users_always_get_the_legacy_features(tree: TreeCopy) -> None:
    """The boot code may clear both behind its check that the CPU has them: what CPUs enumerate is not known."""
    tree.assign(CORE, RESET, "fpstate->user_xfeatures", f"{USER} | XFEATURE_MASK_FPSSE")


@case(Missing(frozenset(), ALLOC, "fpstate->user_xfeatures", severity=Severity.NOTE))
def guests_get_the_permission_of_the_process(tree: TreeCopy) -> None:
    """Which features a process has been permitted is not followed: it cannot be decided."""
    mask = "x86_task_fpu(current)->guest_perm.__state_perm & XFEATURE_MASK_USER_SUPPORTED"
    tree.insert(CORE, ALLOC, f"fpstate->user_xfeatures = {mask};", before="gfpu->fpstate = fpstate")


# --- a grown fpstate ---------------------------------------------------------------


def grown(*bits: str) -> Missing:
    """What a grown fpstate lacks: the features of the request are user features that need opt-in."""
    return Missing(frozenset(bits), REALLOC, "newfps->user_xfeatures", "host", path=XSTATE)


for cases in (SEVEN, SIX):

    @case(grown("XTILE_DATA"), cases=cases)
    def grown_without_the_request(tree: TreeCopy) -> None:
        tree.assign(XSTATE, REALLOC, "newfps->xfeatures", "curfps->xfeatures")

    @case(grown("PKRU"), cases=cases)
    def grown_without_pkru(tree: TreeCopy) -> None:
        tree.assign(XSTATE, REALLOC, "newfps->xfeatures", "(curfps->xfeatures | xfeatures) & ~XFEATURE_MASK_PKRU")

    @case(grown("PKRU"), cases=cases)
    def grown_user_features_with_pkru(tree: TreeCopy) -> None:
        tree.assign(
            XSTATE, REALLOC, "newfps->user_xfeatures", "curfps->user_xfeatures | xfeatures | XFEATURE_MASK_PKRU"
        )

    @case(cases=cases)
    def grown_with_locals(tree: TreeCopy) -> None:
        tree.insert(XSTATE, REALLOC, "u64 all = curfps->xfeatures;", before="newfps->xfeatures = curfps->xfeatures")
        tree.insert(
            XSTATE, REALLOC, "u64 user = curfps->user_xfeatures;", before="newfps->xfeatures = curfps->xfeatures"
        )
        tree.assign(XSTATE, REALLOC, "newfps->xfeatures", "all | xfeatures")
        tree.assign(XSTATE, REALLOC, "newfps->user_xfeatures", "xfeatures | user")

    @case(cases=cases)
    def grown_by_a_copy(tree: TreeCopy) -> None:
        tree.insert(XSTATE, REALLOC, "*newfps = *curfps;", before="newfps->xfeatures = curfps->xfeatures")
        tree.assign(XSTATE, REALLOC, "newfps->xfeatures", "newfps->xfeatures | xfeatures")
        tree.assign(XSTATE, REALLOC, "newfps->user_xfeatures", "newfps->user_xfeatures | xfeatures")

    @case(grown("XTILE_DATA"), cases=cases)
    def grown_by_a_copy_and_the_user_features(tree: TreeCopy) -> None:
        tree.assign(XSTATE, REALLOC, "newfps->xfeatures", "0")
        tree.insert(XSTATE, REALLOC, "*newfps = *curfps;", after="newfps->xfeatures = 0")

    @case(cases=cases)
    def grown_in_the_other_order(tree: TreeCopy) -> None:
        tree.assign(XSTATE, REALLOC, "newfps->xfeatures", "0")
        code = "newfps->xfeatures = curfps->xfeatures | xfeatures;"
        tree.insert(XSTATE, REALLOC, code, after="newfps->user_xfeatures = curfps->user_xfeatures")

    @case(cases=cases)
    def grown_or_freed_again(tree: TreeCopy) -> None:
        tree.assign(XSTATE, REALLOC, "newfps->xfeatures", "0")
        code = "if (in_use && !ksize) {\n\t\tvfree(newfps);\n\t\treturn -EINVAL;\n\t}"
        tree.insert(XSTATE, REALLOC, code, after="newfps->user_xfeatures = curfps->user_xfeatures")
        code = "newfps->xfeatures = curfps->xfeatures | xfeatures;"
        tree.insert(XSTATE, REALLOC, code, before="newfps->xfd = ")

    @case(cases=cases)
    def grown_with_both_masked(tree: TreeCopy) -> None:
        tree.assign(XSTATE, REALLOC, "newfps->xfeatures", "(curfps->xfeatures | xfeatures) & ~XFEATURE_MASK_BNDREGS")
        user = "(curfps->user_xfeatures | xfeatures) & ~XFEATURE_MASK_BNDREGS"
        tree.assign(XSTATE, REALLOC, "newfps->user_xfeatures", user)


@case()
def grown_user_features_from_the_default(tree: TreeCopy) -> None:
    """Every fpstate has at least the default features; the ones of an earlier request are not missed here."""
    tree.assign(XSTATE, REALLOC, "newfps->user_xfeatures", f"{USER} | xfeatures")


@case(Missing(YMM), Missing(YMM, REALLOC, "newfps->user_xfeatures", "host", path=XSTATE))
def grown_user_features_from_a_default_that_guests_lack(tree: TreeCopy) -> None:
    exclude(tree, "XFEATURE_MASK_YMM")
    tree.assign(XSTATE, REALLOC, "newfps->user_xfeatures", f"{USER} | xfeatures")


@case()
def user_features_reset_alone(tree: TreeCopy) -> None:
    tree.insert(CORE, ALLOC, f"fpstate->user_xfeatures = {USER};", before="gfpu->fpstate = fpstate")
    body = f"gfpu->fpstate->user_xfeatures = {USER};"
    tree.append(CORE, f"void fpu_reset_user_features(struct fpu_guest *gfpu)\n{{\n\t{body}\n}}")


@case(Missing(ALL, REALLOC, "newfps->user_xfeatures", "host", path=XSTATE))
def grown_without_features(tree: TreeCopy) -> None:
    tree.replace(XSTATE, REALLOC, "newfps->xfeatures = curfps->xfeatures | xfeatures;", "")


# --- harmless twins ----------------------------------------------------------------


@case()
def both_lose_apx(tree: TreeCopy) -> None:
    exclude(tree, APX)
    exclude(tree, APX, "host_default_mask")


@case()
def users_lose_apx(tree: TreeCopy) -> None:
    tree.insert(XSTATE, INIT, f"{USER} &= ~{APX};", after=f"{USER} = ")


@case()
def guests_and_users_lose_apx(tree: TreeCopy) -> None:
    exclude(tree, APX)
    tree.insert(XSTATE, INIT, f"{USER} &= ~{APX};", after=f"{USER} = ")


@case()
def nobody_has_apx(tree: TreeCopy) -> None:
    tree.insert(XSTATE, INIT, f"{MAX} &= ~{APX};", before=f"{USER_MAX} = {MAX}")
    exclude(tree, APX)


@case()
def guests_have_more(tree: TreeCopy) -> None:
    tree.assign(CORE, RESET, "fpstate->xfeatures", f"{GUEST} | {USER}", was=GUEST)


@case()
def guests_are_stored_first(tree: TreeCopy) -> None:
    tree.replace(CORE, RESET, f"fpstate->user_xfeatures = {USER};", "")
    tree.insert_at_top(CORE, RESET, f"fpstate->user_xfeatures = {USER};")


@case()
def stored_by_a_conditional_value(tree: TreeCopy) -> None:
    value = f"fpstate->is_guest ? {GUEST} : {KERNEL}"
    tree.insert(CORE, RESET, f"fpstate->xfeatures = {value};", before="fpstate->user_size = fpu_user_cfg.default_size")


@case()
def stored_by_a_chosen_pointer(tree: TreeCopy) -> None:
    tree.insert_at_top(CORE, RESET, f"u64 *features = fpstate->is_guest ? &{GUEST} : &{KERNEL};")
    tree.insert(CORE, RESET, "fpstate->xfeatures = *features;", before="fpstate->user_size = fpu_user_cfg.default_size")


@case()
def stored_by_a_helper(tree: TreeCopy) -> None:
    body = "fps->user_xfeatures = user;\n\tfps->xfeatures = all;"
    tree.insert_above(
        CORE, ALLOC, f"static void set_features(struct fpstate *fps, u64 user, u64 all)\n{{\n\t{body}\n}}"
    )
    tree.replace(CORE, ALLOC, "__fpstate_reset(fpstate)", f"set_features(fpstate, {USER}, {GUEST})")


@case()
def stored_by_two_helpers(tree: TreeCopy) -> None:
    one = f"static void set_user(struct fpstate *fps)\n{{\n\tfps->user_xfeatures = {USER};\n}}"
    other = "static void set_all(struct fpstate *fps, u64 all)\n{\n\tfps->xfeatures = all;\n}"
    tree.insert_above(CORE, ALLOC, f"{one}\n\n{other}")
    tree.replace(CORE, ALLOC, "__fpstate_reset(fpstate);", f"set_user(fpstate);\n\tset_all(fpstate, {GUEST});")


@case(Missing(frozenset({"APX"}), "set_user", "fps->user_xfeatures", severity=WARNING))
def stored_by_two_helpers_apart(tree: TreeCopy) -> None:
    one = f"static void set_user(struct fpstate *fps)\n{{\n\tfps->user_xfeatures = {USER};\n}}"
    other = "static void set_all(struct fpstate *fps, u64 all)\n{\n\tfps->xfeatures = all;\n}"
    tree.insert_above(CORE, ALLOC, f"{one}\n\n{other}")
    code = f"set_user(fpstate);\n\tset_all(fpstate, {GUEST} & ~{APX});"
    tree.replace(CORE, ALLOC, "__fpstate_reset(fpstate);", code)


@case()
def configured_by_two_helpers(tree: TreeCopy) -> None:
    one = f"static void host(void)\n{{\n\t{KERNEL} = {MAX} & host_default_mask();\n}}"
    other = f"static void guest(void)\n{{\n\t{GUEST} = {MAX} & guest_default_mask();\n}}"
    tree.insert_above(XSTATE, INIT, f"{one}\n\n{other}")
    tree.replace(XSTATE, INIT, f"{KERNEL} = {MAX} & host_default_mask()", "host()")
    tree.replace(XSTATE, INIT, f"{GUEST} = {MAX} & guest_default_mask()", "guest()")


@case()
def configured_in_a_local_copy(tree: TreeCopy) -> None:
    tree.insert_at_top(XSTATE, INIT, "u64 most, user;")
    tree.insert(XSTATE, INIT, f"most = {MAX};\n\tuser = most & {USER_MAX};", before=f"{KERNEL} = ")
    tree.assign(XSTATE, INIT, USER, "user & host_default_mask()")
    tree.assign(XSTATE, INIT, GUEST, "guest_default_mask() & most")


@case()
def configured_again_when_disabled(tree: TreeCopy) -> None:
    code = f"{KERNEL} = 0;\n\t{USER} = 0;\n\t{GUEST} = 0;"
    tree.insert(XSTATE, DISABLE, code, before="fpu_kernel_cfg.max_size = legacy_size")


@case(Missing(DEFAULT, side="host"))
def half_configured_when_disabled(tree: TreeCopy) -> None:
    tree.insert(XSTATE, DISABLE, f"{KERNEL} = 0;", before="fpu_kernel_cfg.max_size = legacy_size")


# --- 6.x: one default for hosts and guests -----------------------------------------


@case(Missing(YMM, side="both"), cases=SIX)
def old_kernel_default_loses_ymm(tree: TreeCopy) -> None:
    tree.insert(XSTATE, INIT, f"{KERNEL} &= ~XFEATURE_MASK_YMM;", after=f"{KERNEL} &= ~{DYNAMIC}")


@case(Missing(frozenset({"XTILE_DATA"}), side="both"), cases=SIX)
def old_user_default_keeps_the_opt_in_feature(tree: TreeCopy) -> None:
    tree.replace(XSTATE, INIT, f"{USER} &= ~{DYNAMIC};", "")


@case(cases=SIX)
def old_kernel_default_keeps_the_opt_in_feature(tree: TreeCopy) -> None:
    tree.replace(XSTATE, INIT, f"{KERNEL} &= ~{DYNAMIC};", "")


@case(cases=SIX)
def old_defaults_lose_ymm(tree: TreeCopy) -> None:
    tree.insert(XSTATE, INIT, f"{MAX} &= ~XFEATURE_MASK_YMM;", before=f"{USER_MAX} = {MAX}")


@case(cases=SIX)
def old_user_default_from_the_kernel_default(tree: TreeCopy) -> None:
    tree.assign(XSTATE, INIT, USER, f"{KERNEL} & XFEATURE_MASK_USER_SUPPORTED", was=USER_MAX)


@case(Missing(YMM, side="both"), cases=SIX)
def old_reset_masks_the_kernel_side(tree: TreeCopy) -> None:
    tree.assign(CORE, RESET, "fpstate->xfeatures", f"{KERNEL} & ~XFEATURE_MASK_YMM")


# --- running them -----------------------------------------------------------------


def findings(copy: MemoryCopy) -> list[Finding]:
    """What the rule says of a tree; the other rules are not run."""
    analysis = copy.analysis()
    return not_subset.find(analysis, feature_bits(analysis))


def check(edited: MemoryCopy, expected: tuple[Missing, ...]) -> None:
    found = findings(edited)
    unmet = [missing for missing in expected if not any(missing.fits(finding, edited) for finding in found)]
    more = [finding for finding in found if not any(missing.fits(finding, edited) for missing in expected)]

    assert (unmet, [(one.location, one.severity, one.side, one.message) for one in more]) == ([], [])
    assert len(found) == len(expected)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("one", SEVEN, ids=lambda one: one.edit.__name__)
def test_edit_of_the_newest_tree(one: Case, newest: Path) -> None:
    edited = MemoryCopy(newest)
    one.edit(edited)

    check(edited, one.missing)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("release", ["6.1", "6.12"])
@pytest.mark.parametrize("one", SIX, ids=lambda one: one.edit.__name__)
def test_edit_of_an_old_tree(one: Case, release: str, trees: tuple[Path, ...]) -> None:
    edited = MemoryCopy(tree_of(trees, release))
    one.edit(edited)

    check(edited, one.missing)


def test_unmodified_trees_keep_the_pair(real_tree: Path) -> None:
    assert findings(MemoryCopy(real_tree)) == []


def test_a_bit_that_guests_lack_is_no_leak(newest: Path) -> None:
    """The proposal of 2026-03: FPU302 alone speaks, and says which side has the feature and which has not."""
    edited = MemoryCopy(newest)
    guests_lose_apx(edited)
    result = edited.scan()
    (finding,) = (item for item in result.findings if item.rule == "FPU302")

    assert leaks(result) == []
    assert (finding.source.place, last_member(finding.sink.place)) == (USER, "user_xfeatures")
    assert f"{USER} may hold it, {GUEST} may not" in finding.message
    assert {GUEST, "struct fpstate.xfeatures"} <= {item.place for item in finding.related}
    assert {"kvm", "sigframe", "ptrace", "uabi-copy"} & {item.kind for item in finding.consumers}
    assert [step.location for step in finding.trace if step.crossing] == [finding.location]


def test_a_constant_is_not_blamed_on_a_configuration(newest: Path) -> None:
    """The user's default features do not hold what the next statement sets."""
    edited = MemoryCopy(newest)
    sets_it = "fpstate->user_xfeatures |= XFEATURE_MASK_CET_KERNEL;"
    edited.insert(CORE, "__fpstate_reset", sets_it, after="fpstate->user_xfeatures")
    (finding,) = (item for item in edited.scan().findings if item.rule == "FPU302")

    assert "(guest and host sides)" in finding.message
    assert finding.surviving.bits == ("CET_KERNEL",)
    assert USER not in finding.message
