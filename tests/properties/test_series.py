"""patch against git format-patch: whatever a series does, and however mail has packed it, it gives the last commit."""

from __future__ import annotations

import base64
import quopri
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from fpuscan.git import open_repository
from fpuscan.patch import apply_series, read_patches
from fpuscan.trees import open_revision
from tests.repositories import FPU, MAKEFILE, make_repository

Change = tuple[str, str, bytes]  # what, path, text or other path

CORE, OTHER = f"{FPU}/core.c", f"{FPU}/a b.h"
NAMES = (CORE, OTHER, f"{FPU}/gr\u00fcn.c", f'{FPU}/q"uote\\.c', "arch/x86/x.c", "NOTES")
# What looks like a part of a diff or a mail, and what mail may spoil.
LINES = (b"a\n", b"b\n", b"\n", b"\t \n", b"--- a/c\n", b"+++ b/c\n", b"-- \n", b"---\n", b"diff --git a/x b/x\n",
         b"@@ -1 +1 @@\n", b"From x Mon Sep 17 00:00:00 2001\n", b"Subject: [PATCH 1/9] x\n", b"=3D=\n", b"gr\xfc\n",
         b"crlf\r\n", b"> x\n", b"\\ No\n", b"\x0c\n")  # fmt: skip
TEXT = b"".join(LINES) * 2

texts = st.builds(lambda lines, end: b"".join(lines) + end, st.lists(st.sampled_from(LINES), max_size=9),
                  st.sampled_from([b"", b"x"]))  # fmt: skip
changes = st.one_of(
    st.tuples(st.sampled_from(["write", "append", "prepend"]), st.sampled_from(NAMES), texts),
    st.tuples(st.just("rename"), st.sampled_from(NAMES), st.sampled_from([name.encode() for name in NAMES])),
    st.tuples(st.just("remove"), st.sampled_from(NAMES), st.just(b"")),
)
series = st.lists(st.lists(changes, min_size=1, max_size=3), min_size=1, max_size=4)
packings = st.lists(st.sampled_from(["8bit", "base64", "quoted-printable", "crlf"]), min_size=5, max_size=5)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(series, packings, st.permutations(range(5)))
@example([[("append", CORE, b"x")], [("rename", CORE, OTHER.encode())]], ["crlf"] * 5, [4, 3, 2, 1, 0])
def test_a_series_gives_the_last_commit(commits: list[list[Change]], packing: list[str], order: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        start: dict[str, bytes] = {"Makefile": MAKEFILE.encode(), f"{FPU}/init.c": b"int init;\n", CORE: TEXT}
        linux = make_repository(Path(folder) / "linux", {**start})
        linux.git("fast-import", "--quiet", data=b"".join(imported(start, commits)))
        out = Path(folder, "out")
        linux.git("format-patch", "--quiet", "--cover-letter", "-M", "-o", out, "main..work")
        files = [file.read_bytes() for file in sorted(out.iterdir())]  # one of a commit without a change is empty
        mails = [packed(mail, how) for mail, how in zip(filter(None, files), packing, strict=False)]
        repository = open_repository(linux.folder)
        base, last = open_revision(repository, "main"), open_revision(repository, "work")
        assume(any(base.read(name) != last.read(name) for name in NAMES))

        patched = apply_series(base, read_patches(b"".join(mails[at] for at in order if at < len(mails)), "x"))[-1].tree

        assert {name: patched.read(name) for name in NAMES} == {name: last.read(name) for name in NAMES}


def imported(files: dict[str, bytes], commits: list[list[Change]]) -> Iterator[bytes]:
    """The commits for git fast-import, on a branch from main, which has some files."""
    for number, commit in enumerate(commits):
        for change in commit:
            make(files, *change)
        yield b"commit refs/heads/work\ncommitter A <a@b> %d +0000\ndata 5\nx%4d\n" % (number, number)
        yield b"" if number else b"from refs/heads/main\n"
        yield b"deleteall\n"
        for path, text in files.items():
            quoted = path.replace("\\", "\\\\").replace('"', '\\"').encode()
            yield b'M 100644 inline "%s"\ndata %d\n%s\n' % (quoted, len(text), text)


def make(files: dict[str, bytes], what: str, path: str, text: bytes) -> None:
    """One change of a dictionary of files."""
    match what:
        case "write":
            files[path] = text
        case "append":
            files[path] = files.get(path, b"") + text
        case "prepend":
            files[path] = text + files.get(path, b"")
        case "rename" if path in files:
            files[text.decode()] = files.pop(path)
        case "remove":
            files.pop(path, None)
        case _:  # there is nothing to rename
            pass


def quoted_printable(body: bytes) -> bytes:
    """Encoded line by line, so that a carriage return is a byte of its line."""
    return b"\n".join(map(quopri.encodestring, body.split(b"\n")))


def packed(mail: bytes, how: str) -> bytes:
    """A mail of git format-patch as a mailer sends it."""
    if how == "crlf":
        return mail.replace(b"\n", b"\r\n")
    head, _, body = mail.partition(b"\n\n")
    head = re.sub(rb"\n(?:MIME-Version|Content-[\w-]+):[^\n]*(?:\n[ \t][^\n]*)*", b"", head)
    head += b"\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: " + how.encode()
    encoded = {"base64": base64.encodebytes, "quoted-printable": quoted_printable}.get(how, bytes)(body)
    return head + b"\n\n" + encoded + b"\n"
