"""tree.py: bytes in, nothing followed out of the tree, and every refusal says why."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fpuscan.errors import NotApplicableError, UsageError
from fpuscan.tree import SIZE_LIMIT, FolderTree, UnreadableFile, enclosing_tree, open_folder

MAKEFILE = "# SPDX\nVERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 0\nEXTRAVERSION = -rc7\nNAME = Baby\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A minimal kernel tree."""
    top = tmp_path / "linux"
    fpu = top / "arch/x86/kernel/fpu"
    fpu.mkdir(parents=True)
    (top / "Makefile").write_text(MAKEFILE)
    (fpu / "core.c").write_bytes(b"int a;\r\n\xff")
    (fpu / "xstate.h").write_bytes(b"int b;\n")
    (fpu / "Kconfig").write_bytes(b"config X\n")
    (fpu / "sub").mkdir()
    (fpu / "sub/a.c").write_bytes(b"")
    return top


def test_bytes_are_given_as_they_are(root: Path) -> None:
    tree = open_folder(root)

    assert tree.read("arch/x86/kernel/fpu/core.c") == b"int a;\r\n\xff"


def test_a_file_that_does_not_exist_is_none(root: Path) -> None:
    tree = open_folder(root)

    assert tree.read("arch/x86/kernel/fpu/nothing.c") is None
    assert tree.read("Makefile/nothing.c") is None


def test_listing_is_recursive_sorted_and_filtered(root: Path) -> None:
    fpu = "arch/x86/kernel/fpu"
    tree = open_folder(root)

    assert tree.list(fpu) == (f"{fpu}/core.c", f"{fpu}/sub/a.c", f"{fpu}/xstate.h")
    assert tree.list(fpu, (".h",)) == (f"{fpu}/xstate.h",)
    assert tree.list("arch/x86/nothing") == ()
    assert "Makefile" in tree.list(".", ("file",))


def test_the_version_is_read_from_the_makefile(root: Path) -> None:
    assert open_folder(root).kernel_version() == "7.3.0-rc7"
    (root / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 117\nEXTRAVERSION =\n")

    assert open_folder(root).info().kernel_version == "6.12.117"


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside.c", "arch/../../outside.c", "a\0b"])
def test_a_path_out_of_the_tree_is_refused(root: Path, path: str) -> None:
    (root.parent / "outside.c").write_text("int secret;")

    with pytest.raises(UnreadableFile, match="leads out of the tree"):
        open_folder(root).read(path)


def test_a_link_inside_the_tree_is_followed(root: Path) -> None:
    (root / "arch/x86/kernel/fpu/link.c").symlink_to("core.c")

    assert open_folder(root).read("arch/x86/kernel/fpu/link.c") == b"int a;\r\n\xff"


def test_a_link_out_of_the_tree_is_refused_and_still_listed(root: Path) -> None:
    fpu = root / "arch/x86/kernel/fpu"
    (root.parent / "outside").mkdir()
    (root.parent / "outside/x.c").write_text("int secret;")
    (fpu / "file.c").symlink_to(root.parent / "outside/x.c")
    (fpu / "folder").symlink_to(root.parent / "outside")
    tree = open_folder(root)

    listed = tree.list("arch/x86/kernel/fpu")

    assert "arch/x86/kernel/fpu/folder" in listed
    assert "arch/x86/kernel/fpu/folder/x.c" not in listed
    for name in ("file.c", "folder", "folder/x.c"):
        with pytest.raises(UnreadableFile, match="symbolic link that leads out of the tree"):
            tree.read(f"arch/x86/kernel/fpu/{name}")


def test_a_scope_folder_that_leads_out_of_the_tree_is_an_error(root: Path) -> None:
    (root.parent / "outside").mkdir()
    (root / "arch/x86/kvm").symlink_to(root.parent / "outside")

    with pytest.raises(UnreadableFile, match="arch/x86/kvm: is a symbolic link"):
        open_folder(root).list("arch/x86/kvm")


def test_a_sibling_whose_name_begins_alike_is_outside(root: Path) -> None:
    twin = root.parent / (root.name + "-secret")
    twin.mkdir()
    (twin / "x.c").write_text("int secret;")
    (root / "arch/x86/kernel/fpu/x.c").symlink_to(twin / "x.c")

    with pytest.raises(UnreadableFile, match="leads out of the tree"):
        open_folder(root).read("arch/x86/kernel/fpu/x.c")


def test_what_cannot_be_used_is_refused_with_the_reason(root: Path) -> None:
    fpu = root / "arch/x86/kernel/fpu"
    (fpu / "binary.c").write_bytes(b"int\0a;")
    with (fpu / "large.c").open("wb") as file:
        file.truncate(SIZE_LIMIT + 1)
    (fpu / "dangling.c").symlink_to("nowhere.c")
    (fpu / "loop.c").symlink_to("loop.c")
    os.mkfifo(fpu / "pipe.c")
    reasons = {
        "binary.c": "is binary",
        "large.c": "is too large",
        "dangling.c": "no such file",
        "loop.c": "too many levels",
        "pipe.c": "is no regular file",
        "sub": "is no regular file",
        "n" * 300 + ".c": "name too long",
    }
    tree = open_folder(root)

    for name, reason in reasons.items():
        with pytest.raises(UnreadableFile, match=reason) as caught:
            tree.read(f"arch/x86/kernel/fpu/{name}")
        assert caught.value.path.endswith(name)


def test_a_folder_that_is_none_is_a_usage_error(root: Path) -> None:
    for path, reason in ((root / "nothing", "no such file"), (root / "Makefile", "is not a folder"), ("a\0b", "null")):
        with pytest.raises(UsageError, match=reason):
            open_folder(path)


def test_a_folder_that_is_no_kernel_tree_says_what_is_missing(tmp_path: Path, root: Path) -> None:
    with pytest.raises(NotApplicableError, match="no Makefile with VERSION"):
        open_folder(tmp_path)
    (tmp_path / "Makefile").write_text("all:\n\ttrue\n")
    with pytest.raises(NotApplicableError, match="no Makefile with VERSION"):
        open_folder(tmp_path)
    (tmp_path / "Makefile").write_text(MAKEFILE)
    with pytest.raises(NotApplicableError, match="no arch/x86/kernel/fpu"):
        open_folder(tmp_path)
    with pytest.raises(NotApplicableError, match=f"the tree that encloses it is {root}"):
        open_folder(root / "arch/x86")


def test_the_enclosing_tree_is_found_from_below(tmp_path: Path, root: Path) -> None:
    assert enclosing_tree(root / "arch/x86/kernel/fpu/sub").root == root.resolve()
    assert enclosing_tree(root).root == root.resolve()
    with pytest.raises(NotApplicableError, match="no kernel tree encloses"):
        enclosing_tree(tmp_path)


def test_a_current_folder_that_is_gone_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    with pytest.raises(UsageError, match="no such file"):
        enclosing_tree()


def test_two_spellings_of_a_folder_are_one_tree(root: Path) -> None:
    alias = root.parent / "alias"
    alias.symlink_to(root)

    assert FolderTree(alias).list("arch") == FolderTree(root).list("arch")
