"""Unified diffs as git and diff(1) write them: bytes in, hunks out.

Text around the diffs (commit messages, diffstats, signatures) is skipped. The
counts of a hunk's header say where it ends, as for git apply, so a line of
the text behind it is never taken for a removed one. Lines keep their endings.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fpuscan.errors import UsageError

__all__ = ["FileDiff", "Hunk", "PatchError", "lines_of", "parse_diff"]

_HUNK = re.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_MODE = re.compile(rb"(?:new file mode|deleted file mode|new mode|index [0-9a-f]+\.\.[0-9a-f]+) (\d{6})")
_EXTENDED = (b"old mode ", b"new mode ", b"deleted file mode ", b"new file mode ", b"copy ", b"rename ",
             b"similarity index ", b"dissimilarity index ", b"index ")  # fmt: skip
_TIME = re.compile(r"\s+\d{4}-\d\d-\d\d \d\d:\d\d.*")  # of an old diff(1), behind the name
_ESCAPED = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPES = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


class PatchError(UsageError):
    """A patch that is damaged, unsafe, or does not apply (exit 2)."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """One hunk: the ``old`` lines and the ``new`` ones, endings and context included.

    ``start`` is the 1-based line of the old file that the header names (0 for
    an empty range); ``before`` and ``after`` count the lines of context at
    both ends; ``line`` is where the header stands in the text of the patch.
    """

    start: int
    old: tuple[bytes, ...]
    new: tuple[bytes, ...]
    before: int
    after: int
    line: int


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What a patch does to one file, under the names as written (``a/arch/...``; None is /dev/null).

    ``source`` is the whole name behind "rename from" or "copy from", ``target``
    behind "to"; ``mode`` the file's mode where the patch says one.
    """

    old: str | None
    new: str | None
    hunks: tuple[Hunk, ...] = ()
    source: str | None = None
    target: str | None = None
    copied: bool = False
    created: bool = False
    deleted: bool = False
    binary: bool = False
    mode: int = 0
    line: int = 0

    @property
    def name(self) -> str:
        """A name for messages."""
        return self.target or self.new or self.old or "?"


def parse_diff(text: bytes) -> tuple[FileDiff, ...]:
    """Find every diff in a text; raises PatchError for a damaged one or a form that is not unified."""
    reader = _Reader(lines_of(text))
    reader.run()
    return tuple(reader.files)


def lines_of(data: bytes) -> list[bytes]:
    r"""Cut bytes behind every ``\n``; a lone ``\r`` is part of its line."""
    *whole, rest = data.split(b"\n")
    return [line + b"\n" for line in whole] + ([rest] if rest else [])


@dataclass(slots=True)
class _Reader:
    """Goes through the lines once; ``at`` is the next one."""

    lines: Sequence[bytes]
    at: int = 0
    files: list[FileDiff] = field(default_factory=list)

    def run(self) -> None:
        while self.at < len(self.lines):
            line = self._peek()
            if line.startswith(b"diff --git "):
                self._git_file()
            elif line.startswith(b"--- ") and self._peek(1).startswith(b"+++ ") and self._peek(2).startswith(b"@@ -"):
                self._names(FileDiff(None, None, line=self.at + 1))
            elif line.startswith((b"diff --cc ", b"diff --combined ")):
                raise PatchError(f"line {self.at + 1}: is a merge's combined diff; give the patches or a plain diff")
            elif line.startswith(b"*** ") and self._peek(2).startswith(b"**********"):
                raise PatchError(f"line {self.at + 1}: is a context diff; make a unified one (diff -u)")
            else:
                self.at += 1

    def _peek(self, ahead: int = 0) -> bytes:
        at = self.at + ahead
        return self.lines[at] if at < len(self.lines) else b""

    def _git_file(self) -> None:
        old, new = _both_names(self._peek()[len(b"diff --git ") :].rstrip(b"\r\n"))
        file = FileDiff(old, new, line=self.at + 1)
        self.at += 1
        while self._peek().startswith(_EXTENDED):
            file = _extended(file, self._peek().rstrip(b"\r\n"))
            self.at += 1
        if self._peek().startswith(b"--- ") and self._peek(1).startswith(b"+++ "):
            self._names(file)
            return
        if self._peek().startswith((b"GIT binary patch", b"Binary files ")):
            file = replace(file, binary=True)
            self.at += 1
        self.files.append(file)

    # "--- old", "+++ new" and the hunks behind them.
    def _names(self, file: FileDiff) -> None:
        old, new = _name(self._peek()[4:]), _name(self._peek(1)[4:])
        # Mail turns every line ending into CRLF; a diff of a CRLF file has LF behind its own lines.
        mailed = self._peek().endswith(b"\r\n")
        file = replace(file, old=old, new=new, created=file.created or old is None, deleted=file.deleted or new is None)
        if old is None and new is None:
            raise PatchError(f"line {self.at + 1}: the diff names no file")
        self.at += 2
        hunks = []
        while match := _HUNK.match(self._peek()):
            hunks.append(self._hunk(match, mailed=mailed))
        rest = self._peek()
        if rest.startswith(b"@@") or not hunks:
            raise PatchError(f"line {self.at + 1}: {_shown(rest)} is no header of a hunk; the diff is damaged")
        if rest[:1] in {b"+", b"-"} and rest.rstrip() not in {b"--", b"---"} and not rest.startswith(b"--- "):
            raise PatchError(f"line {self.at + 1}: the hunk above has more lines than its header says")
        self.files.append(replace(file, hunks=tuple(hunks)))

    def _hunk(self, header: re.Match[bytes], *, mailed: bool) -> Hunk:
        start, removed, added = int(header[1]), int(header[2] or b"1"), int(header[4] or b"1")
        line = self.at + 1
        body: list[tuple[bytes, bytes]] = []
        self.at += 1
        while removed or added:
            mark, text = self._hunk_line(line, mailed=mailed)
            removed -= mark != b"+"
            added -= mark != b"-"
            if removed < 0 or added < 0:
                raise PatchError(f"line {self.at}: the hunk of line {line} has other lines than its header counts")
            body.append((mark, text))
        marks = b"".join(mark for mark, _ in body)
        return Hunk(
            start=start,
            old=tuple(text for mark, text in body if mark != b"+"),
            new=tuple(text for mark, text in body if mark != b"-"),
            before=len(marks) - len(marks.lstrip(b" ")),
            after=len(marks) - len(marks.rstrip(b" ")),
            line=line,
        )

    def _hunk_line(self, header: int, *, mailed: bool) -> tuple[bytes, bytes]:
        line = self._peek()
        if not line:
            raise PatchError(f"line {header}: the hunk is cut short")
        if line in {b"\n", b"\r\n"}:  # an empty line of context whose blank got lost
            line = b" " + line
        mark, text = line[:1], line[1:]
        if mark not in {b" ", b"+", b"-"}:
            raise PatchError(
                f"line {self.at + 1}: {_shown(line)} is no line of a hunk; the hunk of line {header} is damaged"
            )
        self.at += 1
        if mailed and text.endswith(b"\r\n"):
            text = text[:-2] + b"\n"
        if self._peek().startswith(b"\\ "):  # "\ No newline at end of file"
            self.at += 1
            text = text.removesuffix(b"\n")
        return mark, text


def _shown(line: bytes) -> str:
    return repr(line.strip()[:60].decode("utf-8", "replace"))


def _extended(file: FileDiff, line: bytes) -> FileDiff:
    if mode := _MODE.match(line):
        file = replace(file, mode=int(mode[1], 8))
    if line.startswith(b"new file mode "):
        return replace(file, created=True)
    if line.startswith(b"deleted file mode "):
        return replace(file, deleted=True)
    if line.startswith((b"rename from ", b"copy from ")):
        return replace(file, source=_name(line.partition(b" from ")[2]), copied=line.startswith(b"copy"))
    if line.startswith((b"rename to ", b"copy to ")):
        return replace(file, target=_name(line.partition(b" to ")[2]))
    return file


# "a/name b/name", where a name may hold blanks: both are of one length.
def _both_names(text: bytes) -> tuple[str | None, str | None]:
    if text.startswith(b'"') and (quoted := re.fullmatch(rb'("(?:[^"\\]|\\.)*") (.+)', text)):
        return _name(quoted[1]), _name(quoted[2])
    middle = len(text) // 2
    left, blank, right = text[:middle], text[middle : middle + 1], text[middle + 1 :]
    if blank == b" " and left.partition(b"/")[2] == right.partition(b"/")[2]:
        return _name(left), _name(right)
    return None, None  # a rename: the lines below name both files


def _name(text: bytes) -> str | None:
    text = text.rstrip(b"\r\n")
    if text.startswith(b'"') and (end := text.rfind(b'"')) > 0:
        return os.fsdecode(_ESCAPED.sub(_unescaped, text[1:end]))
    name = _TIME.sub("", os.fsdecode(text.partition(b"\t")[0]))
    return None if name == "/dev/null" else name


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8) & 0xFF]) if code.isdigit() else _ESCAPES.get(code, code)
