"""Answers of earlier runs: the report is that of a scan, with fewer scans, and nobody can plant one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fpuscan import cache, cli
from fpuscan import scan as scan_room
from fpuscan.cache import key as key_room
from fpuscan.cache import question_key
from fpuscan.cache.values import decode, encode
from fpuscan.commands import beside
from fpuscan.result import ScanResult
from fpuscan.scan import ScanOptions, scan
from fpuscan.tree import open_folder
from tests.repositories import Repository, make_repository
from tests.samples import CLEAN, LEAKY, UNLOCKED

FIXTURES = Path(__file__).parents[2] / "fixtures"
CORE = "arch/x86/kernel/fpu/core.c"
KVM = "arch/x86/kvm/other.c"
OUTSIDE = "arch/x86/mm/fault.c"
STRANGER = """/* nothing about the FPU */
#include <linux/mm.h>

static unsigned long pages_of(unsigned long bytes)
{
	unsigned long pages = bytes >> 12;

	return pages;
}
"""
SOURCE = """#include <asm/fpu/xstate.h>

void __fpstate_reset(struct fpstate *fpstate)
{
	u64 mask = guest_default_cfg.features & XFEATURE_MASK_USER_SUPPORTED;

	fpstate->user_size = fpu_user_cfg.default_size;
	fpstate->user_xfeatures = mask;
}
"""
LEAK = ("= fpu_user_cfg.default_size", "= guest_default_cfg.size")
WORSE = ("guest_default_cfg.features & XFEATURE_MASK_USER_SUPPORTED", "guest_default_cfg.features")
_UNSCANNED = re.compile(r"; the\s+answer\s+is\s+that\s+of\s+an\s+earlier\s+scan:[^;]*?depends\s+on")


@dataclass
class Hook:
    """The command of the hook, in a repository; counts the scans that this process makes."""

    linux: Repository
    capfd: pytest.CaptureFixture[str]
    scanned: list[str] = field(default_factory=list)

    def __call__(self, *arguments: str, said: str = "") -> tuple[int, str]:
        """Run it; gives the status and the report."""
        self.scanned.clear()
        status = cli.run(["--staged", "--against", "HEAD", *arguments, str(self.linux.folder)])
        out, err = self.capfd.readouterr()
        assert said in err
        assert bool(err) is bool(said)
        return status, out

    @property
    def scans(self) -> int:
        return len(self.scanned)


@pytest.fixture
def linux(tmp_path: Path) -> Repository:
    """A small tree in which the scan has something to follow, and files that it does not care about."""
    folder = tmp_path / "linux"
    shutil.copytree(FIXTURES / "_base", folder)
    made = make_repository(folder)
    made.commit({CORE: SOURCE, KVM: STRANGER, OUTSIDE: STRANGER}, "start")
    return made


@pytest.fixture
def hook(linux: Repository, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Hook:
    made = Hook(linux, capfd)
    monkeypatch.setattr(beside, "_cores", lambda: 1)  # a scan in another process would not be counted
    real: Callable[..., ScanResult] = scan_room.scan

    def counted(*arguments: Any) -> ScanResult:
        made.scanned.append("scan")
        return real(*arguments)

    monkeypatch.setattr(scan_room, "scan", counted)
    return made


def stage(linux: Repository, changes: dict[str, str | None]) -> None:
    linux.write(dict(changes))
    linux.git("add", "--all")


def cache_files() -> list[Path]:
    folder = cache.cache_folder()
    assert folder is not None
    return sorted(folder.glob("*")) if folder.exists() else []


# The same report


def steps() -> Iterator[tuple[str, dict[str, str | None], int]]:
    """One commit after the other: what it is, what it changes, and how many scans it takes with HEAD known."""
    text = SOURCE
    yield "nothing of the tree", {"Documentation/x": "text"}, 0
    text = f"/* in front */\n\n{text}"
    yield "a comment", {CORE: text}, 0
    yield "a function nobody asks about", {KVM: STRANGER.replace("12", "13")}, 0
    yield "a file outside of the scope", {OUTSIDE: None, "arch/x86/mm/new.c": STRANGER}, 0
    text = text.replace(*LEAK)
    yield "a leak", {CORE: text}, 1
    text = text.replace("\tfpstate->user_size", "\t/* a remark\n\t */\n\tfpstate->user_size")
    yield "a comment beside a leak", {CORE: text}, 0
    text = text.replace(*WORSE)
    yield "a finding that gets worse", {CORE: text}, 1
    text = text.replace("u64 mask =", "u64 wanted =").replace("= mask;", "= wanted;")
    yield "a renamed local", {CORE: text}, 1
    new = SOURCE.replace("__fpstate_reset", "other_reset").replace(*LEAK)
    text = text.replace("= wanted;", "= wanted & 3;")
    yield "a statement of a function that the flow goes through", {CORE: text}, 1
    yield "a statement with a name that was looked for", {KVM: STRANGER.replace("12", "fpu_user_cfg.default_size")}, 1
    yield "a file of the scope that comes, with a leak", {"arch/x86/kvm/new.c": new}, 1
    yield "a file of the scope that goes", {"arch/x86/kvm/new.c": None}, 0  # as before it came
    yield "an ignore comment", {CORE: text.replace("& 3;\n", "& 3; /* fpuscan: ignore[FPU102] -- why */\n")}, 1
    yield "an ignore comment without a reason", {KVM: f"/* fpuscan: ignore[FPU102] */\n{STRANGER}"}, 1
    yield "mended", {CORE: SOURCE, KVM: STRANGER}, 1
    yield "a header", {"arch/x86/include/asm/fpu/more.h": "struct other_state {\n\tu64 size;\n};\n"}, 1


def plain(report: str) -> str:
    """A text report without line breaks, and without the words that no scan was needed."""
    return " ".join(_UNSCANNED.sub("", report).split())


def test_the_report_of_each_commit_is_that_of_a_scan(hook: Hook) -> None:
    assert hook()[0] == 0
    for what, changes, scans in steps():
        stage(hook.linux, changes)
        expected, report = hook("--no-cache"), hook()
        assert (what, hook.scans) == (what, scans)
        assert (report[0], plain(report[1])) == (expected[0], plain(expected[1]))
        hook.linux.git("commit", "-qm", what, "--allow-empty")


@pytest.mark.parametrize("arguments", [("--format", "json"), ("--format", "sarif"), ("--format", "html"), ("-v",)])
def test_a_report_with_lines_of_known_findings_is_that_of_a_scan(hook: Hook, arguments: tuple[str, ...]) -> None:
    hook.linux.commit({CORE: SOURCE.replace(*LEAK)})
    hook()
    stage(hook.linux, {CORE: f"\n\n/* in front */\n{SOURCE.replace(*LEAK)}"})

    expected = hook("--no-cache", *arguments)

    assert (hook(*arguments), hook.scans) == (expected, 1)
    assert (hook(*arguments), hook.scans) == (expected, 1 if "html" in arguments else 0)  # a graph is not kept


@pytest.mark.parametrize("arguments", [("-q", "--notes"), ("--format", "github")])
def test_a_brief_report_needs_no_scan(hook: Hook, arguments: tuple[str, ...]) -> None:
    hook.linux.commit({CORE: SOURCE.replace(*LEAK)})
    hook()
    stage(hook.linux, {CORE: f"\n\n/* in front */\n{SOURCE.replace(*LEAK)}"})

    report = hook(*arguments)

    assert hook.scans == 0
    assert report == hook("--no-cache", *arguments)


def test_a_leak_that_is_committed_again_is_shown_again_without_a_scan(hook: Hook) -> None:
    stage(hook.linux, {CORE: SOURCE.replace(*LEAK)})
    first = hook()

    again = hook()

    assert first[0] == 1
    assert "[FPU101]" in first[1]
    assert (again, hook.scans) == (first, 0)


def test_a_leak_with_a_comment_more_is_shown_at_its_new_line(hook: Hook) -> None:
    stage(hook.linux, {CORE: SOURCE.replace(*LEAK)})
    hook()
    stage(hook.linux, {CORE: f"/* one line more */\n{SOURCE.replace(*LEAK)}"})

    status, report = hook("-q")

    assert (status, hook.scans) == (1, 1)
    assert report.startswith(f"{CORE}:8:2: error: ")


def test_the_first_run_keeps_both_answers(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """HEAD is scanned in another process, which keeps what it found; so the commit after this one needs no scan."""
    monkeypatch.setattr(beside, "_cores", lambda: 2)
    stage(hook.linux, {CORE: SOURCE.replace("u64 mask", "u64  other").replace("= mask", "= other")})

    assert hook()[0] == 0
    assert hook.scans == 1
    assert len(cache_files()) == 2
    hook.linux.git("commit", "-qm", "change")
    assert hook()[0] == 0
    assert hook.scans == 0


def test_an_unscanned_commit_says_so(hook: Hook) -> None:
    hook()
    stage(hook.linux, {CORE: f"/* one */\n{SOURCE}", KVM: f"/* two */\n{STRANGER}"})

    report = " ".join(hook()[1].split())

    assert "the answer is that of an earlier scan: 2 files differ in what no finding depends on" in report
    assert hook.scans == 0


def test_a_known_answer_imports_no_engine(hook: Hook) -> None:
    """What is slow to import is not, where no scan is needed."""
    hook()
    stage(hook.linux, {"Documentation/x": "text"})
    code = (
        "import sys; from fpuscan import cli; status = cli.run(sys.argv[1:]); "
        "slow = {'fpuscan.scan', 'fpuscan.model', 'fpuscan.patch', 'tree_sitter', 'networkx', 'multiprocessing'}; "
        "sys.exit(status or ', '.join(sorted(slow & set(sys.modules))) or None)"
    )
    command = [sys.executable, "-c", code, "--staged", "--against", "HEAD", str(hook.linux.folder)]

    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=FIXTURES.parent)

    assert (done.returncode, done.stderr) == (0, "")
    assert "known before" in done.stdout


def test_a_folder_is_compared_with_a_known_commit(hook: Hook, capfd: pytest.CaptureFixture[str]) -> None:
    hook()
    hook.linux.write({CORE: SOURCE.replace(*LEAK)})
    hook.scanned.clear()

    status = cli.run(["--against", "HEAD", "-q", str(hook.linux.folder)])

    assert (status, hook.scans) == (1, 1)
    assert capfd.readouterr().out.count("error:") == 1


def test_a_linked_work_tree_knows_what_the_other_has_scanned(hook: Hook, tmp_path: Path) -> None:
    hook()
    hook.linux.git("worktree", "add", "-q", tmp_path / "second")

    hook.linux = Repository(tmp_path / "second")

    assert hook()[0] == 0
    assert hook.scans == 0


# What is not kept, and not used


def test_without_the_cache_nothing_is_read_or_written(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    hook("--no-cache")
    assert cache_files() == []
    monkeypatch.setenv("FPUSCAN_NO_CACHE", "1")
    hook()
    assert cache_files() == []
    monkeypatch.delenv("FPUSCAN_NO_CACHE")
    hook()
    assert len(cache_files()) == 1
    hook("--no-cache")
    assert hook.scans > 0


def test_a_scan_of_one_state_keeps_nothing(linux: Repository, capfd: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["--staged"], ["--rev", "HEAD"]):
        assert cli.run([*arguments, str(linux.folder)]) == 0
    assert cache_files() == []
    assert "earlier" not in capfd.readouterr().out


def test_an_incomplete_answer_is_not_kept(hook: Hook) -> None:
    stage(hook.linux, {CORE: SOURCE + "void f(void) { fpu_user_cfg.default_size = ((; }\n"})
    assert hook()[0] == 4
    hook.linux.git("commit", "-qm", "broken")

    assert hook(said="--against HEAD: is incomplete")[0] == 4
    assert hook.scans == 1


@pytest.mark.parametrize("binary", [True, False])
def test_a_tree_with_a_file_that_cannot_be_read_is_not_kept(hook: Hook, *, binary: bool) -> None:
    if binary:
        hook.linux.write({OUTSIDE: b"\0"})
    else:
        (hook.linux.folder / "arch/x86/mm/link.c").symlink_to("/etc/hostname")
    hook.linux.git("add", "--all")
    hook.linux.git("commit", "-qm", "unreadable")

    hook()

    assert cache_files() == []


@pytest.mark.parametrize("inside", ["", ".git", "arch/x86"])
def test_nothing_is_written_inside_of_the_repository(hook: Hook, monkeypatch: pytest.MonkeyPatch, inside: str) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(hook.linux.folder / inside))

    assert hook()[0] == 0
    assert cache_files() == []


def test_neither_tree_nor_index_nor_refs_are_written(hook: Hook) -> None:
    stage(hook.linux, {CORE: f"/* one */\n{SOURCE}"})

    def snapshot() -> dict[Path, tuple[bytes, int]]:
        files = [path for path in hook.linux.folder.rglob("*") if path.is_file()]
        return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}

    before = snapshot()
    for _ in range(3):
        hook()
    assert snapshot() == before


@pytest.mark.parametrize("content", [b"", b"x", b"fpuscan-cache 1 " + b"0" * 32 + b"\n{}"])
def test_a_damaged_cache_costs_a_scan_and_is_mended(hook: Hook, content: bytes) -> None:
    expected = hook()
    (file,) = cache_files()
    file.write_bytes(content)

    assert (hook(), hook.scans) == (expected, 1)
    assert (hook(), hook.scans) == (expected, 0)


@pytest.mark.parametrize(
    "body", [b"", b"{}\n{}", b"[]\n[]", b'{"state":{"files":{},"listings":[]},"footprint":{}}\n{"Health":[]}', b"\xff"]
)
def test_an_answer_of_another_shape_costs_a_scan(hook: Hook, body: bytes) -> None:
    expected = hook()
    (file,) = cache_files()
    cache.CacheFolder(file.parent).write(file.name[:64], body)

    assert (hook(), hook.scans) == (expected, 1)


def test_a_cache_that_others_can_write_is_not_believed(hook: Hook) -> None:
    hook()
    (file,) = cache_files()
    file.parent.chmod(0o777)

    hook()

    assert hook.scans == 1


# Another repository cannot answer for this one


def test_ids_of_another_repository_are_worth_nothing(hook: Hook, tmp_path: Path) -> None:
    """A hostile repository holds a leak under the id of a clean file: `git cat-file` does not look."""
    hook()
    cache_files()[0].unlink()
    hostile = tmp_path / "hostile"
    shutil.copytree(hook.linux.folder, hostile)
    clean, leaking = SOURCE, SOURCE.replace(*LEAK)
    name, other = (_blob(Repository(hostile), text) for text in (clean, leaking))
    objects = hostile / ".git/objects"
    forged = objects / name[:2] / name[2:]
    forged.chmod(0o644)
    shutil.copy(objects / other[:2] / other[2:], forged)
    good, hook.linux = hook.linux, Repository(hostile)
    assert hook()[0] == 0  # the leak is in its HEAD and in its index
    assert len(cache_files()) == 1

    hook.linux = good
    stage(good, {CORE: leaking})

    assert hook()[0] == 1


def test_a_replaced_object_is_not_looked_at(hook: Hook) -> None:
    """refs/replace would give other bytes under the same id."""
    hook()
    clean, leaking = (_blob(hook.linux, text) for text in (SOURCE, SOURCE.replace(*LEAK)))
    hook.linux.git("replace", clean, leaking)

    assert hook() == hook("--no-cache")
    assert hook()[0] == 0


def _blob(linux: Repository, text: str) -> str:
    return linux.git("hash-object", "-w", "--stdin", data=text.encode())


# What the answer depends on beside the tree


def test_other_rules_and_models_are_other_questions(hook: Hook, tmp_path: Path) -> None:
    model = tmp_path / "model.toml"
    model.write_text("")
    asked = [(), ("--select", "FPU101"), ("--ignore", "FPU101"), ("--model", str(model))]
    for arguments in asked:
        hook(*arguments)
        assert hook.scans == 1
        hook(*arguments)
        assert hook.scans == 0
    assert len(cache_files()) == len(asked)
    model.write_text("# another model\n")
    hook("--model", str(model))
    assert hook.scans == 1


def test_a_model_that_cannot_be_read_is_the_error_that_it_was(
    linux: Repository, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("nothing.toml", "a\0b"):
        arguments = ["--staged", "--against", "HEAD", "--model", name, str(linux.folder)]
        results = [(cli.run([*more, *arguments]), capfd.readouterr()) for more in ([], ["--no-cache"])]
        assert results[0] == results[1]


def test_a_model_from_a_pipe_is_left_to_the_scan(tmp_path: Path) -> None:
    """Who reads `--model <(command)` for a key takes it away from the scan."""
    os.mkfifo(tmp_path / "model")

    with pytest.raises(OSError, match="model"):
        question_key([], [], [tmp_path / "model"])


def test_a_model_that_is_changed_under_the_scan_spoils_no_answer(
    hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "model.toml"
    model.write_text("")
    counted: Callable[..., ScanResult] = scan_room.scan

    def meanwhile(*arguments: Any) -> ScanResult:
        model.write_text("# changed\n")
        return counted(*arguments)

    monkeypatch.setattr(scan_room, "scan", meanwhile)

    assert hook("--model", str(model))[0] == 0
    assert cache_files() == []


def test_the_key_is_of_this_very_fpuscan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def key() -> str:
        return question_key(["FPU101"], [], [])

    first = key()
    assert key() == first
    changes: list[tuple[object, str, object]] = [
        (key_room, "__version__", "0.0.0"),
        (sys, "version", "3.99"),
        (key_room, "_LIBRARIES", ("tree_sitter",)),
    ]
    for place, name, value in changes:
        with monkeypatch.context() as patched:
            patched.setattr(place, name, value)
            assert key() != first, name
    assert question_key([], ["FPU101"], []) != first != question_key([], [], [])

    package, queries = tmp_path / "fpuscan", tmp_path / "queries"
    shutil.copytree(key_room._PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(key_room._PACKAGE.parent / "queries", queries)
    monkeypatch.setattr(key_room, "_PACKAGE", package)
    monkeypatch.setattr(key_room, "shipped_folder", lambda _: queries)
    assert key() == first
    seen = {first}
    for file in (package / "engine/search/flows.py", package / "model/xstate.toml", next(queries.glob("*.scm"))):
        file.write_bytes(file.read_bytes() + b"\n")
        assert key() not in seen, file
        seen.add(key())


def test_another_build_of_a_library_is_another_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tree_sitter").mkdir()
    (tmp_path / "tree_sitter/__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    first = question_key([], [], [])

    os.utime(tmp_path / "tree_sitter/__init__.py", (1, 1))

    assert question_key([], [], []) != first


# Values


@pytest.mark.parametrize("result", [CLEAN, LEAKY, UNLOCKED])
def test_a_result_comes_back_as_it_was(result: ScanResult) -> None:
    assert decode(encode(result)) == result


def test_the_result_of_a_scan_comes_back_as_it_was() -> None:
    result = scan(open_folder(FIXTURES / "demo"), ScanOptions(graph=True, provenance="uabi"))

    assert decode(encode(result)) == result


@pytest.mark.parametrize("data", [{"Nothing": []}, {"Path": ["/"]}, {"ScanResult": []}, {}, {"Health": 1}])
def test_other_values_are_refused(data: object) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        decode(data)
    with pytest.raises(TypeError):
        encode(Path("/"))
