"""Each row of a history is what two scans of their own find, whatever kind of commit it is about."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fpuscan.commands.history import Row, history
from fpuscan.errors import NotApplicableError
from fpuscan.git import open_repository
from fpuscan.result import Health, ScanResult, TreeInfo
from fpuscan.scan import ScanMemory, ScanOptions, scan
from fpuscan.tree import KernelTree
from fpuscan.trees import open_revision
from fpuscan.triage.compare import against
from tests.fixture_trees import lay_out
from tests.repositories import CORE, FPU, Repository, make_repository

OTHER = "arch/x86/kvm/other.c"
OUTSIDE = "arch/x86/mm/fault.c"
CONFIG = "arch/x86/include/asm/fpu/config.h"
XSTATE = "arch/x86/include/asm/fpu/xstate.h"
STRANGER = """#include <linux/mm.h>

static u64 *kept;

static unsigned long pages_of(unsigned long bytes)
{
	unsigned long pages = bytes >> 12;

	return pages;
}

static void take(u64 *word, void *cookie)
{
	pages_of(4096);
}

static void tell(struct fpstate *fpstate)
{
	u64 word = guest_default_cfg.features;

	take(&word, fpstate);
}

void show(struct fpstate *fpstate)
{
	tell(fpstate);
	fpstate->user_xfeatures = *kept;
}
"""
IDLE = "\tpages_of(4096);\n"
PAGES = "\treturn pages;\n"
USER_MASK = "#define XFEATURE_MASK_USER_RESTORE"


@pytest.fixture
def linux(tmp_path: Path) -> Repository:
    """A leaking tree, with a file of the scope of which the scan looks at little, and one outside of the scope."""
    made = make_repository(lay_out("design-v5-leaky", tmp_path / "linux"))
    made.commit({OTHER: STRANGER, OUTSIDE: STRANGER.replace("guest_default_cfg.features", "0")}, "start")
    made.git("tag", "start")
    return made


def edited(linux: Repository, path: str, old: str, new: str) -> dict[str, str | bytes | None]:
    text = (linux.folder / path).read_text()
    assert text.count(old) == 1
    return {path: text.replace(old, new)}


def rows(linux: Repository) -> list[Row]:
    """The history from the start on, as the command asks for it."""
    memory = ScanMemory()

    def scanned(tree: KernelTree) -> ScanResult:
        return scan(tree, ScanOptions(memory=memory))

    return list(history(str(linux.folder), "start..", scanned, memory))


def cold(linux: Repository, commit: str) -> ScanResult:
    """What a scan that knows nothing of others finds."""
    try:
        return scan(open_revision(open_repository(linux.folder), commit))
    except NotApplicableError:
        return ScanResult(TreeInfo(), Health())


def assert_exact(linux: Repository) -> list[Row]:
    found = rows(linux)
    for row in found:
        after, before = cold(linux, row.commit), cold(linux, f"{row.commit}^")
        expected = against(after, before)
        assert [each.fingerprint for each in row.new] == [each.fingerprint for each in expected.findings], row.subject
        assert row.gone == expected.gone, row.subject
    return found


def test_a_store_to_a_tracked_global_where_no_flow_went(linux: Repository) -> None:
    store = "\tfpu_user_cfg.default_size = guest_default_cfg.size;\n"
    linux.commit(edited(linux, OTHER, PAGES, store + PAGES), "leak")
    linux.commit(edited(linux, OTHER, store, ""), "mend")

    leak, mend = assert_exact(linux)
    assert [each.rule for each in leak.new][:1] == ["FPU101"]
    assert mend.gone


@pytest.mark.parametrize(
    "statement",
    [
        "kept = word;",
        "fpu_user_cfg.default_features = *word;",
        "__builtin_memcpy(&fpu_user_cfg.default_features, word, sizeof(*word));",
        "((struct fpstate *)cookie)->user_xfeatures = *word;",
    ],
)
def test_a_function_that_took_a_value_keeps_it(linux: Repository, statement: str) -> None:
    linux.commit(edited(linux, OTHER, IDLE, f"\t{statement}\n"), "keep")

    (keep,) = assert_exact(linux)
    assert keep.new


def test_a_macro_that_changes_a_mask_and_a_constant_that_does(linux: Repository) -> None:
    leak = "\tfpu_user_cfg.default_features = guest_default_cfg.features & XFEATURE_MASK_USER_RESTORE;\n"
    linux.commit(edited(linux, OTHER, PAGES, leak + PAGES), "masked")
    linux.commit(edited(linux, XSTATE, USER_MASK, f"#define XFEATURE_MASK_USER_RESTORE ~0ULL\n{USER_MASK}_OLD"), "all")
    linux.commit(edited(linux, XSTATE, "~0ULL", "XFEATURE_MASK_FPSSE"), "few")
    linux.commit(
        edited(linux, "arch/x86/include/asm/fpu/types.h", "(1 << XFEATURE_SSE)", "(1 << XFEATURE_CET_KERNEL)"), "odd"
    )

    assert [bool(row.new) for row in assert_exact(linux)] == [True, True, False, True]


def test_files_that_come_and_go_and_are_renamed(linux: Repository) -> None:
    leak = "void more(void)\n{\n\tfpu_user_cfg.default_size = guest_default_cfg.size;\n}\n"
    new = f"{FPU}/more.c"
    linux.commit({new: leak}, "come")
    linux.git("mv", new, f"{FPU}/moved.c")
    linux.commit({}, "rename")
    linux.git("update-index", "--chmod=+x", f"{FPU}/moved.c")
    linux.git("commit", "--quiet", "-m", "mode")
    linux.git("mv", OTHER, "arch/x86/mm/other.c")
    linux.commit({}, "leave the scope")
    linux.commit({f"{FPU}/moved.c": None}, "go")

    come, rename, mode, _, go = assert_exact(linux)
    assert [len(come.new), len(rename.new), len(rename.gone), len(mode.new), len(go.gone)] == [1, 1, 1, 0, 1]


def test_links(linux: Repository) -> None:
    (linux.folder / OTHER).unlink()
    (linux.folder / OTHER).symlink_to(os.path.relpath(OUTSIDE, Path(OTHER).parent))
    linux.commit({}, "a link to a file out of the scope")
    linux.commit({OUTSIDE: STRANGER.replace(IDLE, "\tkept = word;\n")}, "what it leads to leaks")
    (linux.folder / OTHER).unlink()
    (linux.folder / OTHER).symlink_to("nowhere.c")
    linux.commit({}, "a link to nothing")

    *_, broken = assert_exact(linux)
    assert broken.incomplete


def test_a_merge_of_two_halves_of_a_leak(linux: Repository) -> None:
    """Neither branch leaks: one keeps the word, the other lets somebody read it."""
    linux.commit(edited(linux, OTHER, "= *kept;", "= 0;"), "nobody reads it")
    linux.git("checkout", "--quiet", "-b", "side")
    linux.commit(edited(linux, OTHER, IDLE, "\tkept = word;\n"), "keep")
    linux.git("checkout", "--quiet", "main")
    linux.commit(edited(linux, OTHER, "= 0;", "= *kept;"), "read")
    linux.git("merge", "--quiet", "--no-edit", "-m", "merge", "side")

    found = {row.subject: row for row in assert_exact(linux)}
    assert not found["keep"].new
    assert not found["read"].new
    assert found["merge"].new


def test_the_kernel_comes_goes_and_comes_again(linux: Repository) -> None:
    makefile = (linux.folder / "Makefile").read_text()
    linux.commit({"Makefile": "# nothing\n", CORE: (linux.folder / CORE).read_text() + "\n"}, "no kernel")
    linux.commit({"Makefile": makefile, CORE: (linux.folder / CORE).read_text() + "\n"}, "a kernel")

    none, again = assert_exact(linux)
    assert len(none.gone) == len(again.new) > 0


def test_what_changes_nothing_is_not_scanned(linux: Repository) -> None:
    for number, text in enumerate(("/* once more */\n", "\n\n", "")):
        linux.commit({CORE: text + (linux.folder / CORE).read_text(), OUTSIDE: f"int i{number};\n"}, f"{number}")

    assert assert_exact(linux)[-1].scans == 1
