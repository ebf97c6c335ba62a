"""Edits of a copy of a real kernel tree, found by function, member and operand.

Takes a tree and gives a copy of hard links; an edited file loses its link, so the
original is never touched. No kernel line stands in a test: an anchor is an
expression of a few identifiers, matched token by token whatever the blanks, inside
the functions of one name in one file. Each anchor must be there exactly once, else
EditError says what was looked for and how often it was found.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from fpuscan.result import Finding, ScanResult, Severity
from fpuscan.scan import ScanOptions, scan
from fpuscan.tree import open_folder
from tests.kernel_trees import version

__all__ = ["EditError", "Place", "TreeCopy", "copy_tree", "last_member", "leaks", "masked_text", "version"]

_T = TypeVar("_T")

_BLANKED = re.compile(
    r"""
      /\*.*?\*/ | //[^\n]*                     # comments
    | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)+'  # strings and characters
    | (?m:^)[ \t]*\#(?:[^\\\n]|\\\n|\\.)*        # directives with their continuation lines
    """,
    re.VERBOSE | re.DOTALL,
)
_TOKEN = re.compile(r"\w+|->|&&|\|\||[=!<>|&^+-]=|\S")
# Where code names what the tool tracks.
_CODE = ("arch/x86/kernel", "arch/x86/kvm", "arch/x86/include/asm")
# Behind these a statement begins.
_BOUNDARY = ";{}"


class EditError(AssertionError):
    """An anchor is not there exactly once."""


@dataclass(frozen=True, slots=True)
class Place:
    """A statement of the edited copy: where a finding should stand."""

    path: str
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int


@dataclass(slots=True)
class TreeCopy:
    """A copy of ``source`` at ``root``; paths are relative, with ``/``."""

    source: Path
    root: Path
    edited: set[str] = field(default_factory=set)

    # --- what a test does ---

    def assign(self, path: str, function: str, target: str, value: str, *, was: str = "") -> None:
        """Give the one assignment to ``target`` (whose old value holds ``was``) another value."""
        text = self.text(path)
        masked = masked_text(text)
        wanted, old = (
            re.compile(rf"{_exactly(target)}\s*=(?!=)(.*)$", re.DOTALL),
            re.compile(_exactly(was) if was else ""),
        )
        matches = (wanted.search(masked, span.start, span.end) for span in self._statements(path, function))
        found = [match for match in matches if match and old.search(match[1])]
        match = _only(found, path, function, f"{target} = {was}")
        self.write(path, f"{text[: match.start(1)]} {value}{text[match.end() :]}")

    def replace(self, path: str, function: str, old: str, new: str, *, near: str = "") -> None:
        """Replace the expression ``old``; with ``near``, in the statement that holds ``near``."""
        text = self.text(path)
        found = [
            match
            for span in self._areas(path, function, near)
            for match in re.compile(_exactly(old)).finditer(masked_text(text), span.start, span.end)
        ]
        match = _only(found, path, function, old)
        self.write(path, text[: match.start()] + new + text[match.end() :])

    def drop_mask(self, path: str, function: str, mask: str) -> None:
        """Take ``& mask`` out of an expression, or the whole statement ``x &= mask``."""
        text = self.text(path)
        wanted = re.compile(rf"\s*&\s*{_exactly(mask)}|(?<=[;{{}}])\s*[\w>.-]+\s*&=\s*{_exactly(mask)}\s*;")
        found = [
            m
            for span in self._functions(path, function)
            for m in wanted.finditer(masked_text(text), span.start, span.end)
        ]
        match = _only(found, path, function, f"& {mask}")
        self.write(path, text[: match.start()] + _newlines(match[0]) + text[match.end() :])

    def insert(self, path: str, function: str, code: str, *, before: str = "", after: str = "") -> None:
        """Put statements on lines of their own around the one statement that holds ``before`` or ``after``."""
        span = self._statement(path, function, before or after)
        text = self.text(path)
        at = span.start if before else span.end + 1
        self.write(path, f"{text[:at]}\n\t{code}\n{text[at:]}")

    def insert_at_top(self, path: str, function: str, code: str) -> None:
        """Put statements behind the opening brace of the one function of that name."""
        span = _only(list(self._functions(path, function)), path, function, "{")
        text = self.text(path)
        self.write(path, f"{text[: span.start]}\n\t{code}\n{text[span.start :]}")

    def rewrite(self, path: str, function: str, code: str) -> None:
        """Give a function another body; of stubs and the function itself it is the longest."""
        span = max(self._functions(path, function), key=lambda body: body.end - body.start)
        text = self.text(path)
        self.write(path, f"{text[: span.start]}\n{code}\n{text[span.end :]}")

    def redefine(self, path: str, function: str, code: str) -> None:
        """Put other definitions in the place of the one of ``function``."""
        masked, text = masked_text(self.text(path)), self.text(path)
        head = _only(list(self._heads(path, function)), path, function, function)
        start = max(masked.rfind(end, 0, head) for end in ";}") + 1
        start += len(masked[start:head]) - len(masked[start:head].lstrip())
        end = _closing(masked, masked.index("{", head)) + 1
        self.write(path, f"{text[:start]}{code}{text[end:]}")

    def rename(self, _path: str, old: str, new: str) -> None:
        """Give a name another one everywhere: of a global, a member (``cfg.size``), a function or a macro."""
        files = sorted(file for folder in _CODE for file in (self.source / folder).rglob("*.[ch]"))
        for path in (str(file.relative_to(self.source)) for file in files):
            text = self.text(path)
            renamed = re.sub(rf"(?<!\w){re.escape(old)}(?!\w)", new, text)
            if renamed != text:
                self.write(path, renamed)

    def insert_above(self, path: str, function: str, code: str) -> None:
        """Put declarations above the one definition of ``function``."""
        head = _only(list(self._heads(path, function)), path, function, function)
        text = self.text(path)
        at = text.rfind("\n\n", 0, head) + 2
        self.write(path, f"{text[:at]}{code}\n\n{text[at:]}")

    def add_member(self, path: str, tag: str, member: str) -> None:
        """Put a member at the end of the one definition of ``tag`` ("struct x")."""
        text = self.text(path)
        masked = masked_text(text)
        found = list(re.finditer(rf"^{_exactly(tag)}\s*\{{", masked, re.MULTILINE))
        at = _closing(masked, _only(found, path, tag, "{").end() - 1)
        self.write(path, f"{text[:at]}\t{member}\n{text[at:]}")

    def extend_macro(self, path: str, name: str, more: str) -> None:
        """Put ``more`` in front of the parenthesised body of the one ``#define name``."""
        text = self.text(path)
        found = list(re.finditer(rf"^[ \t]*#[ \t]*define[ \t]+{name}[ \t\\\n]+\(", text, re.MULTILINE))
        match = _only(found, path, name, "#define")
        self.write(path, f"{text[: match.end()]}{more} {text[match.end() :]}")

    def append(self, path: str, code: str) -> None:
        """Put code at the end of a file, which is made if it is not there."""
        self.write(path, (self.text(path) if self.exists(path) else "") + "\n" + code + "\n")

    def place(self, path: str, function: str, anchor: str) -> Place:
        """Where the one ``anchor`` of ``function`` stands."""
        masked = masked_text(self.text(path))
        wanted = re.compile(_exactly(anchor))
        found = [m for span in self._functions(path, function) for m in wanted.finditer(masked, span.start, span.end)]
        match = _only(found, path, function, anchor)
        return Place(path, masked.count("\n", 0, match.start()) + 1, function)

    def scan(self) -> ScanResult:
        """Scan the copy."""
        return scan(open_folder(self.root), ScanOptions())

    def restore(self) -> None:
        """Undo every edit."""
        for path in sorted(self.edited):
            (self.root / path).unlink()
            if (self.source / path).exists():
                _link(str(self.source / path), str(self.root / path))
        self.edited.clear()

    # --- text ---

    def text(self, path: str) -> str:
        """A file of the copy; one byte is one character."""
        return (self.root / path).read_bytes().decode("latin-1")

    def exists(self, path: str) -> bool:
        """Whether the copy has a file."""
        return (self.root / path).exists()

    def write(self, path: str, text: str) -> None:
        """Replace a file of the copy; its link to the original is cut."""
        file = self.root / path
        if file.exists() and text == self.text(path):
            raise EditError(f"{path}: the edit changes nothing")
        file.unlink(missing_ok=True)
        file.write_bytes(text.encode("latin-1"))
        self.edited.add(path)

    # --- finding anchors ---

    # The bodies of all definitions of that name: a stub for another configuration has no anchor.
    def _functions(self, path: str, function: str) -> Iterator[_Span]:
        masked = masked_text(self.text(path))
        for head in self._heads(path, function):
            brace = masked.index("{", head)
            yield _Span(brace + 1, _closing(masked, brace))

    def _heads(self, path: str, function: str) -> Iterator[int]:
        masked = masked_text(self.text(path))
        for match in re.finditer(rf"\b{function}\s*\(", masked):
            end = _closing(masked, match.end() - 1) + 1
            line = masked.rfind("\n", 0, match.start()) + 1
            if not masked[line].isspace() and re.compile(r"\s*\{").match(masked, end):
                yield match.start()

    def _statements(self, path: str, function: str) -> Iterator[_Span]:
        masked = masked_text(self.text(path))
        for body in self._functions(path, function):
            start, depth = body.start, 0
            for at in range(body.start, body.end):
                depth += {"(": 1, ")": -1}.get(masked[at], 0)
                if masked[at] in _BOUNDARY and not depth:
                    yield _Span(start, at)
                    start = at + 1

    def _statement(self, path: str, function: str, anchor: str) -> _Span:
        masked = masked_text(self.text(path))
        wanted = re.compile(_exactly(anchor))
        found = [span for span in self._statements(path, function) if wanted.search(masked, span.start, span.end)]
        return _only(found, path, function, anchor)

    def _areas(self, path: str, function: str, near: str) -> list[_Span]:
        return [self._statement(path, function, near)] if near else list(self._functions(path, function))


def copy_tree(source: Path, root: Path) -> TreeCopy:
    """Link every file of ``source`` below ``root`` (copy them where links are impossible)."""
    shutil.copytree(source, root, symlinks=True, copy_function=_link)
    return TreeCopy(source, root)


def last_member(place: str) -> str:
    """``user_size`` of ``struct fpstate.user_size``."""
    return re.split(r"\.|->", place)[-1]


def leaks(result: ScanResult) -> list[Finding]:
    """The errors and warnings about guest defaults."""
    rules = ("FPU101", "FPU102", "FPU103")
    return [item for item in result.findings if item.rule in rules and item.severity > Severity.NOTE]


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
    return target


@lru_cache(maxsize=64)  # an edit looks for several anchors in one text
def masked_text(text: str) -> str:
    """The text with blanks for comments, strings and directives."""
    return _BLANKED.sub(lambda match: _newlines(match[0]), text)


def _newlines(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


# A regex for an expression: its tokens with any blanks between them, no part of a longer name or access path.
def _exactly(expression: str) -> str:
    tokens = _TOKEN.findall(expression)
    body = r"\s*".join(re.escape(token) for token in tokens)
    head = r"(?<![\w.>])" if tokens[0][0].isalnum() or tokens[0][0] == "_" else ""
    tail = r"(?![\w.]|->)" if tokens[-1][-1].isalnum() or tokens[-1][-1] == "_" else ""
    return head + body + tail


def _closing(masked: str, opening: int) -> int:
    pairs = {"(": ")", "{": "}"}
    depth = 0
    for at in range(opening, len(masked)):
        if masked[at] == masked[opening]:
            depth += 1
        elif masked[at] == pairs[masked[opening]]:
            depth -= 1
            if not depth:
                return at
    raise EditError("an opening bracket is never closed")


def _only(found: list[_T], path: str, function: str, anchor: str) -> _T:
    if len(found) != 1:
        raise EditError(f"{path}: {function}: {anchor!r} is there {len(found)} times, not once")
    return found[0]
