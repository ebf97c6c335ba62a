"""R7b, R8, R9 and R11: small shapes of kernel C that the grammar does not know.

FNAME(walk_addr)(a)              ->         walk_addr (a)
kvm_x86_call(get_cpl)(vcpu)      ->   kvm_x86_ops. get_cpl (vcpu)
case 1 ... 3:                    ->   case 1 |   3:
container_of(p, struct fpu, x)   ->   container_of(p, struct_fpu, x)
kmalloc_objs(struct fpu *, n)    ->   kmalloc_objs(struct_fpu__, n)
min_t(unsigned int, a, b)        ->   min_t(unsigned_int, a, b)
f(a, /* last */)                 ->   f(a            )
offsetof(struct fpu, a.b)        ->   OFFSETOF(struct_fpu, a.b)
typeof(p->x) y;                  ->   typeof       y;
u64 (*f)(void) = g;              ->   int (*f)(void) = g;
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable

from fpuscan.parse.normalise.text import Depth, Text
from fpuscan.parse.normalise.values import Directive

__all__ = [
    "rewrite_named_calls",
    "rewrite_ranges",
    "rewrite_small_shapes",
    "rewrite_type_arguments",
    "selecting_macros",
]

_DOUBLE_CALL = re.compile(rb"\)\(")
_NOT_NAMING = frozenset(
    b"""
    guard CLASS sizeof typeof __typeof__ __alignof__ _Alignof if while for switch return case ASM else do
    """.split()
)
_OPS = {
    b"kvm_x86_call": b"kvm_x86_ops. ",
    b"kvm_pmu_call": b"kvm_pmu_ops. ",
    b"kvm_nested_call": b"nested_ops->",
}
_TYPE_IN_FRONT = re.compile(rb"[A-Za-z_][\w \t]*[\s*(]+")
_MACRO = re.compile(rb"([A-Za-z_]\w*)\(([^)]*)\)")  # the head of a function-like one
_SELECTED = re.compile(rb"(?:\.|->)\s*(\w+)")
_WORD = re.compile(rb"[A-Za-z_]\w*")
_ELLIPSIS = re.compile(rb"\.\.\.")
# A whole argument that is a type: by its keyword, by its first word, or by the star at its end.
_TYPES = (
    re.compile(rb"struct\s+\w+\s*(?=[,)])"),
    re.compile(rb"union\s+\w+\s*(?=[,)])"),
    re.compile(rb"enum\s+\w+\s*(?=[,)])"),
    re.compile(rb"signed\s+(?:int|long|char|short)(?:\s+(?:int|long))*\s*(?=[,)])"),
    re.compile(rb"long\s+(?:long|int)(?:\s+int)?\s*(?=[,)])"),
    re.compile(rb"\*\s*(?=[,)])"),
)
_TYPE_BYTES = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_* \t\r\n"
_TYPE_WIDTH = 120
# Most parentheses around a type alone are one of these; the others are told by the word before them.
_CASTS = (b"sizeof(", b"((", b" (", b"\t(", b")(", b"!(", b"*(", b"=(", b"~(", b"-(", b"&(")
_NO_MACRO = frozenset(
    b"""
    sizeof typeof __typeof__ __alignof__ if return while for switch case else do ASM
    void int long char short bool unsigned u8 u16 u32 u64
    """.split()
)
_TYPE_WORD = re.compile(rb"(?:__)?[us](?:8|16|32|64)|unsigned|signed|int|long|short|char|bool|\w+_t")
# A type of the grammar's own for each length of a name.
_PRIMITIVES = {4: b"long", 5: b"short", 6: b"size_t", 7: b"ssize_t", 8: b"uint64_t", 9: b"ptrdiff_t"}
_NOT_WORD = re.compile(rb"\W")
_NUMBER = re.compile(rb"(?:0[xX][0-9a-fA-F]+|0[bB][01]+|\d+(?:\.\d+)?(?:[eE]-?\d+)?)[uUlLfF]*\b")


def selecting_macros(directives: Iterable[Directive]) -> frozenset[bytes]:
    """The macros among some directives that select the member an argument names: `#define op(f) (*ops.f)`."""
    heads = (_MACRO.match(directive.text) for directive in directives if directive.kind == "define")
    return frozenset(
        head[1]
        for head in heads
        if head and not set(_SELECTED.findall(head.string, head.end())).isdisjoint(_WORD.findall(head[2]))
    )


def rewrite_named_calls(text: Text, selectors: Collection[bytes] = ()) -> dict[int, str]:
    """`X(y)(..)`, where X makes the function's name from y, becomes a call of y; gives each X by the offset of y.

    One of the `selectors` makes a member of y, and a function of the file gives one: they stay as they are.
    """
    applied: dict[int, str] = {}
    for match in _DOUBLE_CALL.finditer(text.buf):
        closing = match.start()
        inner, word = text.word_before(closing)
        opening = text.before(inner)
        if not word or text.at(opening) != b"(" or text.at(opening - 1).isspace():
            continue
        start, name = text.word_before(opening)
        if not name or name in _NOT_NAMING or (name in selectors and name not in _OPS):
            continue
        if name not in _OPS and _is_declared(text, name):
            continue
        text.blank(start, opening + 1)
        text.blank(closing, closing + 1)
        text.put(start, _OPS.get(name, b""))
        if name not in _OPS:
            applied[inner] = name.decode("ascii", "replace")
    return applied


def _is_declared(text: Text, name: bytes) -> bool:
    """Whether a file declares or defines a function: its name stands behind a type at the start of a line."""
    start = text.buf.find(name + b"(")
    while start >= 0:
        head = text.buf[text.buf.rfind(b"\n", 0, start) + 1 : start]
        if _TYPE_IN_FRONT.fullmatch(head) and text.starts_word(start):
            closing = text.close(start + len(name))
            if closing >= 0 and text.at(text.after(closing + 1)) in (b"{", b";", b")"):
                return True
        start = text.buf.find(name + b"(", start + 1)
    return False


def rewrite_ranges(text: Text) -> None:
    """`a ... b` in a case label becomes `a |   b`; the file's own bytes still say that it is a range."""
    for match in _ELLIPSIS.finditer(text.buf):
        start = match.start()
        if text.at(text.before(start)) not in (b",", b"(", b""):
            text.put(start, b"|  ")


def rewrite_type_arguments(text: Text) -> None:
    """A type that is an argument of a call becomes one identifier of the same place and length."""
    for pattern in _TYPES:
        depth = Depth(text)
        for match in pattern.finditer(text.buf):
            begin, end = _argument(text, *match.span())
            if begin >= 0 and _is_macro_argument(text, begin, depth):
                _join(text, begin, end)


def _argument(text: Text, start: int, end: int) -> tuple[int, int]:
    """The argument around a type's last word or star, without blanks at its ends; begin is -1 if it is no type."""
    floor = max(0, start - _TYPE_WIDTH)
    head = text.buf[floor:start].rstrip(_TYPE_BYTES)
    if not head.endswith((b"(", b",")) or head.endswith(_CASTS):
        return -1, end
    begin = text.after(floor + len(head))
    return (begin if begin < end else -1), text.before(end) + 1


def _is_macro_argument(text: Text, begin: int, depth: Depth) -> bool:
    opening = text.before(begin)
    if text.buf[opening] == 0x2C:
        opening = text.open(begin)
    if opening < 0:
        return False
    start, name = text.word_before(opening)
    if not name or name in _NO_MACRO:
        return False
    return depth.at(begin) > 0 or _in_initialiser(text, start)


def _in_initialiser(text: Text, offset: int) -> bool:
    # Outside braces a parenthesis belongs to a prototype, unless a value has begun.
    floor = max(0, offset - _TYPE_WIDTH)
    value = max(text.buf.rfind(b"=", floor, offset), text.buf.rfind(b"[", floor, offset))
    return value > max(text.buf.rfind(b";", floor, offset), text.buf.rfind(b"}", floor, offset))


def _join(text: Text, begin: int, end: int) -> None:
    written = bytes(text.buf[begin:end])
    if not any(sign in written for sign in b"\t\r\n"):
        text.put(begin, _NOT_WORD.sub(b"_", written))
        return
    word_end = end
    while word_end > begin and text.buf[word_end - 1] in b"* \t\r\n":
        word_end -= 1
    word = written[: word_end - begin].split()[-1]
    text.blank(begin, word_end - len(word))
    text.blank(word_end, end)


def rewrite_small_shapes(text: Text) -> None:
    """All of R11: each shape is one pattern and what to do with a match."""
    for pattern, rewrite in _SMALL_SHAPES:
        for match in pattern.finditer(text.buf):
            rewrite(text, match.start(), match.end())


def _mend_comma(text: Text, start: int, end: int) -> None:
    if text.at(end - 1) == b")":
        text.put(start, b" ")  # f(a, b, )
    else:
        _mend_number(text, start, end)


def _rename_offsetof(text: Text, start: int, _end: int) -> None:
    if text.starts_word(start):
        text.put(start, b"OFFSETOF")


def _rename_auto(text: Text, start: int, _end: int) -> None:
    if text.starts_word(start):
        text.put(start, b"Auto")


def _shorten_typeof(text: Text, _start: int, end: int) -> None:
    # The word that stays reads as the name of a type.
    closing = text.close(end - 1)
    if closing >= 0:
        text.blank(end - 1, closing + 1)


def _mend_number(text: Text, _start: int, end: int) -> None:
    # F(3DNOW): half a name.
    if not _NUMBER.match(text.buf, end):
        text.put(end, b"_")


def _declare_function_pointer(text: Text, start: int, _end: int) -> None:
    # `u64 (*f)(void)` at the start of a statement reads as a call; the word that stays covers the type's name.
    while text.at(last := text.before(start)) == b"*":
        start = last
    begin, word = text.word_before(start)
    if not word or word in _NOT_NAMING or word[:1].isdigit() or text.at(text.before(begin)) not in (b";", b"{", b"}"):
        return
    name = _PRIMITIVES.get(len(word), b"int")
    if begin + len(name) <= start:
        text.blank(begin, begin + len(word))
        text.put(begin, name)


def _write_case(text: Text, start: int, end: int) -> None:
    while not text.starts_word(start):
        start -= 1
    opening, closing = text.buf.find(b"(", start, end), text.buf.rfind(b")", start, end)
    if text.at(text.before(start)) not in (b";", b"{", b"}", b":"):
        return
    text.blank(start, opening + 1)
    text.put(start, b"case ")
    text.blank(closing, closing + 1)


def _blank_unnamed_bits(text: Text, start: int, end: int) -> None:
    # `u32 : 4;` and the middle of `u32 a : 1, : 2, b : 3;` have a width and no name.
    word_start, word = text.word_before(start)
    if not word and text.at(word_start - 1) == b",":
        text.blank(word_start - 1, end - 1)
    elif _TYPE_WORD.fullmatch(word):
        text.blank(start if text.at(end - 1) == b"," else word_start, end)


def _open_struct_group(text: Text, start: int, end: int) -> None:
    # struct_group(name, members..); struct_group_tagged(tag, name, members..): the members stay.
    closing = text.close(end - 1)
    names = 1 + (text.buf[start:end].find(b"_", len(b"struct_")) > 0)
    comma = end
    for _ in range(names):
        comma = text.buf.find(b",", comma, max(closing, 0)) + 1
        if not comma:
            return
    text.blank(start, comma)
    following = text.after(closing + 1)
    text.blank(closing, following + 1 if text.at(following) == b";" else closing + 1)


def _blank_lone_word(text: Text, start: int, end: int) -> None:
    # A macro that stands for declarations; what continues an expression is none.
    if text.at(text.before(start)) in (b"", b";", b"}"):
        text.blank(start, end)


_SMALL_SHAPES: tuple[tuple[re.Pattern[bytes], Callable[[Text, int, int], None]], ...] = (
    (re.compile(rb",(?:\s*\)| (?=\d))"), _mend_comma),
    (re.compile(rb"offsetof\s*\("), _rename_offsetof),
    (re.compile(rb"__alignof__\b"), lambda text, start, _: text.put(start, b"sizeof     ")),
    (re.compile(rb"auto\s+\w+\s*="), _rename_auto),
    (re.compile(rb"typeof(?:_unqual)?(?:__)?\s*\("), _shorten_typeof),
    (re.compile(rb"\((?=\d)"), _mend_number),
    (re.compile(rb"struct_group(?:_tagged|_attr)?\s*\("), _open_struct_group),
    (re.compile(rb"\(\*\s*\w+\s*(?:\[\w*\]\s*)*\)\s*\("), _declare_function_pointer),
    (re.compile(rb"CASE\w*\(\s*\w+\s*\)\s*:"), _write_case),
    (re.compile(rb":\s*\d+\s*[,;]"), _blank_unnamed_bits),
    (re.compile(rb"\n[A-Z_][A-Z_0-9]*;"), _blank_lone_word),
)
