"""The macros of a tree: which ``#define`` is in force where, and what a call of it expands to.

Takes the directives of normalised files, gives :class:`Macro` values on
demand: all directives are indexed by name, parameters and body are read only
for the names that somebody asks for. Nothing is preprocessed: every definition
keeps the conditions of the ``#if`` arm it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from fpuscan.arms import ArmIndex, ConfigLiteral, arm_conditions, contradict
from fpuscan.normalise.values import Directive, Normalised

__all__ = ["ConfigLiteral", "Macro", "MacroTable", "arm_conditions", "contradict", "expand_call", "split_arguments"]


@dataclass(frozen=True, slots=True)
class Macro:
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


@dataclass(frozen=True, slots=True)
class _Event:
    # One directive about one name in one file: a definition with its macro, an undefinition without.
    start: int
    conditions: tuple[ConfigLiteral, ...]
    macro: Macro | None


_MANY = 20  # definitions of one name in one file: more are never all of different builds
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
        for path, normalised in files:
            self.add(path, normalised)

    def add(self, path: str, normalised: Normalised) -> None:
        """Index the directives of one more file; each path once."""
        self._files[path] = normalised
        self._elsewhere.clear()
        index = self._index
        for directive in normalised.directives:
            if directive.kind in {"define", "undef"} and (found := _NAME.match(directive.text)):
                name = found[1].decode("ascii", "replace")
                index.setdefault(name, {}).setdefault(path, []).append(directive)
                self._events.pop(name, None)

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

    def conditions(self, path: str, offset: int) -> tuple[ConfigLiteral, ...]:
        """What must hold for that offset of the file to be compiled."""
        index = self._arm_index(path)
        return index.at(offset) if index else ()

    def is_positional(self, name: str) -> bool:
        """True if the definition of ``name`` depends on where in one file it is used."""
        for events in self._of(name).values():
            if len(events) > _MANY or any(event.macro is None for event in events):
                return True
            if any(not contradict(*pair) for pair in combinations([event.conditions for event in events[:_MANY]], 2)):
                return True
        return False

    def _visible(self, name: str, path: str) -> list[_Event]:
        # The events of a name in other files that a file may include.
        unit = path.endswith(".c")
        return [
            event
            for other, found in self._of(name).items()
            if other != path and not (unit and other.endswith(".c"))
            for event in found
        ]

    def _arm_index(self, path: str) -> ArmIndex | None:
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
        arms = self._arm_index(path)
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


def _preference(macro: Macro) -> tuple[bool, bool, bool, str, int]:
    # A 64-bit build, a header, no condition, then the order of the tree.
    other_build = any(
        (literal.name, literal.value) in {("CONFIG_X86_64", False), ("CONFIG_64BIT", False), ("CONFIG_X86_32", True)}
        for literal in macro.conditions
    )
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


# ---------------------------------------------------------------- expansion

_PIECE = re.compile(
    r"""
      "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*'   # literals are never substituted
    | [A-Za-z_]\w*                            # a name, maybe a parameter
    | \.?\d[\w.]*                             # a number with its suffix
    | \#\# | \s+ | .
    """,
    re.VERBOSE | re.DOTALL,
)
_LONGEST = 1_000_000  # characters of an expansion; only a hostile macro is longer


def split_arguments(text: str) -> list[str]:
    """The arguments of a macro call from the text between its parentheses, stripped.

    Only parentheses protect a comma, as in C; an empty text gives no argument.
    """
    if not text.strip():
        return []
    arguments: list[str] = []
    current: list[str] = []
    depth = 0
    for piece in _PIECE.findall(text):
        if piece == "," and depth == 0:
            arguments.append("".join(current).strip())
            current = []
            continue
        depth += (piece == "(") - (piece == ")")
        current.append(piece)
    return [*arguments, "".join(current).strip()]


def expand_call(macro: Macro, args: Sequence[str]) -> str:
    """The body of ``macro`` with ``args`` put in for its parameters.

    Handles ``#x``, ``a##b``, ``__VA_ARGS__``, named variadics, ``, ##args`` and
    the bodies of object-like macros. Missing arguments are empty. The result
    is not expanded again. An expansion beyond all measure is just the arguments.
    """
    parts = macro.body.split("##")
    body = "##".join([parts[0].rstrip(), *(part.strip() for part in parts[1:])]) if len(parts) > 1 else macro.body
    if macro.params is None:
        return body.replace("##", "")
    values = _bind(macro, args)
    if len(body) * max(map(len, values.values()), default=0) > _LONGEST and _length(body, values) > _LONGEST:
        return f"({', '.join(args)})"
    pieces = _PIECE.findall(body)
    result: list[str] = []
    for at, piece in enumerate(pieces):
        if piece == "##":
            _swallow_comma(result, pieces[at + 1] if at + 1 < len(pieces) else "", macro.variadic, values)
        elif piece in values and (hash_at := _stringizes(result)) is not None:
            result[hash_at:] = [_quote(values[piece])]
        else:
            result.append(values.get(piece, piece))
    return "".join(result)


def _stringizes(result: list[str]) -> int | None:
    # Where the ``#`` stands that makes a string of the parameter behind it.
    last = len(result) - 1
    if last > 0 and result[last].isspace():
        last -= 1
    return last if last >= 0 and result[last] == "#" else None


def _bind(macro: Macro, args: Sequence[str]) -> dict[str, str]:
    params = macro.params or ()
    values = {name: args[index] if index < len(args) else "" for index, name in enumerate(params)}
    if macro.variadic:
        values[macro.variadic] = ", ".join(args[len(params) :])
    return values


def _length(body: str, values: dict[str, str]) -> int:
    return sum(len(values.get(piece, piece)) for piece in _PIECE.findall(body))


def _swallow_comma(result: list[str], following: str, variadic: str, values: dict[str, str]) -> None:
    # GNU: in ``, ##args`` the comma goes away with empty variadic arguments.
    if variadic and following == variadic and result and result[-1] == "," and not values[variadic]:
        result.pop()


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
