"""history with the real engine, on a repository made of the real trees and of generated commits.

What is asserted are scans, findings and memory; the speed is printed, as a machine's speed is no property of the code.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fpuscan.commands.history import Row, history
from fpuscan.git import open_repository
from fpuscan.result import ScanResult
from fpuscan.scan import ScanMemory, ScanOptions, scan
from fpuscan.tree import KernelTree
from fpuscan.trees import open_revision
from tests.effort import WIDE
from tests.realtree.edits import version
from tests.repositories import FPU, Repository, make_repository

pytestmark = pytest.mark.realtree

XSTATE = f"{FPU}/xstate.c"
TOUCHED = (f"{FPU}/core.c", XSTATE, "arch/x86/kvm/x86.c", "arch/x86/kvm/lapic.c", "arch/x86/kvm/cpuid.c")
OUTSIDE = "arch/x86/mm/fault.c"
LEAK = "\tfpu_user_cfg.default_size = guest_default_cfg.size;\n"
_DEFINITION = re.compile(r"^(?!static)[a-z][^\n;={}#]*\([^;{}]*\)\n\{\n", re.MULTILINE)
_MANY = 1000 if WIDE else 300


def import_tree(repository: Repository, tree: Path) -> None:
    """Commit a real tree, straight from where it lies."""
    arguments = ("--work-tree", tree, "add", "--all", "--force", "Makefile", "arch/x86", "include/linux")
    repository.git("-c", "core.compression=0", "--git-dir", repository.folder / ".git", *arguments)
    repository.git("commit", "--quiet", "-m", tree.name)


def commits(repository: Repository, branch: str, changes: Iterator[tuple[str, str, str]]) -> None:
    """Commit (subject, path, text) after another on a new branch from HEAD, without touching a working tree."""
    parts, start = [], "from refs/heads/main\n"
    for number, (subject, path, text) in enumerate(changes):
        data = text.encode("utf-8", "surrogateescape")
        parts.append(
            f"commit refs/heads/{branch}\ncommitter A <a@b> {number} +0000\ndata {len(subject)}\n{subject}\n"
            f"{start}M 100644 inline {path}\ndata {len(data)}\n".encode()
            + data
            + b"\n"
        )
        start = ""
    repository.git("fast-import", "--quiet", data=b"".join(parts))


def text_of(tree: Path, path: str) -> str:
    return (tree / path).read_bytes().decode("utf-8", "surrogateescape")


@pytest.fixture(scope="module")
def linux(trees: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """One commit per real tree, the oldest first."""
    made = make_repository(tmp_path_factory.mktemp("history") / "linux")
    for tree in sorted(trees, key=version):
        import_tree(made, tree)
    return made


@pytest.fixture(scope="module")
def newest(trees: tuple[Path, ...]) -> Path:
    return max(trees, key=version)


def rows(linux: Repository, commits: str) -> tuple[list[Row], ScanMemory]:
    memory = ScanMemory()

    def scanned(tree: KernelTree) -> ScanResult:
        return scan(tree, ScanOptions(memory=memory))

    return list(history(str(linux.folder), commits, scanned, memory)), memory


def test_the_real_trees_one_after_another(linux: Repository, trees: tuple[Path, ...]) -> None:
    found, _ = rows(linux, f"HEAD~{len(trees) - 1}..")

    assert [row.subject for row in found] == [tree.name for tree in sorted(trees, key=version)[1:]]
    assert not any(finding.severity.label == "error" for row in found for finding in row.new)
    assert not any(row.incomplete for row in found)


def test_only_commits_that_can_change_an_answer_are_scanned(linux: Repository, newest: Path) -> None:
    texts = {path: text_of(newest, path) for path in (*TOUCHED, OUTSIDE)}
    first = _DEFINITION.search(texts[XSTATE])
    assert first is not None

    def changes() -> Iterator[tuple[str, str, str]]:
        for path in TOUCHED:
            texts[path] = "/* in front\n * of all\n */\n" + texts[path]
            yield f"comment in {path}", path, texts[path]
        texts[OUTSIDE] += "\nstatic void nobody(void)\n{\n}\n"
        yield "a function outside of the scope", OUTSIDE, texts[OUTSIDE]
        clean = texts[XSTATE]
        yield "leak", XSTATE, clean.replace(first.group(), first.group() + LEAK, 1)
        yield "comment over the leak", XSTATE, "\n\n" + clean.replace(first.group(), first.group() + LEAK, 1)
        yield "mended", XSTATE, clean

    commits(linux, "changes", changes())
    found, _ = rows(linux, "main..changes")

    told = {row.subject: ([each.rule for each in row.new], len(row.gone)) for row in found}
    assert told.pop("leak")[0].count("FPU101") == 1
    assert told.pop("mended")[1] >= 1
    assert all(row == ([], 0) for row in told.values()), told
    # The start, the leak, and what mends it: one comment more makes the text of that commit another one.
    assert [row.scans for row in found] == [1] * 6 + [2, 2, 2]


def test_a_reused_answer_is_that_of_a_cold_scan(linux: Repository, newest: Path) -> None:
    """A statement of its own in one function after another, lowered ones and others."""
    path = "arch/x86/kvm/x86.c"
    text = text_of(newest, path)
    heads = list(_DEFINITION.finditer(text))[::25]

    def changes() -> Iterator[tuple[str, str, str]]:
        changed = text
        for number, head in enumerate(reversed(heads)):  # from behind, so that the places in front stay
            changed = f'{changed[: head.end()]}\tpr_debug_once("{number}");\n{changed[head.end() :]}'
            yield f"statement {number}", path, changed

    commits(linux, "statements", changes())
    found, _ = rows(linux, "main..statements")

    assert not any(row.new or row.gone for row in found)
    scans = [row.scans for row in found]
    print(f"{scans[-1]} scans for {len(found)} statements in functions of {path}")
    assert scans[-1] < len(found), "some functions of KVM have nothing to do with the flows"
    last = [number for number in range(1, len(scans)) if scans[number] == scans[number - 1]][-1]
    tree = open_revision(open_repository(str(linux.folder)), found[last].commit)
    start = open_revision(open_repository(str(linux.folder)), "main")
    assert fingerprints(scan(tree)) == fingerprints(scan(start))


def fingerprints(result: ScanResult) -> list[tuple[str, str]]:
    return sorted((finding.fingerprint, finding.severity.label) for finding in result.findings)


def test_many_commits_take_no_more_memory_than_a_tenth_of_them(linux: Repository, newest: Path) -> None:
    texts = {path: text_of(newest, path) for path in TOUCHED[:2]}

    def changes() -> Iterator[tuple[str, str, str]]:
        for number in range(_MANY):
            path = TOUCHED[number % 2]
            texts[path] += f"/* {number} */\n"
            yield str(number), path, texts[path]

    commits(linux, "many", changes())
    memory = ScanMemory()
    going = history(str(linux.folder), "main..many", lambda tree: scan(tree, ScanOptions(memory=memory)), memory)
    first, taken, started = next(going), {}, time.perf_counter()
    for row in going:
        if row.number in {_MANY // 10, _MANY}:
            taken[row.number] = resident()
        last = row

    seconds = time.perf_counter() - started
    print(f"{(_MANY - 1) / seconds:.0f} commits a second that leave the tracked functions alone")
    print(f"resident: {taken[_MANY // 10] / 1e6:.0f} MB after a tenth, {taken[_MANY] / 1e6:.0f} MB after {_MANY}")
    assert (first.scans, last.scans) == (1, 1)
    assert taken[_MANY] < taken[_MANY // 10] + 40e6


def resident() -> int:
    """Bytes of this process that are in memory."""
    pages = Path("/proc/self/statm")
    if not pages.exists():
        pytest.skip("there is no /proc/self/statm to read the memory of a process from")
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
