"""The command: what each option does, every exit status, and one clear line whatever goes wrong.

The scan itself is replaced where only the command is looked at, so these
tests say nothing about the engine and do not wait for it.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from fpuscan import __version__, beside, cli
from fpuscan.errors import ModelError, NotApplicableError
from fpuscan.lock import write_lock
from fpuscan.report import FORMATS
from fpuscan.result import ScanResult
from fpuscan.rules.info import RULE_INFOS
from fpuscan.tree import KernelTree
from tests.repositories import CORE, Repository, make_repository
from tests.samples import ASKED, CLEAN, CONTROLLED, INCOMPLETE, LEAKY, NOTE, PROVENANCE, WARNING


@dataclass
class Engine:
    """Stands in for fpuscan.scan: gives `result`, or does what `action` does, and remembers what it was asked."""

    result: ScanResult = CLEAN
    action: Callable[[], None] | None = None
    asked: list[Any] = field(default_factory=list)
    scan_of: Callable[[KernelTree], ScanResult] | None = None

    def scan(self, tree: KernelTree, options: object) -> ScanResult:
        self.asked.append((tree, options))
        if self.action:
            self.action()
        return self.scan_of(tree) if self.scan_of else self.result


@dataclass
class Run:
    """What one run of the command gave."""

    status: int
    out: str
    err: str


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    @dataclass(frozen=True)
    class ScanOptions:
        select: tuple[str, ...]
        ignore: tuple[str, ...]
        model_files: tuple[Path, ...]
        progress: Callable[[str], None] | None
        graph: bool
        memory: object
        provenance: str | None

    stand_in, module = Engine(), ModuleType("fpuscan.scan")
    memory = partial(SimpleNamespace, footprint=None)
    module.__dict__.update(scan=stand_in.scan, ScanOptions=ScanOptions, ScanMemory=memory)
    monkeypatch.setitem(sys.modules, "fpuscan.scan", module)
    return stand_in


@pytest.fixture
def fpuscan(capfd: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    def run(*arguments: str | Path) -> Run:
        status = cli.run([str(argument) for argument in arguments])
        return Run(status, *capfd.readouterr())

    return run


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The least that is a kernel tree."""
    top = tmp_path / "linux"
    (top / "arch/x86/kernel/fpu").mkdir(parents=True)
    (top / "Makefile").write_text("VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 0\nEXTRAVERSION =\n")
    return top


def process(*arguments: str | Path, **settings: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fpuscan", *map(str, arguments)]
    settings = {"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": 60, **settings}
    return subprocess.run(command, text=True, check=False, **settings)


def one_line(run: Run) -> str:
    """The error message, which must be one line with the program's name."""
    lines = run.err.splitlines()

    assert len(lines) == 1, run.err
    assert lines[0].startswith("fpuscan: ")
    return lines[0]


# Exit statuses


@pytest.mark.parametrize(
    ("result", "arguments", "status"),
    [
        (CLEAN, [], 0),
        (LEAKY, [], 1),
        (replace(CLEAN, findings=(WARNING,)), [], 1),
        (replace(CLEAN, findings=(WARNING,)), ["--fail-on", "error"], 0),
        (replace(CLEAN, findings=(NOTE,)), [], 0),
        (replace(CLEAN, findings=(NOTE,)), ["--fail-on", "note"], 1),
        (LEAKY, ["--fail-on", "never"], 0),
        (INCOMPLETE, [], 4),
        (INCOMPLETE, ["--fail-on", "never"], 4),
        (replace(INCOMPLETE, findings=(NOTE,)), [], 4),
        (replace(INCOMPLETE, findings=(WARNING,)), [], 1),
    ],
)
def test_the_status_says_findings_before_incomplete(
    engine: Engine, fpuscan: Callable[..., Run], tree: Path, result: ScanResult, arguments: list[str], status: int
) -> None:
    engine.result = result

    assert fpuscan(tree, *arguments).status == status


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nothing"], 2, "nothing: no such file or directory"),
        (["linux/Makefile"], 2, "linux/Makefile: is not a folder"),
        (["."], 3, ".: is no Linux tree"),
        ([], 3, "no kernel tree encloses this folder"),
        (["linux/arch"], 3, "the tree that encloses it is"),
        (["--select", "FPU999", "linux"], 2, "--select FPU999: there is no such rule"),
        (["--ignore", "FPU101,nonsense", "linux"], 2, "--ignore nonsense: there is no such rule"),
        (["--explain", ""], 2, "there is no such rule"),
        (["--select", "FPU101", "--ignore", "FPU101", "linux"], 2, "leave no rule to check"),
        (["--demo", "linux"], 2, "--demo scans a tree of its own"),
        (["-q", "-v", "linux"], 2, "-q and -v contradict"),
        (["--fail-on", "fatal", "linux"], 2, "'fatal' is not one of"),
        (["--format", "xml", "linux"], 2, "'xml' is not one of"),
        (["--nonsense"], 2, "--nonsense"),
        (["linux", "linux"], 2, "unexpected extra argument"),
        (["-o", "nowhere/report", "linux"], 2, "nowhere/report: cannot write the report (No such file or directory)"),
        (["-o", "linux", "linux"], 2, "linux: cannot write the report (Is a directory)"),
        (["bad\x1b[2J"], 2, "bad\\x1b[2J: no such file"),
    ],
)
def test_wrong_usage_is_one_line(
    engine: Engine,
    fpuscan: Callable[..., Run],
    tree: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    status: int,
    message: str,
) -> None:
    monkeypatch.chdir(tree.parent)

    run = fpuscan(*arguments)

    assert (run.status, run.out) == (status, "")
    assert message in one_line(run)
    assert engine.result is CLEAN


@pytest.mark.parametrize(
    ("error", "status"), [(ModelError("my.toml: [[source]] row 1: no 'name'"), 2), (NotApplicableError("x: none"), 3)]
)
def test_an_expected_failure_of_the_scan_keeps_its_status(
    engine: Engine, fpuscan: Callable[..., Run], tree: Path, error: Exception, status: int
) -> None:
    def fail() -> None:
        raise error

    engine.action = fail

    run = fpuscan(tree)

    assert run.status == status
    assert one_line(run) == f"fpuscan: error: {error}"


def test_an_unexpected_failure_is_70_with_what_to_report(
    engine: Engine, fpuscan: Callable[..., Run], tree: Path
) -> None:
    def fail() -> None:
        raise KeyError("a\nb\x1b")

    engine.action = fail

    run = fpuscan(tree)

    assert run.status == 70
    line = one_line(run)
    assert "internal error: KeyError" in line
    assert "test_cli.py" in line
    assert f"please report this line together with fpuscan {__version__}" in line
    assert "Traceback" not in run.err


def test_a_traceback_is_shown_on_request(engine: Engine, fpuscan: Callable[..., Run], tree: Path) -> None:
    def fail() -> None:
        raise RecursionError("deep\x1b")

    engine.action = fail

    run = fpuscan(tree, "-v")

    assert run.status == 70
    assert "Traceback" in run.err
    assert "\x1b" not in run.err


# What is read and checked


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
    assert "2 known from the baseline" in written.out
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


@pytest.fixture
def repository(tree: Path) -> Repository:
    """The least that is a kernel tree, committed, with one file of the scope."""
    (tree / CORE).write_text("int a;\nint b;\n")
    return make_repository(tree, {})


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


# What is printed


def test_formats_and_files(engine: Engine, fpuscan: Callable[..., Run], tree: Path, tmp_path: Path) -> None:
    engine.result = LEAKY
    report = tmp_path / "report.json"

    printed, written = fpuscan(tree, "--format", "json"), fpuscan(tree, "--format", "json", "-o", report)

    assert (written.status, written.out) == (1, "")
    assert report.read_text() == printed.out
    assert json.loads(printed.out)["schema"] == "fpuscan-report/1"
    assert fpuscan(tree, "-o", "-").out.startswith("arch/x86/kernel/fpu/core.c:31:2: error: ")


def test_text_choices_reach_the_report(engine: Engine, fpuscan: Callable[..., Run], tree: Path) -> None:
    engine.result = LEAKY

    assert "note: " not in fpuscan(tree).out
    assert "note: " in fpuscan(tree, "--notes").out
    assert len(fpuscan(tree, "-q").out.splitlines()) == 2
    assert "\x1b[1;31m" not in fpuscan(tree).out
    assert "\x1b[1;31m" in fpuscan(tree, "--color", "always").out


def test_colour_is_for_terminals_that_want_it(
    engine: Engine, fpuscan: Callable[..., Run], tree: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine.result = LEAKY
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")

    assert "\x1b[" in fpuscan(tree).out
    assert "\x1b[" not in fpuscan(tree, "--color", "never").out
    fpuscan(tree, "-o", tmp_path / "report")
    assert "\x1b[" not in (tmp_path / "report").read_text()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in fpuscan(tree).out
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[" not in fpuscan(tree).out


def test_stats_go_to_stderr_and_leave_the_report_alone(engine: Engine, fpuscan: Callable[..., Run], tree: Path) -> None:
    engine.result = replace(LEAKY, counts=(("nodes", 1234),))

    run = fpuscan(tree, "--stats")

    assert run.out == fpuscan(tree).out
    assert run.err.splitlines() == [
        "parse                        310.0 ms",
        "graph                        120.0 ms",
        "nodes                         1234",
    ]


def test_progress_shows_on_a_terminal_after_a_second(
    engine: Engine, fpuscan: Callable[..., Run], tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 0.5, 1.5])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    def work() -> None:
        progress = engine.asked[0][1].progress
        progress("reading")
        progress("following flows\x1b")

    engine.action = work

    run = fpuscan(tree)

    assert run.err == "\r\x1b[Kfollowing flows\\x1b...\r\x1b[K"


@pytest.mark.parametrize("rule", [rule.id for rule in RULE_INFOS])
def test_a_rule_is_explained_in_full(fpuscan: Callable[..., Run], rule: str) -> None:
    info = next(info for info in RULE_INFOS if info.id == rule)

    run = fpuscan("--explain", rule.lower())

    flat = " ".join(run.out.split())
    for text in (info.slug, info.title, info.why, info.how_to_fix, info.example_bad, info.example_good, info.severity):
        assert " ".join(text.split()) in flat
    assert all(commit.hash in flat for commit in info.commits)
    assert max(len(line) for line in run.out.splitlines()) <= 80
    assert fpuscan("--explain", info.slug).out == run.out


def test_every_rule_is_listed(fpuscan: Callable[..., Run]) -> None:
    lines = fpuscan("--list-rules").out.splitlines()

    assert [line.split()[:2] for line in lines] == [[rule.id, rule.slug] for rule in RULE_INFOS]


def test_help_names_every_option_and_format(fpuscan: Callable[..., Run]) -> None:
    text = fpuscan("--help").out

    for parameter in cli.command.params:
        if parameter.param_type_name == "option":
            assert max(parameter.opts, key=len) in text
    assert all(name in text for name in FORMATS)
    assert fpuscan("-h").out == text


def test_parameters_and_choices_are_the_same() -> None:
    names = {parameter.name for parameter in cli.command.params if parameter.expose_value}

    assert names == {field.name for field in fields(cli._Options)}


def test_the_schema_of_the_json_report_is_printed(fpuscan: Callable[..., Run]) -> None:
    assert json.loads(fpuscan("--json-schema").out)["$id"] == "urn:fpuscan:report:1"


def test_version(fpuscan: Callable[..., Run]) -> None:
    assert fpuscan("--version").out == f"fpuscan {__version__}\n"


@pytest.mark.parametrize("argument", ["--help", "--version", "--list-rules", "--explain=FPU101"])
def test_words_come_without_loading_the_engine(argument: str) -> None:
    """--help is instant: nothing that only a scan needs is imported."""
    code = (
        "import sys; from fpuscan.cli import run; run(sys.argv[1:]); "
        "slow = {'networkx', 'tree_sitter', 'fpuscan.scan', 'fpuscan.git', 'email', 'tomllib'} & set(sys.modules); "
        "sys.exit(f'loaded: {slow}' if slow else 0)"
    )

    run = subprocess.run([sys.executable, "-c", code, argument], capture_output=True, text=True, check=False)

    assert (run.returncode, run.stderr) == (0, "")


# The world around the process


@pytest.fixture
def site(tmp_path: Path) -> dict[str, str]:
    """An environment in which the whole process finds a stand-in for the engine: it prints much, or waits."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(
        "import os, sys, time, types\n"
        "from dataclasses import replace\n"
        "def scan(tree, options):\n"
        "    from tests.samples import LEAKY, WARNING\n"
        "    if 'MARK' in os.environ:\n"
        "        open(os.environ['MARK'], 'w').close()\n"
        "        time.sleep(30)\n"
        "    return replace(LEAKY, findings=(WARNING,) * 5000)\n"
        "module = types.ModuleType('fpuscan.scan')\n"
        "module.scan, module.ScanOptions = scan, lambda **chosen: chosen\n"
        "sys.modules['fpuscan.scan'] = module\n"
    )
    root = Path(__file__).resolve().parents[1]
    return {**os.environ, "PYTHONPATH": f"{tmp_path / 'site'}{os.pathsep}{root}"}


def test_a_closed_output_pipe_is_one_line_and_keeps_the_verdict(site: dict[str, str], tree: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    done = process(tree, env=site, capture_output=False, stdout=writer, stderr=subprocess.PIPE)

    os.close(writer)
    assert (done.returncode, done.stderr) == (
        1,
        "fpuscan: the output pipe was closed before the whole report was written; -o FILE keeps it\n",
    )


@pytest.mark.parametrize("argument", ["--help", "--version", "--list-rules"])
def test_a_closed_output_pipe_is_no_traceback_for_help_either(argument: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    done = process(argument, capture_output=False, stdout=writer, stderr=subprocess.PIPE)

    os.close(writer)
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 1


def test_a_full_disk_is_an_error(site: dict[str, str], tree: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = process(tree, env=site, capture_output=False, stdout=full, stderr=subprocess.PIPE)

    assert done.returncode == 2
    assert done.stderr == (
        "fpuscan: error: standard output: cannot write the report (No space left on device); try -o FILE\n"
    )


def test_a_closed_standard_output_is_an_error(site: dict[str, str], tree: Path) -> None:
    command = f"exec '{sys.executable}' -m fpuscan '{tree}' >&-"

    done = subprocess.run(["sh", "-c", command], env=site, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (
        2,
        "fpuscan: error: standard output is closed; name a file with -o FILE\n",
    )


def test_interrupting_is_130_and_one_line(site: dict[str, str], tree: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    with subprocess.Popen(
        [sys.executable, "-m", "fpuscan", tree],
        env={**site, "MARK": str(mark)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        while not mark.exists() and running.poll() is None:
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)

    assert (running.returncode, out, err) == (130, "", "fpuscan: interrupted\n")


def test_the_report_is_the_same_bytes_in_any_locale(site: dict[str, str], tree: Path) -> None:
    outputs = {
        process(tree, env={**site, "LC_ALL": locale, "PYTHONUTF8": utf8, "PYTHONHASHSEED": seed}).stdout
        for locale, utf8, seed in (("C", "0", "1"), ("C.UTF-8", "1", "2"), ("POSIX", "0", "3"))
    }

    assert len(outputs) == 1


# History


def test_a_history_shows_what_changed_and_how_to_go_on(
    engine: Engine, fpuscan: Callable[..., Run], repository: Repository
) -> None:
    start = repository.git("rev-parse", "HEAD")
    commit = repository.commit({CORE: "int c;\n"}, "x86/fpu: Leak\x1b")
    results = iter([CLEAN, LEAKY])
    engine.scan_of = lambda tree: (tree.read(CORE), next(results))[1]

    run = fpuscan("--history", f"{start}..", repository.folder)

    assert run.status == 1
    lines = run.out.splitlines()
    assert lines[0] == f"{commit[:12]}    3 new    0 gone  x86/fpu: Leak\\x1b"
    assert lines[1].startswith("  + FPU101 error arch/x86/kernel/fpu/core.c")
    assert fpuscan("--history", f"{commit}..", repository.folder).out == ""


def test_an_interrupted_history_says_how_to_go_on(
    engine: Engine, repository: Repository, capfd: pytest.CaptureFixture[str]
) -> None:
    start = repository.git("rev-parse", "HEAD")
    first = repository.commit({CORE: "int c;\n"}, "first")
    repository.commit({CORE: "int d;\n"}, "second")

    def scan(tree: KernelTree) -> ScanResult:
        if tree.read(CORE) == b"int d;\n":
            raise KeyboardInterrupt
        return CLEAN

    engine.scan_of = scan

    with pytest.raises(KeyboardInterrupt):
        cli.run(["--history", f"{start}..main", str(repository.folder)])

    assert capfd.readouterr().err == f"fpuscan: stopped behind {first[:12]}; --history {first[:12]}..main goes on\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--staged"], "TREE alone"), (["--rev", "HEAD"], "TREE alone"), (["--format", "json"], "prints a table")],
)
def test_a_history_stands_alone(
    fpuscan: Callable[..., Run], repository: Repository, arguments: list[str], message: str
) -> None:
    run = fpuscan("--history", "HEAD..", *arguments, repository.folder)

    assert (run.status, run.out) == (2, "")
    assert message in one_line(run)


# ---------------------------------------------------------------- provenance and lock


def test_provenance_asks_the_scan_and_gives_no_verdict(engine: Engine, fpuscan: Callable[..., Run], tree: Path) -> None:
    engine.result = replace(ASKED, findings=LEAKY.findings)

    run = fpuscan(tree, "--provenance", "struct fpu_guest.uabi_size")

    assert (run.status, engine.asked[0][1].provenance) == (0, "struct fpu_guest.uabi_size")
    assert run.out.startswith("struct fpu_guest.uabi_size: a size of the user ABI, guest side\n")
    assert json.loads(fpuscan(tree, "--provenance", "uabi", "--format", "json").out)["schema"] == "fpuscan-provenance/1"
    assert fpuscan(tree, "--provenance", "uabi", "--format", "html").out.startswith("<!DOCTYPE html>")
    engine.result = replace(INCOMPLETE, provenance=PROVENANCE)
    assert fpuscan(tree, "--provenance", "uabi").status == 4


@pytest.mark.parametrize(
    "arguments",
    [("--format", "sarif"), ("--against", "HEAD"), ("--baseline", "a"), ("--lock", "a"), ("--write-lock", "a")],
)
def test_provenance_takes_what_means_something(
    fpuscan: Callable[..., Run], tree: Path, arguments: tuple[str, str]
) -> None:
    run = fpuscan(tree, "--provenance", "uabi", *arguments)

    assert (run.status, "--provenance" in one_line(run)) == (2, True)


def test_a_lock_fails_where_a_root_came_or_went_and_is_written_on_demand_only(
    engine: Engine, fpuscan: Callable[..., Run], tree: Path, tmp_path: Path
) -> None:
    lock = tmp_path / "lock"
    engine.result = ASKED
    assert fpuscan(tree, "--write-lock", lock).status == 0
    assert (engine.asked[0][1].provenance, lock.read_text().count(" <- ")) == ("uabi", 3)
    assert (fpuscan(tree, "--lock", lock).status, fpuscan(tree).status) == (0, 0)

    lost = replace(CONTROLLED, roots=CONTROLLED.roots[1:])
    engine.result = replace(ASKED, provenance=replace(PROVENANCE, places=(lost,)))
    before = lock.read_bytes()
    run = fpuscan(tree, "--lock", lock, "--fail-on", "never")

    assert run.status == 5
    assert "fpu_user_cfg.default_size (config) no longer controls struct fpu_guest.uabi_size (guest side)" in run.out
    assert lock.read_bytes() == before
    engine.result = replace(engine.result, findings=LEAKY.findings)
    assert fpuscan(tree, "--lock", lock).status == 1  # findings come first
    engine.result = replace(INCOMPLETE, provenance=engine.result.provenance)
    assert fpuscan(tree, "--lock", lock).status == 5
    assert fpuscan(tree, "--lock", lock, "--write-lock", lock).status == 5
    assert fpuscan(tree, "--lock", lock).status == 4


@pytest.mark.parametrize("arguments", [["--lock", "lock"], ["--write-lock", "other"], ["--format", "html"]])
def test_what_a_state_is_compared_with_is_asked_for_findings_alone(
    engine: Engine,
    fpuscan: Callable[..., Run],
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
) -> None:
    monkeypatch.setattr(beside, "_cores", lambda: 1)
    monkeypatch.chdir(tmp_path)
    write_lock(Path("lock"), PROVENANCE)
    repository.commit({CORE: "int a;\n"})
    Path("1.patch").write_text(f"--- a/{CORE}\n+++ b/{CORE}\n@@ -1 +1 @@\n-int a;\n+int c;\n")
    engine.result = ASKED
    engine.action = lambda: engine.asked[-1][0].read(CORE)

    assert fpuscan(*arguments, "--rev", "HEAD", "--against", "HEAD~1", repository.folder).status == 0
    assert fpuscan(*arguments, "--patch", "1.patch", repository.folder).status == 0

    wanted = (None if "html" in arguments else "uabi", "html" in arguments)
    assert [(asked.provenance, asked.graph) for _, asked in engine.asked] == [wanted, (None, False)] * 2


def test_a_damaged_lock_is_said_before_the_scan(
    engine: Engine, fpuscan: Callable[..., Run], tree: Path, tmp_path: Path
) -> None:
    (tmp_path / "lock").write_text("fpuscan-lock 9\n")

    run = fpuscan(tree, "--lock", tmp_path / "lock")

    assert (run.status, engine.asked) == (2, [])
    assert "is a lock of version 9" in one_line(run)
    assert (tmp_path / "lock").read_text() == "fpuscan-lock 9\n"


def test_the_schema_of_provenance_is_published_too(fpuscan: Callable[..., Run]) -> None:
    assert json.loads(fpuscan("--json-schema").out)["$id"] == "urn:fpuscan:report:1"
    assert json.loads(fpuscan("--json-schema", "--provenance", "uabi").out)["$id"] == "urn:fpuscan:provenance:1"
