"""What a scan saw and what it could not see."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fpuscan.result import Health, Incomplete, Location
from fpuscan.unmatched import unmatched_inputs, unmatched_rows

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.model.rows import Sink, Source
    from fpuscan.program import Program, Unit

__all__ = ["examine"]

_ANGLED = re.compile(rb"<(asm/[^>]+)>")
_INCLUDES = "arch/x86/include"


def examine(
    analysis: Analysis,
    used_sources: frozenset[str],
    cut_at: Unit | None = None,
    *,
    truncated: bool = False,
    inputs: bool = False,
) -> Health:
    """The health of a scan, after its flows have been followed; ``cut_at``: where the search for resets ended early;
    ``inputs``: the rows about user input count, too.
    """  # noqa: D205
    program = analysis.program
    occurrences, unaccounted = _account(program)
    incomplete = [*program.incomplete, *_unparsed(analysis), *_unmade(analysis), *_unclosed(program)]
    incomplete += _missing(program)
    incomplete += _unread(unaccounted, incomplete)
    if cut_at is not None:
        incomplete.append(_too_many_ways(program, cut_at))
    if truncated:
        incomplete.append(Incomplete(program.model.scope.required[0], 1, "the flows are too many to follow to the end"))
    unresolved = {
        f"{name} ({path}:{program.files[path].source.position(start)[0]})"
        for name, path, start in analysis.calls.unresolved
    }
    return Health(
        files=len(program.files),
        functions=sum(parsed.functions_of_file for parsed in program.files.values()),
        parsed=sum(parsed.parsed_bodies() for parsed in program.files.values()),
        analysed=sum(unit.lowered and unit.is_function for unit in program.units),
        bytes=sum(parsed.source.size for parsed in program.files.values()),
        error_bytes=sum(
            span.bytes for parsed in program.files.values() for span in parsed.all_errors() if span.function
        ),
        occurrences=occurrences,
        unaccounted=tuple(sorted(unaccounted)),
        unresolved_calls=tuple(sorted(unresolved)),
        unmatched_model_rows=tuple(
            sorted((*unmatched_rows(program, used_sources), *(unmatched_inputs(program) if inputs else ())))
        ),
        incomplete=tuple(sorted(incomplete)),
        unmodelled=tuple(sorted((*_unmodelled(program), *_dropped(program), *_lost(analysis)))),
    )


def _too_many_ways(program: Program, unit: Unit) -> Incomplete:
    line, _ = program.files[unit.path].source.position(unit.start)
    reason = "calls others in too many ways to say what it resets"
    return Incomplete(unit.path, line, reason, unit.name)


def _location(program: Program, path: str, start: int, end: int, function: str) -> Location:
    source = program.files[path].source
    start, end = source.span(start, end)
    line, column = source.position(start)
    end_line, end_column = source.position(end)
    return Location(path, line, column, end_line, end_column, function)


def _account(program: Program) -> tuple[int, list[Location]]:
    """Tie every occurrence of a tracked global to a fact or a declaration."""
    total = 0
    missing = []
    for name in tracked_names(program):
        for path, offset in program.occurrences(name):
            if program.files[path].source.is_copy(offset):
                continue  # with another arm of an #if
            total += 1
            unit = program.unit_at(path, offset)
            if unit is None:
                if not _is_declaration(program, path, offset):
                    missing.append(_location(program, path, offset, offset + len(name), ""))
            elif not _is_covered(unit, offset):
                missing.append(_location(program, path, offset, offset + len(name), unit.name))
    return total, missing


def tracked_names(program: Program) -> list[str]:
    """The tracked globals: those of the model, and every global of a tracked type."""
    scope = program.model.scope
    names = set(scope.tracked)
    for tag in scope.tracked_types:
        names.update(program.globals_of(tag))
    return sorted(names)


def _is_covered(unit: Unit, offset: int) -> bool:
    facts = unit.facts
    if offset in facts.covered or any(start <= offset < end for start, end in facts.covered_ranges):
        return True
    node = unit.node.descendant_for_byte_range(offset, offset + 1)
    while node is not None and node.start_byte >= unit.start and node != unit.node:
        if node.type in {"sizeof_expression", "alignof_expression", "offsetof_expression", "type_descriptor"}:
            return True
        if node.type == "init_declarator":
            declarator = node.child_by_field_name("declarator")
            if declarator is not None and declarator.start_byte <= offset < declarator.end_byte:
                return True
        node = node.parent
    return False


def _is_declaration(program: Program, path: str, offset: int) -> bool:
    node = program.files[path].node_at(offset, offset + 1)
    while node is not None:
        if node.type in {"declaration", "field_declaration", "parameter_declaration"}:
            return True
        node = node.parent
    return False


def _tracked_words(analysis: Analysis) -> list[bytes]:
    """The names of the tracked globals, and of the members that are sources or sinks."""
    rows: tuple[Source | Sink, ...] = (*analysis.model.sources, *analysis.model.sinks)
    members = [
        row.member.rpartition(".")[2].encode()
        for row in rows
        if row.member and "*" not in row.member and "_" in row.member
    ]
    return [*(name.encode() for name in tracked_names(analysis.program)), *members]


def _sink_functions(analysis: Analysis) -> list[bytes]:
    return [row.function.encode() for row in analysis.model.sinks if row.function and row.kind != "argument"]


def _unmade(analysis: Analysis) -> list[Incomplete]:
    """Code near a tracked symbol that is in no facts: what macros make, and arms of an ``#if`` that are left out."""
    program = analysis.program
    word = re.compile(rb"\b(?:%s)\b" % b"|".join(map(re.escape, _tracked_words(analysis))))
    found = {}
    for path, parsed in sorted(program.files.items()):
        places = [(each.start, each.text, each.what) for each in program.unread.get(path, ())]
        places += [
            (arm.start, parsed.source.data[arm.start : arm.end], "an #if arm that splits a construct is left out")
            for arm in program.left_out.get(path, ())
        ]
        for start, text, what in places:
            if word.search(text):
                line = parsed.source.position(start)[0]
                found[path, line] = Incomplete(path, line, f"{what}, and it names a tracked symbol")
    for unit in program.units:
        for offset, written in unit.facts.unread if unit.lowered else ():
            if word.search(written.encode()):
                line = program.files[unit.path].source.position(offset)[0]
                what = "what a macro stands for here could not be parsed, and it names a tracked symbol"
                found[unit.path, line] = Incomplete(unit.path, line, what, unit.name)
    return list(found.values())


def _unparsed(analysis: Analysis) -> list[Incomplete]:
    """Unparsable code near a tracked symbol: an error inside a function that names one, or in code that does."""
    program = analysis.program
    words = [*_tracked_words(analysis), *_sink_functions(analysis)]
    for word in words:
        program.parse_functions_naming(word.decode())
    found = []
    for path, parsed in sorted(program.files.items()):
        for span in parsed.all_errors():
            unit = program.table.function_at(path, span.start)
            text = parsed.source.data[span.start : span.end] + (unit.text() if unit is not None else b"")
            if any(word in text for word in words):
                line = parsed.source.position(span.start)[0]
                what = f"{span.function}() could not be parsed" if span.function else "code could not be parsed"
                found.append(Incomplete(path, line, f"{what} and names a tracked symbol", span.function))
    return found


def _unclosed(program: Program) -> list[Incomplete]:
    """Comments that hide the rest of their file; whatever else stands between these signs is blank by now."""
    found = []
    for path, parsed in sorted(program.files.items()):
        offset = parsed.normalised.text.find(b"/*")
        if offset >= 0:
            found.append(Incomplete(path, parsed.source.position(offset)[0], "a comment is never closed"))
    return found


def _missing(program: Program) -> list[Incomplete]:
    """Headers of the scope's own folders that are included and not there; told once each."""
    found: dict[str, Incomplete] = {}
    folders = tuple(f"{folder}/" for folder in program.model.scope.folders)
    for path, parsed in sorted(program.files.items()):
        for directive in parsed.normalised.directives:
            match = _ANGLED.search(directive.text) if directive.kind == "include" else None
            header = f"{_INCLUDES}/{match.group(1).decode()}" if match else ""
            if not header.startswith(folders) or header in program.files or header in found:
                continue
            if not any(item.path == header for item in program.incomplete):
                line = parsed.source.position(directive.start)[0]
                found[header] = Incomplete(path, line, f"includes {header}, which is not in the tree")
    return list(found.values())


def _unread(unaccounted: list[Location], known: list[Incomplete]) -> list[Incomplete]:
    """Where a tracked global stands in no statement that could be read, one line per function."""
    told = {(item.path, item.function) for item in known}
    found = []
    for place in sorted(unaccounted):
        key = (place.path, place.function)
        if key not in told:
            told.add(key)
            where = f"{place.function}() names" if place.function else "code outside of functions names"
            found.append(
                Incomplete(
                    place.path, place.line, f"{where} a tracked global in no way that could be read", place.function
                )
            )
    return found


def _unmodelled(program: Program) -> list[Location]:
    return [
        _location(program, unit.path, offset, offset, f"{unit.name} ({kind})")
        for unit in program.units
        if unit.lowered
        for offset, kind in unit.facts.unmodelled
    ]


def _lost(analysis: Analysis) -> list[Location]:
    """Where a flow may go on unseen: a store through a pointer of which nothing is known, or the address of a
    variable that it goes through put into memory.
    """  # noqa: D205
    found = []
    for number, node in analysis.lost:
        facts = analysis.by_id(number).facts
        at = facts.code[node]
        found.append(_location(analysis.program, facts.path, at.start, at.end, f"{facts.name} (through a pointer)"))
    return found


def _dropped(program: Program) -> list[Location]:
    """The ``#if`` arms that were left out, because they and the kept one are two halves of one construct."""
    return [
        _location(program, path, arm.start, arm.end, "(an #if arm that splits a construct)")
        for path, arms in sorted(program.left_out.items())
        for arm in arms
    ]
