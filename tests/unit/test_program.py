"""The questions to the text: where a name stands, who calls it, stores into it, reads it, or stands for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpuscan.model import load_model
from fpuscan.program import Program
from fpuscan.program.accesses import base_of
from fpuscan.program.names import NameIndex
from fpuscan.tree import open_folder

FPU = "arch/x86/kernel/fpu"


def program(folder: Path, code: str) -> Program:
    """The program of one file in a tree that has nothing else."""
    (folder / FPU).mkdir(parents=True)
    (folder / "Makefile").write_text("VERSION = 7\nPATCHLEVEL = 3\n", encoding="utf-8")
    (folder / FPU / "core.c").write_text(code, encoding="utf-8")
    found = Program(open_folder(folder), load_model())
    found.load()
    return found


def named(one: Program, numbers: frozenset[int]) -> set[str]:
    return {one.units[number].name for number in numbers}


def test_only_whole_words_are_occurrences() -> None:
    index = NameIndex()
    index.add("b.c", b"size = user_size + size2;size")
    index.add("a.c", b"x.size")

    assert index.occurrences("size") == (("a.c", 2), ("b.c", 0), ("b.c", 25))
    assert index.occurrences("siz") == ()
    assert index.occurrences("") == ()


def test_a_file_that_is_added_later_is_searched_too() -> None:
    index = NameIndex()
    index.add("b.c", b"size")
    assert index.occurrences("size") == (("b.c", 0),)

    index.add("a.c", b"size")

    assert index.occurrences("size") == (("a.c", 0), ("b.c", 0))


STORES = {
    "p->size = 1;": True,
    "p->size |= 1;": True,
    "p->size <<= 1;": True,
    "p->size[2] = 1;": True,
    "p->size++;": True,
    "f(&p->size);": True,
    "WRITE_ONCE(p->size, 1);": True,
    "if (x && p->size) y();": True,  # what might be an address counts as one
    "y = &x; z = p->size;": False,
    "f(&x, p->size);": False,
    "if (p->size == 1) y();": False,
    "y = p->size;": False,
    "WRITE_ONCE(x, 1); y = p->size;": False,
}


@pytest.mark.parametrize(("statement", "stores"), STORES.items())
def test_what_stores_into_a_name(statement: str, stores: bool, tmp_path: Path) -> None:  # noqa: FBT001
    one = program(tmp_path, f"void other(void)\n{{\n\ta = b;\n}}\n\nvoid f(void)\n{{\n\t{statement}\n}}\n")

    assert named(one, one.storing("size")) == ({"f"} if stores else set())


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("struct fps *one, *two, three[2];", {"one", "two", "three"}),
        ("void f(const struct fps *one, struct other *two, u64 three);", {"one"}),
        ("void f(void)\n{\n\tstruct fps *one = other->two, *three = NULL;\n}", {"one", "two", "three", "NULL"}),
        ("void f(void)\n{\n\tstruct fps *one = a.b ? c->d : e;\n}", {"one", "b", "d", "e"}),
    ],
)
def test_the_holders_of_a_struct_are_the_names_of_its_declarations(code: str, names: set[str], tmp_path: Path) -> None:
    assert program(tmp_path, f"{code}\n").holders("struct fps") == names


@pytest.mark.parametrize(
    ("macro", "statement", "stores"),
    [
        ("SIZE (p->size)", "y = SIZE;", False),
        ("SIZE (p->size)", "SIZE = 1;", True),
        ("SIZE (p->size)", "f(&SIZE);", True),
        ("RESET p->size = 0", "RESET;", True),
        ("AT &p->size", "*AT = 1;", True),
        ("SIZE_OF(x) ((x)->size)", "SIZE_OF(p) = 1;", True),
        ("SIZE (p->size)\n#define ALL SIZE | 1", "y = ALL;", False),
    ],
)
def test_a_macro_that_stands_for_a_name_is_stored_into(
    macro: str,
    statement: str,
    stores: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    one = program(tmp_path, f"#define {macro}\n\nvoid f(void)\n{{\n\t{statement}\n}}\n")

    assert named(one, one.storing("size")) == ({"f"} if stores else set())
    assert named(one, one.reading("size")) == {"f"}


@pytest.mark.parametrize(
    ("statement", "reads"),
    [("p->size = 1;", False), ("p->size == 1;", True), ("p->size |= 1;", True), ("p->size = p->size + 1;", True)],
)
def test_what_reads_a_name(statement: str, reads: bool, tmp_path: Path) -> None:  # noqa: FBT001
    one = program(tmp_path, f"void f(void)\n{{\n\t{statement}\n}}\n")

    assert named(one, one.reading("size")) == ({"f"} if reads else set())


@pytest.mark.parametrize(
    ("before", "base"),
    [
        (b"x = fps->", (b"fps", False)),
        (b"x = fps . ", (b"fps", False)),
        (b"x = fps[i + 1].", (b"fps", False)),
        (b"x = (*fps).", (b"fps", True)),
        (b"x = task_fpu(tsk)->", (b"tsk", True)),
        (b"x = f()->", (b"", True)),
        (b"x = fps", None),
        (b".", None),
    ],
)
def test_the_object_of_a_member(before: bytes, base: tuple[bytes, bool] | None) -> None:
    assert base_of(before + b"size", 0, len(before)) == base


CALLS = """#define SHORT(x) second(x)
static void first(void)
{
}

void second(int x)
{
	first ();
}

void third(void)
{
	SHORT(1);
}

void none(void)
{
	first_of(second);
}
"""

OBJECT = """
#define FIRST (first(1))
#define LONGER FIRST

int first(int x)
{
	return x;
}

int second(void)
{
	return LONGER;
}
"""


def test_callers_are_found_through_macros(tmp_path: Path) -> None:
    one = program(tmp_path, CALLS)

    # The head of a definition looks like a call: a function is among its own callers.
    assert [unit.name for unit in one.users_of("first")] == ["first", "second"]
    assert [unit.name for unit in one.users_of("second")] == ["second", "third"]


def test_a_macro_without_arguments_calls_what_its_body_calls(tmp_path: Path) -> None:
    one = program(tmp_path, OBJECT)

    assert [unit.name for unit in one.users_of("first")] == ["first", "second"]


def test_the_closure_holds_all_that_call_by_name(tmp_path: Path) -> None:
    one = program(tmp_path, CALLS)

    assert named(one, one.callers_closure(one.functions_named("first", f"{FPU}/core.c"))) == {
        "first",
        "second",
        "third",
    }


def test_macros_that_paste_a_name_stand_for_it(tmp_path: Path) -> None:
    one = program(tmp_path, "#define GET(x) state_##x\n#define BOTH GET(size)\n#define OTHER sizes\n")

    assert one.aliases("state_size") == {"GET", "BOTH"}
    assert one.aliases("user_size") == set()


POINTERS = """struct size_ops {
	int (*size)(int *p);
	int (*other)(int *p);
};

static int by_member(int *p)
{
}

static int by_position(int *p)
{
}

static int as_argument(int *p)
{
}

static int by_macro(int *p)
{
}

#define OP(name) by_##name
static struct size_ops first = { .size = by_member };
static struct size_ops second = { 0, by_position };
static struct size_ops third = { .size = OP(macro) };

static int between(struct size_ops *ops, int *p)
{
	return ops->size(p);
}

static int other(struct size_ops *ops, int *p)
{
	return ops->other(p);
}

static int given(int (*fn)(int *), int *p)
{
	return fn(p);
}

static int no_member(int *p)
{
	return size(p) + given(as_argument, p);
}
"""


def test_a_call_through_a_pointer_may_go_to_what_was_put_there(tmp_path: Path) -> None:
    one = program(tmp_path, POINTERS)

    def closure(name: str, *tags: str) -> set[str]:
        return named(one, one.callers_closure(one.functions_named(name, f"{FPU}/core.c"), tags)) - {name}

    assert closure("by_member") == {"between"}
    assert closure("by_position") == {"between", "other"}
    assert closure("by_macro") == {"between"}
    assert closure("as_argument") == {"given", "no_member"}
    assert closure("by_member", "struct box") == set()
