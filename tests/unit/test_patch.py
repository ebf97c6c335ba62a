"""patch: whatever people send applies as git apply and patch(1) would do it, in memory, or says where it does not."""

from __future__ import annotations

import base64
import quopri
import subprocess
import time
from pathlib import Path

import pytest

from fpuscan.patch import PATCH_LIMIT, PatchError, apply_series, load_patches, read_patches
from fpuscan.tree import FolderTree, KernelTree, UnreadableFile
from fpuscan.trees import OverlayTree
from tests.repositories import CORE, FPU, MAKEFILE, Repository, environment, make_repository

LINES = [f"int line_{number};\n" for number in range(1, 41)]
TEXT = "".join(LINES)


@pytest.fixture
def linux(tmp_path: Path) -> Repository:
    return make_repository(tmp_path / "linux", {"Makefile": MAKEFILE, CORE: TEXT, f"{FPU}/other.h": "int other;\n"})


def changed(**edits: str) -> str:
    """The lines of core.c, some replaced: ``_5="..."``."""
    lines = list(LINES)
    for name, text in edits.items():
        lines[int(name[1:]) - 1] = text
    return "".join(lines)


def applied(base: KernelTree, *patches: str | bytes, name: str = "x.patch") -> OverlayTree:
    """The tree after all patches of all texts."""
    found = [patch for text in patches for patch in read_patches(_bytes(text), name)]
    return apply_series(base, found)[-1].tree


def refused(base: KernelTree, patch: str | bytes) -> str:
    with pytest.raises(PatchError) as caught:
        applied(base, patch)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def folder(linux: Repository) -> FolderTree:
    return FolderTree(linux.folder)


def diff_of(linux: Repository, *options: str, **edits: str) -> str:
    """The diff of core.c, which is as before afterwards."""
    linux.write({CORE: changed(**edits)})
    diff = linux.git("diff", *options) + "\n"
    linux.git("checkout", "--quiet", ".")
    return diff


def series(linux: Repository, *options: str) -> str:
    """A series of three: an edit, a new file and a removed one, a rename with an edit; the tree is left before them."""
    linux.git("checkout", "--quiet", "-b", "work")
    linux.commit({CORE: changed(_5="int five;\n")}, "first: set gr\u00fc\u00dfe")
    linux.commit({f"{FPU}/new.c": "int new;\n", f"{FPU}/other.h": None}, "second")
    linux.git("mv", CORE, f"{FPU}/moved.c")
    linux.commit({f"{FPU}/moved.c": changed(_5="int five;\n", _30="int thirty;\n")}, "third")
    mbox = linux.git("format-patch", "--stdout", *options, "main..work")
    linux.git("checkout", "--quiet", "main")
    return mbox + "\n"


def check_series(tree: KernelTree) -> None:
    assert tree.list(FPU) == (f"{FPU}/moved.c", f"{FPU}/new.c")
    assert (tree.read(f"{FPU}/moved.c") or b"").decode() == changed(_5="int five;\n", _30="int thirty;\n")
    assert tree.read(CORE) is None
    assert tree.read(f"{FPU}/other.h") is None


# What people send


def test_a_plain_diff(linux: Repository) -> None:
    for options in ((), ("--no-prefix",), ("--src-prefix=old/", "--dst-prefix=new/"), ("-U1",), ("-U0",), ("-W",)):
        tree = applied(folder(linux), diff_of(linux, *options, _3="int three;\n", _20="", _40="int last;\n"))

        assert (tree.read(CORE) or b"").decode() == changed(_3="int three;\n", _20="", _40="int last;\n"), options


def test_a_diff_of_diff_with_times_in_its_names(linux: Repository, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b/core.c").write_text(changed(_7="int seven;\n"))
    command = ["diff", "-u", f"linux/{CORE}", "b/core.c"]
    diff = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    epoch = "1970-01-01 00:00:00.000000000 +0000"
    new_file = f"--- linux/{FPU}/new.c\t{epoch}\n+++ linux.new/{FPU}/new.c\n@@ -0,0 +1 @@\n+int n;\n"

    tree = applied(folder(linux), diff, new_file)

    assert tree.read(CORE) == changed(_7="int seven;\n").encode()
    assert tree.read(f"{FPU}/new.c") == b"int n;\n"


@pytest.mark.parametrize("above", ["linux", "linux-6.1/src", "x/y/z"])
def test_a_patch_from_above_the_tree(linux: Repository, above: str) -> None:
    """As for patch -p2: what stands in front of arch and include is no folder of the tree."""
    mbox = series(linux)
    for name in (CORE, f"{FPU}/new.c", f"{FPU}/other.h", f"{FPU}/moved.c"):
        mbox = mbox.replace(f"a/{name}", f"a/{above}/{name}").replace(f"b/{name}", f"b/{above}/{name}")
        mbox = mbox.replace(f"from {name}", f"from {above}/{name}").replace(f"to {name}", f"to {above}/{name}")
    assert f" to {above}/{FPU}/moved.c" in mbox

    check_series(applied(folder(linux), mbox))


def test_a_copy_in_tools_is_not_the_file(linux: Repository) -> None:
    diff = diff_of(linux, "--src-prefix=a/tools/", "--dst-prefix=b/tools/", _5="int five;\n")

    assert applied(folder(linux), diff).read(CORE) == TEXT.encode()


@pytest.mark.parametrize("options", [(), ("--cover-letter",), ("--attach",), ("-M", "--full-index"), ("--no-renames",)])
def test_a_series_in_one_mbox(linux: Repository, options: tuple[str, ...]) -> None:
    patches = read_patches(series(linux, *options).encode(), "x.mbox")
    states = apply_series(folder(linux), patches)

    assert [state.name for state in states] == [
        "[PATCH 1/3] first: set gr\u00fc\u00dfe",
        "[PATCH 2/3] second",
        "[PATCH 3/3] third",
    ]
    check_series(states[-1].tree)
    assert states[0].tree.read(CORE) == changed(_5="int five;\n").encode()
    assert states[2].paths == (CORE, f"{FPU}/moved.c")
    assert states[2].tree.info().patches == tuple(state.name for state in states)
    assert all(not state.notes for state in states)


def test_mails_are_sorted_and_replies_and_cover_letters_left_out(linux: Repository) -> None:
    mails = series(linux, "--cover-letter").split("\nFrom ")
    assert len(mails) == 4
    reply = (
        "a@b Mon Sep 17 00:00:00 2001\nFrom: R <r@example.org>\nSubject: Re: [PATCH 2/3] second\n\n"
        "> diff\nI would rather write:\n\n--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-a\n+b\n\nReviewed-by: R <r@example.org>\n"
    )
    letter = mails[0].replace("*** BLURB HERE ***", "--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-a\n+b\n")

    mbox = "\nFrom ".join([letter, mails[3].rstrip("\n") + "\n", reply, mails[2], mails[1]])

    check_series(applied(folder(linux), mbox))


def test_bodies_are_decoded(linux: Repository) -> None:
    linux.commit({CORE: b"/* gr\xfc\xdfe = 1 */\n" + TEXT.encode() + b"\f\nint last; \r in a line\n"})
    linux.write({CORE: b"/* gr\xfc\xdfe = 2 */\n" + TEXT.encode() + b"\f\nint end; \r in a line\n"})
    wanted = (linux.folder / CORE).read_bytes()
    environ = environment()
    diff = subprocess.run(["git", "diff"], cwd=linux.folder, env=environ, capture_output=True, check=True).stdout
    linux.git("checkout", "--quiet", ".")
    head = b"From: A <a@example.org>\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?= =?nonsense?q?x?=\nMIME-Version: 1.0\n"
    kind = b"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: "
    bodies = {
        b"8bit": diff,
        b"quoted-printable": quopri.encodestring(diff),
        b"base64": base64.encodebytes(diff),
    }

    for encoding, body in bodies.items():
        mail = (
            head + kind + encoding + b"\n\nWhy.\n---\n" * (encoding == b"8bit") + b"\n\n" * (encoding != b"8bit") + body
        )
        assert applied(folder(linux), mail).read(CORE) == wanted, encoding
        assert applied(folder(linux), b"From a@b Thu Jan  1 00:00:00 1970\n" + mail).read(CORE) == wanted, encoding


def test_a_mail_with_crlf_is_read_as_one_without(linux: Repository) -> None:
    mbox = series(linux).replace("\n", "\r\n")

    check_series(applied(folder(linux), mbox))


def test_a_file_with_crlf_keeps_it(linux: Repository) -> None:
    crlf = {number: text.replace("\n", "\r\n") for number, text in ((1, TEXT), (2, changed(_9="int nine;\n")))}
    linux.commit({CORE: crlf[1]})
    linux.write({CORE: crlf[2]})
    exact = linux.git("diff") + "\n"
    linux.git("checkout", "--quiet", ".")

    for diff in (exact, exact.replace("\r\n", "\n"), exact.replace("\r\n", "\n").replace("\n", "\r\n")):
        assert applied(folder(linux), diff).read(CORE) == crlf[2].encode()


def test_a_file_without_a_last_line_break(linux: Repository) -> None:
    for before, after in (("a\nb", "a\nc"), ("a\nb", "a\nb\n"), ("a\nb\n", "a\nb"), ("a", "")):
        linux.commit({CORE: before})
        linux.write({CORE: after})
        diff = linux.git("diff") + "\n"
        linux.git("checkout", "--quiet", ".")

        assert applied(folder(linux), diff).read(CORE) == after.encode()


def test_names_that_git_quotes(linux: Repository) -> None:
    files = {
        f"{FPU}/a b.c": "int a;\n",
        f"{FPU}/gr\u00fc\u00df.c": "int b;\n",
        f'{FPU}/"q".c': "int c;\n",
        f"{FPU}/e.c": "",
    }
    linux.git("checkout", "--quiet", "-b", "names")
    linux.commit(files)
    linux.git("mv", f"{FPU}/a b.c", f"{FPU}/b a.c")
    linux.commit({})
    mbox = linux.git("format-patch", "--stdout", "main..names")
    linux.git("checkout", "--quiet", "main")

    tree = applied(folder(linux), mbox)

    expected = {path.replace("a b.c", "b a.c"): text for path, text in files.items()}
    assert {path: (tree.read(path) or b"").decode() for path in tree.list(FPU) if path in expected} == expected
    assert f"{FPU}/a b.c" not in tree.list(FPU)


def test_copies_mode_changes_and_swapped_names(linux: Repository) -> None:
    diff = (
        f"diff --git a/{CORE} b/{FPU}/other.h\nsimilarity index 100%\nrename from {CORE}\nrename to {FPU}/other.h\n"
        f"diff --git a/{FPU}/other.h b/{CORE}\nsimilarity index 100%\nrename from {FPU}/other.h\nrename to {CORE}\n"
        f"diff --git a/{CORE} b/{FPU}/copy.c\nsimilarity index 100%\ncopy from {CORE}\ncopy to {FPU}/copy.c\n"
        "diff --git a/Makefile b/Makefile\nold mode 100644\nnew mode 100755\n"
    )

    tree = applied(folder(linux), diff)

    assert (tree.read(CORE), tree.read(f"{FPU}/other.h")) == (b"int other;\n", TEXT.encode())
    assert tree.read(f"{FPU}/copy.c") == TEXT.encode()
    assert tree.read("Makefile") == MAKEFILE.encode()


def test_several_files_apply_in_the_order_given(linux: Repository, tmp_path: Path) -> None:
    first, second = tmp_path / "1.patch", tmp_path / "2.patch"
    first.write_text(diff_of(linux, _5="int five;\n"))
    second.write_text(diff_of(linux, _5="int five;\n").replace("five", "six").replace("line_5", "five"))

    patches = load_patches([str(first), "-"], lambda limit: second.read_bytes()[:limit])

    assert apply_series(folder(linux), patches)[-1].tree.read(CORE) == changed(_5="int six;\n").encode()
    assert [patch.name for patch in patches] == [str(first), "standard input"]


# Where hunks fit


def test_offsets_and_fuzz(linux: Repository) -> None:
    diff = diff_of(linux, _10="int ten;\n", _30="int thirty;\n")
    linux.commit({CORE: "int more;\n" * 7 + TEXT.replace("line_28;", "line_28, x;")})

    states = apply_series(folder(linux), read_patches(diff.encode(), "x.patch"))

    expected = "int more;\n" * 7 + changed(_10="int ten;\n", _30="int thirty;\n").replace("line_28;", "line_28, x;")
    assert states[0].tree.read(CORE) == expected.encode()
    assert states[0].notes == (f"x.patch: {CORE}, hunk 2 fits only with fuzz 2 (at line 34)",)


def test_what_does_not_apply_says_where(linux: Repository) -> None:
    diff = diff_of(linux, _10="int ten;\n", _30="int thirty;\n")
    linux.commit({CORE: TEXT.replace("line_30;", "line_30 = 7;")})

    message = refused(folder(linux), diff)

    assert message == (
        f"x.patch: does not apply: {CORE}: hunk 2 (line 27), line 30: "
        "the patch expects 'int line_30;', the tree has 'int line_30 = 7;'"
    )


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (
            "\tint line_10;\n",
            r"expects 'int line_10;\n', the tree has '\tint line_10;\n', which differs in white space",
        ),
        ("int line_10; \n", r"expects 'int line_10;\n', the tree has 'int line_10; \n', which differs in white space"),
        ("int line10;\n", "expects 'int line_10;', the tree has 'int line10;'"),
    ],
)
def test_a_difference_in_white_space_is_seen(linux: Repository, there: str, said: str) -> None:
    diff = diff_of(linux, _10="int ten;\n")
    linux.commit({CORE: changed(_10=there)})

    assert refused(folder(linux), diff).endswith(f"the patch {said}")


def test_a_patch_that_is_applied_already_is_told(linux: Repository) -> None:
    diff = diff_of(linux, _10="int ten;\n")
    linux.commit({CORE: changed(_10="int ten;\n")})

    assert refused(folder(linux), diff).endswith("it seems to be applied already")


def test_a_patch_of_which_one_hunk_is_there_is_not_applied(linux: Repository) -> None:
    diff = diff_of(linux, _10="int ten;\n", _30="int thirty;\n")
    linux.commit({CORE: changed(_10="int ten;\n")})

    assert refused(folder(linux), diff).endswith("the patch expects 'int line_10;', the tree has 'int ten;'")


@pytest.mark.parametrize(
    ("number", "given", "said"),
    [
        (2, (2, 3), "; of its series, 1/3 is not given"),
        (3, (3,), "; of its series, 1/3 to 2/3 are not given"),
        (3, (1, 2, 3), ""),
    ],
)
def test_what_a_failing_patch_may_need_is_told(
    linux: Repository, number: int, given: tuple[int, ...], said: str
) -> None:
    new = "--- /dev/null\n+++ b/{}\n@@ -0,0 +1 @@\n+int new;\n"
    mbox = "".join(
        f"From {'0' * 40} Mon Sep 17 00:00:00 2001\nSubject: [PATCH {each}/3] x\n\n"
        + new.format(CORE if each == number else f"{FPU}/{each}.c")
        + "\n"
        for each in given
    )

    assert refused(folder(linux), mbox).endswith(f": is to be created and exists already{said}")


def test_a_folder_is_no_patch(linux: Repository) -> None:
    with pytest.raises(PatchError, match=r"\(Is a directory\); cat .*/linux/\*\.patch \| fpuscan --patch -$"):
        load_patches([f"{linux.folder}/"], lambda _: b"")


def test_the_failing_patch_of_a_series_is_named(linux: Repository) -> None:
    mbox = series(linux)
    linux.commit({f"{FPU}/new.c": "int there;\n"})

    assert refused(folder(linux), mbox) == (
        f"[PATCH 2/3] second: does not apply: {FPU}/new.c: is to be created and exists already"
    )


@pytest.mark.parametrize(
    ("diff", "reason"),
    [
        (f"--- a/{FPU}/no.c\n+++ b/{FPU}/no.c\n@@ -1 +1 @@\n-a\n+b\n", f"{FPU}/no.c: is not in the tree"),
        (
            f"--- a/{FPU}/other.h\n+++ /dev/null\n@@ -1 +0,0 @@\n-int another;\n",
            "'int another;', the tree has 'int other;'",
        ),
        (f"--- a/{CORE}\n+++ /dev/null\n@@ -1 +0,0 @@\n-int line_1;\n", "holds more than the patch removes"),
        (f"--- a/{CORE}\n+++ b/{CORE}\n@@ -1,9 +1,9 @@\n-a\n+b\n", "line 3: the hunk is cut short"),
        (f"--- a/{CORE}\n+++ b/{CORE}\n@@ -1 +1 @@\n-a\n+b\n+c\n", "line 6: the hunk above has more lines"),
        (f"--- a/{CORE}\n+++ b/{CORE}\n@@ -1,2 +1,2 @@\n-a\n+b\nc\n", "line 6: 'c' is no line of a hunk"),
        (f"--- a/{CORE}\n+++ b/{CORE}\n@@ -1,2 +1 @@\n-a\n+b\n+c\n-d\n", "has other lines than its header counts"),
        (f"diff --cc {CORE}\n@@@ -1 -1 +1 @@@\n", "a merge's combined diff"),
        (f"*** a/{CORE}\n--- b/{CORE}\n***************\n*** 1 ****\n", "is a context diff"),
        ("--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n", "names no file"),
        ("nothing\n", "x.patch: holds no patch"),
        (f"--- a/{CORE}\n+++ b/{CORE}\n@@ -1234567890 +1 @@\n-a\n+b\n", "line 3: '@@ -1234567890 +1 @@' is no header"),
        (f"--- a/{CORE}\n+++ b/{CORE}\n@@ -1 +1 @@\n-int line_1;\n+b\n@@ 2 @@\n", "line 6: '@@ 2 @@' is no header"),
        (f"diff --git a/{CORE} b/{CORE}\n--- a/{CORE}\n+++ b/{CORE}\n", "line 4: '' is no header of a hunk"),
        (
            "--- a/fpu/core.c\n+++ b/fpu/core.c\n@@ -1 +1 @@\n-int line_1;\n+b\n",
            f"but {CORE} is; make the patch without",
        ),
        ("", "x.patch: holds no patch"),
        (
            "From: a@b\nSubject: Re: [PATCH] x\n\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n",
            "no mail of 1 that is neither",
        ),
    ],
)
def test_what_is_no_patch_for_this_tree_is_one_line(linux: Repository, diff: str, reason: str) -> None:
    assert reason in refused(folder(linux), diff)


def test_two_versions_of_a_series_are_refused(linux: Repository) -> None:
    mbox = series(linux)

    assert "holds v1 and v3" in refused(folder(linux), mbox + mbox.replace("[PATCH ", "[PATCH v3 "))
    assert "holds patch 1/3 twice" in refused(folder(linux), mbox + mbox.replace("int five", "int fife"))


def test_what_a_smaller_tree_does_not_hold_is_left_out_and_told(linux: Repository) -> None:
    elsewhere = "--- a/tools/x.c\n+++ b/tools/x.c\n@@ -1 +1 @@\n-a\n+b\n"

    states = apply_series(folder(linux), read_patches((elsewhere + diff_of(linux, _5="int five;\n")).encode(), "x"))

    assert states[0].tree.read(CORE) == changed(_5="int five;\n").encode()
    assert states[0].notes == ("x: tools/x.c: the tree has no such folder; left out",)


def test_a_binary_patch_makes_a_file_unreadable(linux: Repository) -> None:
    linux.write({CORE: b"a\0b"})
    tree = applied(folder(linux), linux.git("diff", "--binary") + "\n")
    linux.git("checkout", "--quiet", ".")

    with pytest.raises(UnreadableFile, match="is changed by a binary patch"):
        tree.read(CORE)
    assert CORE in tree.list(FPU)


# Hostile patches


@pytest.mark.parametrize(
    "path",
    [
        "a/../../etc/passwd",
        "../x.c",
        "a/../x.c",
        "/etc/passwd",
        "a//etc/passwd",
        f"a/{FPU}/../../../../../x.c",
        "a/.git/config",
        '"a/x\\ny.c"',
        '"a/x\\000y.c"',
        '"a/x\\033[2J.c"',
        "a/x\0y.c",
        '"a/\\056\\056/x.c"',
    ],
)
def test_a_path_out_of_the_tree_is_refused(linux: Repository, path: str) -> None:
    bodies = (
        f"--- /dev/null\n+++ {path}\n@@ -0,0 +1 @@\n+int x;\n",
        f"diff --git a/{CORE} {path}\nrename from {CORE}\nrename to {path.removeprefix('a/')}\n",
        f"diff --git a/{CORE} {path}\ncopy from {path.removeprefix('a/')}\ncopy to {FPU}/y.c\n",
    )
    for body in bodies:
        message = refused(folder(linux), body)
        assert message.startswith("x.patch: '")
        assert "a patch must not name a file" in message
        assert message.isprintable()


def test_a_patch_does_not_write_through_a_link(linux: Repository, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (linux.folder / FPU / "out").symlink_to(tmp_path / "outside")
    (linux.folder / FPU / "in.c").symlink_to("core.c")

    for path in (f"{FPU}/out/x.c", f"{FPU}/in.c"):
        assert "symbolic link" in refused(folder(linux), f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+int x;\n")


def test_a_link_that_a_patch_makes_is_not_followed(linux: Repository) -> None:
    head = f"diff --git a/{FPU}/l.c b/{FPU}/l.c\nnew file mode 120000\n"
    patch = f"{head}--- /dev/null\n+++ b/{FPU}/l.c\n@@ -0,0 +1 @@\n+/etc/passwd\n"

    with pytest.raises(UnreadableFile, match="symbolic link or a submodule"):
        applied(folder(linux), patch).read(f"{FPU}/l.c")


def test_nothing_is_written(linux: Repository) -> None:
    mbox = series(linux)
    before = {path: path.stat().st_mtime_ns for path in linux.folder.rglob("*")}

    applied(folder(linux), mbox)

    assert {path: path.stat().st_mtime_ns for path in linux.folder.rglob("*")} == before


def test_a_hostile_hunk_costs_its_length(linux: Repository) -> None:
    """Every place of the file fits all but the end of the hunk."""
    count = 60_000
    linux.write({CORE: "x\n" * 2 * count})
    hunk = " x\n" * count + "-y\n"
    patch = f"--- a/{CORE}\n+++ b/{CORE}\n@@ -1,{count + 1} +1,{count} @@\n{hunk}"
    started = time.monotonic()

    refused(folder(linux), patch)

    assert time.monotonic() - started < 5


def test_input_is_limited(tmp_path: Path) -> None:
    large = tmp_path / "large.patch"
    with large.open("wb") as file:
        file.truncate(PATCH_LIMIT + 1)

    with pytest.raises(PatchError, match="is too large"):
        load_patches([str(large)], lambda _: b"")
    with pytest.raises(PatchError, match="cannot be read"):
        load_patches([str(tmp_path / "nothing")], lambda _: b"")
    with pytest.raises(PatchError, match="can be read once"):
        load_patches(["-", "-"], lambda _: b"")
