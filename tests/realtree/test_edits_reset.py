"""FPU301 on real trees: the one reset in part that upstream has, and edits that make it better, worse or new.

What is expected follows from the source: ``fpu__init_disable_system_xstate()`` is reached behind the assignments of the
masks, of ``init_xstate_size()`` and of the regset information, and everything that it does not store keeps its value.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from fpuscan.engine.graph.def_use import DefUseGraph
from fpuscan.engine.search.flows import Flows
from fpuscan.engine.search.sinks import Sinks
from fpuscan.result import Finding, ScanResult, Severity
from fpuscan.rules import partial_reset
from fpuscan.triage.compare import against, has
from tests.realtree.edits import TreeCopy, version
from tests.realtree.releases import tree_of
from tests.realtree.variants import MemoryCopy

pytestmark = pytest.mark.realtree

FPU = "arch/x86/kernel/fpu"
XSTATE, INIT = f"{FPU}/xstate.c", f"{FPU}/init.c"
DISABLE = "fpu__init_disable_system_xstate"
SETUP = "fpu__init_system_xstate"
LEGACY = "fpu__init_system_xstate_size_legacy"
PRCTL = "fpu_xstate_prctl"

MASKS = {"fpu_user_cfg.max_features", "fpu_user_cfg.default_features", "fpu_kernel_cfg.default_features"}
GUEST = {"guest_default_cfg.features"}
REGSET = {"x86_64_regsets.n", "x86_32_regsets.n", "xstate_fx_sw_bytes"}
SIZE = "guest_default_cfg.size"

RESET_MASKS = (
    "fpu_user_cfg.max_features = 0; fpu_user_cfg.default_features = 0; "
    "fpu_kernel_cfg.default_features = 0; fpu_kernel_cfg.independent_features = 0;"
)
RESET_INIT = "init_fpstate.size = legacy_size; init_fpstate.xfeatures = 0;"
RESET_REGSET = "update_regset_xstate_info(legacy_size, 0);"


def expected(tree: Path) -> set[str]:
    """What a tree's function leaves and the user ABI reads; guests have a configuration of their own since 6.17."""
    return MASKS | REGSET | (GUEST if version(tree) >= (6, 17) else set())


def resets(result: ScanResult) -> list[Finding]:
    return [finding for finding in result.findings if finding.rule == "FPU301"]


def alone(copy: MemoryCopy) -> list[Finding]:
    """What the rule says of a tree; the other rules are not run."""
    analysis = copy.analysis()
    return partial_reset.find(Flows(analysis, DefUseGraph(analysis)), Sinks(analysis))[0]


def members(finding: Finding) -> set[str]:
    """The stale members, without the indices of arrays."""
    return {item.place.replace("[3]", "").replace("[4]", "") for item in finding.related if item.kind == "set"}


@cache
def scanned(tree: Path) -> ScanResult:
    return MemoryCopy(tree).scan()


@cache
def unmodified(tree: Path) -> Finding:
    (found,) = alone(MemoryCopy(tree))
    return found


@pytest.fixture
def upstream(real_tree: Path) -> Finding:
    return unmodified(real_tree)


@pytest.fixture
def edited(real_tree: Path) -> MemoryCopy:
    return MemoryCopy(real_tree)


@pytest.fixture
def newest(trees: tuple[Path, ...]) -> MemoryCopy:
    return MemoryCopy(tree_of(trees, ""))


@pytest.fixture
def oldest(trees: tuple[Path, ...]) -> MemoryCopy:
    return MemoryCopy(min(trees, key=version))


# --- the unmodified trees ----------------------------------------------------------


def test_one_warning_at_the_first_reset(real_tree: Path, upstream: Finding) -> None:
    tree = TreeCopy(real_tree, real_tree)
    first = tree.place(XSTATE, DISABLE, "fpu_kernel_cfg.max_features")

    assert upstream.severity is Severity.WARNING
    assert (upstream.location.path, upstream.location.line, upstream.location.function) == (XSTATE, first.line, DISABLE)


def test_it_names_what_is_left_and_read(real_tree: Path, upstream: Finding) -> None:
    assert members(upstream) == expected(real_tree)
    assert all(name.partition("[")[0] in upstream.message for name in expected(real_tree) - REGSET)


def test_the_trace_is_the_resets(real_tree: Path, upstream: Finding) -> None:
    sizes = {f"{name}_cfg.{kind}_size" for name in ("fpu_kernel", "fpu_user") for kind in ("max", "default")}
    guest = {SIZE} if version(real_tree) >= (6, 17) else set()

    assert upstream.trace[0].place == "fpu_kernel_cfg.max_features"
    assert {step.place for step in upstream.trace} == {"fpu_kernel_cfg.max_features"} | sizes | guest
    assert {step.location.function for step in upstream.trace} == {DISABLE}


def test_related_says_where_each_was_set(upstream: Finding) -> None:
    places = {item.place.partition("[")[0]: item.location.function for item in upstream.related if item.kind == "set"}

    assert {places[name] for name in MASKS} == {SETUP}
    assert places["xstate_fx_sw_bytes"] == "update_regset_xstate_info"


def test_readers_are_those_of_the_user_abi(real_tree: Path, upstream: Finding) -> None:
    """ARCH_GET_XCOMP_SUPP, the permissions of a new task, its signal frames, and since 6.12 the core dump."""
    readers = {(item.kind, item.location.function) for item in upstream.consumers}
    wanted = {("prctl", PRCTL), ("prctl", "fpstate_reset"), ("sigframe", "__fpstate_reset")}
    dumps = {("coredump", "dump_xsave_layout_desc")} if version(real_tree) >= (6, 12) else set()

    assert readers >= wanted | dumps
    assert "init_xstate_size" not in {name for _, name in readers}


def test_silent_places(upstream: Finding) -> None:
    """IA32_XSS and the initial state are nobody's user ABI."""
    named = {item.place for item in upstream.related}

    assert not {name for name in named if name.startswith("init_fpstate") or name.endswith("independent_features")}


# --- worse -------------------------------------------------------------------------


def drop(tree: TreeCopy, path: str, function: str, statement: str) -> None:
    """Take an assignment of ``legacy_size`` or ``size`` out."""
    tree.replace(path, function, statement, "")


def test_a_size_that_is_not_reset_joins_the_list(newest: MemoryCopy) -> None:
    """v5 of the CET supervisor series: the guest's size kept its value in the disable path."""
    drop(newest, XSTATE, DISABLE, f"{SIZE} = legacy_size;")
    result = newest.scan()

    (found,) = resets(result)
    assert members(found) == expected(newest.source) | {SIZE}
    assert [item.rule for item in against(result, scanned(newest.source)).findings] == ["FPU301"]


def test_a_user_size_that_is_not_reset_joins_the_list(oldest: MemoryCopy) -> None:
    drop(oldest, XSTATE, DISABLE, "fpu_user_cfg.default_size = legacy_size;")

    (found,) = alone(oldest)
    assert members(found) == expected(oldest.source) | {"fpu_user_cfg.default_size"}


def test_no_first_value(newest: MemoryCopy) -> None:
    """v5 of the CET supervisor series: without XSAVE the guest's size stayed 0."""
    drop(newest, INIT, LEGACY, f"{SIZE} = size;")

    found = {item.location.function: item for item in alone(newest)}
    assert set(found) == {LEGACY, DISABLE}
    assert SIZE in found[LEGACY].message
    assert "first value" in found[LEGACY].message
    assert SIZE not in found[DISABLE].message


def test_no_first_value_of_a_user_size(oldest: MemoryCopy) -> None:
    drop(oldest, INIT, LEGACY, "fpu_user_cfg.default_size = size;")

    found = {item.location.function: item for item in alone(oldest)}
    assert set(found) == {LEGACY, DISABLE}
    assert "fpu_user_cfg.default_size" in found[LEGACY].message


def test_both_as_in_v5(newest: MemoryCopy) -> None:
    drop(newest, INIT, LEGACY, f"{SIZE} = size;")
    drop(newest, XSTATE, DISABLE, f"{SIZE} = legacy_size;")

    found = {item.location.function: item for item in alone(newest)}
    assert set(found) == {LEGACY, DISABLE}
    assert all(SIZE in item.message for item in found.values())


def test_a_second_function_is_a_second_finding(newest: MemoryCopy) -> None:
    newest.append(XSTATE, "void fpu_give_up(void)\n{\n\tfpu_kernel_cfg.max_features = 0;\n}")

    found = {item.location.function: members(item) for item in alone(newest)}
    assert set(found) == {DISABLE, "fpu_give_up"}
    assert found["fpu_give_up"] >= MASKS


# --- better ------------------------------------------------------------------------


def fix_features(tree: TreeCopy, code: str = RESET_MASKS) -> None:
    guest = "guest_default_cfg.features = 0;" if version(tree.source) >= (6, 17) else ""
    tree.insert(XSTATE, DISABLE, f"{code} {guest} {RESET_INIT} {RESET_REGSET}", before="init_fpstate.xfd")


def test_all_members_reset(edited: MemoryCopy) -> None:
    fix_features(edited)

    assert alone(edited) == []


def test_a_fix_of_one_member_is_no_new_finding(newest: MemoryCopy) -> None:
    newest.insert(XSTATE, DISABLE, "fpu_user_cfg.max_features = 0;", before="init_fpstate.xfd")
    result, before = newest.scan(), scanned(newest.source)

    (found,) = resets(result)
    (old,) = resets(before)
    assert members(found) == expected(newest.source) - {"fpu_user_cfg.max_features"}
    assert has(before, found, result)
    assert not has(result, old, before)


CONFIG = "struct fpu_state_config"
WHOLE = [
    pytest.param(
        "memset(&fpu_user_cfg, 0, sizeof(fpu_user_cfg)); memset(&fpu_kernel_cfg, 0, sizeof(fpu_kernel_cfg));",
        id="memset",
    ),
    pytest.param(
        f"fpu_user_cfg = ({CONFIG}){{ .max_size = legacy_size }}; fpu_kernel_cfg = ({CONFIG}){{}};",
        id="struct assignment",
    ),
    pytest.param(f"{CONFIG} none = {{}}; fpu_user_cfg = none; fpu_kernel_cfg = none;", id="struct copy"),
    pytest.param(
        f"{CONFIG} *cfg = &fpu_user_cfg; cfg->max_features = 0; cfg->default_features = 0; "
        "cfg = &fpu_kernel_cfg; cfg->default_features = 0; cfg->independent_features = 0;",
        id="pointer",
    ),
    pytest.param("give_up(&fpu_user_cfg); give_up(&fpu_kernel_cfg);", id="helper with a pointer"),
    pytest.param("give_up_all();", id="helper"),
    pytest.param(
        f"{CONFIG} *all[] = {{ &fpu_user_cfg, &fpu_kernel_cfg }}; int i; for (i = 0; i < 2; i++) "
        "{ all[i]->max_features = 0; all[i]->default_features = 0; all[i]->independent_features = 0; }",
        id="loop",
    ),
    pytest.param("WRITE_ONCE(fpu_user_cfg.max_features, 0); give_up_all();", id="WRITE_ONCE"),
]
HELPERS = (
    f"static void __init give_up({CONFIG} *cfg)\n{{\n\tcfg->max_features = 0;\n\tcfg->default_features = 0;\n"
    "\tcfg->independent_features = 0;\n}\n\n"
    "static void __init give_up_all(void)\n{\n\tgive_up(&fpu_user_cfg);\n\tgive_up(&fpu_kernel_cfg);\n}"
)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("code", WHOLE)
def test_other_ways_to_reset_a_whole(newest: MemoryCopy, code: str) -> None:
    fix_features(newest, f"{{ {code} }}")
    newest.insert_above(XSTATE, DISABLE, HELPERS)

    assert [(item.location.function, item.message) for item in alone(newest)] == []


def test_a_helper_that_does_a_part(newest: MemoryCopy) -> None:
    """The helper's resets are the function's; what both leave is one finding."""
    newest.insert_above(XSTATE, DISABLE, HELPERS)
    newest.insert(XSTATE, DISABLE, "give_up(&fpu_user_cfg);", before="init_fpstate.xfd")

    (found,) = alone(newest)
    assert found.location.function == DISABLE
    assert members(found) == expected(newest.source) - {"fpu_user_cfg.max_features", "fpu_user_cfg.default_features"}
    assert {step.location.function for step in found.trace} == {DISABLE, "give_up"}


def test_a_reset_on_some_paths_only(newest: MemoryCopy) -> None:
    newest.insert(XSTATE, DISABLE, "if (legacy_size > 512) fpu_user_cfg.max_features = 0;", before="init_fpstate.xfd")

    (found,) = alone(newest)
    assert "fpu_user_cfg.max_features" in members(found)


def test_before_the_masks_are_set(newest: MemoryCopy) -> None:
    """Nothing is set yet that could stay, as for the early gotos."""
    newest.replace(XSTATE, SETUP, f"{DISABLE}(legacy_size)", "return")
    newest.insert(
        XSTATE,
        SETUP,
        f"if (legacy_size > 4096) {{ {DISABLE}(legacy_size); return; }}",
        before="fpu_kernel_cfg.independent_features =",
    )

    assert alone(newest) == []


def test_a_new_function_that_resets_all(newest: MemoryCopy) -> None:
    regset = RESET_REGSET.replace("legacy_size", "size")
    init = RESET_INIT.replace("legacy_size", "size")
    sizes = "".join(
        f"\tfpu_{name}_cfg.{kind}_size = size;\n" for name in ("kernel", "user") for kind in ("max", "default")
    )
    newest.append(
        XSTATE,
        "void fpu_give_up(unsigned int size)\n{\n\tfpu_kernel_cfg.max_features = 0;\n"
        f"{sizes}\t{RESET_MASKS}\n\tguest_default_cfg.features = 0;\n\t{SIZE} = 512;\n\t{init}\n\t{regset}\n}}",
    )

    assert [item.location.function for item in alone(newest)] == [DISABLE]


# --- the same ----------------------------------------------------------------------


def test_a_new_name_is_another_function_with_the_same_fault(newest: MemoryCopy) -> None:
    text = newest.text(XSTATE)
    newest.write(XSTATE, text.replace(DISABLE, "xsave_give_up"))

    (found,) = alone(newest)
    assert found.location.function == "xsave_give_up"
    assert members(found) == expected(newest.source)


def reader_moves(tree: TreeCopy) -> None:
    tree.insert_at_top(XSTATE, PRCTL, "barrier();\n\n\tbarrier();")


def reader_is_gone(tree: TreeCopy) -> None:
    tree.replace(XSTATE, PRCTL, "fpu_user_cfg.max_features", "0")


def reader_has_a_local(tree: TreeCopy) -> None:
    tree.replace(XSTATE, PRCTL, "fpu_user_cfg.max_features", "({ u64 all = fpu_user_cfg.max_features; all; })")


def readers_are_all_gone(tree: TreeCopy) -> None:
    reset = f"{FPU}/core.c"
    tree.assign(reset, "__fpstate_reset", "fpstate->user_xfeatures", "0")


def line_moves(tree: TreeCopy) -> None:
    tree.insert_above(XSTATE, SETUP, "/* a comment */")


@pytest.mark.parametrize("edit", [reader_moves, reader_is_gone, reader_has_a_local, readers_are_all_gone, line_moves])
def test_an_edit_elsewhere_makes_no_new_finding(newest: MemoryCopy, edit: Callable[[TreeCopy], None]) -> None:
    edit(newest)

    (found,) = alone(newest)
    assert found.fingerprint == unmodified(newest.source).fingerprint
