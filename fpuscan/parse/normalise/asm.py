"""R4 and R5: inline assembler becomes a call of `ASM` whose arguments are the C operands.

    asm volatile("xsave %0" : "=m" (*fx) : "a" (lo))   ->   ASM          (                (*fx) ,    (lo))

The constraints (`"=m"`) are in the original bytes. Macros that take assembler operands
(`user_insn(fxsave %[fx], [fx] "=m" (*fx), err)`) keep their name and get the same treatment.
"""

from __future__ import annotations

import re

from fpuscan.parse.normalise.text import Text, split_top_level

__all__ = ["rewrite_asm", "rewrite_asm_macros"]

_ASM = re.compile(rb"asm(?:__|_inline|)\b|asm_volatile_goto\b")
_QUALIFIER = re.compile(rb"\s*(?:(?:volatile|__volatile__|__volatile|goto|inline|__inline__|__inline)\s*)*")
# What stands before an operand: its constraint, or a macro that is one (`: [value] ASM_INPUT_RM (x)`).
_OPERAND = re.compile(rb"""(?:"[^"]*"|(?<=[:,\]])\s*[A-Z_]\w*)\s*\(""")
_STRING_CALL = re.compile(rb'"\s*\(')
_COLON = re.compile(rb"[:(]")
_LABEL = re.compile(rb"\w+")
_PLAIN = re.compile(rb"\s*[\w.&*!~()\[\]<>+|^-]+(?:\s*(?:->|[-+*&|^<>=!]+)\s*[\w.&*!~()\[\]]+)*\s*")


def rewrite_asm(text: Text) -> dict[int, tuple[str, ...]]:
    """Turn every `asm` statement into a call of ASM; gives the labels of each `asm goto` by offset."""
    labels: dict[int, tuple[str, ...]] = {}
    for match in _ASM.finditer(text.buf):
        start, end = match.span()
        while start > 0 and text.buf[start - 1] == 0x5F:  # __asm__
            start -= 1
        qualified = _QUALIFIER.match(text.buf, end)
        opening = qualified.end() if qualified else end
        if not text.starts_word(start) or text.at(opening) != b"(":
            continue
        closing = text.close(opening)
        if closing >= 0:
            found = _rewrite_one(text, start, opening, closing)
            if found:
                labels[start] = found
    return labels


def _rewrite_one(text: Text, start: int, opening: int, closing: int) -> tuple[str, ...]:
    operands = _operands(text, opening + 1, closing)
    if not operands and _names_a_symbol(text, start):
        text.blank(start, closing + 1)
        return ()
    labels = _labels(text, opening + 1, closing) if b"goto" in text.buf[start:opening] else ()
    text.blank(start, opening)
    text.put(start, b"ASM")
    _keep_only(text, opening + 1, closing, operands)
    return labels


def _names_a_symbol(text: Text, start: int) -> bool:
    # `register unsigned long sp asm("rsp");`: the name of a declared thing, no statement.
    last = text.before(start)
    return last >= 0 and (text.at(last) in (b")", b"]") or text.at(last).isalnum() or text.at(last) == b"_")


def _operands(text: Text, start: int, end: int) -> list[tuple[int, int]]:
    """The operands between `start` and `end` with their parentheses, outermost only."""
    found = []
    position = start
    while match := _OPERAND.search(text.buf, position, end):
        opening = match.end() - 1
        closing = text.close(opening)
        if closing < 0 or closing >= end:
            break
        found.append((opening, closing + 1))
        position = closing + 1
    return found


def _keep_only(text: Text, start: int, end: int, kept: list[tuple[int, int]]) -> None:
    """Blank `[start, end)` but for the `kept` ranges, with a comma before each but the first."""
    position = start
    for index, (begin, stop) in enumerate(kept):
        text.blank(position, begin)
        if index:
            # Between two kept ranges stands at least the comma or the quote that parted them.
            comma = begin - 1
            while comma > position and text.buf[comma] == 0x0A:
                comma -= 1
            text.put(comma, b",")
        position = stop
    text.blank(position, end)


def _labels(text: Text, start: int, end: int) -> tuple[str, ...]:
    # The fifth part, behind the fourth top-level colon.
    position, colons = start, 0
    while match := _COLON.search(text.buf, position, end):
        position = match.end()
        if text.buf[match.start()] == 0x28:
            closing = text.close(match.start())
            position = closing + 1 if closing >= 0 else position
        else:
            colons += 1
            if colons == 4:
                return tuple(label.decode() for label in _LABEL.findall(text.buf, position, end))
    return ()


def rewrite_asm_macros(text: Text) -> dict[int, tuple[str, ...]]:
    """Keep the operands and the plain arguments of macro calls that take assembler operands."""
    labels: dict[int, tuple[str, ...]] = {}
    position = 0
    while match := _STRING_CALL.search(text.buf, position):
        position = match.end()
        opening = text.open(match.start())
        closing = text.close(opening) if opening >= 0 else -1
        if closing < 0:
            continue
        start, name = text.word_before(opening)
        if not name:
            continue
        if b"goto" in name:
            found = _labels(text, opening + 1, closing)
            if found:
                labels[start] = found
        _rewrite_arguments(text, opening + 1, closing)
        position = closing + 1
    return labels


def _rewrite_arguments(text: Text, start: int, end: int) -> None:
    kept: list[tuple[int, int]] = []
    for number, (begin, stop) in enumerate(split_top_level(text, start, end)):
        operands = _operands(text, begin, stop)
        if operands:
            kept += operands
        elif number and b'"' not in text.buf[begin:stop] and _PLAIN.fullmatch(text.buf, begin, stop):
            kept.append((text.after(begin), text.before(stop) + 1))
    _keep_only(text, start, end, kept)
