"""Where pointers lead that are moved: to other elements of an array, and to the next members of one type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.functions.literals import NOTHING, compatible
from fpuscan.places import ALL_ELEMENTS, OTHER_ELEMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.ir import Expr
    from fpuscan.places import Guarded, Root

__all__ = ["Moves", "in_array", "shifted"]


class Moves:
    """Pointer arithmetic in one function."""

    def __init__(self, function: FunctionAnalysis) -> None:
        self.function = function
        self.layouts = function.analysis.layouts

    def steps(self, node: int, by: Expr | None, index: int | None = None) -> list[tuple[int, Guards]]:
        """The few values that an index (a constant one) can have, and when; none where it may be anything."""
        if by is None:
            return [(index, NOTHING)] if index is not None else []
        return self.function.ways(node, by)

    def moved(self, found: Iterable[Guarded], steps: list[tuple[int, Guards]]) -> tuple[list[Guarded], bool]:
        """What pointers denote that are moved by some elements, and whether any may leave what is known there."""
        moved: list[Guarded] = []
        lost = False
        for root, path, guards in found:
            for step, held in steps:
                if not compatible(guards, held):
                    continue
                inside = not step or in_array((root, path, guards))
                beside = None if inside else self.layouts.neighbour((root, path), step)
                if beside is not None:
                    moved.append((*beside, guards | held))
                else:
                    moved += [(root, each, guards | held) for each in shifted(root, path, step)]
                    lost = lost or not inside
        return moved, lost


def shifted(root: Root, path: tuple[str, ...], index: int | None) -> list[tuple[str, ...]]:
    """Element ``index`` (None: any) counted from the element that a pointer points to."""
    if index == 0:
        return [path]
    last = path[-1] if path else ""
    if last == OTHER_ELEMENTS:
        return [path, path[:-1]]
    if last[:1] == "[":
        known = index is not None and last != ALL_ELEMENTS
        return [(*path[:-1], f"[{int(last[1:-1]) + index}]" if known and index is not None else ALL_ELEMENTS)]
    if root[0] != "d" or last not in {"", "*"}:
        return [path]
    other = (*path, OTHER_ELEMENTS)
    return [other] if index is not None else [path, other]


def in_array(target: Guarded) -> bool:
    """Whether a pointer to that place may be moved to its neighbours: an element, or what a caller points to."""
    root, path, _ = target
    last = path[-1] if path else ""
    return last[:1] == "[" or (root[0] == "d" and last in {"", "*"})
