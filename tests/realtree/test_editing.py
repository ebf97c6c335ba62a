"""The editing helper fails loudly, and never touches the original."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.realtree.edits import EditError, TreeCopy, copy_tree, last_member

FILE = "core.c"
CODE = """#define KEEP(x) (x)
static void set(struct fpstate *fpstate);

static void set(struct fpstate *fpstate)
{
	/* fpstate->user_size = 0; */
	fpstate->user_size	= cfg.default_size;
	if (!fpstate->is_guest)
		other->fpstate->user_size = 1;
	mask = features & USER_MASK;
	mask &= OTHER_MASK;
	for (i = 0; i < 3; i++)
		sum += i;
}

void get(void)
{
	set(NULL);
}
"""


@pytest.fixture
def tree(tmp_path: Path) -> TreeCopy:
    (tmp_path / "original").mkdir()
    (tmp_path / "original" / FILE).write_text(CODE, encoding="utf-8")
    return copy_tree(tmp_path / "original", tmp_path / "copy")


def test_an_assignment_is_found_by_its_whole_access_path(tree: TreeCopy) -> None:
    tree.assign(FILE, "set", "fpstate->user_size", "2", was="cfg.default_size")

    assert tree.text(FILE) == CODE.replace("= cfg.default_size", "= 2")


def test_the_original_keeps_its_bytes_and_the_copy_gets_them_back(tree: TreeCopy) -> None:
    tree.replace(FILE, "get", "NULL", "0")
    tree.append("new.c", "int x;")
    tree.restore()

    assert (tree.source / FILE).read_text(encoding="utf-8") == CODE
    assert tree.text(FILE) == CODE
    assert not (tree.root / "new.c").exists()


def test_masks_are_dropped_from_expressions_and_as_statements(tree: TreeCopy) -> None:
    tree.drop_mask(FILE, "set", "USER_MASK")
    tree.drop_mask(FILE, "set", "OTHER_MASK")

    assert "MASK" not in tree.text(FILE)
    assert "mask = features" in tree.text(FILE)
    assert tree.text(FILE).count("\n") == CODE.count("\n")


def test_statements_are_inserted_around_the_anchor(tree: TreeCopy) -> None:
    tree.insert(FILE, "set", "first();", before="mask = features")
    tree.insert(FILE, "set", "last();", after="sum += i")

    lines = [line.strip() for line in tree.text(FILE).splitlines() if line.strip()]
    assert lines[lines.index("mask = features & USER_MASK;") - 1] == "first();"
    assert lines[lines.index("sum += i;") + 1] == "last();"


def test_a_place_is_the_line_of_its_anchor(tree: TreeCopy) -> None:
    place = tree.place(FILE, "set", "other->fpstate->user_size")

    assert (place.line, place.function) == (9, "set")


@pytest.mark.parametrize(
    ("function", "anchor"),
    [("set", "nothing"), ("set", "mask"), ("missing", "NULL"), ("get", "cfg.default_size"), ("set", "user_size")],
)
def test_an_anchor_that_is_not_there_once_is_refused(tree: TreeCopy, function: str, anchor: str) -> None:
    with pytest.raises(EditError, match=r"is there \d+ times, not once"):
        tree.replace(FILE, function, anchor, "x")

    assert tree.text(FILE) == CODE


def test_an_edit_that_changes_nothing_is_refused(tree: TreeCopy) -> None:
    with pytest.raises(EditError, match="changes nothing"):
        tree.replace(FILE, "get", "NULL", "NULL")


def test_the_last_member_of_a_place() -> None:
    assert [last_member(place) for place in ("struct fpu.perm.size", "a->b", "x")] == ["size", "b", "x"]
