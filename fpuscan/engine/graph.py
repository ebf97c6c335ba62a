"""The def-use graph: nodes are definitions of places, edges say where a value goes next.

The graph grows on demand: :meth:`DefUseGraph.successors` gives the edges out of
a definition, computed from the facts of the one function it is in. Every edge
has its label (the operators on the way, the guards, the call or return, the
statement) and is kept in a networkx ``MultiDiGraph`` for the pictures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fpuscan.engine.calls import aligned
from fpuscan.engine.expressions import is_plain, pointer_type
from fpuscan.engine.literals import NOTHING, compatible
from fpuscan.engine.reads import FREEZE, Leaf, Operation, fitting, leaves
from fpuscan.ir import ENTRY, EXIT, Addr, Assign, Call, Cast, Load, Return
from fpuscan.places import OTHER_ELEMENTS, covers, heap, is_fresh, overlap, reinterpreted, seen_otherwise

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.calls import CallSite
    from fpuscan.engine.function import FunctionAnalysis
    from fpuscan.engine.literals import Guards
    from fpuscan.engine.stores import Sought
    from fpuscan.ir import Expr, LValue
    from fpuscan.model import Helper
    from fpuscan.places import Place, Root
    from fpuscan.program import Unit

__all__ = ["DefUseGraph", "Definition", "Transfer"]


@dataclass(frozen=True, slots=True)
class Definition:
    """A node: the value in a place behind an instruction of a function; ``function`` -1 is shared memory.

    ``loaded``: no store of this function, but what shared memory holds where the function sees it.
    """

    function: int
    node: int
    place: Place
    loaded: bool = False


@dataclass(frozen=True, slots=True)
class Transfer:
    """An edge: what happens to the value on the way to ``target``.

    ``move``: "stay" in the function, "call" into it (from ``site``), "return"
    out of it, "memory" through shared memory. ``guards`` hold at the target (in
    the caller, for a call). ``operand`` names where a sink may be: the number
    of an argument, "return", "compare", "value". ``span`` is the statement.
    """

    target: Definition | None
    kind: str
    move: str
    operations: tuple[Operation, ...]
    guards: Guards
    function: int
    instruction: int
    operand: str | int = "value"
    site: CallSite | None = None
    format: bool = False
    callee: str = ""


class DefUseGraph:
    """Grows edges from definitions, and remembers them."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._successors: dict[tuple[Definition, Guards], tuple[Transfer, ...]] = {}
        self._leaves: dict[CallSite, list[Leaf]] = {}
        self._readers: dict[Place, tuple[Transfer, ...]] = {}
        self.definitions: dict[Definition, int] = {}
        self.edges: dict[tuple[int, int, str, str], Transfer] = {}

    def successors(self, definition: Definition, guards: Guards) -> tuple[Transfer, ...]:
        """Where the value of a definition goes next, on paths where ``guards`` hold."""
        key = (definition, guards)
        found = self._successors.get(key)
        if found is None:
            found = (
                self.readers_of(definition.place) if definition.function < 0 else tuple(self._grow(definition, guards))
            )
            self._successors[key] = found
            for transfer in found:
                self.remember(definition, transfer)
        return found

    def remember(self, definition: Definition, transfer: Transfer) -> None:
        """Show an edge in the graph."""
        if transfer.target is None:
            return
        numbers = [self.definitions.setdefault(item, len(self.definitions)) for item in (definition, transfer.target)]
        self.edges.setdefault((numbers[0], numbers[1], transfer.kind, str(transfer.operand)), transfer)

    # ------------------------------------------------------------ inside a function

    def leaves(self, function: FunctionAnalysis, node: int) -> list[Leaf]:
        """The values that an instruction reads."""
        key = (function.id, node)
        found = self._leaves.get(key)
        if found is None:
            found = leaves(function.code[node])
            self._leaves[key] = found
        return found

    def _grow(self, definition: Definition, guards: Guards) -> list[Transfer]:
        function = self.analysis.by_id(definition.function)
        place = definition.place
        found: list[Transfer] = []
        self._note_stored_address(function, place)
        escapes = False
        for node, held in function.walk(definition.node, place, guards):
            if node == EXIT:
                escapes = True
                found += self._leave(function, definition, held)
                continue
            if not function.may_read(node, place):
                continue
            instruction = function.code[node]
            for leaf in self.leaves(function, node):
                found += self._read(function, node, leaf, place, held)
            if isinstance(instruction, Call):
                found += self._call(function, node, instruction, place, held)
                if not escapes and place[0][0] in {"g", "h"} and self.analysis.calls.may_read(function, node, place):
                    escapes = True
        if definition.loaded:
            found = [_put_back(transfer, place) for transfer in found]
        if escapes and place[0][0] in {"g", "h"} and not definition.loaded:
            found.append(self._to_memory(function, definition, guards))
        return found

    def _note_stored_address(self, function: FunctionAnalysis, place: Place) -> None:
        """Remember that a value is in a variable that others may reach through memory: nobody follows them there."""
        root = place[0]
        if root[0] in {"v", "p"} and function.links and root[2] in function.address_taken:
            self.analysis.lost.update((function.id, node) for node in self._stores_of_address(function, root))

    def _stores_of_address(self, function: FunctionAnalysis, root: Root) -> list[int]:
        """The stores of a variable's address into shared memory."""
        found = []
        for node in function.memory_stores:
            instruction = function.code[node]
            if not isinstance(instruction, Assign) or pointer_type(instruction.value) is None:
                continue
            if any(there[0] in {"g", "h", "d"} for there, _, _ in function.resolve(node, instruction.target)) and any(
                there == root for there, _, _ in function.targets(node, instruction.value)[0]
            ):
                found.append(node)
        return found

    def _suffixes(
        self, function: FunctionAnalysis, node: int, leaf: Leaf, place: Place, held: Guards
    ) -> list[tuple[tuple[str, ...], Guards, bool]]:
        """The parts of ``place`` that a leaf reads: the path below the leaf, the guards of its place, and whether
        the bits are elsewhere in it.
        """  # noqa: D205
        expr = leaf.expr
        if not isinstance(expr, Load):
            return []
        found: dict[tuple[tuple[str, ...], Guards, bool], None] = {}
        for root, path, guards in function.resolve(node, expr.place):
            if guards and not compatible(held, guards):
                continue
            moved = reinterpreted(path, place[1]) or function.is_displaced(expr.place, (root, path))
            if overlap((root, path), place):
                found[place[1][len(path) :], guards, moved] = None
            elif {root[0], place[0][0]} == {"g", "h"} and not is_fresh(root) and not is_fresh(place[0]):
                named = self._as_named(place, (root, path))  # a global, and an object that a pointer to it may denote
                if named is not None:
                    found[named[1][len(path) :], guards, moved] = None
        return list(found)

    def _read(self, function: FunctionAnalysis, node: int, leaf: Leaf, place: Place, held: Guards) -> list[Transfer]:
        found: list[Transfer] = []
        for below, conditions, moved in self._suffixes(function, node, leaf, place, held):
            read = Leaf(leaf.expr, leaf.role, (FREEZE, *leaf.operations)) if moved else leaf
            found += self.use(function, node, read, below, held | conditions)
        return found

    def use(
        self, function: FunctionAnalysis, node: int, leaf: Leaf, below: tuple[str, ...], held: Guards
    ) -> list[Transfer]:
        """Where the value of a leaf (or its part ``below``) goes."""
        instruction = function.code[node]
        if below and isinstance(leaf.expr, Load) and is_plain(leaf.expr.place.type):
            below = ()  # a struct that is read as a number: by a cast, or as another member of a union
        if leaf.compared or leaf.role == "condition":
            operand = "compare" if leaf.relational else "test"
            return [Transfer(None, "compare", "stay", leaf.operations, held, function.id, node, operand)]
        if isinstance(instruction, Assign):
            return self._assign(function, node, instruction, leaf, below, held)
        if isinstance(instruction, Return):
            target = Definition(function.id, EXIT, (("r", function.id), below))
            operations = (*leaf.operations, *fitting(function.facts.returns))
            return [Transfer(target, "return", "return", operations, held, function.id, node, "return")]
        if isinstance(instruction, Call) and isinstance(leaf.role, int):
            return self._argument(function, node, instruction, leaf, below, held)
        return []

    def _assign(
        self,
        function: FunctionAnalysis,
        node: int,
        instruction: Assign,
        leaf: Leaf,
        below: tuple[str, ...],
        held: Guards,
    ) -> list[Transfer]:
        found = []
        after = function.after(node, held)
        for root, path, conditions in function.resolve(node, instruction.target):
            if conditions and not compatible(held, conditions):
                continue
            place = (root, (*path, *below))
            if root[0] == "h" and not self.analysis.chain(place):
                self.analysis.lost.add((function.id, node))  # an object without a type: nobody is known to read it
            operations = leaf.operations
            if function.is_displaced(instruction.target, (root, path)):
                operations = (*operations, FREEZE)
            kind = "struct copy" if below else "assign" if root[0] in {"v", "p"} else "store"
            for name in (place, *self.analysis.aliases.names(function, place)):
                target = Definition(function.id, node, name)
                found.append(Transfer(target, kind, "stay", operations, after | conditions, function.id, node))
        return found

    # ------------------------------------------------------------ calls

    def _argument(
        self, function: FunctionAnalysis, node: int, call: Call, leaf: Leaf, below: tuple[str, ...], held: Guards
    ) -> list[Transfer]:
        """A value that is (part of) an argument."""
        found = []
        index = leaf.role
        assert isinstance(index, int)
        name = call.callee if isinstance(call.callee, str) else str(call.callee)
        units = self.analysis.calls.callees(function, node)
        for unit in units:
            signature = unit.signature
            if index < len(signature.params):
                target = Definition(unit.id, ENTRY, (("p", unit.id, index), below))
                found.append(
                    Transfer(
                        target,
                        "argument",
                        "call",
                        (*leaf.operations, *fitting(signature.params[index].type)),
                        held,
                        function.id,
                        node,
                        index,
                        (function.id, node),
                        callee=name,
                    )
                )
            elif signature.variadic:
                units = ()
        helper = self.analysis.model.helpers.get(name)
        if helper is not None and helper.mask == index:
            result = self._result(
                function,
                node,
                call,
                held,
                (*leaf.operations, FREEZE, *self._compacted(call, helper)),
                index,
                name,
                kernel=helper.format,
            )
            found += result
        elif not units:
            outside = self.analysis.calls.look_up(function, node)
            if outside:
                return self._argument(function, node, call, leaf, below, held)
            found.append(
                Transfer(None, "argument", "stay", leaf.operations, held, function.id, node, index, callee=name)
            )
            if name not in self.analysis.model.silent and not self._allocates(name):
                self.analysis.calls.unresolved.add((name, function.unit.path, call.call_start))
                found += self._result(function, node, call, held, (*leaf.operations, FREEZE), index, name)
        return found

    def _compacted(self, call: Call, helper: Helper) -> tuple[Operation, ...]:
        """The argument that decides whether a helper gives a kernel-format size."""
        if not 0 <= helper.compacted < len(call.arguments):
            return ()
        return (Operation("format", call.arguments[helper.compacted]),)

    def _allocates(self, name: str) -> bool:
        effect = self.analysis.model.effects.get(name)
        return effect is not None and effect.kind in {"alloc", "none", "copy", "zero", "store", "load"}

    def _result(
        self,
        function: FunctionAnalysis,
        node: int,
        call: Call,
        held: Guards,
        operations: tuple[Operation, ...],
        index: int,
        name: str,
        *,
        kernel: bool = False,
    ) -> list[Transfer]:
        if call.result is None:
            return []
        target = Definition(function.id, node, (("v", function.id, call.result.key), ()))
        after = function.after(node, held)
        return [
            Transfer(target, "call", "stay", operations, after, function.id, node, index, format=kernel, callee=name)
        ]

    def _call(self, function: FunctionAnalysis, node: int, call: Call, place: Place, held: Guards) -> list[Transfer]:
        """Memory that a callee can reach through a pointer argument; shared memory is read by whoever names it."""
        shared = place[0][0] == "h" or (
            place[0][0] == "g"
            and self.analysis.chain(place)[:1] != ()
            and self.analysis.chain(place)[0][0]
            and self.analysis.calls.is_shared_struct(place)
        )
        if shared and not any(_points_to_integer(argument) for argument in call.arguments):
            return []
        found = []
        units = self.analysis.calls.callees(function, node)
        name = call.callee if isinstance(call.callee, str) else str(call.callee)
        for unit in units:
            for inner in self.analysis.calls.inward(function, node, unit, place):
                if shared and not _points_to_integer(call.arguments[inner[0][2]]):
                    continue  # read by whoever names the member
                if not self.analysis.calls.may_use(unit, inner):
                    continue
                for conditions in self._reached_under(function, node, call, inner, place, held):
                    target = Definition(unit.id, ENTRY, inner)
                    index = inner[0][2]
                    assert isinstance(index, int)
                    found.append(
                        Transfer(
                            target,
                            "argument",
                            "call",
                            (),
                            held | conditions,
                            function.id,
                            node,
                            index,
                            (function.id, node),
                            callee=name,
                        )
                    )
        if not units:
            found += self._handed_out(function, node, call, place, held)
        if not units and name not in self.analysis.model.silent and not self._allocates(name):
            for argument in call.arguments:
                if isinstance(argument, Addr) or (
                    isinstance(argument, Load) and argument.place.type is not None and argument.place.type.pointers
                ):
                    targets, *_ = function.targets(node, argument)
                    if any(overlap((root, path), place) for root, path, _ in targets):
                        found += self._result(function, node, call, held, (FREEZE,), -1, name)
                        break
        return found

    def _handed_out(
        self, function: FunctionAnalysis, node: int, call: Call, place: Place, held: Guards
    ) -> list[Transfer]:
        """Memory that a function of another place gets by pointer: ``copy_to_user(to, &value, size)``."""
        return [
            self.handed_out(function, node, call, index, held)
            for index, argument in enumerate(call.arguments)
            if isinstance(argument, Addr)
            and any(overlap((root, path), place) for root, path, _ in function.resolve(node, argument.place))
        ]

    def handed_out(self, function: FunctionAnalysis, node: int, call: Call, index: int, held: Guards) -> Transfer:
        """What an argument points to leaves for a function that nobody defines here."""
        name = call.callee if isinstance(call.callee, str) else str(call.callee)
        return Transfer(None, "argument", "stay", (), held, function.id, node, index, callee=name)

    def _reached_under(
        self, function: FunctionAnalysis, node: int, call: Call, inner: Place, place: Place, held: Guards
    ) -> list[Guards]:
        """When an argument points to a place that a callee knows as ``inner``: once for each way that it may."""
        index = inner[0][2]
        assert isinstance(index, int)
        if "*" in inner[1] or OTHER_ELEMENTS in inner[1]:
            return [NOTHING]
        found = [
            conditions
            for root, path, conditions in function.targets(node, call.arguments[index])[0]
            if overlap((root, path), place) and (not conditions or compatible(held, conditions))
        ]
        return [NOTHING] if NOTHING in found else list(dict.fromkeys(found))

    def is_read(self, definition: Definition, guards: Guards) -> bool:
        """Whether somebody may read a definition before it is overwritten; to mask it in place is no read."""
        function = self.analysis.by_id(definition.function)
        place = definition.place
        shared = place[0][0] in {"g", "h", "d"}
        for node, held in function.walk(definition.node, place, guards):
            if node == EXIT:
                if shared:
                    return True
                continue
            if not function.may_read(node, place):
                continue
            instruction = function.code[node]
            read = any(self._suffixes(function, node, leaf, place, held) for leaf in self.leaves(function, node))
            if read and not self._in_place(function, node, place):
                return True
            if isinstance(instruction, Call) and self.analysis.calls.may_read(function, node, place):
                return True
        return False

    def _in_place(self, function: FunctionAnalysis, node: int, place: Place) -> bool:
        """Whether an instruction stores its result where it read: ``x &= mask``."""
        instruction = function.code[node]
        return isinstance(instruction, Assign) and any(
            covers((root, path), place) for root, path, _ in function.resolve(node, instruction.target)
        )

    def _leave(self, function: FunctionAnalysis, definition: Definition, held: Guards) -> list[Transfer]:
        """A definition below a pointer parameter that is still there when the function leaves."""
        root = definition.place[0]
        behind = root[0] == "d" or (root[0] == "p" and "*" in definition.place[1])
        if not behind or definition.node == ENTRY or definition.loaded:
            return []
        target = Definition(function.id, EXIT, definition.place)
        return [Transfer(target, "return", "return", (), held, function.id, definition.node, "memory")]

    # ------------------------------------------------------------ shared memory

    def _to_memory(self, function: FunctionAnalysis, definition: Definition, guards: Guards) -> Transfer:
        root, path = definition.place
        if root[0] == "h":
            instance = str(root[3]) or self.analysis.instance_under(
                str(root[1]), guards, (), function.id, definition.node
            )
            root = heap(str(root[1]), None, instance)
        return Transfer(Definition(-1, 0, (root, path)), "memory", "memory", (), NOTHING, function.id, definition.node)

    def memory(self, place: Place) -> Definition:
        """The node of a place of shared memory."""
        root, path = place
        if root[0] == "h":
            root = heap(str(root[1]), None, str(root[3]))
        return Definition(-1, 0, (root, path))

    def readers_of(self, place: Place) -> tuple[Transfer, ...]:
        """The edges from a place of shared memory to what reads it."""
        found = self._readers.get(place)
        if found is None:
            found = tuple(self._find_readers(place))
            self._readers[place] = found
        return found

    def _find_readers(self, place: Place) -> list[Transfer]:
        starts: dict[tuple[int, int, Place, CallSite | None, Guards], None] = {}
        sought = self.analysis.sought(place)
        for unit in self.analysis.readers(place):
            function = self.analysis.of(unit)
            for there in self._places_read(function, sought):
                here = self._as_named(place, there)
                if here is None:
                    continue
                if there[0][0] == "d":
                    self._climb(function, here, place, starts, 0)
                else:
                    for node in (ENTRY, *self._refreshed(function, here)):
                        starts[(function.id, node, here, None, NOTHING)] = None
        found = []
        for number, node, here, site, held in starts:
            move = "memory" if site is None else "memory-call"
            moved = (FREEZE,) if seen_otherwise(place[1], here[1]) else ()
            target = Definition(number, node, here, loaded=True)
            found.append(Transfer(target, "load", move, moved, held, number, node, "memory", site))
        return found

    def _places_read(self, function: FunctionAnalysis, sought: Sought) -> list[Place]:
        """The places of shared memory that a function reads, as far as they may be the one that is looked for."""
        found: dict[Place, None] = {}
        for node in range(len(function.code)):
            for leaf in self.leaves(function, node):
                expr = leaf.expr
                if isinstance(expr, Load):
                    if not sought.may_be(expr.place):
                        continue
                    for root, path, _ in function.resolve(node, expr.place):
                        if root[0] in {"g", "h", "d"} and (path or root[0] == "g" or expr.place.type is not None):
                            found[(root, path)] = None
                elif isinstance(expr, Addr) and isinstance(leaf.role, int) and sought.may_be(expr.place):
                    for root, path, _ in function.resolve(node, expr.place):
                        if root[0] in {"g", "h"} or (root[0] == "d" and path and _is_integer(expr.place)):
                            found[(root, path)] = None
            self._pointer_arguments(function, node, sought, found)
        return [place for place in found if not is_fresh(place[0])]

    def _pointer_arguments(
        self, function: FunctionAnalysis, node: int, sought: Sought, found: dict[Place, None]
    ) -> None:
        """Memory that is handed to a callee by pointer is read there."""
        instruction = function.code[node]
        if not isinstance(instruction, Call):
            return
        for argument in instruction.arguments:
            if isinstance(argument, Load) and argument.place.type is not None and argument.place.type.pointers:
                ctype = argument.place.type.pointee()
                for root, path, _ in function.pointees(node, argument, ctype) if sought.may_lie_in(ctype) else ():
                    if root[0] in {"g", "h"}:
                        found[(root, path)] = None

    def _as_named(self, place: Place, there: Place) -> Place | None:
        """``place`` in the words of a function that reads ``there``; None if they cannot be one."""
        if not self.analysis.same_memory(place, there):
            return None
        if place[0][0] == "g" and there[0][0] == "g":
            return there[0], (*there[1], *place[1][len(there[1]) :])
        below = aligned(self.analysis.chain(there), self.analysis.chain(place))
        return (there[0], (*there[1], *below)) if below is not None else None

    def _refreshed(self, function: FunctionAnalysis, place: Place) -> list[int]:
        """Calls that may have stored into the place anew, behind a store of the function itself."""
        calls = self.analysis.calls
        return [
            node
            for node in function.calls
            if calls.may_write(function, node, place) or calls.may_set(function, node, place)
        ]

    def _climb(
        self,
        function: FunctionAnalysis,
        here: Place,
        place: Place,
        starts: dict[tuple[int, int, Place, CallSite | None, Guards], None],
        depth: int,
    ) -> None:
        """Memory below a parameter comes from the callers; only what they pass, and when they do, can be the place."""
        sites = self.analysis.calls.callers(function.unit)
        if not sites or depth > 8:  # recursion
            starts[(function.id, ENTRY, here, None, NOTHING)] = None
            return
        for caller, node in sites:
            calling = self.analysis.by_id(caller)
            for root, path, held in self.analysis.calls.actual_places(calling, node, here[0], here[1]):
                if root[0] in {"g", "h"} and self.analysis.same_memory(place, (root, path)):
                    starts[(function.id, ENTRY, here, (caller, node), held)] = None
                elif root[0] == "d" and self._may_be(place, (root, path)):
                    self._climb(calling, (root, path), place, starts, depth + 1)

    def _may_be(self, place: Place, there: Place) -> bool:
        """Whether a place below a parameter may be one in shared memory; behind a pointer without a type it may."""
        return not self.analysis.chain(there) or self.analysis.same_memory(place, there)

    # ------------------------------------------------------------ sources

    def reads_of(self, unit: Unit) -> list[tuple[int, Leaf]]:
        """Every leaf of a function with its node."""
        function = self.analysis.of(unit)
        return [(node, leaf) for node in range(len(function.code)) for leaf in self.leaves(function, node)]


def _is_integer(place: LValue) -> bool:
    """Whether whoever gets the address of an lvalue can read it without naming a member."""
    return place.type is not None and place.type.integer is not None


def _points_to_integer(argument: Expr) -> bool:
    match argument:
        case Addr():
            return _is_integer(argument.place)
        case Load():
            pointee = argument.place.type.pointee() if argument.place.type is not None else None
            return pointee is not None and pointee.integer is not None
        case Cast():
            return _points_to_integer(argument.operand)
        case _:
            return False


def _put_back(transfer: Transfer, place: Place) -> Transfer:
    """``x->mask |= y``: what shared memory held is there still, and needs no way back to it."""
    target = transfer.target
    if target is None:
        return transfer
    below = transfer.move == "call" and target.place[0][0] == "d"  # a callee sees the same memory
    if not below and (transfer.move != "stay" or target.place != place):
        return transfer
    return replace(transfer, target=replace(target, loaded=True))
