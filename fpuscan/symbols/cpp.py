"""The macros of a tree: which ``#define`` is in force where.

Takes the directives of normalised files, gives :class:`Macro` values on
demand: all directives are indexed by name, parameters and body are read only
for the names that somebody asks for. Nothing is preprocessed: every definition
keeps the conditions of the ``#if`` arm it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fpuscan.parse.arms import ArmIndex, ConfigLiteral, arm_conditions, contradict
from fpuscan.parse.normalise.values import Directive, Normalised

__all__ = ["ConfigLiteral", "Macro", "MacroTable", "arm_conditions", "contradict"]


class Macro(NamedTuple):
    """One ``#define``.

    ``params`` is None for an object-like macro; ``variadic`` names the variadic
    parameter ("" if there is none, "__VA_ARGS__" or the name before ``...``)
    and is not among ``params``. ``start`` is the byte offset of the directive.
    """

    name: str
    params: tuple[str, ...] | None
    variadic: str
    body: str
    path: str
    start: int
    conditions: tuple[ConfigLiteral, ...] = ()


class _Event(NamedTuple):
    # One directive about one name in one file: a definition with its macro, an undefinition without.
    start: int
    conditions: tuple[ConfigLiteral, ...]
    macro: Macro | None


_OTHER_BUILD = frozenset({("CONFIG_X86_64", False), ("CONFIG_64BIT", False), ("CONFIG_X86_32", True)})
_WORDS = re.compile(r"[A-Za-z_]\w*")
_NAME = re.compile(rb"\s*([A-Za-z_]\w*)")
_DEFINITION = re.compile(r"\s*([A-Za-z_]\w*)(\(([^)]*)\))?\s*(.*)", re.DOTALL)


class MacroTable:
    """All ``#define`` and ``#undef`` directives of a set of files, by name."""

    def __init__(self, files: Iterable[tuple[str, Normalised]] = ()) -> None:
        self._arms: dict[str, ArmIndex] = {}
        self._files: dict[str, Normalised] = {}
        self._index: dict[str, dict[str, list[Directive]]] = {}
        self._events: dict[str, dict[str, tuple[_Event, ...]]] = {}
        self._elsewhere: dict[tuple[str, str, tuple[ConfigLiteral, ...]], Macro | None] = {}
        self._settled: dict[str, bool] = {}
        for path, normalised in files:
            self.add(path, normalised)

    def add(self, path: str, normalised: Normalised) -> None:
        """Index the directives of one more file; each path once."""
        self._files[path] = normalised
        self._elsewhere.clear()
        self._settled.clear()
        index = self._index
        for directive in normalised.directives:
            if directive.kind in {"define", "undef"} and (found := _NAME.match(directive.text)):
                name = found[1].decode("ascii", "replace")
                index.setdefault(name, {}).setdefault(path, []).append(directive)
                self._events.pop(name, None)

    def __contains__(self, name: object) -> bool:
        """Whether some file defines a name."""
        return name in self._index

    def names(self) -> tuple[str, ...]:
        """All names that some file defines, sorted."""
        return tuple(sorted(self._index))

    def definitions(self, name: str) -> tuple[Macro, ...]:
        """Every definition that a C build can see, by path and position."""
        return tuple(event.macro for events in self._of(name).values() for event in events if event.macro)

    def lookup(self, name: str, path: str = "", offset: int | None = None) -> Macro | None:
        """The definition of ``name`` in force in ``path`` at ``offset`` (None: anywhere in the file).

        Where arms of ``#if`` groups disagree, the one that a 64-bit build takes
        and else the first; definitions that contradict the arm of the offset
        are left out. If the file has none, the one of another file: headers
        first, unconditional first, then by path. What a ``.c`` file defines is
        visible in itself and in headers, which it may include.
        """
        if name not in self._index:
            return None
        conditions = self.conditions(path, offset) if offset is not None else ()
        here = self._of(name).get(path, ())
        if offset is not None:
            here = tuple(event for event in here if event.start < offset)
        if here:
            return _in_force(here, conditions, ordered=offset is not None)
        key = name, path, conditions
        if key not in self._elsewhere:
            self._elsewhere[key] = _in_force(self._visible(name, path), conditions, ordered=False)
        return self._elsewhere[key]

    def in_force(self, name: str, path: str, offset: int) -> tuple[Macro, ...]:
        """Every definition that may be in force in ``path`` at ``offset``, each of another build; the first as
        :meth:`lookup` has it. Definitions of a 32-bit build are left out where there are others.
        """  # noqa: D205
        if name not in self._index:
            return ()
        first = self.lookup(name, path, offset)
        if self._is_alike(name):
            return (first,) if first is not None else ()
        use = self.conditions(path, offset)
        here = tuple(event for event in self._of(name).get(path, ()) if event.start < offset)
        found, certain = _candidates(here, use)
        if not certain:
            found += self._in_force_elsewhere(name, path, use)
        return _of_different_builds(found)

    def _in_force_elsewhere(self, name: str, path: str, use: tuple[ConfigLiteral, ...]) -> list[Macro]:
        # Those of the file that lookup() prefers, and of others what no build has together with these.
        visible = self._visible(name, path)
        first = _in_force(visible, use, ordered=False)
        if first is None:
            return []
        found, certain = _candidates(self._of(name)[first.path], use)
        if certain:
            return found
        others = [event.macro for event in visible if event.macro is not None and event.macro.path != first.path]
        return found + [
            macro
            for macro in others
            if not contradict(macro.conditions, use)
            and all(contradict(macro.conditions, known.conditions) for known in found)
        ]

    def is_settled(self, name: str) -> bool:
        """True if a name, and each name that its definition is written with, means the same wherever it is used."""
        if name not in self._index:
            return True
        found = self._settled.get(name)
        if found is None:
            seen, work, found = {name}, [name], True
            while work and found:
                word = work.pop()
                known = self._settled.get(word)
                found = self._is_alike(word) if known is None else known
                if known is None and found:
                    new = self._names_in(word) - seen
                    seen |= new
                    work += new
            self._settled.update(dict.fromkeys(seen, True) if found else {name: False})
        return found

    def _names_in(self, name: str) -> set[str]:
        # The other macros that the definition of one is written with.
        bodies = [macro.body for macro in self.definitions(name)[:1]]
        return {word for body in bodies for word in _WORDS.findall(body) if word in self._index}

    def _is_alike(self, name: str) -> bool:
        # Whether all definitions of a name say the same.
        events = self._of(name)
        return len({(macro.params, macro.body) for rows in events.values() for macro in _macros(rows)}) < 2

    def conditions(self, path: str, offset: int) -> tuple[ConfigLiteral, ...]:
        """What must hold for that offset of the file to be compiled."""
        index = self.arms(path)
        return index.at(offset) if index else ()

    def _visible(self, name: str, path: str) -> list[_Event]:
        # The events of a name in other files that a file may include.
        unit = path.endswith(".c")
        return [
            event
            for other, found in self._of(name).items()
            if other != path and not (unit and other.endswith(".c"))
            for event in found
        ]

    def arms(self, path: str) -> ArmIndex | None:
        """The conditional arms of a file, None of an unknown one."""
        if path not in self._arms and path in self._files:
            self._arms[path] = ArmIndex(self._files[path], path)
        return self._arms.get(path)

    def _of(self, name: str) -> dict[str, tuple[_Event, ...]]:
        # The events of one name by path, read from the directives once.
        if name not in self._events:
            found = self._index.get(name, {})
            events = {path: self._read(path, found[path]) for path in sorted(found)}
            self._events[name] = {path: rows for path, rows in events.items() if rows}
        return self._events[name]

    def _read(self, path: str, directives: list[Directive]) -> tuple[_Event, ...]:
        events = []
        arms = self.arms(path)
        for directive in directives:
            if arms is None or arms.is_dead(directive.start):
                continue
            conditions = arms.at(directive.start)
            macro = _parse_macro(path, directive, conditions) if directive.kind == "define" else None
            events.append(_Event(directive.start, conditions, macro))
        return tuple(events)


def _in_force(events: Sequence[_Event], use: tuple[ConfigLiteral, ...], *, ordered: bool) -> Macro | None:
    # Of the events of one file before a use (ordered), or of any files, the definition to take.
    candidates: list[Macro] = []
    for event in reversed(events):
        if contradict(event.conditions, use):
            continue
        if event.macro is not None:
            candidates.append(event.macro)
        if ordered and all(literal in use for literal in event.conditions):
            break  # compiled whenever the use is: nothing before it is in force
    return min(candidates, key=_preference, default=None)


def _macros(events: Iterable[_Event]) -> list[Macro]:
    return [event.macro for event in events if event.macro is not None and not _is_other_build(event.macro)]


def _candidates(events: Sequence[_Event], use: tuple[ConfigLiteral, ...]) -> tuple[list[Macro], bool]:
    # The definitions of one file that may be in force behind all these events, and whether one of them is for certain.
    found: list[Macro] = []
    seen: set[ConfigLiteral] = set()  # each alone made the name anew
    for event in reversed(events):
        if contradict(event.conditions, use):
            continue
        if event.macro is not None:
            found.append(event.macro)
        needed = [literal for literal in event.conditions if literal not in use]
        if not needed:
            return found, True
        if len(needed) == 1:
            seen.add(needed[0])
            if needed[0].is_config and ConfigLiteral(needed[0].name, not needed[0].value) in seen:
                return found, True
    return found, False


def _of_different_builds(macros: Iterable[Macro]) -> tuple[Macro, ...]:
    # One macro for each text; without those of a 32-bit build, if there are others.
    found: dict[tuple[object, ...], Macro] = {}
    for macro in sorted(macros, key=_preference):
        key = (macro.params, macro.variadic, macro.body)
        known = found.get(key)
        found[key] = macro if known is None else known._replace(conditions=())
    rows = tuple(found.values())
    return tuple(macro for macro in rows if not _is_other_build(macro)) or rows


def _is_other_build(macro: Macro) -> bool:
    return any((literal.name, literal.value) in _OTHER_BUILD for literal in macro.conditions)


def _preference(macro: Macro) -> tuple[bool, bool, bool, str, int]:
    # A 64-bit build, a header, no condition, then the order of the tree.
    other_build = _is_other_build(macro)
    conditional = bool(macro.conditions)
    return other_build, not macro.path.endswith(".h"), conditional, macro.path, macro.start


def _parse_macro(path: str, directive: Directive, conditions: tuple[ConfigLiteral, ...]) -> Macro:
    found = _DEFINITION.fullmatch(directive.text.decode("utf-8", "replace"))
    assert found is not None  # the index matched a name at this place
    name, has_params, inside, body = found.groups()
    if has_params is None:
        return Macro(name, None, "", body.strip(), path, directive.start, conditions)
    params = [param.strip() for param in inside.split(",") if param.strip()]
    variadic = ""
    if params and params[-1].endswith("..."):
        variadic = params.pop()[:-3].strip() or "__VA_ARGS__"
    return Macro(name, tuple(params), variadic, body.strip(), path, directive.start, conditions)
