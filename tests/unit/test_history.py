"""history: each commit with what it brought and took away, scanned only where something that is read differs."""

from __future__ import annotations

import shutil
import time
import tracemalloc
from pathlib import Path

import pytest

from fpuscan.commands.history import Row, history, what_is_left
from fpuscan.errors import NotApplicableError, UsageError
from fpuscan.result import ScanResult
from fpuscan.tree import KernelTree
from fpuscan.triage.baseline import entry_of
from tests.kernel_trees import real_trees
from tests.repositories import CORE, FPU, MAKEFILE, Repository, make_repository
from tests.unit.test_review import Scan


@pytest.fixture
def linux(tmp_path: Path) -> Repository:
    made = make_repository(tmp_path / "linux", {"Makefile": MAKEFILE, CORE: "leak old\n"})
    made.git("tag", "start")
    return made


@pytest.fixture
def scan() -> Scan:
    return Scan()


def rows(linux: Repository, scan: Scan, commits: str = "start..") -> list[Row]:
    return list(history(str(linux.folder), commits, scan))


def told(found: list[Row]) -> list[tuple[str, list[str], list[str]]]:
    return [(row.subject, [item.message for item in row.new], [item.fingerprint for item in row.gone]) for row in found]


def test_each_commit_shows_what_it_brought_and_took_away(linux: Repository, scan: Scan) -> None:
    linux.commit({CORE: "leak old\nrisk a\n"}, "brings a")
    linux.commit({CORE: "leak old\n\nrisk a\n"}, "moves a")
    linux.commit({"NOTES": "text\n"}, "is out of the scope")
    linux.commit({CORE: "leak a\nleak b\n"}, "makes a worse, brings b, mends old")

    found = rows(linux, scan)

    assert told(found) == [
        ("brings a", ["a"], []),
        ("moves a", [], []),
        ("makes a worse, brings b, mends old", ["a", "b"], ["old"]),
    ]
    assert [(row.number, row.total) for row in found] == [(1, 3), (2, 3), (3, 3)]
    lines = list(found[2].lines())
    assert lines[0] == f"{found[2].commit[:12]}    2 new    1 gone  makes a worse, brings b, mends old"
    assert [line[:16] for line in lines[1:]] == ["  + FPU101 error", "  - FPU101 error"]


def test_findings_that_read_alike_are_one_line(linux: Repository, scan: Scan) -> None:
    linux.commit({CORE: "leak old\nleak a\nleak b\n"}, "two")

    (row,) = rows(linux, scan)

    assert [*row.lines()][1:] == [f"  + FPU101 error {entry_of(row.new[0]).text} (2 times)"]


def test_a_commit_that_changes_nothing_that_is_read_is_not_scanned(linux: Repository, scan: Scan) -> None:
    for number in range(10):
        linux.commit({"arch/x86/Kconfig": f"config X{number}\n"}, f"{number}")
    linux.commit({CORE: "leak new\n"}, "last")

    assert len(rows(linux, scan)) == 11
    assert scan.runs == 2


def test_a_merge_is_judged_by_its_first_parent_and_a_branch_by_its_own(linux: Repository, scan: Scan) -> None:
    linux.git("checkout", "--quiet", "-b", "side")
    linux.commit({f"{FPU}/side.c": "leak side\n"}, "side")
    linux.git("checkout", "--quiet", "main")
    linux.commit({f"{FPU}/main.c": "leak main\n"}, "main")
    linux.git("merge", "--quiet", "--no-edit", "-m", "merge", "side")

    assert sorted(told(rows(linux, scan))) == [("main", ["main"], []), ("merge", ["side"], []), ("side", ["side"], [])]


def test_a_range_can_be_gone_on_with(linux: Repository, scan: Scan) -> None:
    for number in range(6):
        linux.commit({CORE: f"leak a{number}\n"}, f"{number}")
    whole = told(rows(linux, scan))

    half = rows(linux, scan)[:3]
    rest = rows(linux, scan, f"{half[-1].commit}..HEAD")

    assert told(half) + told(rest) == whole


def test_what_is_left_of_a_range_begins_on_the_branch_that_it_began_on(linux: Repository, scan: Scan) -> None:
    """A branch of before the range is merged: what came before the range is none of it."""
    old = linux.git("rev-parse", "HEAD")
    linux.commit({CORE: "leak before\n"}, "before")
    linux.git("tag", "-f", "start")
    linux.commit({CORE: "leak first\n"}, "first")
    linux.git("checkout", "--quiet", "-b", "side", old)
    for number in range(3):
        linux.commit({f"{FPU}/side.c": f"leak side{number}\n"}, f"side {number}")
    linux.git("checkout", "--quiet", "main")
    linux.git("merge", "--quiet", "--no-edit", "-m", "merge", "side")
    whole = rows(linux, scan)

    for stop in range(1, len(whole)):
        left = what_is_left(str(linux.folder), "start..", [row.commit for row in whole[:stop]])
        rest = {row.subject for row in rows(linux, scan, left)}
        assert rest >= {row.subject for row in whole[stop:]}
        assert rest <= {row.subject for row in whole}


def test_commits_before_there_was_a_kernel_have_no_findings(tmp_path: Path, scan: Scan) -> None:
    made = make_repository(tmp_path / "linux", {"README": ""})
    made.commit({"include/x.h": "int x;\n"}, "no kernel yet")
    made.commit({"Makefile": MAKEFILE, CORE: "leak old\n"}, "the kernel")

    assert told(rows(made, scan, "HEAD~2..HEAD")) == [("no kernel yet", [], []), ("the kernel", ["old"], [])]


def test_what_the_scan_calls_not_applicable_is_asked_once(linux: Repository) -> None:
    runs = []

    def scan(tree: KernelTree) -> ScanResult:
        runs.append(tree.read(CORE))
        raise NotApplicableError("none of the tracked symbols")

    for number in range(5):
        linux.commit({"arch/x86/Kconfig": f"config X{number}\n"})

    assert all(not row.new and not row.gone for row in history(str(linux.folder), "start..", scan))
    assert len(runs) == 1


def test_bare_repositories_and_folders_of_repositories(linux: Repository, scan: Scan, tmp_path: Path) -> None:
    linux.commit({CORE: "leak new\n"}, "new")
    linux.git("clone", "--quiet", "--bare", ".", tmp_path / "bare.git")
    made = make_repository(tmp_path / "d", {f"src/linux/{CORE}": "leak old\n", "src/linux/Makefile": MAKEFILE})
    made.commit({f"src/linux/{CORE}": "leak new\n"}, "new")

    assert told(rows(Repository(tmp_path / "bare.git"), scan)) == [("new", ["new"], ["old"])]
    assert told(rows(Repository(made.folder / "src/linux"), scan, "HEAD~1..")) == [("new", ["new"], ["old"])]


@pytest.mark.parametrize("commits", ["HEAD", "", "..", "..HEAD", "a...b", "nothing..HEAD", "--all..HEAD", "HEAD..-x"])
def test_what_is_no_range_is_one_line(linux: Repository, scan: Scan, commits: str) -> None:
    with pytest.raises(UsageError) as caught:
        rows(linux, scan, commits)

    assert "\n" not in str(caught.value)
    assert scan.runs == 0


def test_a_long_range_takes_no_more_memory_than_a_short_one(linux: Repository, scan: Scan) -> None:
    branch = "from refs/heads/main\n"
    stream = "".join(
        f"commit refs/heads/long\ncommitter A <a@b> {number} +0000\ndata 1\nx\n"
        f"{'' if number else branch}M 100644 inline arch/x86/Kconfig\ndata 4\n{number:03d}\n\n"
        for number in range(400)
    )
    linux.git("fast-import", "--quiet", data=stream.encode())

    tracemalloc.start()
    going = history(str(linux.folder), "start..long", scan)
    taken = [tracemalloc.get_traced_memory()[0] for row in going if row.number in {100, 400}]
    tracemalloc.stop()

    assert scan.runs == 1
    assert taken[1] < taken[0] + 1_000_000


@pytest.mark.realtree
def test_commits_that_leave_the_code_alone_are_quick_on_a_real_tree(tmp_path: Path) -> None:
    """The scan is a stand-in that reads all of arch/x86, as the real one does: the way around it is measured."""
    made = make_repository(tmp_path / "linux")
    tree = real_trees()[0]
    shutil.copy(tree / "Makefile", made.folder / "Makefile")
    for name in ("arch/x86", "include/linux"):
        shutil.copytree(tree / name, made.folder / name, symlinks=True)
    made.commit({})
    made.git("tag", "start")
    for number in range(40):
        made.commit({"arch/x86/Kconfig.more": f"config X{number}\n"})

    def scan(tree: KernelTree) -> ScanResult:
        for path in tree.list("arch/x86"):
            tree.read(path)
        return Scan()(tree)

    found, started = [], 0.0
    for row in history(str(made.folder), "start..", scan):
        started = started or time.monotonic()
        found.append(row)
    print(f"{(len(found) - 1) / (time.monotonic() - started):.0f} commits a second")

    assert len(found) == 40
    assert found[-1].scans == 1
