"""R6, R7 and R10: macros that declare something, that loop, or that stand alone at the top level.

    DEFINE_PER_CPU(struct fpu *, owner);        ->                   struct fpu *   owner ;
    DECLARE_BITMAP(mask, 64);                   ->   long           mask     ;
    for_each_extended_xfeature(i, mask) f(i);   ->   while                      (i, mask) f(i);
    EXPORT_SYMBOL_GPL(fpu_swap_kvm_fpstate);    ->   (nothing)
    SYSCALL_DEFINE2(f, int, a, char *, b) {     ->   long  f(  int  a, char *  b) {

Every call that is blanked or turned into a declaration stays in a side table.
"""

from __future__ import annotations

import re

from fpuscan.normalise.text import Depth, Text, split_top_level
from fpuscan.normalise.values import MacroCall

__all__ = ["blank_top_level_calls", "rewrite_declaring", "rewrite_iterators"]

_DECLARING = re.compile(rb"DE(?:FINE|CLARE)_\w+")
_NAME = re.compile(rb"\s*(\w+)\s*")
_TYPE_FIRST = re.compile(rb"\w*PER_CPU\w*|DECLARE_FLEX_ARRAY")
_ITERATOR = re.compile(rb"for_each|scoped_(?:cond_)?guard\b")
_TOP_CALL = re.compile(rb"(?:\n|\A)([A-Za-z_]\w*)[ \t]*\(")
_TOP_CALL_INDENTED = re.compile(rb"(?:\n|\A)[ \t]*([A-Za-z_]\w*)[ \t]*\(")
_SYSCALL = re.compile(rb"\w*SYSCALL\w*_DEFINE[0-6]")
_STRINGS = re.compile(rb'\s*"[^"]*"(?:\s*"[^"]*")*')
_STATEMENT_STARTS = (b"", b";", b"{", b"}", b")", b":")
# What can follow the head of a loop: its body. Everything else makes it a value.
_NO_BODY = frozenset(b";,)=&|+*/<>?.-^%]:")
_KEYWORDS = frozenset(
    {b"if", b"while", b"for", b"switch", b"return", b"sizeof", b"typeof", b"__typeof__", b"asm", b"ASM", b"do", b"else"}
)


def rewrite_declaring(text: Text) -> list[MacroCall]:
    """Turn `DEFINE_X(..)` and `DECLARE_X(..)` followed by `;`, `=` or `[` into declarations."""
    calls = []
    for match in _DECLARING.finditer(text.buf):
        start, end = match.span()
        if not text.starts_word(start) or text.at(end) != b"(":
            continue
        closing = text.close(end)
        if closing < 0 or text.at(text.after(closing + 1)) not in (b";", b"=", b"["):
            continue
        call = _call(text, start, end, closing)
        if _declare(text, start, end, closing):
            calls.append(call)
    return calls


def _call(text: Text, start: int, opening: int, closing: int) -> MacroCall:
    name = bytes(text.buf[start:opening]).strip().decode("ascii", "replace")
    return MacroCall(name, text.data[opening + 1 : closing].decode("utf-8", "replace"), start, closing + 1)


def _declare(text: Text, start: int, opening: int, closing: int) -> bool:
    parts = split_top_level(text, opening + 1, closing)
    if _TYPE_FIRST.fullmatch(text.buf, start, opening):
        if len(parts) != 2:
            return False
        text.blank(start, opening + 1)
        text.blank(parts[0][1], parts[1][0])
        text.blank(closing, closing + 1)
        return True
    begin, end = parts[0]
    if not _NAME.fullmatch(text.buf, begin, end):
        return False
    text.blank(start, begin)
    text.blank(end, closing + 1)
    text.put(start, b"long")
    return True


def rewrite_iterators(text: Text) -> list[int]:
    """Turn the name of each iterator macro and scoped guard at the start of a statement into `while`."""
    found = []
    for match in _ITERATOR.finditer(text.buf):
        start, end = match.start(), text.word_end(match.start())
        while not text.starts_word(start):
            start -= 1
        opening = text.after(end)
        if text.at(opening) != b"(" or not _begins_statement(text, start):
            continue
        closing = text.close(opening)
        if closing < 0:
            continue
        following = text.after(closing + 1)
        if following >= len(text.buf):
            continue
        is_tail = text.buf[following] == 0x3B and text.at(text.before(start)) == b"}" and _closes_do(text, start)
        if text.buf[following] in _NO_BODY and not is_tail:
            continue
        text.blank(start, end)
        if text.after(opening + 1) == closing:  # `while ()` is no C
            text.blank(opening, closing + 1)
            text.put(start, b"while(1)")
        else:
            text.put(start, b"while")
        found.append(start)
    return found


def _begins_statement(text: Text, start: int) -> bool:
    last = text.before(start)
    if last < 0 or text.at(last) in _STATEMENT_STARTS:
        return True
    return text.word_before(start)[1] in (b"else", b"do")


def _closes_do(text: Text, start: int) -> bool:
    # `do { .. } for_each_x(..);`: the matching brace of the one before has `do` before it.
    depth, position = 0, text.before(start) + 1
    floor = max(0, start - 20_000)
    for _ in range(500):
        opening = text.buf.rfind(b"{", floor, position)
        if opening < 0:
            return False
        depth += text.buf.count(b"}", opening, position)
        if depth == 1:
            return text.word_before(opening)[1] == b"do"
        depth -= 1
        position = opening
    return False


def blank_top_level_calls(text: Text) -> list[MacroCall]:
    """Blank macro calls that stand for whole declarations outside functions; give system calls a C head."""
    calls: list[MacroCall] = []
    depth = Depth(text)
    floor, last = 0, b""  # the last code byte before `floor`, from where on nothing was blanked
    pattern = _TOP_CALL_INDENTED if b"\n}" not in text.buf and b"{" in text.buf else _TOP_CALL
    for match in pattern.finditer(text.buf):
        start, opening = match.start(1), match.end() - 1
        offset = text.before(start, floor)
        if offset >= 0:
            last = text.at(offset)
        floor = start
        if last not in (b"", b";", b"}", b"{") or match[1] in _KEYWORDS or depth.at(start):
            continue
        closing = text.close(opening)
        if closing < 0:
            continue
        following = text.after(closing + 1)
        call = _call(text, start, opening, closing)
        if text.at(following) == b"{":
            _rewrite_head(text, start, opening, closing, call.name.encode())
            continue
        end = _behind_call(text, closing + 1)
        text.blank(start, end)
        calls.append(call)
        floor = end
    return calls


def _behind_call(text: Text, end: int) -> int:
    """Offset behind the strings and the `;` that follow a blanked call (`FOP_FUNC(salc) "pushf; .." ..`)."""
    match = _STRINGS.match(text.buf, end)
    if match:
        end = match.end()
    following = text.after(end)
    return following + 1 if text.at(following) == b";" else end


def _rewrite_head(text: Text, start: int, opening: int, closing: int, name: bytes) -> None:
    if not _SYSCALL.fullmatch(name):
        return
    parts = split_top_level(text, opening + 1, closing)
    first = parts[0]
    text.put(start, b"long".ljust(opening + 1 - start))
    if len(parts) == 1:
        # SYSCALL_DEFINE0(rt_sigreturn): the name moves to the front to make room for its parentheses.
        word = bytes(text.buf[first[0] : first[1]]).strip()
        text.blank(start, closing + 1)
        text.put(start, b"long " + word + b"(")
        text.put(closing, b")")
        return
    text.put(first[1], b"(")
    for number in range(1, len(parts) - 1, 2):
        text.blank(parts[number][1], parts[number][1] + 1)
