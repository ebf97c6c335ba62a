"""R3: attributes of the compiler vanish; which names they are is learned from the tree's own headers.

A `#define` whose body is nothing but known attributes makes its name one: `__always_inline` is
`inline __attribute__((__always_inline__))`. So is a lower-case `__name` that is defined as nothing.
A name that some configuration defines as code is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from fpuscan.parse.normalise.mask import strip_comments
from fpuscan.parse.normalise.text import Text
from fpuscan.parse.normalise.values import Attributes, Directive

__all__ = ["ATTRIBUTE_HEADERS", "BUILT_IN", "blank_attributes", "learn_attributes", "local_attributes"]

ATTRIBUTE_HEADERS = (
    "include/linux/compiler_types.h",
    "include/linux/compiler_attributes.h",
    "include/linux/compiler.h",
    "include/linux/compiler-gcc.h",
    "include/linux/compiler-clang.h",
    "include/linux/compiler-context-analysis.h",
    "include/linux/init.h",
    "include/linux/cache.h",
    "include/linux/linkage.h",
    "include/linux/cleanup.h",
    "include/linux/btf.h",
    "arch/x86/include/asm/linkage.h",
    "arch/x86/include/asm/cache.h",
)
"""Where the kernel defines its attributes, relative to the tree; not every release has each."""

BUILT_IN = Attributes(
    plain=frozenset(
        b"""
        __user __kernel __iomem __percpu __rcu __force __nocast __safe __private __bitwise
        __always_inline __inline __inline__ __gnu_inline noinline noinline_for_stack noinstr notrace asmlinkage
        __init __exit __initdata __exitdata __initconst __initdata_or_module __init_or_module __refdata __ref
        __ro_after_init __read_mostly __cacheline_aligned __cacheline_aligned_in_smp
        ____cacheline_aligned ____cacheline_aligned_in_smp ____cacheline_internodealigned_in_smp
        __packed __must_check __pure __attribute_const__ __cold __cpuidle __noreturn __visible __weak __used __unused
        __maybe_unused __always_unused __deprecated __malloc __latent_entropy __no_kcsan __no_sanitize_address
        __no_sanitize_undefined __no_sanitize_memory __no_kasan_or_inline __no_kcsan_or_inline
        __no_stack_protector __nonstring __ro_fixed __designated_init __entry_text __noendbr __kprobes __sched
        __nokprobe_inline __notrace_funcgraph __extension__ __bpf_kfunc __signed__ __no_profile __nocfi
        nokprobe_inline __lockfunc __bss_decrypted __percpu_seg_override __efiapi __data_racy
        randomized_struct_fields_start randomized_struct_fields_end
        """.split()
    ),
    with_arguments=frozenset(
        b"""
        __attribute__ __attribute __aligned __section __alias __acquires __releases __must_hold __cond_acquires
        __counted_by __counted_by_le __counted_by_be __counted_by_ptr __printf __scanf __alloc_size __assume_aligned
        __cleanup __free __diagnose_as __guarded_by __pt_guarded_by __must_hold_shared __acquires_shared
        __releases_shared __no_context_analysis_for __no_sanitize __copy __compiletime_error __compiletime_warning
        __declspec __nonnull __sized_by __cond_acquires_shared __cond_releases
        """.split()
    ),
)
"""What the kernel's headers define on the four releases that fpuscan is tested on."""

_DEFINE = re.compile(
    rb"""
      \#[ \t]*define[ \t]+
      (?P<name>\w+)
      (?P<parameters>\([^)\n]*\))?
      (?P<body>[^\\\n]*(?:\\\r?\n?[^\\\n]*)*)
    """,
    re.VERBOSE,
)
_ITEM = re.compile(rb"\s*(\w+)\s*")
_FIRST_WORD = re.compile(rb"\s*(\w+)")
_LOWER = re.compile(rb"__+[a-z][a-z0-9_]*")
_RESERVED = re.compile(rb"__\w+")
# Look like attributes and are code, or part of the language.
_NEVER = frozenset(
    {b"inline", b"fallthrough", b"static", b"extern", b"const", b"volatile", b"register"}
    | {b"__fallthrough", b"__builtin_unreachable", b"__assume_ctx_lock", b"__assume_shared_ctx_lock"}
)
_ROUNDS = 3


def learn_attributes(headers: Iterable[bytes]) -> Attributes:
    """The built-in attributes and those that the `headers` (file contents) define from them."""
    candidates = [c for header in headers for c in _candidates(header)]
    learned = _fixpoint(candidates)
    code = {name for name, _, body in candidates if not _is_attribute(name, body, learned)}
    # Once more without the names that are code in some configuration, for those that were made of them.
    learned = _fixpoint([c for c in candidates if c[0] not in code])
    return Attributes(
        BUILT_IN.plain | learned.plain,
        BUILT_IN.with_arguments | (learned.with_arguments - learned.plain),
    )


def _fixpoint(candidates: list[tuple[bytes, bool, bytes]]) -> Attributes:
    known = BUILT_IN
    for _ in range(_ROUNDS):
        found = [c for c in candidates if _is_attribute(c[0], c[2], known)]
        before = known
        known = Attributes(
            known.plain | {name for name, takes_arguments, _ in found if not takes_arguments},
            known.with_arguments | {name for name, takes_arguments, _ in found if takes_arguments},
        )
        if known == before:
            break
    return known


def _candidates(header: bytes) -> list[tuple[bytes, bool, bytes]]:
    """Every `#define` (name, takes arguments, body) of a header that may be an attribute."""
    found = []
    for match in _DEFINE.finditer(header):
        name = match["name"]
        body = strip_comments(match["body"]).replace(b"\\\n", b" ").strip()
        if name not in _NEVER and (body or _LOWER.fullmatch(name)):
            found.append((name, match["parameters"] is not None, body))
    return found


def _is_attribute(name: bytes, body: bytes, known: Attributes) -> bool:
    if not body:
        return not name.endswith((b"_h", b"_h__"))
    position = 0
    while position < len(body):
        match = _ITEM.match(body, position)
        if not match:
            return False
        word, position = match[1], match.end()
        if word in known.with_arguments:
            position = _behind_arguments(body, position)
            if position < 0:
                return False
        elif word not in known.plain and word != b"inline":
            return False
    return True


def _behind_arguments(body: bytes, position: int) -> int:
    if body[position : position + 1] != b"(":
        return -1
    depth = 0
    for index in range(position, len(body)):
        depth += (body[index] == 0x28) - (body[index] == 0x29)
        if not depth:
            return index + 1
    return -1


def local_attributes(directives: Iterable[Directive], attributes: Attributes) -> Attributes:
    """`attributes` and what the file itself defines from them, such as `#define STATIC_INIT __init`."""
    found: set[bytes] = set()
    for directive in directives:
        if directive.kind == "define":
            name, _, body = directive.text.partition(b" ")
            first = _FIRST_WORD.match(body)
            known = first and (first[1] in attributes.plain or first[1] in attributes.with_arguments)
            if (known or (not body and _LOWER.fullmatch(name))) and name not in _NEVER:
                found.update({name} if b"(" not in name and _is_attribute(name, body, attributes) else ())
    return attributes._replace(plain=attributes.plain | found) if found else attributes


def blank_attributes(text: Text, attributes: Attributes) -> None:
    """Blank every attribute with its arguments."""
    plain, with_arguments = attributes.plain, attributes.with_arguments
    for match in _RESERVED.finditer(text.buf):
        word = match[0]
        if word in plain or word in with_arguments:
            _blank_one(text, match.start(), match.end(), takes_arguments=word in with_arguments)
    for pattern in _unreserved(attributes):
        for match in pattern.finditer(text.buf):
            word = match[0]
            if text.word_end(match.start()) == match.end():
                _blank_one(text, match.start(), match.end(), takes_arguments=word in with_arguments)


@cache
def _unreserved(attributes: Attributes) -> tuple[re.Pattern[bytes], ...]:
    """The few attributes that do not begin with two underscores: a pattern for each two letters they begin with.

    A pattern that begins with letters is found much faster than one that begins with a choice.
    """
    words: dict[bytes, list[bytes]] = {}
    for word in sorted(attributes.plain | attributes.with_arguments, key=lambda word: (-len(word), word)):
        if word[:2] != b"__":
            words.setdefault(word[:2], []).append(word[2:])
    return tuple(re.compile(head + b"(?:" + b"|".join(tails) + b")") for head, tails in words.items())


def _blank_one(text: Text, start: int, end: int, *, takes_arguments: bool) -> None:
    if not text.starts_word(start):
        return
    if takes_arguments:
        opening = text.after(end)
        closing = text.close(opening) if text.at(opening) == b"(" else -1
        if closing < 0:
            return
        end = closing + 1
    text.blank(start, end)
