"""review, compare, request: what a series adds, which patch brings it, and how few scans that needs.

The scan is a stand-in: every line "leak NAME" of core.c is an error, "risk NAME" a warning.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fpuscan.commands import beside
from fpuscan.commands.request import Answer, Request, answer
from fpuscan.commands.review import Scanner
from fpuscan.errors import FpuscanError, NotApplicableError, UsageError
from fpuscan.result import Finding, Health, Incomplete, ScanResult, Severity, SuppressedFinding, TreeInfo
from fpuscan.tree import FolderTree, KernelTree
from fpuscan.trees import open_other, open_tree
from fpuscan.triage.compare import against, has
from tests.repositories import CORE, FPU, MAKEFILE, Repository, make_repository
from tests.samples import ERROR, at

_LINE = re.compile(rb"(leak|risk) (\w+)")


class Scan:
    """Stands in for the scan; remembers how often it ran."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, tree: KernelTree) -> ScanResult:
        self.runs += 1
        findings = []
        for path in tree.list(FPU):
            for number, line in enumerate((tree.read(path) or b"").split(b"\n"), start=1):
                if match := _LINE.match(line):
                    severity = Severity.ERROR if match[1] == b"leak" else Severity.WARNING
                    findings.append(found(match[2].decode(), severity, number))
        broken = tuple(
            Incomplete(path, 1, "broken") for path in tree.list(FPU) if b"broken" in (tree.read(path) or b"")
        )
        return ScanResult(tree.info(), Health(incomplete=broken), tuple(findings))


def found(name: str, severity: Severity = Severity.ERROR, line: int = 1) -> Finding:
    where = at(CORE, line)
    return replace(ERROR, fingerprint=name, message=name, statement=name, severity=severity, location=where, related=())


def names(result: ScanResult) -> list[str]:
    return [finding.message for finding in result.findings]


def origins(result: ScanResult) -> dict[str, list[tuple[str, str]]]:
    """Where each finding comes from, as the report says it."""
    return {finding.message: [(item.kind, item.place) for item in finding.related] for finding in result.findings}


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.chdir(tmp_path)
    return make_repository(tmp_path / "linux", {"Makefile": MAKEFILE, CORE: "leak old\n\n\n\nend\n"})


@pytest.fixture
def scan() -> Scan:
    return Scan()


@pytest.fixture(autouse=True)
def _one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scan in a second process would not be counted."""
    monkeypatch.setattr(beside, "_cores", lambda: 1)


def ask(scan: Scan, request: Request, text: str = "") -> Answer:
    return answer(request, Scanner(scan), lambda limit: text.encode()[:limit])


def series(linux: Repository, *cores: str) -> str:
    """A mbox with one patch for each content of core.c; the tree is left before them."""
    start = linux.git("rev-parse", "HEAD")
    for number, core in enumerate(cores, start=1):
        linux.commit({CORE: core}, f"patch {number}")
    mbox = linux.git("format-patch", "--stdout", f"{start}..HEAD") + "\n"
    linux.git("reset", "--quiet", "--hard", start)
    return mbox


# Comparing


def test_what_was_there_is_set_aside_and_what_got_worse_is_new() -> None:
    before = ScanResult(FolderTree(Path()).info(), Health(), (found("a"), found("b", Severity.NOTE), found("gone")))
    result = replace(before, findings=(found("a", line=9), found("b", Severity.ERROR), found("new")))

    compared = against(result, before)

    assert names(compared) == ["b", "new"]
    assert [finding.message for finding in compared.baselined] == ["a"]
    assert [entry.fingerprint for entry in compared.gone] == ["gone"]
    assert compared.compared


def test_findings_are_a_multiset_and_a_suppressed_one_is_not_gone() -> None:
    before = ScanResult(FolderTree(Path()).info(), Health(), (found("twice"), found("hidden")))
    hidden = SuppressedFinding(found("hidden"), "because", at(CORE, 1))

    compared = against(replace(before, findings=(found("twice"), found("twice")), suppressed=(hidden,)), before)

    assert (names(compared), len(compared.baselined), compared.gone) == (["twice"], 1, ())


# Commits, the index, and other states


def of_one_kin(*told: str) -> ScanResult:
    """Findings of one function, source and sink: the side and the statement of each, from above."""
    findings = (
        replace(found(f"{number}", line=10 * number), side=each.partition(" ")[0], statement=each)
        for number, each in enumerate(told)
    )
    return ScanResult(TreeInfo(), Health(), tuple(findings))


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [
        (("host a",), ("host b", "host a"), ["host b"]),
        (("guest a",), ("host a", "guest a"), ["host a"]),
        (("host a",), ("host a", "host a"), ["host a"]),
        (("host a", "host b"), ("host b", "host c", "host a"), ["host c"]),
        (("host a",), ("host c",), []),  # it is written anew
        (("host a", "host b"), ("host b",), []),
        (("host a",), ("host c", "host b"), ["host b"]),  # nobody knows
    ],
)
def test_of_several_alike_the_new_one_is_shown(before: tuple[str, ...], after: tuple[str, ...], new: list[str]) -> None:
    compared = against(of_one_kin(*after), of_one_kin(*before))

    assert [each.statement for each in compared.findings] == new
    assert len(compared.baselined) == len(after) - len(new)
    assert len(compared.gone) == max(0, len(before) - len(after))


@pytest.mark.parametrize(
    ("state", "held"),
    [
        (("host b",), [True, False, False]),
        (("host a",), [False, True, False]),
        (("host a", "host b"), [True, True, False]),
        (("host x", "host y", "host z"), [True, True, True]),  # as many, written otherwise
        ((), [False, False, False]),
    ],
)
def test_of_several_alike_each_is_found_by_its_statement(state: tuple[str, ...], held: list[bool]) -> None:
    last = of_one_kin("host b", "host a", "host b")

    assert [has(of_one_kin(*state), each, last) for each in last.findings] == held


def test_a_commit_the_index_and_the_folder_are_three_states(linux: Repository, scan: Scan) -> None:
    linux.write({CORE: "leak staged\n"})
    linux.git("add", ".")
    linux.write({CORE: "leak edited\n"})

    assert names(ask(scan, Request("linux", rev="HEAD")).result) == ["old"]
    assert names(ask(scan, Request("linux", staged=True)).result) == ["staged"]
    assert names(ask(scan, Request("linux")).result) == ["edited"]


@pytest.mark.parametrize("other", ["HEAD", "main", "./copy", "copy"])
def test_only_what_is_new_against_another_state_is_left(linux: Repository, scan: Scan, other: str) -> None:
    make_repository(linux.folder.parent / "copy", {"Makefile": MAKEFILE, CORE: "leak old\n"})
    linux.write({CORE: "leak old\nleak new\n"})
    linux.git("add", ".")

    for request in (Request("linux", staged=True, against=other), Request("linux", against=other)):
        result = ask(scan, request).result
        assert names(result) == ["new"]
        assert [finding.message for finding in result.baselined] == ["old"]


def test_a_state_that_differs_in_nothing_that_was_read_is_not_scanned(linux: Repository, scan: Scan) -> None:
    linux.commit({"Documentation/x.rst": "text\n", f"{FPU}/Kconfig": "config X\n"})

    result = ask(scan, Request("linux", rev="HEAD", against="HEAD~1")).result

    assert (names(result), len(result.baselined), scan.runs) == ([], 1, 1)
    assert result.tree.revision == linux.git("rev-parse", "HEAD")


@pytest.mark.parametrize("files", [{CORE: "leak old\n\n"}, {f"{FPU}/new.c": ""}, {CORE: None}])
def test_a_state_that_differs_in_what_was_read_is_scanned(
    linux: Repository, scan: Scan, files: dict[str, str | bytes | None]
) -> None:
    linux.commit({f"{FPU}/other.c": ""})
    linux.commit(files)

    ask(scan, Request("linux", rev="HEAD", against="HEAD~1"))

    assert scan.runs == 2


def test_the_first_commit_has_nothing_before_it(tmp_path: Path, scan: Scan) -> None:
    made = make_repository(tmp_path / "new")
    made.write({"Makefile": MAKEFILE, CORE: "leak old\n"})
    made.git("add", ".")

    assert names(ask(scan, Request(str(made.folder), staged=True, against="HEAD")).result) == ["old"]


# Series


def test_patches_show_what_they_add_and_who_adds_it(linux: Repository, scan: Scan) -> None:
    mbox = series(linux, "leak old\nleak a\n", "leak old\nleak a\n# clean\n", "leak a\n# clean\nrisk b\n")

    result = ask(scan, Request("linux", patches=("-",)), mbox).result

    assert origins(result) == {"a": [("added by", "[PATCH 1/3] patch 1")], "b": [("added by", "[PATCH 3/3] patch 3")]}
    assert [entry.fingerprint for entry in result.gone] == ["old"]
    assert result.baselined == ()
    assert result.tree.patches == ("[PATCH 1/3] patch 1", "[PATCH 2/3] patch 2", "[PATCH 3/3] patch 3")


def test_what_could_not_be_compared_is_told(linux: Repository, scan: Scan) -> None:
    start = linux.commit({CORE: "leak old\nbroken\n", f"{FPU}/a.c": "broken\n"})
    linux.commit({CORE: "leak old\n", f"{FPU}/a.c": ""})

    told = ask(scan, Request("linux", against=start))

    assert told.notes == (
        f"--against {start}: is incomplete ({FPU}/a.c: broken, and 1 more); what was there may be reported as new",
    )
    assert ask(scan, Request("linux", against="HEAD")).notes == ()


def test_a_series_lies_over_a_commit_or_the_index_as_well(linux: Repository, scan: Scan) -> None:
    mbox = series(linux, "leak old\n\n\n\nleak a\n")
    linux.write({CORE: "nothing\n"})

    assert names(ask(scan, Request("linux", rev="HEAD", patches=("-",)), mbox).result) == ["a"]
    assert names(ask(scan, Request("linux", staged=True, patches=("-",)), mbox).result) == ["a"]
    with pytest.raises(UsageError, match="does not apply"):
        ask(scan, Request("linux", patches=("-",)), mbox)


def test_a_patch_that_makes_a_finding_worse_adds_it(linux: Repository, scan: Scan) -> None:
    linux.commit({CORE: "risk x\n"})

    result = ask(scan, Request("linux", patches=("-",)), series(linux, "risk x\n#\n", "leak x\n#\n")).result

    assert origins(result) == {"x": [("added by", "[PATCH 2/2] patch 2")]}


def test_each_state_of_a_series_is_checked_on_request(linux: Repository, scan: Scan) -> None:
    mbox = series(linux, "leak old\nleak passing\n", "leak old\nbroken\n", "leak old\nleak b\n")

    quick, each = (ask(scan, Request("linux", patches=("-",), each=each), mbox).result for each in (False, True))

    assert origins(quick) == {"b": [("added by", "[PATCH 3/3] patch 3")]}
    assert origins(each) == {
        "passing": [("added by", "[PATCH 1/3] patch 1"), ("removed by", "[PATCH 2/3] patch 2")],
        "b": [("added by", "[PATCH 3/3] patch 3")],
    }
    assert not quick.health.incomplete
    assert [item.reason for item in each.health.incomplete] == ["broken"]


@pytest.mark.parametrize(
    ("cores", "expected"),
    [
        (("leak a\n", "leak a\nleak b\n"), {"a": ["1/2"], "b": ["2/2"]}),
        (("leak a\n", "\nleak a\n"), {"a": ["1/2"]}),  # the leak moves
        (("leak a\n", "mended\n"), {"a": ["1/2", "2/2"]}),
        (("leak a\n", "mended\n", "leak a\n"), {"a": ["3/3"]}),
        (("leak a\n", "mended\n", "leak a\n", "mended\n"), {"a": ["1/4", "2/4", "3/4", "4/4"]}),
    ],
)
def test_two_patches_of_one_function(
    linux: Repository, scan: Scan, cores: tuple[str, ...], expected: dict[str, list[str]]
) -> None:
    mbox = series(linux, *(core + "end\n" for core in cores))

    result = ask(scan, Request("linux", patches=("-",), each=True), mbox).result

    named: dict[str, list[str]] = {}
    for finding in result.findings:
        named.setdefault(finding.message, []).extend(item.place.split()[1][:3] for item in finding.related)
    assert named == expected


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize(
    ("cores", "added", "removed"),
    [
        (("leak old\nleak a\n", "leak old\n#\n", "leak old\nleak a\n"), "3/3", ""),
        (("#\n", "leak old\n#\n", "##\n"), "", "3/3"),
        (("#\n", "##\n", "leak a\n"), "3/3", "1/3"),
        (("leak old\nleak a\n", "leak a\n", "leak a\n#\n"), "1/3", "2/3"),
    ],
)
def test_the_patch_is_named_behind_which_it_stays(
    linux: Repository, scan: Scan, cores: tuple[str, ...], added: str, removed: str, *, each: bool
) -> None:
    mbox = series(linux, *(core + "end\n" for core in cores))

    result = ask(scan, Request("linux", patches=("-",), each=each), mbox).result

    found = origins(result).get("a", [])
    assert [place for kind, place in found if kind == "added by"][:1] == [
        f"[PATCH {added}] patch {added[:1]}" for _ in "a" if added
    ]
    assert [(entry.fingerprint, entry.removed_by) for entry in result.gone] == [
        ("old", f"[PATCH {removed}] patch {removed[:1]}") for _ in "a" if removed
    ]


def test_what_the_tree_had_lost_before_the_series_is_of_no_patch(linux: Repository, scan: Scan) -> None:
    linux.commit({CORE: "leak other\n"})
    mbox = series(linux, "end\n")

    result = ask(scan, Request("linux", patches=("-",), against="HEAD~1"), mbox).result

    assert [(entry.fingerprint, entry.removed_by) for entry in result.gone] == [("old", "")]


class Indifferent:
    """Stands in for the footprint of a scan: lines that begin with # are nothing to it."""

    @property
    def footprint(self) -> Indifferent:
        return self

    def indifferent(self, path: str, before: bytes | None, after: bytes | None) -> bool:
        assert path == CORE
        told = [re.sub(rb"(?m)^#.*\n", b"", text or b"") for text in (before, after)]
        return told[0] == told[1]

    def record(self) -> dict[str, object]:
        raise AssertionError


@pytest.mark.parametrize("each", [False, True])
def test_of_a_long_series_only_patches_that_matter_are_scanned(linux: Repository, scan: Scan, *, each: bool) -> None:
    cores = [
        "#\n" * number + "leak old\n" * (number < 30) + "leak a\n" * (number > 5) + "text\n" * (number > 10)
        for number in range(1, 33)
    ]
    request = Request("linux", patches=("-",), each=each)

    result = answer(request, Scanner(scan, Indifferent()), lambda _: series(linux, *cores).encode()).result

    assert origins(result) == {"a": [("added by", "[PATCH 06/32] patch 6")]}
    assert [entry.removed_by for entry in result.gone] == ["[PATCH 30/32] patch 30"]
    assert [finding.location.line for finding in result.findings] == [33]
    assert scan.runs == 5  # the tree, and behind the patches 5, 6, 11 and 30


def test_a_state_in_between_is_scanned_for_the_lines_of_its_findings(linux: Repository, scan: Scan) -> None:
    cores = ["leak old\n" + "#\n" * number + "leak passing\n" * (4 < number < 9) for number in range(1, 13)]
    request = Request("linux", patches=("-",), each=True)

    result = answer(request, Scanner(scan, Indifferent()), lambda _: series(linux, *cores).encode()).result

    assert [(each.message, each.location.line) for each in result.findings] == [("passing", 7)]
    assert origins(result)["passing"] == [
        ("added by", "[PATCH 05/12] patch 5"),
        ("removed by", "[PATCH 09/12] patch 9"),
    ]
    assert scan.runs == 3  # the last state and the tree, which are alike to all but those behind the patches 5 to 8


def test_a_patch_that_touches_nothing_that_is_read_costs_no_scan(linux: Repository, scan: Scan) -> None:
    linux.commit({"Documentation/x.rst": "text\n"})
    diff = "--- a/Documentation/x.rst\n+++ b/Documentation/x.rst\n@@ -1 +1 @@\n-text\n+words\n"

    result = ask(scan, Request("linux", patches=("-",)), diff).result

    assert (names(result), scan.runs, result.tree.patches) == ([], 1, ("standard input",))


def test_a_series_against_another_state_shows_what_the_tree_brings_as_well(linux: Repository, scan: Scan) -> None:
    mbox = series(linux, "leak old\nleak a\n")
    linux.commit({f"{FPU}/b.c": "leak b\n"})

    result = ask(scan, Request("linux", patches=("-",), against="HEAD~1"), mbox).result

    assert origins(result) == {"a": [("added by", "[PATCH] patch 1")], "b": []}


@pytest.mark.usefixtures("linux")
def test_remarks_of_applying_are_handed_on(scan: Scan) -> None:
    diff = "--- a/tools/x.c\n+++ b/tools/x.c\n@@ -1 +1 @@\n-text\n+words\n"

    assert ask(scan, Request("linux", patches=("-",)), diff).notes == (
        "standard input: tools/x.c: the tree has no such folder; left out",
    )


# What is refused


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request("linux", rev="HEAD", staged=True), "--rev and --staged contradict"),
        (Request("linux", each=True), "--each goes with --patch"),
        (Request("linux", rev="nothing"), "nothing: there is no such commit"),
        (Request(".", rev="HEAD"), "is in no git repository"),
        (Request(".", staged=True), "is in no git repository"),
        (Request("linux", against="nothing"), "--against nothing: is neither a folder nor a commit"),
        (Request("linux", against="a\0b"), "is neither a folder nor a commit"),
        (Request("linux", against="v1"), "is both a folder and a commit; write ./v1"),
        (Request("linux", patches=("nothing",)), "nothing: cannot be read (No such file or directory)"),
        (Request("linux", patches=("-",)), "standard input: holds no patch"),
    ],
)
def test_what_contradicts_itself_or_is_not_there_is_found_before_the_scan(
    linux: Repository, scan: Scan, request_: Request, message: str
) -> None:
    linux.git("tag", "v1")
    (linux.folder.parent / "v1").mkdir()

    with pytest.raises(FpuscanError) as caught:
        ask(scan, request_)

    assert message in str(caught.value)
    assert caught.value.exit_code == 2
    assert scan.runs == 0


def test_a_tree_that_is_no_kernel_is_not_applicable(linux: Repository) -> None:
    linux.git("checkout", "--quiet", "--orphan", "other")
    linux.git("rm", "-rfq", ".")
    linux.commit({"README": ""})

    for opened in (lambda: open_tree("linux", revision="HEAD"), lambda: open_other("other", "linux")):
        with pytest.raises(NotApplicableError, match="is no Linux tree"):
            _call(opened)


def _call(action: Callable[[], object]) -> None:
    action()


# Scans that need not be done


def test_a_scanner_knows_the_trees_that_it_has_seen(linux: Repository, scan: Scan) -> None:
    scanner = Scanner(scan)
    first = linux.git("rev-parse", "HEAD")
    second = linux.commit({CORE: "leak other\n"})
    trees = [open_tree("linux", revision=commit) for commit in (first, second, first)] + [open_tree("linux")]

    results = [scanner(tree) for tree in trees]

    assert [names(result) for result in results] == [["old"], ["other"], ["old"], ["other"]]
    assert [result.tree.revision for result in results] == [first, second, first, ""]
    assert scanner.scans == 2


def test_a_file_that_cannot_be_read_is_part_of_the_answer(linux: Repository) -> None:
    def scan(tree: KernelTree) -> ScanResult:
        try:
            tree.read(CORE)
        except FpuscanError as error:
            return replace(ScanResult(tree.info(), Health()), findings=(found(str(error)),))
        return ScanResult(tree.info(), Health())

    scanner = Scanner(scan)
    for content, reason in ((b"a\0", "is binary"), (b"a\0\0", "is binary"), (b"a", "")):
        linux.write({CORE: content})
        assert all(reason in name for name in names(scanner(FolderTree(linux.folder))))
    assert scanner.scans == 2
