"""The hook under the real pre-commit, on a git repository made of a real kernel tree."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.test_hook import CORE, Repository, environment, hook_source, install_hook, repository

pytestmark = [pytest.mark.realtree, pytest.mark.slow]

XSTATE = "arch/x86/kernel/fpu/xstate.c"
LAPIC = "arch/x86/kvm/lapic.c"
MASK = "guest_default_cfg.features"
SIZE = "fpu_user_cfg.default_size"
LEAK = "guest_default_cfg.size"


@pytest.fixture(scope="module")
def kernel(root: Path, trees: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A tree that has guest defaults, with the hook installed."""
    tree = next(each for each in reversed(trees) if MASK in (each / XSTATE).read_text())
    top = tmp_path_factory.mktemp("hook-real")
    variables = environment(top / "home")
    for name in ("arch/x86", "include/linux"):
        shutil.copytree(tree / name, top / "linux" / name, symlinks=True)
    shutil.copy(tree / "Makefile", top / "linux/Makefile")
    made = repository(top / "linux", variables)
    install_hook(made, hook_source(root, top, variables))
    return made


def kept(kernel: Repository) -> set[str]:
    """The answers that the hook has kept: one for each state that it has scanned."""
    return {file.name for file in Path(kernel.environment["XDG_CACHE_HOME"], "fpuscan").glob("*")}


def test_a_commit_passes_though_the_tree_has_a_warning_of_its_own(kernel: Repository) -> None:
    """fpu__init_disable_system_xstate() is reported in every tree; it is no fault of this commit."""
    text = (kernel.folder / XSTATE).read_text()
    for number, scanned in ((1, 2), (2, 2)):  # HEAD and the index; then neither
        started = time.perf_counter()

        done = kernel.commit(XSTATE, "/* one line more */\n" * number + text)

        print(f"commit {number} of a comment waits {time.perf_counter() - started:.2f} s")
        assert done.returncode == 0, done.stdout
        assert "Passed" in done.stdout
        assert len(kept(kernel)) == scanned


def test_a_commit_in_kvm_passes(kernel: Repository) -> None:
    text = (kernel.folder / LAPIC).read_text()
    before = kept(kernel)
    started = time.perf_counter()

    done = kernel.commit(LAPIC, text + "\nstatic void __maybe_unused nobody(void)\n{\n}\n")

    print(f"a commit of a function waits {time.perf_counter() - started:.2f} s")
    assert done.returncode == 0, done.stdout
    assert "Passed" in done.stdout
    assert len(kept(kernel) - before) <= 2


def test_a_statement_that_no_finding_depends_on_is_not_scanned_for(kernel: Repository) -> None:
    text = (kernel.folder / LAPIC).read_text()
    declared = text.index(";\n", text.index("void kvm_apic_set_x2apic_id(struct kvm_lapic *apic, u32 id)\n{")) + 2
    kernel.commit(LAPIC, text + "\n")
    before = kept(kernel)
    started = time.perf_counter()

    done = kernel.commit(LAPIC, f'{text[:declared]}\tpr_debug_once("id");\n{text[declared:]}')

    print(f"a commit of a statement waits {time.perf_counter() - started:.2f} s")
    assert done.returncode == 0, done.stdout
    assert kept(kernel) == before


def test_a_leak_is_refused_and_nothing_else_is_shown(kernel: Repository) -> None:
    text = (kernel.folder / CORE).read_text()
    assert SIZE in text
    leaking = text.replace(SIZE, LEAK)
    started = time.perf_counter()

    done = kernel.commit(CORE, leaking)

    print(f"a commit that leaks waits {time.perf_counter() - started:.2f} s")
    kernel.git("reset", "-q", "--hard")
    assert done.returncode != 0
    assert "Failed" in done.stdout
    assert "[FPU101]" in done.stdout
    assert "FPU301" not in done.stdout
    lines = [number for number, line in enumerate(leaking.split("\n"), start=1) if LEAK in line]
    reported = [int(line.split(":")[1]) for line in done.stdout.split("\n") if line.startswith(f"{CORE}:")]
    assert reported
    assert set(reported) <= set(lines)
