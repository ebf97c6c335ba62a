"""trees: a commit and the index list and read exactly like a checkout of the same content."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from fpuscan.errors import NotApplicableError
from fpuscan.git import GitError, open_repository
from fpuscan.tree import SIZE_LIMIT, FolderTree, KernelTree, UnreadableFile
from fpuscan.trees import Blocked, OverlayTree, open_index, open_revision, open_tree
from tests.kernel_trees import real_trees
from tests.repositories import CORE, FPU, Repository, kernel_files, make_repository


@pytest.fixture
def linux(tmp_path: Path) -> Repository:
    """A repository with every kind of entry that a tree can have."""
    made = make_repository(tmp_path / "linux", kernel_files())
    folder = made.folder / FPU
    made.write(
        {f"{FPU}/sub/a.c": "", f"{FPU}/sub.c": "int b;\n", f"{FPU}/sub0/z.h": "", f"{FPU}/Kconfig": "config X\n"}
    )
    made.write({f"{FPU}/bytes.c": b"int a;\r\n\xff", f"{FPU}/binary.c": b"a\0b", f"{FPU}/gr\u00fc\u00df.c": "int c;\n"})
    (folder / "link.c").symlink_to("core.c")
    (folder / "up.c").symlink_to("../../../../Makefile")
    (folder / "folder").symlink_to("sub")
    (folder / "dangling.c").symlink_to("nowhere.c")
    (folder / "loop.c").symlink_to("loop.c")
    (folder / "out.c").symlink_to("../../../../../secret.c")
    (folder / "absolute.c").symlink_to("/etc/passwd")
    (tmp_path / "secret.c").write_text("int secret;\n")
    made.commit({}, "all kinds")
    return made


def everything(tree: KernelTree) -> dict[str, object]:
    """All that a tree shows: every path with its bytes, or with the reason why there are none."""
    found: dict[str, object] = {}
    for path in (*tree.list("."), *tree.list("", ("Makefile", "Kconfig")), "nothing.c", f"{FPU}/folder/a.c", FPU):
        try:
            found[path] = tree.read(path)
        except UnreadableFile as error:
            found[path] = error.reason
    return found


def test_a_commit_and_the_index_are_as_their_checkout(linux: Repository) -> None:
    repository = open_repository(linux.folder)
    folder, revision, index = FolderTree(linux.folder), open_revision(repository, "HEAD"), open_index(repository)
    shutil.rmtree(linux.folder / ".git/hooks", ignore_errors=True)

    expected = everything(folder)

    assert len(expected) > 16
    assert everything(revision) == expected
    assert everything(index) == expected
    for where in (FPU, f"{FPU}/sub", f"{FPU}/folder", "arch", "nothing", "Makefile", f"{FPU}/core.c/x"):
        assert revision.list(where) == index.list(where) == folder.list(where), where
    assert revision.kernel_version() == index.kernel_version() == "7.3.0-rc7"


def test_nothing_is_read_from_the_working_tree(linux: Repository) -> None:
    before = linux.git("rev-parse", "HEAD")
    linux.write({CORE: "staged\n"})
    linux.git("add", CORE)
    linux.write({CORE: "not staged\n", f"{FPU}/new.c": "int n;\n"})
    repository = open_repository(linux.folder)

    revision, index = open_revision(repository, before), open_index(repository)

    assert (revision.read(CORE) or b"").startswith(b"int line_1;")
    assert index.read(CORE) == b"staged\n"
    assert f"{FPU}/new.c" not in index.list(FPU)
    assert (revision.info().revision, index.info().revision) == (before, "")


@pytest.mark.parametrize("revision", ["HEAD", "main", "v1", "HEAD~0", "@"])
def test_a_commit_may_be_named_as_git_names_it(linux: Repository, revision: str) -> None:
    linux.git("tag", "-am", "one", "v1")

    tree = open_revision(open_repository(linux.folder), revision)

    assert tree.commit == linux.git("rev-parse", "HEAD")


def test_bare_repositories_and_worktrees_are_read_too(linux: Repository, tmp_path: Path) -> None:
    linux.git("clone", "--quiet", "--bare", ".", tmp_path / "bare.git")
    linux.git("worktree", "add", "--quiet", "--detach", tmp_path / "second")
    expected = everything(open_revision(open_repository(linux.folder), "HEAD"))

    for folder in ("bare.git", "second", "linux/.git"):
        assert everything(open_revision(open_repository(tmp_path / folder), "HEAD")) == expected
    assert everything(open_index(open_repository(tmp_path / "second"))) == expected
    with pytest.raises(GitError, match=r"bare and has no index"):
        open_index(open_repository(tmp_path / "bare.git"))


def test_a_bare_repository_is_no_folder_to_scan(linux: Repository, tmp_path: Path) -> None:
    linux.git("clone", "--quiet", "--bare", linux.folder, tmp_path / "bare.git")

    with pytest.raises(NotApplicableError, match=r"; it is a bare git repository; name a commit with --rev$"):
        open_tree(str(tmp_path / "bare.git"))


def test_a_kernel_in_a_folder_of_a_repository_is_found_from_below(tmp_path: Path) -> None:
    files = {f"src/linux/{path}": text for path, text in kernel_files().items()}
    made = make_repository(tmp_path / "distribution", {**files, "README": "", "src/linux-next": ""})
    inside = open_repository(made.folder / "src/linux" / FPU)
    top = open_repository(made.folder)

    for tree in (open_revision(inside, "HEAD", enclosing=True), open_index(inside, enclosing=True)):
        assert tree.list(FPU) == (CORE, f"{FPU}/xstate.h")
    for opening in (open_index, lambda repository: open_revision(repository, "HEAD")):
        with pytest.raises(NotApplicableError, match="no Linux tree"):
            opening(inside)
        with pytest.raises(NotApplicableError, match="no Makefile with VERSION"):
            opening(top)


def test_a_link_out_of_the_kernel_is_refused_even_inside_the_repository(tmp_path: Path) -> None:
    made = make_repository(tmp_path / "d", {f"linux/{path}": text for path, text in kernel_files().items()})
    made.write({"other.c": "int other;\n"})
    (made.folder / f"linux/{FPU}/other.c").symlink_to("../../../../../other.c")
    made.commit({})
    repository = open_repository(made.folder / "linux")

    for tree in (FolderTree(made.folder / "linux"), open_revision(repository, "HEAD"), open_index(repository)):
        with pytest.raises(UnreadableFile, match="symbolic link that leads out of the tree"):
            tree.read(f"{FPU}/other.c")


def test_a_submodule_is_listed_and_cannot_be_read(linux: Repository) -> None:
    commit = linux.git("rev-parse", "HEAD")
    linux.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{FPU}/module")
    linux.git("commit", "-qm", "module")
    repository = open_repository(linux.folder)

    for tree in (open_revision(repository, "HEAD"), open_index(repository)):
        assert f"{FPU}/module" in tree.list(FPU)
        with pytest.raises(UnreadableFile, match="is a submodule"):
            tree.read(f"{FPU}/module")


def test_a_large_blob_is_refused_and_the_next_is_read(linux: Repository) -> None:
    linux.commit({f"{FPU}/large.c": b" " * (SIZE_LIMIT + 1)})
    tree = open_revision(open_repository(linux.folder), "HEAD")

    with pytest.raises(UnreadableFile, match="is too large"):
        tree.read(f"{FPU}/large.c")

    assert tree.read(f"{FPU}/sub.c") == b"int b;\n"


def test_trees_of_trees_of_trees_do_not_cost_more_than_they_hold(linux: Repository) -> None:
    """Thirty levels of ten equal folders are thirty objects, and ten to the thirty paths."""
    blob = linux.git("hash-object", "-w", "--stdin", data=b"int bomb;\n")
    listing = f"100644 blob {blob}\tx.c\n"
    for _ in range(30):
        tree = linux.git("mktree", data=listing.encode())
        listing = "".join(f"040000 tree {tree}\t{number}\n" for number in range(10))
    bomb = linux.git("mktree", data=listing.encode())
    commit = linux.git("commit-tree", "-m", "bomb", bomb)
    repository = open_repository(linux.folder)

    with pytest.raises(NotApplicableError):
        open_revision(repository, commit)
    top = linux.git("ls-tree", f"HEAD:{FPU}") + f"\n040000 tree {bomb}\tbomb\n"
    tree = linux.git("mktree", data=top.encode())
    for name in ("fpu", "kernel", "x86"):
        tree = linux.git("mktree", data=f"040000 tree {tree}\t{name}\n".encode())
    makefile = linux.git("ls-tree", "HEAD", "Makefile")
    inside = linux.git("mktree", data=f"{makefile}\n040000 tree {tree}\tarch\n".encode())
    commit = linux.git("commit-tree", "-m", "bomb", inside)

    with pytest.raises(UnreadableFile, match="is too large"):
        open_revision(repository, commit)


def test_equal_blobs_have_equal_ids(linux: Repository) -> None:
    first = open_revision(open_repository(linux.folder), "HEAD")
    linux.commit({f"{FPU}/sub.c": "int changed;\n", f"{FPU}/copy.c": (linux.folder / CORE).read_bytes()})
    second, index = open_revision(open_repository(linux.folder), "HEAD"), open_index(open_repository(linux.folder))

    assert (
        first.blob_id(CORE) == second.blob_id(CORE) == index.blob_id(f"{FPU}/copy.c") == index.blob_id(f"{FPU}/link.c")
    )
    assert first.blob_id(f"{FPU}/sub.c") != second.blob_id(f"{FPU}/sub.c") == index.blob_id(f"{FPU}/sub.c")
    assert first.blob_id(FPU) is first.blob_id("nothing") is first.blob_id(f"{FPU}/out.c") is None


def test_an_unmerged_index_is_refused(linux: Repository) -> None:
    blob = linux.git("rev-parse", f"HEAD:{CORE}")
    listing = f"0 {'0' * 40}\t{CORE}\n" + "".join(f"100644 {blob} {stage}\t{CORE}\n" for stage in (1, 2, 3))
    linux.git("update-index", "--index-info", data=listing.encode())

    with pytest.raises(GitError, match=r"core\.c: is not merged"):
        open_index(open_repository(linux.folder))


def test_sha256_repositories_are_read(tmp_path: Path) -> None:
    made = Repository(tmp_path / "linux")
    made.folder.mkdir()
    made.git("init", "--quiet", "-b", "main", "--object-format=sha256")
    made.commit(kernel_files())
    repository = open_repository(made.folder)

    for tree in (open_revision(repository, "HEAD"), open_index(repository)):
        assert everything(tree) == everything(FolderTree(made.folder))


# What git may have made of a repository, by commands that leave every file as it was
_SHAPES = {
    "packed": ("pack-refs --all", "gc --quiet --prune=now", "multi-pack-index write", "commit-graph write"),
    "split index": ("update-index --split-index", "update-index --force-remove Makefile", "add Makefile"),
    "index of version 4": ("update-index --index-version 4", "update-index --untracked-cache"),
    "sparse index": ("sparse-checkout set --cone --sparse-index arch/x86/include",),
    "files that git is not to look at": (
        f"update-index --assume-unchanged {CORE}",
        "update-index --skip-worktree Makefile",
    ),
    "detached": ("checkout --quiet --detach",),
    "in a bisection": ("bisect start HEAD HEAD~1",),
    "a graft": ("replace --graft HEAD",),
    "only a name": ("config core.autocrlf true", "config core.safecrlf true", "config core.precomposeunicode true"),
    "a stash": ("rm --quiet --cached Makefile", "stash --quiet"),
    "an unfinished revert": ("revert --no-commit HEAD", "read-tree HEAD"),
}


@pytest.mark.parametrize("shape", _SHAPES)
def test_the_shape_of_a_repository_is_of_no_account(linux: Repository, shape: str) -> None:
    expected = everything(FolderTree(linux.folder))

    for command in _SHAPES[shape]:
        linux.git(*command.split())

    repository = open_repository(linux.folder)
    for tree in (open_revision(repository, "HEAD"), open_index(repository)):
        assert everything(tree) == expected


def test_objects_of_another_repository_are_read(linux: Repository, tmp_path: Path) -> None:
    linux.git("clone", "--quiet", "--shared", ".", tmp_path / "shared")
    linux.git("clone", "--quiet", "--separate-git-dir", tmp_path / "apart", linux.folder, tmp_path / "second")
    expected = everything(FolderTree(linux.folder))

    for folder in ("shared", "second"):
        repository = open_repository(tmp_path / folder)
        for tree in (open_revision(repository, "HEAD"), open_index(repository)):
            assert everything(tree) == expected


def test_refs_in_tables_are_read_or_refused(tmp_path: Path) -> None:
    """Of git 2.45 on; an older one knows that it does not know."""
    made = Repository(tmp_path / "linux")
    made.folder.mkdir()
    new = subprocess.run(
        ["git", "init", "--quiet", "--ref-format=reftable", made.folder], check=False, capture_output=True
    )
    if new.returncode == 0:
        made.commit(kernel_files())
        assert everything(open_revision(open_repository(made.folder), "HEAD")) == everything(FolderTree(made.folder))
        return
    made.git("init", "--quiet")
    made.git("config", "core.repositoryFormatVersion", "1")
    made.git("config", "extensions.refStorage", "reftable")

    with pytest.raises(GitError, match=r"git rev-parse failed: fatal: unknown repository extension"):
        open_repository(made.folder)


@pytest.mark.parametrize("format_", ["sha1", "sha256"])
def test_a_file_that_is_only_meant_to_be_added_is_in_no_commit(tmp_path: Path, format_: str) -> None:
    made = Repository(tmp_path / "linux")
    made.folder.mkdir()
    made.git("init", "--quiet", f"--object-format={format_}")
    made.commit(kernel_files())
    made.git("config", "diff.relative", "true")
    made.write({f"{FPU}/intended.c": "int intended;\n", f"{FPU}/empty.c": "", "new/intended.c": ""})
    made.git("add", f"{FPU}/empty.c")
    made.git("add", "--intent-to-add", f"{FPU}/intended.c", "new")

    staged = open_index(open_repository(made.folder / FPU), enclosing=True)

    assert staged.read(f"{FPU}/intended.c") is None
    assert staged.read(f"{FPU}/empty.c") == b""
    made.git("commit", "--quiet", "-m", "what is staged")
    assert everything(staged) == everything(open_revision(open_repository(made.folder), "HEAD"))


@pytest.mark.parametrize("command", ["merge", "rebase", "cherry-pick", "stash apply"])
def test_a_conflict_is_named_and_its_resolution_is_read(linux: Repository, command: str) -> None:
    linux.git("checkout", "--quiet", "-b", "other")
    linux.commit({CORE: "int other;\n"})
    if command == "stash apply":
        linux.write({CORE: "int stashed;\n"})
        linux.git("stash", "--quiet")
    linux.git("checkout", "--quiet", "main")
    linux.commit({CORE: "int main;\n"})
    what = "stash@{0}" if command == "stash apply" else "other"

    with pytest.raises(AssertionError):
        linux.git(*command.split(), what)
    with pytest.raises(
        GitError, match=r"^arch/x86/kernel/fpu/core\.c: is not merged; resolve it and git add it first$"
    ):
        open_index(open_repository(linux.folder))

    linux.write({CORE: "int both;\n"})
    linux.git("add", CORE)
    assert open_index(open_repository(linux.folder)).read(CORE) == b"int both;\n"


# Overlays


def test_an_overlay_replaces_adds_and_removes(linux: Repository) -> None:
    base = open_revision(open_repository(linux.folder), "HEAD")
    tree = OverlayTree(
        base,
        {CORE: b"changed\n", f"{FPU}/new.c": b"new\n", f"{FPU}/sub.c": None, f"{FPU}/b.c": Blocked("is binary")},
        ("one",),
    )

    listed = tree.list(FPU)

    assert tree.read(CORE) == b"changed\n"
    assert set(listed) ^ set(base.list(FPU)) == {f"{FPU}/new.c", f"{FPU}/sub.c", f"{FPU}/b.c"}
    assert tree.read(f"{FPU}/sub.c") is None
    assert tree.read(f"{FPU}/bytes.c") == base.read(f"{FPU}/bytes.c")
    assert listed == tuple(sorted(listed))
    with pytest.raises(UnreadableFile, match="is binary"):
        tree.read(f"{FPU}/b.c")
    assert (tree.info().patches, tree.info().revision) == (("one",), base.commit)


def test_an_empty_overlay_is_its_base(linux: Repository) -> None:
    for base in (FolderTree(linux.folder), open_revision(open_repository(linux.folder), "HEAD")):
        assert everything(OverlayTree(base, {})) == everything(base)


def test_an_overlay_knows_what_lies_behind_a_link(linux: Repository) -> None:
    for base in (FolderTree(linux.folder), open_revision(open_repository(linux.folder), "HEAD")):
        tree = OverlayTree(OverlayTree(base, {}), {})
        plain = {path: tree.is_plain(path) for path in (CORE, f"{FPU}/x/new.c", f"{FPU}/folder/a.c", f"{FPU}/link.c")}
        assert list(plain.values()) == [True, True, False, False]


@pytest.mark.realtree
def test_a_real_tree_is_the_same_from_its_commit_and_its_index(tmp_path: Path) -> None:
    newest = real_trees()[0]
    made = make_repository(tmp_path / "linux")
    for name in ("Makefile", "arch/x86/kernel", "arch/x86/kvm", "arch/x86/include"):
        (made.folder / name).parent.mkdir(parents=True, exist_ok=True)
        _copy(newest / name, made.folder / name)
    made.commit({})
    repository = open_repository(made.folder)
    expected = everything(FolderTree(made.folder))

    assert everything(open_revision(repository, "HEAD")) == expected
    assert everything(open_index(repository)) == expected


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy(source, target)
