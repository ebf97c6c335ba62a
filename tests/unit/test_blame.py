"""blame: each finding names the commit that introduced its statement, wherever the statement stands today."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fpuscan.commands.blame import Commit, blame, parse_blame
from fpuscan.commands.request import Request, answer
from fpuscan.commands.review import Scanner
from fpuscan.patch import apply_series, read_patches
from fpuscan.result import Finding, Health, Location, ScanResult
from fpuscan.tree import KernelTree
from fpuscan.trees import open_tree
from tests.repositories import CORE, FPU, MAKEFILE, Repository, make_repository
from tests.samples import ERROR


@pytest.fixture
def linux(tmp_path: Path) -> Repository:
    made = make_repository(tmp_path / "linux", {"Makefile": MAKEFILE, CORE: "one\nleak\nthree\n"})
    made.commit({CORE: "zero\none\nleak\nthree;\n"}, 'Say "zero"')
    made.commit({CORE: "zero\n\tone\n\tleak\nthree;\nleak(a,\n     b);\n"}, "Leak twice")
    return made


def scan(tree: KernelTree) -> ScanResult:
    """A finding for every line with "leak"; a call ends behind its second line."""
    lines = (tree.read(CORE) or b"").decode().split("\n")
    at = [
        Location(CORE, number, 1, number + ("(" in line), 9) for number, line in enumerate(lines, 1) if "leak" in line
    ]
    return ScanResult(tree.info(), Health(), tuple(_found(where) for where in at))


def _found(where: Location) -> Finding:
    return replace(ERROR, location=where, fingerprint=str(where.line), related=())


def blamed(tree: KernelTree, folder: str | None = None) -> list[tuple[int, str, str]]:
    """(line, kind, subject) of each finding, and no remark."""
    result, notes = blame(scan(tree), tree, folder)
    assert notes == ()
    return [
        (finding.location.line, item.kind, item.place.partition('("')[2].partition('") by')[0])
        for finding in result.findings
        for item in finding.related
    ]


def test_the_commit_is_named_with_subject_author_and_day(linux: Repository) -> None:
    result, _ = blame(scan(open_tree(str(linux.folder))), open_tree(str(linux.folder)), None)

    first = linux.git("rev-parse", "HEAD~2")[:12]
    assert result.findings[0].related[0].place == f'{first} ("start") by A Developer, 2024-01-02'


@pytest.mark.parametrize("choice", [{}, {"revision": "HEAD"}, {"staged": True}])
def test_every_state_is_blamed(linux: Repository, choice: dict[str, str]) -> None:
    """White space alone is nobody's work."""
    tree = open_tree(str(linux.folder), **choice)  # type: ignore[arg-type]

    assert blamed(tree, str(linux.folder)) == [(3, "introduced by", "start"), (5, "introduced by", "Leak twice")]


def test_an_old_commit_is_blamed_on_its_own_past(linux: Repository) -> None:
    assert blamed(open_tree(str(linux.folder), revision="HEAD~1"), str(linux.folder)) == [(3, "introduced by", "start")]


def test_lines_that_moved_and_lines_that_are_not_committed(linux: Repository) -> None:
    linux.write({CORE: "new\nleak new\nzero\n\tone\n\tleak\nthree;\nleak(a,\n     c);\nend\n"})
    linux.git("add", ".")
    expected = [(2, "not committed", ""), (5, "introduced by", "start"), (7, "not committed", "")]

    assert blamed(open_tree(str(linux.folder))) == expected
    assert blamed(open_tree(str(linux.folder), staged=True), str(linux.folder)) == expected


def test_patches_are_not_committed(linux: Repository) -> None:
    base = open_tree(str(linux.folder))
    diff = f"--- a/{CORE}\n+++ b/{CORE}\n@@ -1 +1,2 @@\n zero\n+leak 0\n"
    tree = apply_series(base, read_patches(diff.encode(), "x"))[0].tree

    assert blamed(tree)[:2] == [(2, "not committed", ""), (4, "introduced by", "start")]


def test_bare_repositories_and_folders_of_repositories(linux: Repository, tmp_path: Path) -> None:
    linux.git("clone", "--quiet", "--bare", ".", tmp_path / "bare.git")
    bare = str(tmp_path / "bare.git")
    made = make_repository(tmp_path / "distribution", {"README": ""})
    shutil.copytree(linux.folder, made.folder / "src/linux", ignore=shutil.ignore_patterns(".git"))
    made.commit({}, "Import")
    inside = str(made.folder / "src/linux")

    assert len(blamed(open_tree(bare, revision="HEAD"), bare)) == 2
    for choice in ({}, {"revision": "HEAD"}, {"staged": True}):
        tree = open_tree(inside, **choice)
        assert blamed(tree, inside)[0] == (3, "introduced by", "Import")


def test_a_request_from_below_is_blamed(linux: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(linux.folder / FPU)

    for request in (Request(blame=True), Request(rev="HEAD", blame=True), Request(staged=True, blame=True)):
        result = answer(request, Scanner(scan), lambda _: b"").result
        assert [item.kind for finding in result.findings for item in finding.related] == ["introduced by"] * 2


def test_a_shallow_clone_knows_only_that_it_was_not_later(linux: Repository, tmp_path: Path) -> None:
    linux.git("clone", "--quiet", "--depth=1", f"file://{linux.folder}", tmp_path / "shallow")

    assert [kind for _, kind, _ in blamed(open_tree(str(tmp_path / "shallow")))] == ["in or before"] * 2


def test_a_partial_clone_that_lacks_the_history_is_told(linux: Repository, tmp_path: Path) -> None:
    linux.git("config", "uploadpack.allowFilter", "true")
    linux.git("clone", "--quiet", "--filter=blob:none", f"file://{linux.folder}", tmp_path / "partial")
    tree = open_tree(str(tmp_path / "partial"))

    _, (note,) = blame(scan(tree), tree, None)

    assert note.endswith("git blame needs objects that this partial clone lacks; git fetch --refetch gets them")


def test_a_tree_without_repository_is_told(linux: Repository) -> None:
    shutil.rmtree(linux.folder / ".git")
    tree = open_tree(str(linux.folder))
    result = scan(tree)

    assert blame(result, tree, None) == (result, (f"nobody to blame: {linux.folder}: is in no git repository",))


def test_a_hostile_repository_runs_nothing(linux: Repository, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\necho $0 >> '{mark}'\ncat \"$1\"\n")
    trap.chmod(0o755)
    linux.commit({".gitattributes": "* diff=evil filter=evil\n"})
    for name in ("diff.evil.textconv", "filter.evil.clean", "filter.evil.smudge", "core.fsmonitor", "core.pager"):
        linux.git("config", name, str(trap))
    mark.unlink(missing_ok=True)

    for choice in ({}, {"revision": "HEAD"}, {"staged": True}):
        tree = open_tree(str(linux.folder), **choice)
        assert len(blamed(tree, str(linux.folder))) == 2
    assert not mark.exists()
    linux.git("blame", CORE)
    assert mark.exists()  # else this test proves nothing


def test_a_commit_may_claim_anything() -> None:
    porcelain = b"%s 1 1 1\nauthor \xff\nauthor-time 99999999999999999\nauthor-tz +9999\nsummary \n\tint a;\n" % (
        b"a" * 40
    )

    found = parse_blame(porcelain)[1]

    assert str(found) == 'aaaaaaaaaaaa ("") by \ufffd, 99999999999999999 s'
    assert str(Commit("b" * 40, "B", 0, "-0030", "s")) == 'bbbbbbbbbbbb ("s") by B, 1969-12-31'
