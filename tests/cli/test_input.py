"""What the command reads and checks: trees, revisions, patches, baselines, suppressions."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.command import Engine, Run, one_line
from tests.repositories import CORE, Repository
from tests.samples import CLEAN, LEAKY, NOTE, WARNING


def test_the_tree_that_encloses_the_current_folder_is_the_default(
    engine: Engine, fpuscan: Callable[..., Run], tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree / "arch/x86/kernel/fpu")

    assert fpuscan().status == 0
    assert engine.asked[0][0].root == tree.resolve()


def test_rules_are_chosen_by_id_or_slug_and_models_are_passed_on(
    engine: Engine, fpuscan: Callable[..., Run], tree: Path
) -> None:
    run = fpuscan(tree, "--select", "fpu102, FPU101", "--ignore", "guest-default-in-uabi-size", "--model", "a.toml")

    assert run.status == 0
    options = engine.asked[0][1]
    assert (options.select, options.ignore) == (("FPU101", "FPU102"), ("FPU101",))
    assert options.model_files == (Path("a.toml"),)
    assert options.progress is None


def test_a_baseline_leaves_only_what_is_new(
    engine: Engine, fpuscan: Callable[..., Run], tree: Path, tmp_path: Path
) -> None:
    known = tmp_path / "known"
    engine.result = replace(LEAKY, findings=(WARNING, NOTE))

    written = fpuscan(tree, "--write-baseline", known)

    assert (written.status, known.read_text().count("FPU102")) == (0, 2)
    assert "2 known before" in written.out
    assert fpuscan(tree).status == 1
    assert fpuscan(tree, "--baseline", known).status == 0
    engine.result = LEAKY
    before = known.read_bytes()
    assert fpuscan(tree, "--baseline", known).status == 1
    assert known.read_bytes() == before
    both = fpuscan(tree, "--baseline", known, "--write-baseline", known)
    assert (both.status, known.read_text().count("FPU10")) == (1, 3)
    assert fpuscan(tree, "--baseline", known).status == 0


def test_a_damaged_baseline_is_said_before_the_scan(
    engine: Engine, fpuscan: Callable[..., Run], tree: Path, tmp_path: Path
) -> None:
    (tmp_path / "known").write_text("fpuscan-baseline 9\n")

    run = fpuscan(tree, "--baseline", tmp_path / "known")

    assert (run.status, engine.asked) == (2, [])
    assert "is a baseline of version 9" in one_line(run)


def test_an_ignore_comment_changes_the_verdict(engine: Engine, fpuscan: Callable[..., Run], tree: Path) -> None:
    file = tree / WARNING.location.path
    file.write_text("\n" * (WARNING.location.line - 1) + "x = y; /* fpuscan: ignore[FPU102] -- seen */\n")
    engine.result = replace(LEAKY, findings=(WARNING,))

    run = fpuscan(tree)

    assert (run.status, "0 warnings; 1 suppressed" in run.out) == (0, True)


@pytest.mark.parametrize(("arguments", "kind"), [(["--rev", "HEAD"], "RevisionTree"), (["--staged"], "IndexTree")])
def test_a_commit_or_the_index_is_scanned_from_anywhere_in_the_tree(
    engine: Engine,
    fpuscan: Callable[..., Run],
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    kind: str,
) -> None:
    monkeypatch.chdir(repository.folder / "arch/x86/kernel/fpu")

    assert fpuscan(*arguments).status == 0
    assert fpuscan(*arguments, repository.folder).status == 0
    assert [type(tree.base).__name__ for tree, _ in engine.asked] == [kind, kind]


def test_patches_are_read_from_files_and_standard_input(
    engine: Engine, fpuscan: Callable[..., Run], repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    diff = f"--- a/{CORE}\n+++ b/{CORE}\n@@ -1,2 +1,2 @@\n-int a;\n+int c;\n int b;\n"
    (tmp_path / "1.patch").write_text(diff)
    second = io.TextIOWrapper(io.BytesIO(diff.replace("-int a;", "-int c;").replace("+int c;", "+int d;").encode()))
    monkeypatch.setattr("sys.stdin", second)
    seen = []
    engine.action = lambda: seen.append(engine.asked[-1][0].read(CORE))

    run = fpuscan("--patch", tmp_path / "1.patch", "--patch", "-", repository.folder)

    assert run.status == 0
    assert seen == [b"int d;\nint b;\n", b"int a;\nint b;\n"]  # the last state, and what it is compared with


def test_remarks_about_patches_go_to_stderr(
    engine: Engine, fpuscan: Callable[..., Run], repository: Repository, tmp_path: Path
) -> None:
    (tmp_path / "1.patch").write_text("--- a/tools/x.c\n+++ b/tools/x.c\n@@ -1 +1 @@\n-a\n+b\x1b\n")

    run = fpuscan("--patch", tmp_path / "1.patch", repository.folder)

    assert (run.status, engine.result) == (0, CLEAN)
    assert one_line(run).endswith("1.patch: tools/x.c: the tree has no such folder; left out")


def test_findings_that_the_other_state_has_decide_nothing(
    engine: Engine, fpuscan: Callable[..., Run], repository: Repository
) -> None:
    engine.result = LEAKY

    assert fpuscan("--rev", "HEAD", repository.folder).status == 1
    assert fpuscan("--staged", "--against", "HEAD", repository.folder).status == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rev", "nothing"], "error: nothing: there is no such commit"),
        (["--rev", "HEAD", "--staged"], "--rev and --staged contradict"),
        (["--each"], "--each goes with --patch"),
        (["--patch", "nothing"], "error: nothing: cannot be read"),
        (["--against", "nothing"], "is neither a folder nor a commit"),
        (["--demo", "--rev", "HEAD"], "--demo scans a tree of its own"),
        (["--demo", "--against", "HEAD"], "--demo scans a tree of its own"),
    ],
)
@pytest.mark.usefixtures("engine")
def test_wrong_use_of_git_and_patches_is_one_line(
    fpuscan: Callable[..., Run],
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(repository.folder)

    run = fpuscan(*arguments)

    assert (run.status, run.out) == (2, "")
    assert message in one_line(run)
