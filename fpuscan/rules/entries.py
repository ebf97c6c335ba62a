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

__all__ = ["Entry", "entries", "handed_on", "read_at_once"]


@dataclass(slots=True)
class Entry:
    """The ways of one statement into one place, and the first of each statement that it tells of, too."""

    ways: list[Crossing]
    also: list[Crossing] = field(default_factory=list)


def entries(
    statements: Iterable[list[Crossing]],
    about: Callable[[list[Crossing]], Hashable],
    shared: Callable[[Crossing], Iterable[tuple[Hashable, ...]]],
) -> list[Entry]:
    """Statements as entries, in the order given; only those that are ``about`` the same are put together.

    ``shared`` says what a way has in common with others of its entry; a host's way leads.
    """
    made = [Entry(ways) for ways in statements]
    first: dict[Hashable, Entry] = {}
    told: set[int] = set()
    for number, entry in sorted(enumerate(made), key=_rank):
        keys = {(about(entry.ways), *key) for way in entry.ways for key in shared(way)}
        leading = next((first[key] for key in keys if key in first), entry)
        if leading is not entry:
            if _where(entry.ways[0]) not in map(_where, (leading.ways[0], *leading.also)):
                leading.also.append(entry.ways[0])
            told.add(number)
        first.update((key, leading) for key in keys)
    return [entry for number, entry in enumerate(made) if number not in told]


def _rank(item: tuple[int, Entry]) -> tuple[int, bool]:
    way = item[1].ways[0]
    return way.transfer.instruction, way.hit.side != "host"


def _where(way: Crossing) -> tuple[Hashable, ...]:
    return way.transfer.function, way.transfer.instruction, way.hit.place


def handed_on(way: Crossing) -> Iterator[tuple[Hashable, ...]]:
    """What a way into a group shares: the statement, a value of a local, a local with members."""
    if not way.hit.sink.group:
        return
    yield way.hit.side, way.hit.sink.group, way.transfer.function, way.transfer.instruction
    given, stored = way.step.state.definition, way.target.definition if way.target is not None else None
    if given.place[0][0] == "v":
        yield way.hit.side, way.hit.sink.group, given
    for each in (given, stored):
        if each is not None and each.place[0][0] == "v" and each.place[1]:
            yield way.hit.side, way.hit.sink.group, each.place[0]


def read_at_once(way: Crossing) -> Iterator[tuple[Hashable, ...]]:
    """What a way shares whose value is wrong where it is read: that read, in a statement or a group of a function."""
    read, here = (way.seed.function, way.seed.node), way.transfer.function
    yield *read, here, way.transfer.instruction
    if way.hit.sink.group:
        yield *read, here, way.hit.sink.group
