"""What changes no meaning changes no finding: the same rule, severity, source and sink, and the same fingerprints.

Each change is made to the text of every C file of a fixture, or of a real tree
with a leaking edit; ``tests/realtree/test_metamorphic.py`` rewrites single sites.
Changes keep names of functions, members and globals, so fingerprints stay; lines
may move.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from fpuscan.scan import scan
from fpuscan.tree import open_folder
from tests import fixture_trees
from tests.effort import LONG
from tests.realtree.edits import copy_tree

FPU = "arch/x86/kernel/fpu"
NAMES = (
    fixture_trees.NAMES
    if LONG
    else ["design-v5-leaky", "guard-mode", "mask-statement", "out-parameter", "switch-flow", "via-local"]
)
Key = tuple[str, str, int]

_FUNCTION = re.compile(r"^(?=[A-Za-z_][^\n;={}#]*\([^;{}]*\)\n\{\n)", re.MULTILINE)
_ASSIGNMENT = re.compile(r"^(\t+)([\w.>\[\]-]+) = ([^;{}#]+);([^\n]*)$", re.MULTILINE)
_LOCAL = re.compile(r"^\t(?:u64|unsigned int|bool|int|const struct \w+|struct \w+) \**(\w+)(?: =|;)", re.MULTILINE)


def blank_lines(text: str) -> str:
    """A blank line and a comment behind every line that ends a statement."""
    return re.sub(r";\n", ';\n\n\t/* a remark; with { braces and \\"quotes\\" */\n', text)


def reindented(text: str) -> str:
    """Two spaces for each tab, except in directives."""
    return "\n".join(line if line.startswith("#") else line.replace("\t", "  ") for line in text.split("\n"))


def joined(text: str) -> str:
    """Simple statements that follow each other stand on one line; comments at the end of a line go away."""
    text = re.sub(r"[ \t]*/\*[^\n]*?\*/(?=\n)", "", text)
    return re.sub(r";\n\t+(?=[\w*>.()-]+ = )", "; ", text)


def crlf(text: str) -> str:
    """Windows line ends."""
    return text.replace("\n", "\r\n")


def renamed_locals(text: str) -> str:
    """Every local that the head of a function declares gets another name inside that function."""
    head, *functions = _FUNCTION.split(text)
    return head + "".join(_rename(part) for part in functions)


def _rename(text: str) -> str:
    end = text.find("\n}\n")
    function = text[:end]
    for name in dict.fromkeys(_LOCAL.findall(function)):
        if re.search(rf"container_of\([^;]*\b{name}\)", function):
            continue  # a member has this name, too
        function = re.sub(rf"(?<![\w.>])(?<!struct )(?<!union ){name}\b(?!\()", f"{name}_renamed", function)
    return function + text[end:]


def reordered_functions(text: str) -> str:
    """Functions in the opposite order, with prototypes in front."""
    if text.count("\n#if") or text.count("\n#undef"):
        return text  # a directive would change its meaning
    head, *functions = _FUNCTION.split(text)
    if any(
        re.search(r"^(?:static |struct |extern |const |#define)", each[each.find("\n}\n") + 3 :], re.MULTILINE)
        for each in functions
    ):
        return text  # something between two functions must stay where it is
    prototypes = "".join(each[: each.index("\n{")].replace("__init ", "") + ";\n" for each in functions)
    return head + prototypes + "\n" + "\n".join(reversed(functions))


def statement_expressions(text: str) -> str:
    """The value of every plain assignment in ``({ })``."""
    return _ASSIGNMENT.sub(r"\1\2 = ({ \3; });\4", text)


def once_loops(text: str) -> str:
    """Every plain assignment in ``do { } while (0)``."""
    return _ASSIGNMENT.sub(r"\1do { \2 = \3; } while (0);\4", text)


def through_a_macro(text: str) -> str:
    """Every plain assignment through a macro."""
    changed = _ASSIGNMENT.sub(r"\1proof_set(\2, \3);\4", text)
    return changed if changed == text else "#define proof_set(to, value) ((to) = (value))\n" + changed


def extracted(text: str) -> str:
    """The value of every plain assignment goes through a local of its own."""
    return _ASSIGNMENT.sub(r"\1{ __auto_type proof_value = \3; \2 = proof_value; }\4", text)


LAYOUT = (blank_lines, reindented, joined, crlf, renamed_locals, reordered_functions)
# These bring in a name or a statement: what is compared are rule, severity, source and sink.
SHAPE = (statement_expressions, once_loops, through_a_macro, extracted)


# What changes findings today, and why.
OPEN: dict[object, str] = {}


def fingerprints(tree: Path) -> frozenset[Key]:
    """Fingerprint, severity and surviving word of every finding."""
    return frozenset(
        (each.fingerprint, each.severity.label, each.surviving.mask) for each in scan(open_folder(tree)).findings
    )


def copied(source: Path, tree: Path, change: Callable[[str], str]) -> None:
    """A copy of a tree with every C file changed; headers only where code is not moved."""
    tree.mkdir()
    for file in sorted(source.rglob("*")):
        target = tree / file.relative_to(source)
        if file.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif file.suffix == ".c":
            target.write_bytes(change(file.read_text(encoding="utf-8")).encode())
        else:
            shutil.copy(file, target)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("metamorphic")


@cache
def laid_out(name: str, folder: Path) -> tuple[Path, frozenset[Key]]:
    tree = fixture_trees.lay_out(name, folder / name)
    return tree, fingerprints(tree)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", [*LAYOUT, *SHAPE], ids=lambda change: change.__name__)
def test_a_change_without_meaning_changes_no_finding(
    name: str, change: Callable[[str], str], folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if change in OPEN or (change.__name__, name) in OPEN:
        request.applymarker(pytest.mark.xfail(reason=OPEN.get(change) or OPEN[change.__name__, name], strict=not LONG))
    tree, expected = laid_out(name, folder)
    copied(tree, tmp_path / "tree", change)

    assert fingerprints(tmp_path / "tree") == expected


@pytest.mark.parametrize("name", NAMES)
def test_the_names_of_files_decide_nothing_but_the_path(name: str, folder: Path, tmp_path: Path) -> None:
    """Another file name is another fingerprint, but the same rule, source, sink and verdict."""
    tree, _ = laid_out(name, folder)
    shutil.copytree(tree, tmp_path / "tree")
    for number, file in enumerate(sorted((tmp_path / "tree/arch/x86/kernel/fpu").glob("*.c"), reverse=True)):
        file.rename(file.with_name(f"{number}_{file.name}"))

    def told(root: Path) -> list[tuple[str, str, str, str, int]]:
        return sorted(
            (each.rule, each.severity.label, each.source.place, each.sink.place, each.surviving.mask)
            for each in scan(open_folder(root)).findings
        )

    assert told(tmp_path / "tree") == told(tree)


@pytest.mark.parametrize("change", [*LAYOUT, *SHAPE], ids=lambda change: change.__name__)
def test_every_change_changes_some_fixture(change: Callable[[str], str]) -> None:
    texts = [file.read_text(encoding="utf-8") for file in sorted(fixture_trees.FIXTURES.rglob("*.c"))]

    assert any(change(text) != text for text in texts)


def leaking_copy(source: Path, root: Path) -> Path:
    """A copy of a real tree in which every use of the user's default size is the guest's."""
    copy_tree(source, root)
    for file in sorted((root / FPU).glob("*.c")):
        rewrite(file, lambda text: text.replace("fpu_user_cfg.default_size", "guest_default_cfg.size"))
    return root


def rewrite(file: Path, change: Callable[[str], str]) -> None:
    """Change a file that may be a hard link to the original."""
    text = file.read_text(encoding="utf-8")
    file.unlink()
    file.write_bytes(change(text).encode())


@cache
def leaking(source: Path, folder: Path) -> tuple[Path, frozenset[Key]]:
    tree = leaking_copy(source, folder / source.name)
    return tree, fingerprints(tree)


@pytest.mark.realtree
@pytest.mark.parametrize(
    "change",
    [
        blank_lines,
        reindented,
        crlf,
        renamed_locals,
        statement_expressions,
        once_loops,
        extracted,
    ],
    ids=lambda change: change.__name__,
)
@pytest.mark.sampled(2)
def test_a_change_without_meaning_changes_no_finding_of_a_real_tree(
    outer_tree: Path, change: Callable[[str], str], folder: Path, tmp_path: Path
) -> None:
    if b"guest_default_cfg" not in (outer_tree / FPU / "core.c").read_bytes():
        pytest.skip(f"{outer_tree.name} has no guest_default_cfg")
    tree, expected = leaking(outer_tree, folder)
    copy_tree(tree, tmp_path / "tree")
    for file in sorted((tmp_path / "tree" / FPU).glob("*.c")):
        rewrite(file, change)

    assert any(severity == "error" for _, severity, _ in expected)
    assert fingerprints(tmp_path / "tree") == expected
