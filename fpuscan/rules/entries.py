"""Which crossings are one entry into the user ABI, so that one slip is one finding.

A local that is the room for a buffer, the length of its contents and that of the copy
to user space is handed to several operands, and a local struct that is filled member by
member is handed out as a whole; the model puts such places into one ``group``. The first
statement tells of them all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from fpuscan.engine.search.crossings import Crossing

__all__ = ["Entry", "entries"]


@dataclass(slots=True)
class Entry:
    """The ways of one statement into one place, and the first of each statement that it tells of, too."""

    ways: list[Crossing]
    also: list[Crossing] = field(default_factory=list)


def entries(statements: Iterable[list[Crossing]], about: Callable[[list[Crossing]], Hashable]) -> list[Entry]:
    """Statements as entries, in the order given; only those that are ``about`` the same are put together."""
    made = [Entry(ways) for ways in statements]
    first: dict[Hashable, Entry] = {}
    told: set[int] = set()
    for number, entry in sorted(enumerate(made), key=lambda item: item[1].ways[0].transfer.instruction):
        keys = {(about(entry.ways), *key) for way in entry.ways if way.hit.sink.group for key in _keys(way)}
        leading = next((first[key] for key in keys if key in first), entry)
        if leading is not entry:
            leading.also.append(entry.ways[0])
            told.add(number)
        first.update((key, leading) for key in keys)
    return [entry for number, entry in enumerate(made) if number not in told]


def _keys(way: Crossing) -> Iterator[tuple[Hashable, ...]]:
    """What a way into a group has in common with others: the statement, a value of a local, a local with members."""
    yield way.hit.side, way.hit.sink.group, way.transfer.function, way.transfer.instruction
    given, stored = way.step.state.definition, way.target.definition if way.target is not None else None
    if given.place[0][0] == "v":
        yield way.hit.side, way.hit.sink.group, given
    for each in (given, stored):
        if each is not None and each.place[0][0] == "v" and each.place[1]:
            yield way.hit.side, way.hit.sink.group, each.place[0]
