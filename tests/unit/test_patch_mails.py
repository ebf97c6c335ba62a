"""patch: mails as lists deliver them, with all that mail programs and people put around a diff."""

from __future__ import annotations

import base64
import gzip
import quopri
from pathlib import Path

import pytest

from fpuscan.patch import PatchError, apply_series, read_patches
from fpuscan.tree import FolderTree
from tests.repositories import CORE, FPU, Repository, kernel_files, make_repository

SEPARATOR = "From mboxrd@z Thu Jan  1 00:00:00 1970\n"
MESSAGE = "Say why.\n\nSigned-off-by: A <a@example.org>\n---\n core.c | 2 +-\n 1 file changed, 1 insertion(+)\n\n"
SIGNATURE = "-- \n2.39.5\n\n"
DIFF = f"""diff --git a/{CORE} b/{CORE}
index 1234567..89abcde 100644
--- a/{CORE}
+++ b/{CORE}
@@ -5,3 +5,3 @@ int line_4;
 int line_5;
-int line_6;
+int six;
 int line_7;
"""
OTHER = DIFF.replace("5,3", "15,3").replace("line_", "line_1").replace("six", "sixteen")
BODY = MESSAGE + DIFF + SIGNATURE
QUOTED = "On Monday A wrote:\n> " + BODY.replace("\n", "\n> ") + "\n>> More.\n\nReviewed-by: B <b@example.org>\n"
RANGE_DIFF = f"Range-diff against v1:\n1:  abc ! 1:  def x\n    @@ {CORE}\n     -int a;\n    +--- a/x\n    ++++ b/x\n\n"


SUBMODULE = (
    "diff --git a/new b/new\nnew file mode 160000\nindex 0000000..1234567\n--- /dev/null\n+++ b/new\n"
    f"@@ -0,0 +1 @@\n+Subproject commit {'12' * 20}\n"
)


@pytest.fixture
def linux(tmp_path: Path) -> FolderTree:
    return FolderTree(make_repository(tmp_path / "linux", kernel_files()).folder)


def mail(
    subject: str, body: str = BODY, kind: str = "text/plain; charset=utf-8", more: str = "", name: str = ""
) -> str:
    """One mail of an mbox as public-inbox gives it."""
    return (
        f"{SEPARATOR}Return-Path: <list>\nReceived: from a by b;\n\tThu, 1 Jan 1970 00:00:00 +0000\n"
        f"From: A <a@example.org>\nSubject: {subject}\nMessage-ID: <{name or abs(hash(subject))}@example.org>\n"
        f"Content-Type: {kind}\n{more}\n{body}\n"
    )


def core(linux: FolderTree, mbox: str) -> bytes:
    return apply_series(linux, read_patches(mbox.encode(), "x"))[-1].tree.read(CORE) or b""


@pytest.mark.parametrize(
    ("subject", "place"),
    [
        ("[PATCH] x", (0, 0, 1)),
        ("[PATCH RFC net v3 02/11] x", (2, 11, 3)),
        ("[PATCH 6.1 123/798] x", (123, 798, 1)),
        ("[RFC][PATCHv3 2/5] x", (2, 5, 3)),
        ("[PATCH RESEND v4 1/3] x", (1, 3, 4)),
        ("[PATCH, v3, 2/5] x", (2, 5, 3)),
        ("[PATCH AUTOSEL 6.1 12/20] x86/fpu: 1/2 of it", (12, 20, 1)),
        ("[PATCH v6\n 03/12]x", (3, 12, 6)),
        ("=?utf-8?q?=5BPATCH_v2_1/2=5D_gr=C3=BCn?=", (1, 2, 2)),
        ("[tip: x86/fpu] x86/fpu: Say it", (0, 0, 1)),
    ],
)
def test_a_subject_says_the_place_in_the_series(linux: FolderTree, subject: str, place: tuple[int, int, int]) -> None:
    (patch,) = read_patches(mail(subject).encode(), "x")

    assert (patch.number, patch.total, patch.version) == place
    assert b"int six;" in core(linux, mail(subject))


@pytest.mark.parametrize(
    "body",
    [
        "From: Somebody Else <b@example.org>\n\n" + BODY,
        ">From the start.\n\nFrom here on.\n" + BODY,
        f"Hi,\n\nas asked.\n\n-- >8 --\nFrom: B <b@example.org>\nSubject: [PATCH] real\n\n{BODY}",
        MESSAGE + RANGE_DIFF + DIFF + SIGNATURE,
        MESSAGE.replace("why.", "why:\n\n    --- a/x\n    +++ b/x\n    @@ -1 +1 @@\n    -a\n    +b\n") + DIFF,
        BODY + "\n_______________\nmailing list -- list@example.org\n--- a\n",
        SUBMODULE + DIFF,
        f"diff --git a/Makefile b/Makefile\nold mode 100644\nnew mode 100755\n{DIFF}",
        f"diff --git a/x.bin b/x.bin\nnew file mode 100644\nindex 0..1\nGIT binary patch\nliteral 3\nKcmZ=w\n\n{DIFF}",
    ],
)
def test_what_stands_around_a_diff_is_of_no_account(linux: FolderTree, body: str) -> None:
    assert core(linux, mail("[PATCH] x", body)).count(b"int six;") == 1


@pytest.mark.parametrize("delete", [False, True])
@pytest.mark.parametrize("stuffed", [False, True])
def test_a_body_that_says_that_it_is_flowed(linux: FolderTree, *, stuffed: bool, delete: bool) -> None:
    """RFC 3676 puts a blank in front of each line that begins with one; many mails say so and do not."""
    lines = ("A long \nline.\n" + BODY).splitlines(keepends=True)
    body = "".join(f" {line}" if stuffed and line.startswith((" ", ">", "From")) else line for line in lines)
    kind = f"text/plain; charset=utf-8; format=flowed{'; delsp=yes' * delete}"

    assert b"int six;" in core(linux, mail("[PATCH] x", body, kind))


@pytest.mark.parametrize("kind", ["text/x-patch", "text/x-diff", "text/plain", "application/octet-stream"])
@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "8bit"])
def test_a_patch_may_be_attached(linux: FolderTree, kind: str, encoding: str) -> None:
    data = (">" + SEPARATOR + "From: A <a@example.org>\nSubject: [PATCH] x\n\n" + BODY).encode()
    packed = {"base64": base64.encodebytes(data), "quoted-printable": quopri.encodestring(data), "8bit": data}
    body = (
        f"--XX\nContent-Type: text/plain\n\nSee there.\n--XX\nContent-Type: {kind}\n"
        f'Content-Disposition: attachment; filename="0001-x.patch"\nContent-Transfer-Encoding: {encoding}\n\n'
        f"{packed[encoding].decode()}\n--XX\nContent-Type: application/pgp-signature\n\n-----BEGIN\n--XX--\n"
    )

    assert b"int six;" in core(linux, mail("[PATCH] x", body, "multipart/signed; boundary=XX"))


def test_a_thread_with_nested_replies_and_what_was_sent_twice(linux: FolderTree) -> None:
    mbox = [
        mail("[PATCH v2 0/2] Letter", RANGE_DIFF + " core.c | 2 +-\n 1 file changed\n"),
        mail("Re: [PATCH v2 1/2] First", QUOTED.replace("\n", "\n> ") + DIFF),
        mail("[PATCH v2 2/2] Second", BODY.replace(DIFF, OTHER)),
        mail("[PATCH v2 1/2] First", name="first"),
        mail("[PATCH v2 1/2] First", name="first"),  # to another list
        mail("[PATCH RESEND v2 1/2] First", "Again.\n" + BODY),
    ]

    patches = read_patches("".join(mbox).encode(), "x")

    assert [patch.name for patch in patches] == ["[PATCH v2 1/2] First", "[PATCH v2 2/2] Second"]
    text = core(linux, "".join(mbox))
    assert b"int six;" in text
    assert b"int sixteen;" in text


def test_a_mail_without_a_number_that_came_twice(linux: FolderTree) -> None:
    twice = mail("[PATCH] x", name="one") * 2

    assert core(linux, twice) == core(linux, mail("[PATCH] x"))
    with pytest.raises(PatchError, match="it seems to be applied already"):
        core(linux, mail("[PATCH] x", name="one") + mail("[PATCH] x", name="other"))


def test_a_rename_with_fuzz(tmp_path: Path) -> None:
    made: Repository = make_repository(tmp_path / "linux", kernel_files())
    made.git("mv", CORE, f"{FPU}/new.c")
    made.write({f"{FPU}/new.c": str(kernel_files()[CORE]).replace("int line_6;", "int six;")})
    made.git("add", "--all")
    diff = made.git("diff", "--cached", "-M") + "\n"
    made.git("reset", "--quiet", "--hard")

    after = apply_series(
        FolderTree(made.folder), read_patches(diff.replace(" int line_3;", " int three;").encode(), "x")
    )

    assert b"int six;" in (after[0].tree.read(f"{FPU}/new.c") or b"")
    assert after[0].tree.read(CORE) is None
    assert "fits only with fuzz 1" in after[0].notes[0]


def test_a_compressed_mbox_is_told() -> None:
    with pytest.raises(PatchError, match=r"^x\.mbox\.gz: is compressed; gzip -dc FILE \| fpuscan --patch -$"):
        read_patches(gzip.compress(mail("[PATCH] x").encode()), "x.mbox.gz")
