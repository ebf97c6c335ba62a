"""Tracked globals that a tree has under another name: found by their type, where that leaves no choice."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from fpuscan.result import Incomplete

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fpuscan.model.rows import Model
    from fpuscan.program.uses import Uses

__all__ = ["renamed", "settled"]


def renamed(program: Uses, model: Model) -> dict[str, str]:
    """The globals of the model's scope that the tree does not have: the name in the model, and that in the tree.

    Of a type that one of them is missing from, the one global is taken that no row knows; of several the one whose
    name has a word of the missing name in it (``fpu_kernel_cfg``: kernel) that no other of them has. Where that says
    nothing, or there is none (a member of a struct or an array now), the scan is incomplete.
    """
    found: dict[str, str] = {}
    named = [each.rpartition(" ")[::2] for each in model.scope.objects]
    for tag in dict.fromkeys(tag for tag, _ in named):
        missing = [name for of, name in named if of == tag and program.types.global_var(name) is None]
        others = [name for name in program.globals_of(tag) if not _is_known(name, model)] if missing else []
        for name in missing:
            fitting = others if len(missing) == len(others) == 1 else _akin(name, others)
            if len(fitting) == 1:
                found[name] = fitting[0]
            elif program.types.members(tag):
                reason = f"{name} is no global any more, and where its members are cannot be told"
                if others:
                    reason = f"none of {', '.join(others)} ({tag}) can be told to be {name}"
                program.incomplete.append(Incomplete(program.model.scope.required[0], 1, reason))
    return found


def _is_known(name: str, model: Model) -> bool:
    rows = (*model.sources, *model.sinks)
    return name in model.scope.tracked or any(row.variable and fnmatchcase(name, row.variable) for row in rows)


def _akin(name: str, others: list[str]) -> list[str]:
    words = {word for word in name.split("_") if sum(word in other for other in others) == 1}
    return [other for other in others if any(word in other for word in words)]


def settled(model: Model, names: Mapping[str, str]) -> Model:
    """The model with the tree's names in the place of its own."""
    if not names:
        return model
    changes: dict[str, Any] = {
        field.name: tuple(_row(each, names) for each in rows)
        for field in fields(model)
        if isinstance(rows := getattr(model, field.name), tuple)
    }
    tracked = tuple(names.get(name, name) for name in model.scope.tracked)
    return replace(model, scope=replace(model.scope, tracked=tracked), **changes)


def _row(row: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401 - a row of any kind
    if not is_dataclass(row) or isinstance(row, type) or getattr(row, "variable", "") not in names:
        return row
    return replace(row, variable=names[row.variable])  # type: ignore[attr-defined]
