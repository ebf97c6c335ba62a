"""R2: directives leave the text for a side table, and `#if` arms that split a construct for one of them.

Every directive is blanked before any arm is judged: an arm that itself holds directives looks like
anything but C until then. All arms of a group stay in the text, one after the other, as long as each is
a sequence of whole statements, declarations or list elements; a group that splits a construct keeps one.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from fpuscan.parse.normalise.mask import strip_comments
from fpuscan.parse.normalise.text import Text
from fpuscan.parse.normalise.values import Arm, Directive, DroppedArm, Group, Normalised

__all__ = ["DirectiveTable", "alternatives", "read_directives"]

_DIRECTIVE = re.compile(rb"#[ \t]*(\w*)[^\\\n]*(?:\\\r?\n?[^\\\n]*)*")
_REST = re.compile(rb"[^\\\n]*(?:\\\r?\n?[^\\\n]*)*")
_END = b"\0"  # stands behind a piece of text to see whether a comment swallows it
_CONTINUATION = re.compile(rb"\\\r?\n")
# Never defined, and always defined, where kernel C is compiled as C.
_NEVER = frozenset({b"__ASSEMBLER__", b"__ASSEMBLY__", b"__CHECKER__", b"__cplusplus"})
_ALWAYS = frozenset({b"__KERNEL__"})
_32_BIT = frozenset({"CONFIG_X86_32", "__i386__"})
_64_BIT = frozenset({"CONFIG_X86_64", "__x86_64__"})
_DEFINED = re.compile(rb"(!?)\s*defined\s*\(?\s*(\w+)\s*\)?")
_OPENERS = frozenset({"if", "ifdef", "ifndef"})
_MIDDLE = frozenset({"elif", "elifdef", "elifndef", "else"})


@dataclass(slots=True)
class DirectiveTable:
    """What R2 found, in the order of the file."""

    directives: list[Directive] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    dropped: list[DroppedArm] = field(default_factory=list)
    halves: list[int] = field(default_factory=list)


def read_directives(text: Text, choose: Mapping[int, int]) -> DirectiveTable:
    """Blank all directives of `text`, all dead arms, and the arms that split a construct.

    `choose`: which arm (an index) a splitting group, named by its offset, keeps; by default the first.
    """
    table = DirectiveTable()
    found = _blank_directives(text)
    groups, dead = _pair(found)
    for start, end in dead:
        text.blank(start, end)
    table.directives = _outside(found, dead)
    table.groups = sorted(groups, key=lambda group: group.start)
    for group in table.groups:
        live = [arm for arm in group.arms if not arm.dead]
        if len(live) > 1 and _splits(text, group, live):
            _keep_one(text, group, live, choose, table)
        elif len(live) == len(group.arms) == 1 and _splits(text, group, live):
            table.halves.append(group.start)
    return table


def alternatives(normalised: Normalised) -> tuple[dict[int, int], ...]:
    """What to `choose` so that each dropped arm is kept once; empty if no arm was dropped.

    Groups with the same conditions go together: the arms that open and those that close a block are one choice.
    """
    dropped = {(arm.start, arm.end) for arm in normalised.dropped}
    choices: dict[tuple[tuple[str, ...], int], dict[int, int]] = {}
    for group in normalised.groups:
        conditions = tuple(f"{arm.kind} {arm.condition}" for arm in group.arms)
        for index, arm in enumerate(group.arms):
            if (arm.start, arm.end) in dropped:
                choices.setdefault((conditions, index), {})[group.start] = index
    return tuple(choices.values())


def _blank_directives(text: Text) -> list[Directive]:
    found = []
    buf, data = text.buf, text.data
    blank_until = 0
    for match in _DIRECTIVE.finditer(buf):
        start, end = match.span()
        if start < blank_until or buf[buf.rfind(b"\n", 0, start) + 1 : start].strip():
            continue  # not the first thing on its line
        if data.find(b"/*", start, end) >= 0:
            end = _behind_comments(text, start, end)
        kind, begin = match[1], match.end(1)
        found.append(Directive(kind.decode("ascii", "replace"), start, end, _joined(data[begin:end])))
        text.blank(start, end)
        blank_until = end
    return found


def _behind_comments(text: Text, start: int, end: int) -> int:
    # A block comment that begins on the line carries the directive on to the line where it ends.
    data = text.data
    while end < len(data) and data.rfind(b"/*", start, end) > data.rfind(b"*/", start, end):
        if strip_comments(data[start:end] + _END).endswith(_END):
            break
        close = data.find(b"*/", end)
        rest = _REST.match(text.buf, close) if close >= 0 else None
        end = rest.end() if rest else len(data)
    return end


def _joined(raw: bytes) -> bytes:
    if b"\\" in raw:
        raw = _CONTINUATION.sub(b" ", raw)
    return strip_comments(raw).strip()


@dataclass(slots=True)
class _Open:
    first: Directive
    heads: list[Directive]


def _pair(found: list[Directive]) -> tuple[list[Group], list[tuple[int, int]]]:
    """The groups outside dead arms, and the byte ranges of the outermost dead arms."""
    groups: list[Group] = []
    dead: list[tuple[int, int]] = []
    stack: list[_Open] = []
    for directive in found:
        kind = directive.kind
        if kind in _OPENERS:
            stack.append(_Open(directive, [directive]))
        elif kind in _MIDDLE and stack:
            stack[-1].heads.append(directive)
        elif kind == "endif" and stack:
            group = _group(stack.pop(), directive)
            arms = [(arm.start, arm.end) for arm in group.arms if arm.dead]
            groups.append(group)
            dead.extend(arms)
    outermost = _outermost(dead)
    return [group for group in groups if not _within(group.start, outermost)], outermost


def _outermost(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    kept: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end))
    return kept


def _group(opened: _Open, endif: Directive) -> Group:
    heads = opened.heads
    arms = []
    taken = False
    for head, following in zip(heads, [*heads[1:], endif], strict=True):
        verdict = _verdict(head)
        arms.append(
            Arm(
                start=head.end,
                end=following.start,
                condition=head.text.decode("utf-8", "replace") if head.kind != "else" else "",
                kind=head.kind,
                dead=taken or verdict is False,
            )
        )
        taken = taken or verdict is True
    return Group(opened.first.start, endif.end, tuple(arms))


def _verdict(head: Directive) -> bool | None:
    """What is known of the condition of one arm by itself; None is unknown, and `else`."""
    text = head.text
    if head.kind in ("if", "elif"):
        if text in (b"0", b"1"):
            return text == b"1"
        match = _DEFINED.fullmatch(text)
        return _defined(match[2], negated=bool(match[1])) if match else None
    if head.kind != "else":
        return _defined(text, negated=head.kind.endswith("ndef"))
    return None


def _defined(name: bytes, *, negated: bool) -> bool | None:
    if name in _NEVER or name in _ALWAYS:
        return (name in _ALWAYS) is not negated
    return None


def _within(offset: int, ranges: list[tuple[int, int]]) -> bool:
    index = bisect_right(ranges, (offset, sys.maxsize)) - 1
    return index >= 0 and offset < ranges[index][1]


def _outside(found: list[Directive], dead: list[tuple[int, int]]) -> list[Directive]:
    return [directive for directive in found if not _within(directive.start, dead)] if dead else found


def _splits(text: Text, group: Group, live: list[Arm]) -> bool:
    """True if the arms are no whole statements, declarations or list elements, but halves of one construct."""
    if not _ends_whole(text, 0, group.start) or text.open(group.start) >= 0:
        return True  # between parentheses two arms would make one list of arguments
    for arm in live:
        code = text.buf[arm.start : arm.end]
        if code.count(b"{") != code.count(b"}") or code.count(b"(") != code.count(b")"):
            return True
        if not _ends_whole(text, arm.start, arm.end):
            return True
    return False


def _ends_whole(text: Text, start: int, end: int) -> bool:
    """True if the last code byte before `end` ends something, or there is none behind `start`."""
    last = text.before(end, start)
    if last < 0 or text.at(last) in (b";", b"{", b"}", b",", b":"):
        return True
    if text.at(last) != b")":
        return False
    # A macro call in column 0 needs no `;`: EXPORT_SYMBOL(x)
    name, _ = text.word_before(text.open(last))
    return name < last and (name == 0 or text.at(name - 1) == b"\n") and text.at(text.after(end)) != b"{"


def _is_32_bit(arm: Arm) -> bool:
    # Of two halves the 64-bit one is kept: xstate matters there.
    name = _DEFINED.fullmatch(arm.condition.encode())
    word = name[2].decode() if name else arm.condition
    negated = arm.kind.endswith("ndef") or bool(name and name[1])
    return word in (_64_BIT if negated else _32_BIT)


def _keep_one(text: Text, group: Group, live: list[Arm], choose: Mapping[int, int], table: DirectiveTable) -> None:
    wanted = choose.get(group.start)
    if wanted is not None and 0 <= wanted < len(group.arms):
        kept = group.arms[wanted]
    else:
        kept = live[1] if _is_32_bit(live[0]) else live[0]
    for arm in live:
        if arm is not kept:
            text.blank(arm.start, arm.end)
            table.dropped.append(DroppedArm(arm.start, arm.end, "the arms of this #if share one construct"))
