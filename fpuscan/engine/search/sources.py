"""Which places are sources, by the rows of the model, and what a read of one is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.search.states import Step
    from fpuscan.engine.values.contents import Content
    from fpuscan.model.rows import Source
    from fpuscan.places import Place

__all__ = ["Seed", "SourceRows"]

_MAX_CALLERS = 4  # from one caller to the next


class Seed(NamedTuple):
    """One read of a source: the rows it matches, its name, its content, and the first edges out of it."""

    rows: tuple[Source, ...]
    name: str
    place: Place | None
    content: Content
    function: int
    node: int
    starts: tuple[Step, ...]

    @property
    def kind(self) -> str:
        """The best known: "config" before "runtime" before "constant"."""
        return min(row.kind for row in self.rows)


class SourceRows:
    """The rows of some families of source kinds; ``used`` are the ids of those that a seed was found for."""

    def __init__(self, analysis: Analysis, families: tuple[frozenset[str], ...]) -> None:
        self._analysis = analysis
        sources = analysis.model.sources
        self._families = [[row for row in sources if row.kind in kinds] for kinds in families]
        self.all = [row for rows in self._families for row in rows]
        self.used: set[str] = set()
        self._known: dict[Place, tuple[Source, ...]] = {}
        self._globals: dict[str, bool] = {}  # whether there are any of a type

    def of(self, place: Place) -> tuple[Source, ...]:
        """The rows that a place matches, of the first family that has one; none for other places."""
        found = self._known.get(place)
        if found is None:
            found = ()
            around = {"", *(tag for tag, _ in self._analysis.chain(place))}  # most rows are of other types
            for family in self._families:
                for row in family:
                    if row.type not in around or row.function or row.macro:
                        continue
                    if self._analysis.matches(row.pattern, place):
                        found = (*found, row)
                if found:
                    break
            self._known[place] = found
        return found

    def is_source(self, place: Place) -> bool:
        """Whether every read of a place is a seed of its own."""
        return place[0][0] in {"g", "h", "d"} and bool(self.of(place))

    def first(self, wanted: Callable[[Source], bool]) -> tuple[Source, ...]:
        """The rows that are wanted, of the first family that has one."""
        for family in self._families:
            found = tuple(row for row in family if wanted(row))
            if found:
                return found
        return ()

    def canonical(self, place: Place) -> Place:
        """The place of memory that a source is read from: a member of a global or of a type."""
        root = place[0]
        if root[0] == "g":
            return place
        chain = self._analysis.chain(place)
        types = {row.type for row in self.of(place)}
        for tag, below in chain:
            if below and tag in types:
                return (("h", tag, None, ""), below)
        return (("h", chain[0][0], None, ""), chain[0][1]) if chain else place

    def name(self, place: Place, rows: tuple[Source, ...]) -> str:
        """The name of a source for people."""
        known = self._passed(place, 0) if place[0][0] != "d" or self._has_globals(place) else set()
        shown = known.pop() if len(known) == 1 else self.canonical(place)
        return self._analysis.describe(shown) if shown[0][0] in {"g", "h"} else str(rows[0].pattern)

    def _has_globals(self, place: Place) -> bool:
        """Whether some global has the type of an object around a place; else no caller is asked which one it passes."""
        tags = {tag for tag, _ in self._analysis.chain(place)}
        self._globals.update({tag: bool(self._analysis.program.globals_of(tag)) for tag in tags - self._globals.keys()})
        return any(self._globals[tag] for tag in tags)

    def _passed(self, place: Place, depth: int) -> set[Place]:
        """What all callers mean by a place behind a parameter, where that is known to be globals."""
        root, path = place
        if root[0] != "d" or depth > _MAX_CALLERS:
            return {place} if root[0] == "g" else set()
        found: set[Place] = set()
        for caller, node in self._analysis.calls.callers(self._analysis.program.units[root[1]]):
            function = self._analysis.by_id(caller)
            for there, below, _ in self._analysis.calls.actual_places(function, node, root, path):
                inner = self._passed((there, below), depth + 1)
                if not inner:
                    return set()
                found |= inner
        return found
