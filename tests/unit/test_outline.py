"""A file read without its function bodies says the same as the whole file, as soon as somebody asks for a body."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fpuscan.parse.normalise import BUILT_IN
from fpuscan.parse.pieces import function_bodies
from fpuscan.parse.source import SourceFile
from fpuscan.parse.syntax import ParsedFile, outline, parse
from fpuscan.result import Health
from fpuscan.scan import scan
from fpuscan.tree import open_folder

FIXTURES = Path(__file__).parents[2] / "fixtures"
CORE = "arch/x86/kernel/fpu/core.c"

PLAIN = """struct first { int a; };

static int get(struct first *p)
{
	if (p) {
		return p->a;
	}
	return 0;
}

static inline int one_line(void) { return 1; }

int empty(void)
{
}

int last(int (*call)(void))
{
	return call();
}
"""


def both(code: str, path: str = "a.c") -> tuple[ParsedFile, ParsedFile]:
    source = SourceFile(path, code.encode())
    return outline(source, BUILT_IN), parse(source, BUILT_IN)


def spans(file: ParsedFile) -> list[tuple[str, int, int, int, int]]:
    return [(each.name, each.start, each.end, each.body_start, each.body_end) for each in file.functions]


def test_functions_have_their_names_and_bytes() -> None:
    short, whole = both(PLAIN)

    assert spans(short) == spans(whole)
    assert {span.name for span in short.functions if span.start in short.outlined} == {"get", "last"}


def test_a_definition_has_its_body_when_it_is_asked_for() -> None:
    short, whole = both(PLAIN)

    for function, expected in zip(short.functions, whole.functions, strict=True):
        node = short.definition(function)
        assert (str(node), node.start_byte, node.end_byte) == (
            str(expected.node),
            expected.node.start_byte,
            expected.node.end_byte,
        )
        assert short.definition(function) is node


WHOLE = {
    "an initialiser with its brace in column 0": "struct a b = (struct a)\n{\n\t.c = 1,\n};\n",
    "an error outside of functions": "int f(void)\n{\n\treturn 1;\n}\n\nint = ;\n",
    "a brace too many": "int f(void)\n{\n\tif (a) {\n\treturn 1;\n}\n\nint g(void)\n{\n\treturn 2;\n}\n",
}


@pytest.mark.parametrize("code", WHOLE.values(), ids=WHOLE.keys())
def test_what_cannot_be_read_in_outline_is_read_as_a_whole(code: str) -> None:
    short, whole = both(code)

    assert short.outlined == frozenset()
    assert (str(short.root), spans(short), short.errors) == (str(whole.root), spans(whole), whole.errors)


def test_a_fragment_is_read_as_a_whole() -> None:
    short, _ = both(PLAIN, path="")

    assert short.outlined == frozenset()


BROKEN = "int f(int a)\n{\n\treturn a = = 1;\n}\n\nint g(void)\n{\n\treturn 2;\n}\n"


def test_an_error_is_known_when_the_body_was_parsed() -> None:
    short, whole = both(BROKEN)
    assert short.all_errors() == []

    for function in short.functions:
        assert short.definition(function).type == "function_definition"

    assert short.all_errors() == whole.all_errors() != []
    assert [error.function for error in short.all_errors()] == ["f"]


@pytest.mark.parametrize(
    ("code", "bodies"),
    [
        (b"int f(void)\n{\n\tx;\n}\n", [b"\n\tx;"]),
        (b"int f(void)\n{\n}\n", []),
        (b"int f(void) {\n\tx;\n}\n", []),
        (b"int f(void)\n{\n\tif (x) {\n}\n", []),
        (b"struct a\n{\n\tint x;\n};\nint f(void)\n{\n\ty;\n}", [b"\n\ty;"]),
        (b"int f(void)\n{\n\tx;\n", []),
    ],
)
def test_bodies_of_functions(code: bytes, bodies: list[bytes]) -> None:
    assert [code[start:end] for start, end in function_bodies(code)] == bodies


def health(folder: Path, function: str) -> Health:
    """The health of the fixtures' base with one more function."""
    shutil.copytree(FIXTURES / "_base", folder)
    source = folder / CORE
    before = source.read_text(encoding="utf-8") if source.exists() else ""
    source.write_text(before + function, encoding="utf-8")
    return scan(open_folder(folder)).health


def test_an_error_near_a_tracked_symbol_is_named_though_no_flow_comes_there(tmp_path: Path) -> None:
    found = health(tmp_path / "tree", "\nint lost(int a)\n{\n\treturn a = = guest_default_cfg.size;\n}\n")

    assert [(each.path, each.function) for each in found.incomplete] == [(CORE, "lost")]
    assert found.error_bytes > 0


def test_the_body_of_a_function_that_nobody_needs_is_not_read(tmp_path: Path) -> None:
    found = health(tmp_path / "tree", "\nint lost(int a)\n{\n\treturn a = = 1;\n}\n")

    assert (found.incomplete, found.error_bytes) == ((), 0)
