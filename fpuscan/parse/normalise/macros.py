"""R6, R7 and R10: macros that declare something, that loop, or that stand alone at the top level.

    DEFINE_PER_CPU(struct fpu *, owner);        ->                   struct fpu *   owner ;
    DECLARE_BITMAP(mask, 64);                   ->   long           mask[ 64];
    for_each_extended_xfeature(i, mask) f(i);   ->   while                      (i, mask) f(i);
    EXPORT_SYMBOL_GPL(fpu_swap_kvm_fpstate);    ->   (nothing)
    SYSCALL_DEFINE2(f, int, a, char *, b) {     ->   long  f(  int  a, char *  b) {

Every call that is blanked or turned into a declaration stays in a side table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from fpuscan.parse.normalise.text import Depth, Text, split_top_level
from fpuscan.parse.normalise.values import Directive, MacroCall

__all__ = ["blank_top_level_calls", "loop_macros", "rewrite_declaring", "rewrite_iterators"]

_DECLARING = re.compile(rb"DE(?:FINE|CLARE)_\w+")
_NO_OBJECT = re.compile(rb"\w*_(?:EVENT\w*|CLASS|\w*GUARD\w*|FREE|TRACE\w*)")
_LOOP = re.compile(rb"(\w+)\([^)]*\)\s*(?:for|while)\s*\(")
_NAME = re.compile(rb"\s*(\w+)\s*")
_TYPE_FIRST = re.compile(rb"\w*PER_CPU\w*|_*DECLARE_FLEX_ARRAY")
_WORDS = re.compile(rb"DE(?:FINE|CLARE)_BITMAP\w*")  # an array of words; how many is of no matter
_STATIC_CALL = re.compile(rb"static\s+(?:const\s+)?([A-Z][A-Z_0-9]*)\s*\(")
_ITERATORS = tuple(re.compile(word) for word in (rb"for_each", rb"\tfor_", rb"foreach", rb"scoped_"))  # literals: fast
_BLOCK_HEAD = re.compile(rb"\)\s*\{")
_PLAIN_HEAD = re.compile(rb"[ \t}]*(?:else )?(?:if|for|while|switch) ?\(")
_CALL_HEAD = re.compile(rb"[ \t]*[A-Za-z_]\w*[ \t]*\(")
_TOP_CALL = re.compile(rb"\n([A-Za-z_]\w*)[ \t]*\(")
_TOP_CALL_INDENTED = re.compile(rb"\n[ \t]*([A-Za-z_]\w*)[ \t]*\(")
_COLUMN_0 = re.compile(rb"\n[A-Za-z_]")
_FIRST_CALL = re.compile(rb"[ \t]*([A-Za-z_]\w*)[ \t]*\(")
_SYSCALL = re.compile(rb"\w*SYSCALL\w*_DEFINE[0-6]")
_STRINGS = re.compile(rb'\s*"[^"]*"(?:\s*"[^"]*")*')
_STATEMENT_STARTS = (b"", b";", b"{", b"}", b")", b":")
_OPERATORS = frozenset((b"=", b",", b"(", b"?", b"&", b"|", b"+", b"-", b"/", b"<", b">", b"!"))
# What cannot follow the head of a loop, but for `*p = ...`, `++i` and `--i`: it makes the call a value.
_NO_BODY = frozenset((b"", *(bytes((sign,)) for sign in b";,)=&|+/<>?.-^%]:")))
_KEYWORDS = frozenset(
    {b"if", b"while", b"for", b"switch", b"return", b"sizeof", b"typeof", b"__typeof__", b"asm", b"ASM", b"do", b"else"}
)


def rewrite_declaring(text: Text) -> list[MacroCall]:
    """Turn `DEFINE_X(..)`, `DECLARE_X(..)` and `static X(..)` followed by `;`, `=` or `[` into declarations."""
    calls = []
    for pattern, group in ((_DECLARING, 0), (_STATIC_CALL, 1)):
        for match in pattern.finditer(text.buf):
            start, end = _whole_word(text, match.start(group)), match.end(group)
            opening = text.after(end)
            if start < 0 or text.at(opening) != b"(" or _NO_OBJECT.fullmatch(text.buf, start, end):
                continue
            if text.at(text.before(start)) in _OPERATORS:
                continue  # = DEFINE_RES_MEM(0, 0);
            closing = text.close(opening)
            if closing < 0 or text.at(text.after(closing + 1)) not in (b";", b"=", b"["):
                continue
            call = _call(text, start, opening, closing)
            if _declare(text, start, opening, closing):
                calls.append(call)
    return calls


def _whole_word(text: Text, start: int) -> int:
    # __DECLARE_FLEX_ARRAY is of the family, KVM_DEFINE_X is not.
    while start > 0 and text.buf[start - 1] == 0x5F:
        start -= 1
    return start if text.starts_word(start) else -1


def _call(text: Text, start: int, opening: int, closing: int) -> MacroCall:
    name = bytes(text.buf[start:opening]).strip().decode("ascii", "replace")
    return MacroCall(name, text.data[opening + 1 : closing].decode("utf-8", "replace"), start, closing + 1)


def _declare(text: Text, start: int, opening: int, closing: int) -> bool:
    parts = split_top_level(text, opening + 1, closing)
    if _TYPE_FIRST.fullmatch(text.buf, start, opening):
        if len(parts) != 2:
            return False
        text.blank(start, opening + 1)
        bounds = text.buf.find(b"[", *parts[0])  # u64 [N], name: an array of which `u64 name` says enough
        text.blank(bounds if bounds >= 0 else parts[0][1], parts[1][0])
        text.blank(closing, closing + 1)
        return True
    begin, end = parts[0]
    if not _NAME.fullmatch(text.buf, begin, end):
        return False
    is_array = len(parts) == 2 and _WORDS.match(text.buf, start) is not None
    text.blank(start, begin)
    if is_array:
        text.put(end, b"[")
        text.put(closing, b"]")
    else:
        text.blank(end, closing + 1)
    text.put(start, b"long")
    return True


def loop_macros(directives: Iterable[Directive]) -> frozenset[bytes]:
    """The macros among some directives whose body is the head of a loop: `#define walk(i, n) for (; i < n; i++)`."""
    heads = (_LOOP.match(directive.text) for directive in directives if directive.kind == "define")
    return frozenset(head[1] for head in heads if head and head.string.endswith(b")"))


def rewrite_iterators(text: Text, loops: Iterable[bytes] = ()) -> list[int]:
    """Write `while` (or `if`, over a short name) over the name of each macro that heads a loop or a block.

    Gives their offsets. With braces any macro is meant; without them the families of `for_each` and the `loops`, for
    nothing else tells.
    """
    names = [re.compile(re.escape(name) + rb"\b") for name in sorted(loops)]
    return [*_by_name(text, names), *_by_brace(text)]


def _by_name(text: Text, names: Iterable[re.Pattern[bytes]]) -> Iterator[int]:
    for pattern in (*_ITERATORS, *names):
        for match in pattern.finditer(text.buf):
            start = match.end() - 1
            while not text.starts_word(start):
                start -= 1
            opening = text.after(text.word_end(start))
            closing = text.close(opening) if text.at(opening) == b"(" else -1
            if closing < 0 or not _begins_statement(text, start) or not _has_body(text, start, closing):
                continue
            if _loop(text, start, opening, closing):
                yield start


def _by_brace(text: Text) -> Iterator[int]:
    depth = Depth(text)
    for match in _BLOCK_HEAD.finditer(text.buf):
        closing = match.start()
        line = text.buf.rfind(b"\n", 0, closing) + 1
        if _PLAIN_HEAD.match(text.buf, line) or (b"\n" in match[0] and not _CALL_HEAD.match(text.buf, line)):
            continue  # if, for, while, switch; the head of a function
        opening = text.open(closing)
        start, name = text.word_before(opening)
        if opening < 0 or not name or name in _KEYWORDS or not _begins_statement(text, start):
            continue
        if depth.at(opening) and _loop(text, start, opening, closing):
            yield start


def _has_body(text: Text, start: int, closing: int) -> bool:
    offset = text.after(closing + 1)
    following = text.at(offset)
    if following == b";" and text.at(text.before(start)) == b"}":
        return _closes_do(text, start)
    return following not in _NO_BODY or bytes(text.buf[offset : offset + 2]) in (b"++", b"--")


def _loop(text: Text, start: int, opening: int, closing: int) -> bool:
    """Write `while` over the name of a macro; False if the name is too short."""
    if text.after(opening + 1) == closing:  # `while ()` is no C
        if opening - start < len(b"while(1)"):
            return False
        text.blank(start, closing + 1)
        text.put(start, b"while(1)")
        return True
    word = b"while" if opening - start >= len(b"while") else b"if"
    if opening - start < len(word):
        return False
    text.blank(start, opening)
    text.put(start, word)
    return True


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
    pattern = _TOP_CALL if _COLUMN_0.search(text.buf) else _TOP_CALL_INDENTED
    first = _FIRST_CALL.match(text.buf)
    for match in chain((first,) if first else (), pattern.finditer(text.buf)):
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
        if text.at(following) == b"(":
            continue  # void (*f)(void);
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
        text.blank(closing, closing + 1)  # SYSCALL_DEFINE0(name): no room for "()", and a bare name will do
        return
    text.put(first[1], b"(")
    for number in range(1, len(parts) - 1, 2):
        text.blank(parts[number][1], parts[number][1] + 1)
