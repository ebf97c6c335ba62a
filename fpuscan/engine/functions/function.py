"""One function: where its values can go under which conditions.

Takes the facts of a unit; :mod:`fpuscan.engine.functions.pointers` resolves lvalues to
places, :mod:`fpuscan.engine.functions.reaching` finds the definitions behind a read,
:mod:`fpuscan.engine.functions.conditions` what branches say, and the walk here follows a
definition forward to what may read it. Nothing is computed before it is asked for.
"""

from __future__ import annotations

from functools import cached_property
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from fpuscan.engine.functions.bounds import Bounds
from fpuscan.engine.functions.expressions import expressions_of, pointer_type, points_to_record, walk_expression
from fpuscan.engine.functions.literals import IMPOSSIBLE, NOTHING, compatible, join
from fpuscan.engine.functions.offsets import Offsets
from fpuscan.engine.functions.pointers import Pointers
from fpuscan.engine.functions.reaching import Reaching
from fpuscan.engine.functions.reads import leaves
from fpuscan.engine.functions.variables import base_variable
from fpuscan.ir import ENTRY, EXIT, Addr, Assign, Branch, Call, Cast, Deref, Index, Load, Return, Var

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.engine.functions.reads import Leaf
    from fpuscan.ir import Expr, LValue
    from fpuscan.places import Place
    from fpuscan.program import Unit
    from fpuscan.symbols.declarators import CType

__all__ = ["ENTRY", "EXIT", "FunctionAnalysis", "Touch"]

Touch = tuple[int, "Guards"]


class FunctionAnalysis:
    """The lazily computed answers about one unit."""

    def __init__(self, analysis: Analysis, unit: Unit) -> None:
        self.analysis = analysis
        self.unit = unit
        self.facts = unit.facts
        self.id = unit.id
        self.code = self.facts.code
        self.address_taken: set[object] = set()
        self.definitions: dict[object, list[int]] = {}
        self._reads: dict[object, set[int]] = {}
        self.memory_stores: dict[int, Assign] = {}
        self.calls: list[int] = []
        self.globals_named: set[object] = set()
        self.links = False  # whether it stores pointers elsewhere than into variables, allocates, or gets a struct
        self.returns: list[int] = []
        self.pointers_in = tuple(
            index
            for index, variable in enumerate(self.facts.params)
            if variable.type is not None and variable.type.pointers
        )
        self._entry_guards: dict[int, Guards] | None = None
        self._asked_early = False
        self._found_behind: dict[tuple[int, object], set[int]] = {}
        self._leaves: dict[int, list[Leaf]] = {}
        self._void_hints: dict[int, str] = {}
        self._survey()
        pointers, reaching, conditions = Pointers(self), Reaching(self), Bounds(self)
        self._forget_places, self._forget_conditions = pointers.forget, conditions.forget
        self._places_apart = pointers.apart
        self.kills = reaching.kills
        self._defines_whole = reaching.defines_whole
        self._candidates = reaching.candidates
        self.cuts = pointers.cuts
        self.resolve = pointers.resolve
        self.pointees, self.targets = pointers.pointees, pointers.targets
        self.pointer_from = pointers.pointer_from
        self.variable_root = pointers.variable_root
        self.writes = reaching.writes
        self.reaching, self.reachable = reaching.reaching, reaching.reachable
        self.truth = conditions.truth
        self.equals = conditions.equals
        self.within = conditions.within
        self.bits, self.ways = conditions.bits, conditions.cases.ways
        self.edge_literals = conditions.edge_literals
        self.answer = conditions.answer
        self.followed, self.comparing = conditions.followed, conditions.comparing

    @cached_property
    def offsets(self) -> Offsets:
        """What is known of numbers that are offsets of members."""
        return Offsets(self)

    def leaves(self, node: int) -> list[Leaf]:
        """The values that an instruction reads."""
        found = self._leaves.get(node)
        if found is None:
            found = leaves(self.code[node])
            self._leaves[node] = found
        return found

    def _survey(self) -> None:
        for number, instruction in enumerate(self.code):
            for expr in expressions_of(instruction):
                self._survey_expression(number, expr)
            match instruction:
                case Assign():
                    self._survey_target(number, instruction)
                    if not isinstance(instruction.target, Var):
                        self._survey_expression(number, Load(instruction.target, 0))
                case Call():
                    self.calls.append(number)
                    if instruction.result is not None:
                        self.links = self.links or _is_struct(instruction.result.type)
                        self.definitions.setdefault(instruction.result.key, []).append(number)
                    self.links = self.links or self._allocates(instruction)
                    self.links = self.links or any(map(_is_local_struct, instruction.arguments))
                case Return():
                    self.returns.append(number)
                case _:
                    pass

    def _allocates(self, call: Call) -> bool:
        effect = self.analysis.model.effects.get(call.callee) if isinstance(call.callee, str) else None
        return effect is not None and effect.kind == "alloc"

    def _survey_expression(self, number: int, expr: Expr) -> None:
        for part in walk_expression(expr):
            if isinstance(part, Load | Addr):
                variable = base_variable(part.place)
                if variable is not None:
                    self._reads.setdefault(variable.key, set()).add(number)
                    if variable.kind == "global":
                        self.globals_named.add(variable.key)
                    if isinstance(part, Addr):
                        self.address_taken.add(variable.key)
            if isinstance(part, Cast) and part.type.pointers == 1 and isinstance(part.operand, Load):
                self._hint(part.type, part.operand.place)

    def _hint(self, ctype: CType, place: LValue) -> None:
        """``(struct x *)void_parameter``: the parameter points to a struct x."""
        if isinstance(place, Var) and place.kind == "param" and isinstance(place.key, int) and points_to_record(ctype):
            self._void_hints.setdefault(place.key, ctype.base)

    def _survey_target(self, number: int, instruction: Assign) -> None:
        target, value = instruction.target, instruction.value
        outside = not isinstance(target, Var) or target.kind == "global"
        self.links = self.links or (outside and pointer_type(value) is not None)
        variable = base_variable(target)
        if isinstance(target, Var) and target.kind == "global":
            self.globals_named.add(target.key)
        if variable is not None and variable.kind != "global":
            self.definitions.setdefault(variable.key, []).append(number)
            if isinstance(target, Var) and target.type is not None and isinstance(value, Load):
                self._hint(target.type, value.place)  # struct x *p = void_parameter, without a cast
        else:
            self.memory_stores[number] = instruction

    def is_unaliased(self, place: Place) -> bool:
        """Whether a place is in a variable whose address nobody takes: only its own name reads or sets it."""
        root, path = place
        return root[0] in {"v", "p"} and root[2] not in self.address_taken and "*" not in path

    def naming(self, variable: Var) -> list[int]:
        """The nodes in whose values a variable stands, in order."""
        return sorted(self._reads.get(variable.key, ()))

    def may_read(self, node: int, place: Place) -> bool:
        """Whether a node reads a place, as far as the names in it say."""
        return not self.is_unaliased(place) or node in self._reads.get(place[0][2], ())

    def is_partial(self, place: LValue, target: Place) -> bool:
        """Whether a store through a cast pointer changes only some bytes of an integer: ``*(u32 *)&word``."""
        widths = self._widths(place, target)
        return widths is not None and widths[0] < widths[1]

    def is_displaced(self, place: LValue, target: Place) -> bool:
        """Whether an lvalue is other bytes of an integer than its lowest: ``((u32 *)&word)[1]``."""
        widths = self._widths(place, target) if isinstance(place, Index) and place.index != 0 else None
        return widths is not None and widths[0] != widths[1]

    def _widths(self, place: LValue, target: Place) -> tuple[int, int] | None:
        """The widths of an lvalue behind a pointer and of the integer that it denotes."""
        if place.type is None or not (isinstance(place, Deref) or (isinstance(place, Index) and place.base is None)):
            return None
        ctype = self.analysis.place_type(target)
        mine, whole = place.type.integer, ctype.integer if ctype is not None else None
        return (mine[0], whole[0]) if mine is not None and whole is not None else None

    def hint(self, index: int) -> str:
        """The struct that a ``void *`` parameter is cast to."""
        return self._void_hints.get(index, "")

    def returned(self, node: int) -> Expr | None:
        """The value that a return statement (one of ``returns``) gives."""
        instruction = self.code[node]
        assert isinstance(instruction, Return)
        return instruction.value

    def returned_values(self) -> Iterator[tuple[int, Expr]]:
        """Each return statement that gives a value, and the value."""
        for node in self.returns:
            value = self.returned(node)
            if value is not None:
                yield node, value

    # ------------------------------------------------------------ ways through the function

    def entry_guards(self) -> dict[int, Guards]:
        """What holds at each node on every way from the entry; a node that no way reaches is missing."""
        if self._entry_guards is None:
            self._entry_guards = {}  # cut cycles: a condition that needs itself says nothing
            with self._places_apart():
                self._entry_guards = self._compute_entry_guards()
            self._forget_places()  # what was resolved meanwhile lacks the conditions of its definitions
        elif not self._entry_guards:
            self._asked_early = True
            self.analysis.calls.cuts += 1
        return self._entry_guards

    def held(self, node: int) -> Guards:
        """What holds at a node; where no way reaches it, that it is compiled."""
        found = self.entry_guards().get(node)
        return self.analysis.config_guards(self.code[node].config) if found is None else found

    def _compute_entry_guards(self) -> dict[int, Guards]:
        self._asked_early = False
        found = self.flow_conditions(ENTRY, NOTHING)
        if self._asked_early:  # once more, with the conditions of the definitions that were asked for
            self._entry_guards = found
            self._forget_places()
            self._forget_conditions()
            found = self.flow_conditions(ENTRY, NOTHING)
            self._forget_conditions()
        return found

    def lasting_guards(self, definition: int, place: Place, found: Guards = NOTHING, read: int | None = None) -> Guards:
        """What held at a definition of ``place`` (``found`` among it) and still says something where that is ``read``:
        no condition on a value that may have been set again meanwhile, in the next pass of a loop. That it is not set
        again on the way there says something, too: ``host = true; if (guest) host = false;``.
        """  # noqa: D205
        guards = found | self.held(definition)
        if read is not None:
            guards = self._unchanged_until(read, definition, place, guards)
        return self.lasting(guards, definition, place)

    def _unchanged_until(self, read: int, definition: int, place: Place, guards: Guards) -> Guards:
        """What holds at a read on all ways from a definition on which nothing else is stored."""
        if place[0][0] not in {"v", "p"} and (place[0][0] != "d" or place[1]):
            return guards
        if read in self.circular or definition in self.circular:
            return guards
        key = (read, definition, place)
        if key in self._walking:  # a condition that needs itself says nothing
            return guards
        self._walking.add(key)
        try:
            held = dict(self.walk(definition, place, guards, self._before(read)))
        finally:
            self._walking.discard(key)
        return guards | held.get(read, NOTHING)

    @cached_property
    def _walking(self) -> set[tuple[int, int, Place]]:
        return set()

    def _before(self, node: int) -> frozenset[int]:
        """The nodes that control may come from to a node, and that node."""
        found, work = {node}, [node]
        while work:
            new = [each for each in self.facts.pred[work.pop()] if each not in found]
            found.update(new)
            work += new
        return frozenset(found)

    def lasting(self, guards: Guards, definition: int, place: Place) -> Guards:
        """Those of some guards at a definition that no later pass of a loop may change before it is read."""
        circular = self.circular
        passing = {each for each in guards if each[0][0] == "b" and not circular.isdisjoint(each[0][4])}
        if not passing:
            return guards
        root = place[0]
        if root[0] in {"v", "p"} and root[2] not in self.address_taken:
            behind = self._behind(definition, root[2])
            passing = {each for each in passing if not behind.isdisjoint(each[0][4])}
        return guards - passing

    def _behind(self, definition: int, variable: object) -> set[int]:
        """The nodes that control reaches behind a definition of a variable before that is set anew."""
        key = (definition, variable)
        if key not in self._found_behind:
            self._found_behind[key] = self._find_behind(definition, variable)
        return self._found_behind[key]

    def _find_behind(self, definition: int, variable: object) -> set[int]:
        kills = {node for node in self.definitions.get(variable, ()) if self._defines_whole(node)}
        found: set[int] = set()
        work = [definition]
        while work:
            for edge in self.facts.succ[work.pop()]:
                if edge.target not in found:
                    found.add(edge.target)
                    if edge.target not in kills:
                        work.append(edge.target)
        return found

    @cached_property
    def circular(self) -> frozenset[int]:
        """The nodes of loops, and those between two loops."""
        succ, pred = self.facts.succ, self.facts.pred
        into, out = [len(nodes) for nodes in pred], [len(edges) for edges in succ]
        left = set(range(len(self.code)))
        work = [node for node in left if not into[node] or not out[node]]
        while work:
            node = work.pop()
            if node not in left:
                continue
            left.discard(node)
            for edge in succ[node]:
                into[edge.target] -= 1
                if not into[edge.target]:
                    work.append(edge.target)
            for before in pred[node]:
                out[before] -= 1
                if not out[before]:
                    work.append(before)
        return frozenset(left)

    def flow_conditions(self, start: int, guards: Guards) -> dict[int, Guards]:
        """The conditions at each node that control reaches from ``start``, where ``guards`` hold."""
        return dict(self.walk(start, None, guards))

    def walk(self, start: int, place: Place | None, guards: Guards, among: frozenset[int] | None = None) -> list[Touch]:
        """The nodes (``among`` some) that control reaches behind ``start`` before ``place`` is overwritten, with what
        holds there.
        """  # noqa: D205
        held: dict[int, Guards] = {}
        work: list[int] = []  # a heap: in program order nearly all ways into a node are known when it is taken
        waiting: set[int] = set()
        succ, code = self.facts.succ, self.code
        candidates = self._candidates(place) if place is not None else ()

        def spread(node: int, here: Guards) -> None:
            branches = isinstance(code[node], Branch)
            for edge in succ[node]:
                if among is not None and edge.target not in among:
                    continue
                arriving = here
                literals = self.edge_literals(node, edge) if branches else NOTHING
                if literals:
                    if literals == IMPOSSIBLE or not compatible(here, literals):
                        continue
                    arriving = here | literals
                if code[edge.target].config:
                    config = self.analysis.config_guards(code[edge.target].config)
                    if not compatible(here, config):
                        continue
                    arriving = arriving | config
                before = held.get(edge.target)
                both = arriving if before is None else join(before, arriving)
                if both != before:
                    held[edge.target] = both
                    if edge.target not in waiting:
                        waiting.add(edge.target)
                        heappush(work, edge.target)

        spread(start, guards)
        while work:
            node = heappop(work)
            waiting.discard(node)
            here = held[node]
            if place is not None and node in candidates and self.kills(node, place, here):
                continue
            spread(node, self.after(node, here))
        return sorted(held.items())

    def after(self, node: int, guards: Guards) -> Guards:
        """What still holds behind a node, and what it adds: a pointer that was followed is not NULL."""
        if guards:
            own = [key for key, _, _ in guards if key[0] == "b" and key[1] == self.id and node in key[4]]
            if own:
                guards = frozenset(literal for literal in guards if literal[0] not in own)
        followed = self.followed(node)
        return guards | followed if followed else guards


def _is_struct(ctype: CType | None) -> bool:
    return ctype is not None and ctype.is_struct


def _is_local_struct(argument: Expr) -> bool:
    """Whether an argument is the address of a struct that a variable is or holds: the callee may set its pointers."""
    if not isinstance(argument, Addr) or not _is_struct(argument.place.type):
        return False
    variable = base_variable(argument.place)
    return variable is not None and variable.kind != "global"
