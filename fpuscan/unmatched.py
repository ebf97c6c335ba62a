"""Which rows of the model name nothing of a tree: an old kernel lacks what they are about, or a name is misspelt."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fpuscan.model.rows import PlacePattern, Sink
    from fpuscan.program import Program

__all__ = ["unmatched_inputs", "unmatched_rows"]


def unmatched_rows(program: Program, used_sources: frozenset[str]) -> Iterator[str]:
    """The rows that name nothing of the tree, and the masks of other rows that no header defines.

    ``used_sources`` are the ids of the source rows that some flow came from.
    """
    model = program.model
    for source in model.sources:
        if source.id in used_sources or _names_something(program, source.pattern, source.function, source.macro):
            yield from _undefined(program, f"source {source.id}", (*source.bits, source.limit))
        else:
            yield f"source {source.id}"
    matched = {sink.id for sink in model.sinks if sink.quiet or _sink_matches(program, sink)}
    yield from dict.fromkeys(f"sink {sink.id}" for sink in model.sinks if sink.id not in matched)
    for contract in model.contracts:
        if _names_something(program, contract.pattern):
            yield from _undefined(program, f"contract {contract.pattern}", contract.without)
        else:
            yield f"contract {contract.pattern}"
    for name, helper in model.helpers.items():
        if program.defines(name):
            yield from _undefined(program, f"helper {name}", [helper.among])
        else:
            yield f"helper {name}"
    yield from (f"floor {row.id}" for row in model.floors if not _names_something(program, row.pattern))
    yield from (f"configuration {row.id}" for row in model.configurations if not _names_something(program, row.pattern))
    yield from (f"carrier {row.pattern}" for row in model.carriers if not _names_something(program, row.pattern))
    for subset in model.subsets:
        members = program.members(subset.type) or {}
        if subset.part in members and subset.whole in members:
            yield from _undefined(program, f"subset {subset.id}", [subset.severe])
        else:
            yield f"subset {subset.id}"


def unmatched_inputs(program: Program) -> Iterator[str]:
    """The rows about user input that name nothing of this tree; of a pattern of names nobody can tell."""
    for row in program.model.inputs:
        name = row.function or row.macro or row.call
        if any(wild in name for wild in "*?["):
            continue
        known = bool(program.occurrences(name)) or name == "asm" if name else _names_something(program, row.pattern)
        if not known:
            yield f"input {name or row.pattern}"


def _undefined(program: Program, row: str, masks: Iterable[str]) -> Iterator[str]:
    """The masks of a row that have no value in this tree."""
    return (f"{row} ({mask})" for mask in masks if mask and program.evaluate(mask) is None)


def _sink_matches(program: Program, sink: Sink) -> bool:
    function = sink.function if sink.kind in {"return", "compare", "local"} else sink.inside
    if function:
        return program.defines(function)
    if sink.kind == "argument":
        return bool(program.occurrences(sink.function))
    return _names_something(program, sink.pattern)


def _names_something(program: Program, pattern: PlacePattern, function: str = "", macro: str = "") -> bool:
    if function:
        return program.defines(function)
    if macro:
        return program.macros.lookup(macro) is not None
    if pattern.variable and "*" not in pattern.variable:
        return program.types.global_var(pattern.variable) is not None
    if not pattern.type:
        return False
    if program.members(pattern.type) is None:  # its definition is outside the scope: a declaration with it will do
        return bool(program.holders(pattern.type))
    if pattern.variable:
        return any(fnmatchcase(name, pattern.variable) for name in program.globals_of(pattern.type))
    return _has_member(program, pattern.type, pattern.member)


def _has_member(program: Program, tag: str, path: str) -> bool:
    """Whether a struct has a member of a dotted path; a pattern in it stands for the rest of the path."""
    for name in path.split("."):
        members = program.members(tag) or {}
        if any(wild in name for wild in "*?["):
            return any(fnmatchcase(member, name) for member in members)
        if name not in members:
            return False
        tag = program.types.resolve(members[name]).base
    return True
