"""Where a flow meets the user ABI: which model row an edge hits, and on which side."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from fpuscan.engine.functions.literals import NOTHING, compatible
from fpuscan.ir import Call
from fpuscan.places import is_allocated, is_private, member_name

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.calls import Frame
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.engine.graph.edges import Transfer
    from fpuscan.engine.search.states import State
    from fpuscan.model.rows import Sink
    from fpuscan.places import Place

__all__ = ["Entered", "Hit", "Sinks", "counts", "named_in_function"]

Entered = tuple[str, int, int]
"""A call with an operand that a value was followed into: the id of the operand's row, the function, the node."""

_STORES = frozenset({"assign", "store", "struct copy", "call"})
_MAX_WRAPPERS = 4  # functions around a sink whose callers are asked for the side


class Hit(NamedTuple):
    """An edge into a uABI place: the row, the side, and the name of the place."""

    sink: Sink
    side: str
    place: str


class Sinks:
    """Sink rows by kind: those of the model, or the given ones."""

    def __init__(self, analysis: Analysis, rows: tuple[Sink, ...] | None = None) -> None:
        self.analysis = analysis
        sinks = analysis.model.sinks if rows is None else rows
        self._places = [row for row in sinks if row.kind == "place"]
        self._arguments: dict[str, list[Sink]] = {}
        for row in sinks:
            if row.kind == "argument":
                self._arguments.setdefault(row.function, []).append(row)
        self._functions = {
            kind: {row.function: row for row in sinks if row.kind == kind} for kind in ("return", "compare")
        }
        self._locals: dict[str, list[Sink]] = {}
        for row in sinks:
            if row.kind == "local":
                self._locals.setdefault(row.function, []).append(row)
        self._matched: dict[Place, Sink | None] = {}
        self.used: set[str] = set()
        self.entered: set[Entered] = set()

    def place_row(self, place: Place) -> Sink | None:
        """The row of a place, the most specific one first."""
        if place not in self._matched:
            found = None
            for row in self._places:
                if counts(row, place) and self.analysis.matches(row.pattern, place):
                    found = row
                    break
            self._matched[place] = found
        return self._matched[place]

    def hits(self, state: State, transfer: Transfer, target: State | None) -> list[Hit]:
        """The uABI places that a value enters on an edge."""
        function = self.analysis.by_id(transfer.function)
        name = function.facts.name
        if transfer.operand in {"compare", "test"}:
            row = self._compared(transfer.function)
            if row is not None and transfer.operand == "test" and row.what != "features":
                row = None  # the check of a size is a comparison, the check of a mask a test
            return [self._hit(row, transfer, state, f"a comparison in {name}()")] if row else []
        if transfer.operand == "return" and transfer.kind == "return":
            row = self._functions["return"].get(name)
            return [self._hit(row, transfer, state, f"the return value of {name}()")] if row else []
        found = []
        if isinstance(transfer.operand, int) and transfer.callee:
            found += self._argument(state, transfer)
        if target is not None and transfer.move == "stay" and transfer.kind in _STORES:
            found += self._store(state, transfer, target, name)
        elif target is not None and transfer.move == "return" and transfer.operand == "memory" and not state.frames:
            found += self._handed_back(state, transfer, target)
        return found

    def _compared(self, function: int) -> Sink | None:
        """The row about the comparisons of a function, or of the one that it is a part of."""
        rows = self._functions["compare"]
        name = self.analysis.program.units[function].name
        if name in rows or not rows:
            return rows.get(name)
        around = self.analysis.parts.inside(function, rows)
        return rows[around] if around is not None else None

    def _lies_in(self, function: int, name: str) -> bool:
        """Whether a function has a name, or is a part of the one that has."""
        parts = self.analysis.parts
        return self.analysis.program.units[function].name == name or parts.inside(function, {name}) is not None

    def _argument(self, state: State, transfer: Transfer) -> list[Hit]:
        rows = self._arguments.get(transfer.callee, ())
        if not rows:
            return []
        number, function = transfer.operand, transfer.function
        call = self.analysis.by_id(function).code[transfer.instruction]
        assert isinstance(call, Call)
        assert isinstance(number, int)
        path = self.analysis.program.units[function].path
        found = [
            row
            for row in rows
            if number == (row.index if row.index >= 0 else len(call.arguments) + row.index)
            and (not row.path or fnmatchcase(path, row.path))
            and (not row.inside or self._lies_in(function, row.inside))
            and not (row.unless and self._lies_in(function, row.unless))
        ]
        # a row about this very function says what the operand is; one about all of a folder only guesses
        found = [row for row in found if row.inside] or found
        self.entered.update((row.id, function, transfer.instruction) for row in found)
        return [self._hit(row, transfer, state, f"argument {number + 1} of {row.function}()") for row in found]

    def _store(self, state: State, transfer: Transfer, target: State, name: str) -> list[Hit]:
        place = target.definition.place
        if state.entered and state.definition.place == place:
            return []  # ``x->mask |= y``: what was in the place stays in it
        root = place[0]
        local = self._local(place, name)
        if local is not None:
            return [self._hit(local[0], transfer, target, f"{local[1]} in {name}()")]
        own = self.place_row(place)
        if root[0] == "r" or (root[0] == "d" and not target.frames and own is None):
            return []  # through a plain pointer of unknown callers: judged where it comes back to each of them
        if own is not None and own.ends:  # whatever object it is
            return [self._hit(own, transfer, target, self.describe(place))]
        found: dict[tuple[str, str], Hit] = {}
        for outer, side in self._outermost(target, place):
            row = self.place_row(outer)
            if row is not None:
                known = side or (self.analysis.place_instance(outer) if root[0] == "h" else "")
                which = row.side if row.side != "instance" else known or self._side(target, transfer)
                told = row.side != "instance" or known
                also = self.analysis.keepers.astray(outer[0], target.guards) - {""} if not told else frozenset()
                for each in sorted({which, *also}):
                    found.setdefault((row.id, each), Hit(row, each, self.describe(outer)))
        self.used.update(hit.sink.id for hit in found.values())
        return list(found.values())

    def _local(self, place: Place, function: str) -> tuple[Sink, str] | None:
        """The row about a local of a function, or about what a parameter points to, and how that is written."""
        root = place[0]
        if root[0] not in {"v", "d"} or function not in self._locals:
            return None
        if self.analysis.program.units[root[1]].facts.name != function:
            return None
        variable, member = named_in_function(self.analysis, place)
        for row in self._locals[function]:
            if member == row.member and fnmatchcase(variable, row.variable):
                return row, f"{variable}{'->' if root[0] == 'd' else '.'}{member}" if member else variable
        return None

    def _handed_back(self, state: State, transfer: Transfer, target: State) -> list[Hit]:
        """A store through a plain pointer, as one of the callers names its target."""
        row = self.place_row(target.definition.place)
        if row is None or self.place_row(state.definition.place) is not None:
            return []
        self.used.add(row.id)
        side = row.side if row.side != "instance" else self._side(target, transfer)
        return [Hit(row, side, self.describe(target.definition.place))]

    def describe(self, place: Place) -> str:
        """The name of a uABI place: the innermost struct member, with what tells two of them apart."""
        variable = self.analysis.variable(place[0])
        row = self.place_row(place) if not variable else None
        if row is not None:
            levels = (level for chain in self.analysis.written(place) for level in chain)
            named = next((level for level in levels if row.pattern.matches((level,), variable)), None)
            if named is not None:
                return f"{named[0]}.{'.'.join(named[1])}"
        return self.analysis.describe(place)

    def _outermost(self, state: State, place: Place) -> list[tuple[Place, str]]:
        """A place below a parameter as the callers name it, with the side of its object."""
        root = place[0]
        if root[0] == "h":
            return [(place, str(root[3]))]
        if root[0] != "d":
            return [(place, "")]
        names: dict[tuple[Place, str], None] = {}
        self._outward(place, list(state.frames), state.guards, names, 0)
        return list(names) or [(place, "")]

    def _outward(
        self,
        place: Place,
        frames: list[Frame],
        guards: Guards,
        names: dict[tuple[Place, str], None],
        depth: int,
    ) -> None:
        root, path = place
        unit = self.analysis.program.units[root[1]]
        sites = [frames[-1]] if frames else [(site, NOTHING) for site in self.analysis.calls.callers(unit)]
        found = False
        for (caller, node), held in sites:
            function = self.analysis.by_id(caller)
            outer = self.analysis.calls.guards_outward(function, node, self.analysis.by_id(unit.id), guards)
            if outer is None:
                continue  # not with this caller's object
            for there, below, conditions in self.analysis.calls.actual_places(function, node, root, path):
                if not compatible(held, conditions):
                    continue
                if there[0] == "d" and depth < 6:  # wrappers of wrappers
                    self._outward((there, below), frames[:-1], outer, names, depth + 1)
                    found = True
                elif there[0] == "v":
                    names[((there, below), "")] = None
                    found = True
                elif there[0] in {"g", "h"} and self._aligned(place, (there, below)):
                    names[((there, below), str(there[3]) if there[0] == "h" else "")] = None
                    found = True
        if not found:
            names[(place, "")] = None

    def _aligned(self, inner: Place, outer: Place) -> bool:
        """Whether the caller's name is about the same member (a cast may have lost the type)."""
        mine, theirs = self.analysis.chain(inner), self.analysis.chain(outer)
        return not mine or any(level == mine[0] for level in theirs)

    def _side(self, state: State, transfer: Transfer) -> str:
        """The side that the guards of the flow say, the innermost function first; then all callers; else the host's."""
        side = self.analysis.flow_side(state.guards, state.frames, transfer.function, transfer.instruction)
        return side or self._callers_side(state, transfer, state.guards) or "host"

    def _callers_side(self, state: State, transfer: Transfer, guards: Guards) -> str:
        """The side on which all calls of the outermost function stand that a flow is in."""
        if not state.frames:
            return self._called_on(transfer.function, guards)
        (caller, _), held = state.frames[0]
        return self._called_on(caller, held)

    def _called_on(self, number: int, guards: Guards, depth: int = 0) -> str:
        """The side on which a function is called where ``guards`` hold in it; empty where calls differ."""
        callee = self.analysis.by_id(number)
        sides: set[str] = set()
        for caller, node in self.analysis.calls.callers(callee.unit):
            function = self.analysis.by_id(caller)
            outer = self.analysis.calls.guards_outward(function, node, callee, guards)
            held = function.entry_guards().get(node)
            if outer is None or held is None or not compatible(held, outer):
                continue
            held = held | outer | function.followed(node)
            here = self.analysis.side_of(held, caller, node)
            if not here and depth < _MAX_WRAPPERS:
                here = self._called_on(caller, held, depth + 1)
            if not here:
                return ""
            sides.add(here)
        return sides.pop() if len(sides) == 1 else ""

    def _hit(self, row: Sink, transfer: Transfer, state: State, place: str) -> Hit:
        self.used.add(row.id)
        side = row.side
        if side == "instance":
            side = (
                self.analysis.flow_side(transfer.guards, state.frames, transfer.function, transfer.instruction)
                or self._origin_side(state)
                or self._argument_side(transfer)
                or self._callers_side(state, transfer, transfer.guards)
                or "host"
            )
        return Hit(row, side, place)

    def _origin_side(self, state: State) -> str:
        """The side of the object that the value was last read from."""
        sides = {side for _, side in self._outermost(state, state.definition.place)}
        return sides.pop() if len(sides) == 1 else ""

    def _argument_side(self, transfer: Transfer) -> str:
        """The side of the object that another argument of the call points to."""
        function = self.analysis.by_id(transfer.function)
        call = function.code[transfer.instruction]
        if not isinstance(call, Call):
            return ""
        for argument in call.arguments:
            for root, _, _ in function.targets(transfer.instruction, argument)[0]:
                if root[0] == "h" and root[3]:
                    return str(root[3])
            _, _, instance, _ = function.targets(transfer.instruction, argument)
            if instance:
                return instance
        return ""


def counts(row: Sink, place: Place) -> bool:
    """Whether a row is about objects of this kind: shared ones, a function's own, copies."""
    return (row.local or not is_private(place[0])) and not (row.shared and is_allocated(place))


def named_in_function(analysis: Analysis, place: Place) -> tuple[str, str]:
    """How a function calls a place in a local of it, or behind a parameter: the variable, and the member."""
    root, path = place
    facts = analysis.program.units[root[1]].facts
    variable = facts.params[root[2]].name if root[0] == "d" else str(root[2]).partition("@")[0]
    return variable, ".".join(member_name(part) for part in path)
