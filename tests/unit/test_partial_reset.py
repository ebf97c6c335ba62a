"""FPU301 in a mini tree: what the finding says, and what its fingerprint depends on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fpuscan.result import CONFIGURATION, Finding, Severity
from fpuscan.scan import scan
from fpuscan.tree import open_folder
from fpuscan.triage.baseline import covers

FIXTURES = Path(__file__).parents[2] / "fixtures"
INIT = "arch/x86/kernel/fpu/init.c"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The boot code in short, whose function ``give_up()`` leaves three masks."""
    shutil.copytree(FIXTURES / "_base", tmp_path / "linux")
    shutil.copytree(FIXTURES / "reset-goto", tmp_path / "linux", dirs_exist_ok=True)
    return tmp_path / "linux"


def edit(tree: Path, old: str, new: str) -> None:
    text = (tree / INIT).read_text()
    assert text.count(old) == 1
    (tree / INIT).write_text(text.replace(old, new))


def resets(tree: Path) -> list[Finding]:
    return [finding for finding in scan(open_folder(tree)).findings if finding.rule == "FPU301"]


def reset(tree: Path) -> Finding:
    (found,) = resets(tree)
    return found


def test_the_finding_names_members_settings_and_readers(tree: Path) -> None:
    found = reset(tree)
    text = (tree / INIT).read_text().splitlines()

    assert (found.severity, found.location.function, found.sink.kind) == (Severity.WARNING, "give_up", CONFIGURATION)
    assert "fpu_kernel_cfg.default_features, guest_default_cfg.features keep" in found.message
    assert {(item.place, text[item.location.line - 1].strip()) for item in found.related if item.kind == "set"} == {
        ("fpu_kernel_cfg.default_features", text[found.source.location.line - 1].strip()),
        ("guest_default_cfg.features", "guest_default_cfg.features = fpu_kernel_cfg.max_features;"),
    }
    assert {item.location.function for item in found.related if item.kind == "read"} == {"fpstate_reset"}
    assert {(item.kind, item.location.function) for item in found.consumers} == {("prctl", "fpstate_reset")}


def test_the_trace_is_the_resets_in_order(tree: Path) -> None:
    found = reset(tree)
    lines = [step.location.line for step in found.trace]

    assert not found.is_flow
    assert found.trace[0].location == found.location
    assert lines == sorted(lines)
    assert len(lines) == 6
    assert not any(step.crossing or step.after for step in found.trace)


def test_a_reader_is_no_part_of_the_fingerprint(tree: Path) -> None:
    before = reset(tree)
    edit(tree, "fpu->guest_perm.__state_perm = guest_default_cfg.features;", "barrier();\n")
    after = reset(tree)

    assert "guest_default_cfg.features" not in after.message
    assert after.fingerprint == before.fingerprint


def test_lines_and_names_of_locals_are_no_part_of_the_fingerprint(tree: Path) -> None:
    before = reset(tree)
    edit(tree, "static void __init give_up(unsigned int size)\n{", "\nstatic void __init give_up(unsigned int s)\n{\n")
    text = (tree / INIT).read_text()
    start = text.index("give_up(unsigned int s)")
    end = text.index("}", start)
    (tree / INIT).write_text(text[:start] + text[start:end].replace("= size;", "= s;") + text[end:])

    assert reset(tree).fingerprint == before.fingerprint


def test_one_more_member_is_worse_and_one_less_is_not(tree: Path) -> None:
    before = reset(tree)
    assignment = (
        "fpu_user_cfg.max_size = size;\n\tfpu_user_cfg.default_size = size;\n\tguest_default_cfg.size = size;\n}\n"
    )
    last = assignment + "\nstatic void __init give_all_up"
    edit(tree, last, last.replace("\tguest_default_cfg.size = size;\n", ""))
    worse, all_up = resets(tree)  # give_all_up() relies on give_up()
    edit(
        tree,
        last.replace("\tguest_default_cfg.size = size;\n", ""),
        last.replace("size;\n}", "size;\n\tguest_default_cfg.features = 0;\n}"),
    )
    better = reset(tree)

    assert "guest_default_cfg.size" in worse.message
    assert (all_up.location.function, "guest_default_cfg.size" in all_up.message) == ("give_all_up", True)
    assert not covers(before, worse)
    assert covers(before, better)
    assert not covers(better, before)


def test_another_function_is_another_finding(tree: Path) -> None:
    before = reset(tree)
    text = (tree / INIT).read_text()
    (tree / INIT).write_text(text.replace("give_up(", "stop_xsave("))

    assert not covers(before, reset(tree))


@pytest.mark.parametrize(("bound", "silent"), [("2", True), ("ARRAY_SIZE(all)", True), ("count", False), ("0", False)])
def test_a_loop_resets_if_it_runs_for_certain(tree: Path, bound: str, silent: bool) -> None:  # noqa: FBT001
    loop = f"""
	struct fpu_state_config *all[] = {{ &fpu_kernel_cfg, &fpu_user_cfg }};
	int i, count = eax_of_nobody();

	for (i = 0; i < {bound}; i++) {{
		all[i]->default_features = 0;
		all[i]->max_features = 0;
	}}
	guest_default_cfg.features = 0;
"""
    edit(
        tree,
        "static void __init give_up(unsigned int size)\n{",
        "static void __init give_up(unsigned int size)\n{" + loop,
    )

    assert (resets(tree) == []) is silent


@pytest.mark.parametrize(
    ("value", "silent"),
    [
        pytest.param("remembered", True, id="a global that another function set from a member"),
        pytest.param("nobody_knows()", True, id="a function of nobody"),
        pytest.param("boot_cpu_has(X86_FEATURE_XSAVE)", True, id="what the CPU says"),
        pytest.param("enumerated()", True, id="a function that asks the CPU"),
        pytest.param("read_through(&fpu_kernel_cfg)", True, id="a member behind a pointer"),
        pytest.param("sum(5)", False, id="a function of constants"),
        pytest.param("constant", False, id="a global that nobody sets anew"),
        pytest.param("fpu_kernel_cfg.legacy_features", False, id="a member that was never enumerated"),
    ],
)
def test_only_what_is_known_to_be_fixed_resets(tree: Path, value: str, silent: bool) -> None:  # noqa: FBT001
    """A store of what the CPU says, or of what nobody knows, is not held against the function."""
    helpers = """
static u64 remembered, constant = 3;

void remember(void)
{
	remembered = fpu_kernel_cfg.max_features;
}

static u64 enumerated(void)
{
	unsigned int eax, ebx, ecx, edx;

	cpuid_count(0xd, 1, &eax, &ebx, &ecx, &edx);
	return eax;
}

static u64 read_through(struct fpu_state_config *cfg)
{
	return cfg->default_features;
}

static u64 sum(u64 last)
{
	u64 all = 0, i;

	for (i = 0; i < last; i++)
		all += i;
	return all;
}

"""
    start, end = "static void __init give_up(unsigned int size)\n{", "}\n\nstatic void __init give_all_up"
    text = (tree / INIT).read_text()
    body = f"{start}\n\tfpu_kernel_cfg.max_features = {value};\n"
    (tree / INIT).write_text(text[: text.index(start)] + helpers + body + text[text.index(end) :])

    assert ("give_up" not in {found.location.function for found in resets(tree)}) is silent


def test_values_that_are_used_twice_take_no_time(tree: Path) -> None:
    """Each local is twice the one before: there are 2**60 ways to the first."""
    chain = "\tu64 t0 = 1;\n" + "".join(f"\tu64 t{n + 1} = t{n} + t{n};\n" for n in range(60))
    edit(tree, "static void __init give_up_early(void)\n{", f"static void __init give_up_early(void)\n{{\n{chain}\n")
    edit(tree, "fpu_kernel_cfg.max_features = 0; /* ok FPU301: nothing else", "fpu_kernel_cfg.max_features = t59; /*")

    assert reset(tree).location.function == "give_up"


def test_a_first_value_from_elsewhere_is_one(tmp_path: Path) -> None:
    """Code that nobody of the scope calls may run first: then the size is set on every path."""
    shutil.copytree(FIXTURES / "_base", tmp_path / "linux")
    shutil.copytree(FIXTURES / "reset-first-value", tmp_path / "linux", dirs_exist_ok=True)
    (without,) = resets(tmp_path / "linux")
    with (tmp_path / "linux" / INIT).open("a") as file:
        file.write("\nvoid __init guest_sizes(void)\n{\n\tguest_default_cfg.size = 512;\n}\n")

    assert without.location.function == "legacy_sizes"
    assert resets(tmp_path / "linux") == []
