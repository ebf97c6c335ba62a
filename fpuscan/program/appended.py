"""What a file defines beside its own text: constructs with other arms of an `#if`, and what macros define.

An `#if` inside an expression, or around half of a statement, leaves one arm in the
text of the file; here are copies of the construct with the others. A macro call that
stands for whole definitions is blank in the text; here is what it expands to. A macro
that is a statement for code outside of the scope is a function here. All of it is text
to append to the file (:func:`fpuscan.parse.syntax.appended`).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import islice, product
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from fpuscan.parse.arms import contradict
from fpuscan.parse.normalise import normalise, strip_comments
from fpuscan.parse.syntax import Addition, appended
from fpuscan.symbols.expansion import expand_call, split_arguments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fpuscan.parse.arms import ArmIndex, ConfigLiteral
    from fpuscan.parse.normalise import Attributes, Directive, DroppedArm, Group, MacroCall
    from fpuscan.parse.syntax import ParsedFile
    from fpuscan.symbols.cpp import MacroTable

__all__ = ["Choices", "Complete", "Unread", "statement_macros", "with_additions"]

_MOST_COPIES = 8  # of one construct; beyond it not every combination of arms is read
_MOST_TRIED = 256  # combinations, many of which may be of no build
_LONGEST = 200_000  # bytes of one construct; none is longer
_32_BIT = frozenset({("CONFIG_X86_64", False), ("CONFIG_64BIT", False), ("CONFIG_X86_32", True)})
_DEEPEST = 4  # definitions by macros that define by macros
_CALL = re.compile(r"(?:^|\n)([A-Za-z_]\w*)\s*\(")
_NEXT = re.compile(r"([})]\s*;?)\s*(?=[A-Za-z_]\w*\s*\()")  # between one definition and a macro that makes another
# A function, something with a value, or a declaration.
_DEFINES = re.compile(r"\s*[A-Za-z_][^;]*[{=]|\s*(?:static|struct|extern|const|u\d+)\b")
# The name and the body of a macro without parameters that is a statement.
_STATEMENT = re.compile(rb"\s*([A-Za-z_]\w*)\s+((?:do|if|for|while|switch)\b.*|[A-Za-z_]\w*\s*\(.*\))\s*", re.DOTALL)
# They make nothing that a value goes through; tracepoints are no user ABI.
_HARMLESS = re.compile(r"EXPORT_|_?[Ss]tatic_assert$|BUILD_BUG_ON|TRACE_|DEFINE_EVENT|DECLARE_EVENT_CLASS")
_BLANKS = bytes(byte if byte in b"\n\t" else 0x20 for byte in range(256))

_Region = tuple[int, int]
_Conditional = tuple[Addition, tuple["ConfigLiteral", ...]]


class Choices(NamedTuple):
    """What must hold for a construct as it stands in the text of the file, with one arm of each group kept."""

    start: int
    end: int
    conditions: tuple[ConfigLiteral, ...]


class Unread(NamedTuple):
    """What a file defines in no way that could be read: its text, and the bytes of the file that stand for it."""

    text: bytes
    start: int
    end: int
    what: str


class Complete(NamedTuple):
    """A file with all that it defines, what must hold for which part of it, and what is read nowhere."""

    parsed: ParsedFile
    choices: list[Choices]
    left_out: tuple[DroppedArm, ...]
    unread: tuple[Unread, ...]


def statement_macros(parsed: ParsedFile, word: re.Pattern[bytes]) -> Iterator[Directive]:
    """The macros without parameters that are a statement, and whose body holds a word."""
    for directive in parsed.normalised.directives:
        if directive.kind == "define" and word.search(directive.text) and _STATEMENT.fullmatch(directive.text):
            yield directive


def with_additions(
    parsed: ParsedFile, macros: MacroTable, attributes: Attributes, statements: Iterable[Directive] = ()
) -> Complete:
    """The file with all that it defines beside its own text.

    Each of the ``statements``, macros that code outside of the scope uses, becomes a function of that name.
    """
    split = parsed.normalised.dropped or parsed.normalised.halves
    arms = macros.arms(parsed.source.path) if split else None
    constructs = list(_constructs(parsed, arms)) if arms is not None else []
    additions = [copy for each in constructs for copy in each.copies]
    made, unread = _expansions(parsed, macros, attributes)
    additions += made
    additions += [(_as_function(each), ()) for each in statements]
    if not additions:
        return Complete(parsed, [], parsed.normalised.dropped, tuple(unread))
    complete, numbers = appended(parsed, [addition for addition, _ in additions], attributes)
    read = {id(additions[number]) for number in numbers}
    unread += [
        Unread(each[0].text, each[0].at, each[0].until, "what a macro defines could not be parsed")
        for each in additions
        if not each[0].copied and id(each) not in read
    ]
    choices = [
        Choices(origin.start, origin.end, additions[number][1])
        for origin, number in zip(complete.source.appended, numbers, strict=True)
        if additions[number][1]
    ]
    whole = [each for each in constructs if all(id(copy) in read for copy in each.copies)]
    choices += [each.kept for each in whole]
    left_out = tuple(
        arm
        for arm in parsed.normalised.dropped
        if not any(each.kept.start <= arm.start < each.kept.end and not each.cut for each in whole)
    )
    return Complete(complete, choices, left_out, tuple(unread))


class _Construct(NamedTuple):
    # What an `#if` splits: as it stands in the file, and its copies; ``cut``: not every combination of arms is there.
    kept: Choices
    copies: list[_Conditional]
    cut: bool


def _as_function(macro: Directive) -> Addition:
    match = _STATEMENT.fullmatch(macro.text)
    assert match is not None
    text = b"static void %s(void)\n{\n\t%s;\n}\n" % match.groups()
    return Addition(text, macro.start, macro.end, copied=False)


def _constructs(parsed: ParsedFile, arms: ArmIndex) -> Iterator[_Construct]:
    for (start, end), groups in _split_constructs(parsed):
        ways = [_Way(parsed, arms, found) for found in _alike(groups)]
        first, *others = islice(product(*(way.options for way in ways)), _MOST_TRIED)
        possible = [chosen for chosen in others if not contradict(_together(chosen), _together(chosen))]
        copies = []
        for chosen in possible[: _MOST_COPIES - 1]:
            text = bytearray(parsed.source.data[start:end])
            for way, option in zip(ways, chosen, strict=True):
                way.write(text, start, option)
            _blank_definitions(parsed, text, start)
            copies.append((Addition(bytes(text), start, end, copied=True), _together(chosen)))
        cut = len(possible) >= _MOST_COPIES or prod(len(way.options) for way in ways) > _MOST_TRIED
        yield _Construct(Choices(start, end, _together(first)), copies, cut)


class _Option(NamedTuple):
    # One arm (by its number) of all groups with the same conditions; None: none of them. What must hold for the text
    # around a group is no part of its conditions: where that does not hold, no arm is chosen.
    arm: int | None
    conditions: tuple[ConfigLiteral, ...]


class _Way:
    # The groups of a construct that have the same conditions, so that one choice is made for all.

    def __init__(self, parsed: ParsedFile, arms: ArmIndex, groups: list[Group]) -> None:
        self._groups = groups
        dropped = {(arm.start, arm.end) for arm in parsed.normalised.dropped}
        first = groups[0]
        around = arms.at(first.start)

        def own(conditions: tuple[ConfigLiteral, ...]) -> tuple[ConfigLiteral, ...]:
            return tuple(literal for literal in conditions if literal not in around)

        found = [
            _Option(number, own(arms.at(arm.start)))
            for number, arm in sorted(enumerate(first.arms), key=lambda item: (item[1].start, item[1].end) in dropped)
            if not arm.dead
        ]
        if all(arm.kind != "else" for arm in first.arms):
            conditions = arms.otherwise(first)
            if not any((literal.name, literal.value) in _32_BIT for literal in conditions):
                found.append(_Option(None, own(conditions)))
        self.options = found

    def write(self, text: bytearray, start: int, option: _Option) -> None:
        for group in self._groups:
            kept = group.arms[option.arm] if option.arm is not None and option.arm < len(group.arms) else None
            position = group.start
            for begin, end in ([(kept.start, kept.end)] if kept is not None else []) + [(group.end, group.end)]:
                text[position - start : begin - start] = text[position - start : begin - start].translate(_BLANKS)
                position = end


def _together(options: Iterable[_Option]) -> tuple[ConfigLiteral, ...]:
    return tuple(dict.fromkeys(literal for option in options for literal in option.conditions))


def _split_constructs(parsed: ParsedFile) -> list[tuple[_Region, list[Group]]]:
    # The top-level constructs that a group splits, each with all such groups in it.
    normalised = parsed.normalised
    dropped = {(arm.start, arm.end) for arm in normalised.dropped}
    halves = set(normalised.halves)
    found: dict[_Region, list[Group]] = {}
    for group in normalised.groups:
        if group.start in halves or any((arm.start, arm.end) in dropped for arm in group.arms):
            region = _region(parsed, group)
            if region is not None and region[1] - region[0] < _LONGEST:
                found.setdefault(region, []).append(group)
    return list(found.items())


def _region(parsed: ParsedFile, group: Group) -> _Region | None:
    # The top-level nodes that a group touches, from the first to the last.
    nodes = parsed.root.children
    first = max(0, bisect_right(nodes, group.start, key=lambda node: node.start_byte) - 1)
    touched = [node for node in nodes[first:] if node.start_byte < group.end and node.end_byte > group.start]
    if not touched:
        return None
    return min(group.start, touched[0].start_byte), max(group.end, touched[-1].end_byte)


def _alike(groups: list[Group]) -> Iterator[list[Group]]:
    ways: dict[tuple[str, ...], list[Group]] = {}
    for group in groups:
        ways.setdefault(tuple(f"{arm.kind} {arm.condition}" for arm in group.arms), []).append(group)
    yield from ways.values()


def _blank_definitions(parsed: ParsedFile, text: bytearray, start: int) -> None:
    # A macro that is defined inside the construct is defined once.
    for directive in parsed.normalised.directives:
        if directive.kind in {"define", "undef"} and start <= directive.start < start + len(text):
            begin, end = directive.start - start, directive.end - start
            text[begin:end] = text[begin:end].translate(_BLANKS)


def _expansions(
    parsed: ParsedFile, macros: MacroTable, attributes: Attributes
) -> tuple[list[_Conditional], list[Unread]]:
    """What the macro calls at the top level of a file define, and what must hold for it; and those nobody knows."""
    starts = [function.start for function in parsed.functions]
    found: list[_Conditional] = []
    unknown: list[Unread] = []
    for call in parsed.normalised.macro_calls:
        number = bisect_right(starts, call.start) - 1
        if number >= 0 and call.start < parsed.functions[number].end:
            continue  # a declaration inside a function
        before = len(found)
        for text, conditions in _expanded(call, call.start, parsed.source.path, macros, attributes):
            found.append((Addition(text.encode(), call.start, call.end, copied=False), conditions))
        blank = not parsed.normalised.text[call.start : call.end].strip()  # and no declaration in its place
        if blank and len(found) == before and not _HARMLESS.match(call.name):
            written = strip_comments(parsed.source.data[call.start : call.end])
            unknown.append(Unread(written, call.start, call.end, f"what {call.name}() makes is not known"))
    return found, unknown


def _expanded(
    call: MacroCall, at: int, path: str, macros: MacroTable, attributes: Attributes, depth: int = 0
) -> Iterator[tuple[str, tuple[ConfigLiteral, ...]]]:
    several = [macro for macro in macros.in_force(call.name, path, at) if macro.params is not None]
    for macro in several:
        text = _NEXT.sub(r"\1\n", expand_call(macro, split_arguments(call.arguments)))
        conditions = macro.conditions if len(several) > 1 else ()
        if _DEFINES.match(text):
            yield f"{text};", conditions  # what the call is followed by
        if depth < _DEEPEST and any(name in macros for name in _CALL.findall(text)):
            for inner in normalise(text.encode(), attributes).macro_calls:
                for below, more in _expanded(inner, at, path, macros, attributes, depth + 1):
                    yield below, conditions + more
