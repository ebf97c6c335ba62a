"""What PLACE means: from the words of a user to rows like the model's, and what was probably meant instead.

A member of a struct type (``struct fpu_guest.uabi_size``), a global or its
member (``fpu_user_cfg.default_size``), a function (``save_sw_bytes``: what the
model knows of it, and what it returns), a name as reports print it (``argument
3 of f()``, ``the return value of f()``, ``n in f()``), or ``uabi``.
"""

from __future__ import annotations

import re
from dataclasses import replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from fpuscan.errors import UsageError
from fpuscan.model.rows import Sink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.engine.analysis import Analysis

__all__ = ["UABI", "asked_rows"]

UABI = "uabi"

_RECORD = re.compile(r"(?:(struct|union) +)(\w+)\.([\w.\[\]*]+)")
_ARGUMENT = re.compile(r"argument (\d+) of (\w+)(?:\(\))?(?: in (\w+)\(\))?")
_RETURN = re.compile(r"(?:the )?return value of (\w+)(?:\(\))?")
_COMPARE = re.compile(r"a comparison in (\w+)(?:\(\))?")
_LOCAL = re.compile(r"(\w+) in (\w+)(?:\(\))?")
_FUNCTION = re.compile(r"(\w+)(?:\(\))?")
_VARIABLE = re.compile(r"(\w+)(?:\.([\w.\[\]*]+))?")
_SUGGESTED = 4


def asked_rows(analysis: Analysis, asked: str) -> tuple[Sink, ...]:
    """The rows that a PLACE stands for. Raises UsageError with near matches for one that this tree does not have."""
    text = " ".join(asked.split())
    if text == UABI:
        return strong_rows(analysis)
    rows = _rows(analysis, text)
    if rows:
        return rows
    near = _near(analysis, text)
    hint = f"did you mean {', '.join(near)}?" if near else "name it like struct fpu_guest.uabi_size"
    raise UsageError(f"--provenance {text or repr(asked)}: there is no such place in this tree; {hint}")


def strong_rows(analysis: Analysis) -> tuple[Sink, ...]:
    """The user ABI of the model, without what is only informational."""
    return tuple(
        row
        for row in analysis.model.sinks
        if not (row.informational or row.quiet or row.ends or row.kind in {"buffer", "allocation", "raw"})
    )


def _rows(analysis: Analysis, text: str) -> tuple[Sink, ...]:
    if match := _RECORD.fullmatch(text):
        return _record(analysis, f"{match[1]} {match[2]}", match[3])
    if match := _ARGUMENT.fullmatch(text):
        known = bool(analysis.program.users_of(match[2]))
        row = _row("argument", function=match[2], index=int(match[1]) - 1, inside=match[3] or "")
        return (_like(row, analysis),) if known and int(match[1]) else ()
    for pattern, kind in ((_RETURN, "return"), (_COMPARE, "compare")):
        if match := pattern.fullmatch(text):
            return (_like(_row(kind, function=match[1]), analysis),) if analysis.program.defines(match[1]) else ()
    if match := _LOCAL.fullmatch(text):
        row = _row("local", function=match[2], variable=match[1])
        return (_like(row, analysis),) if _has_local(analysis, match[2], match[1]) else ()
    if (match := _FUNCTION.fullmatch(text)) and analysis.program.defines(match[1]):
        return _function(analysis, match[1])
    if match := _VARIABLE.fullmatch(text):
        return _variable(analysis, match[1], match[2] or "")
    return ()


# What the model says of a place counts: the kind of value, and whose side it is on.
def _row(kind: str, **names: str | int) -> Sink:
    return Sink(id="asked", kind=kind, what="size", why="", side="instance", **names)  # type: ignore[arg-type]


def _like(row: Sink, analysis: Analysis) -> Sink:
    for known in analysis.model.sinks:
        same = (known.kind, known.function, known.index, known.inside) == (
            row.kind,
            row.function,
            row.index,
            row.inside,
        )
        if row.kind == "place":
            same = (
                known.kind == "place"
                and (known.type, known.variable) == (row.type, row.variable)
                and fnmatchcase(row.member, known.member)
            )
        if same and not known.quiet:
            return replace(row, what=known.what, side=known.side, case=known.case)
    return replace(row, what="")


def _key(row: Sink) -> tuple[object, ...]:
    return row.kind, row.function, row.index, row.inside, row.path, row.variable if row.kind == "local" else ""


def _record(analysis: Analysis, tag: str, member: str) -> tuple[Sink, ...]:
    current = tag
    for name in re.sub(r"\[[^\]]*\]", "", member).split("."):
        members = analysis.program.members(current)
        if not members or name not in members:
            return ()
        current = analysis.program.types.resolve(members[name]).base
    return (_like(replace(_row("place", type=tag, member=member), local=True), analysis),)


def _variable(analysis: Analysis, name: str, member: str) -> tuple[Sink, ...]:
    program = analysis.program
    declared = program.types.global_var(name)
    if declared is None:
        return ()
    tag = program.types.resolve(declared.type).base
    for part in re.sub(r"\[[^\]]*\]", "", member).split(".") if member else ():
        members = program.members(tag)
        if not members or part not in members:
            return ()
        tag = program.types.resolve(members[part]).base
    record = program.members(tag) if not member else None
    members_of = [member] if member or not record else sorted(record)
    return tuple(_like(_row("place", variable=name, member=each), analysis) for each in members_of)


def _function(analysis: Analysis, name: str) -> tuple[Sink, ...]:
    found = [
        row
        for row in strong_rows(analysis)
        if name in {row.function, row.inside} and not (row.kind == "argument" and row.inside not in {"", name})
    ]
    found += [row for row in _stored_by(analysis, name) if row not in found]
    returns = any(
        analysis.of(unit).facts.returns is not None and analysis.of(unit).facts.returns.base != "void"  # type: ignore[union-attr]
        for unit in analysis.program.definitions(name)
    )
    if returns and not any(row.kind == "return" for row in found):
        found.append(replace(_row("return", function=name), what=""))
    return tuple(found)


def _stored_by(analysis: Analysis, name: str) -> Iterator[Sink]:
    """The user-ABI places that a function stores into."""
    for unit in analysis.program.definitions(name):
        function = analysis.of(unit)
        for node in range(len(function.code)):
            for root, path, _, _ in function.writes(node):
                for row in strong_rows(analysis):
                    if row.kind == "place" and analysis.matches(row.pattern, (root, path)):
                        yield replace(row, inside=name)


def _has_local(analysis: Analysis, function: str, variable: str) -> bool:
    units = analysis.program.definitions(function)
    return any(known.name == variable for unit in units for known in unit.facts.variables.values())


# ------------------------------------------------------------ near matches


def _near(analysis: Analysis, text: str) -> list[str]:
    names = sorted(set(_names(analysis)))
    found = get_close_matches(text, names, _SUGGESTED, 0.6)
    last = re.split(r"[. ]", text)[-1]
    if len(last) > 2:  # a member of something else
        found += [name for name in names if name.endswith(f".{last}")]
    return list(dict.fromkeys(found))[:_SUGGESTED]


def _names(analysis: Analysis) -> Iterator[str]:
    yield UABI
    program = analysis.program
    for row in strong_rows(analysis):
        if row.function:
            yield row.function
        if row.inside:
            yield row.inside
        if row.variable and row.kind == "place" and "*" not in row.variable:
            yield row.variable
        if row.kind == "place" and row.type:
            yield from (f"{row.type}.{name}" for name in program.members(row.type) or ())
            yield f"{row.type}.{row.member}"
    yield from {unit.name for unit in program.units if unit.is_function}
    for tag in analysis.model.scope.tracked_types:
        for variable in program.globals_of(tag):
            yield variable
            yield from (f"{variable}.{name}" for name in program.members(tag) or ())
