"""The def-use graph: nodes are definitions of places, edges say where a value goes next.

The graph grows on demand: :meth:`DefUseGraph.successors` gives the edges out of
a definition, computed from the facts of the one function it is in. Every edge
has its label (the operators on the way, the guards, the call or return, the
statement) and is kept in a networkx ``MultiDiGraph`` for the pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.functions.expressions import is_plain, pointer_type
from fpuscan.engine.functions.literals import NOTHING, compatible
from fpuscan.engine.functions.reads import FREEZE, Leaf, fitting
from fpuscan.engine.graph.call_edges import CallEdges
from fpuscan.engine.graph.edges import Definition, Transfer
from fpuscan.engine.graph.shared_memory import SharedMemory
from fpuscan.engine.layouts import is_view
from fpuscan.engine.unions import as_read
from fpuscan.ir import ENTRY, EXIT, Assign, Branch, Call, Load, Return
from fpuscan.places import anonymous, covers, is_fresh, overlap

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.engine.functions.reads import Operation
    from fpuscan.places import Place, Root
    from fpuscan.program import Unit

__all__ = ["DefUseGraph"]


class DefUseGraph:
    """Grows edges from definitions, and remembers them."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._successors: dict[tuple[Definition, Guards], tuple[Transfer, ...]] = {}
        self._is_read: dict[tuple[Definition, Guards], bool] = {}
        self.calls = CallEdges(analysis)
        self.shared = SharedMemory(analysis)
        self.definitions: dict[Definition, int] = {}
        self.edges: dict[tuple[int, int, str, str], Transfer] = {}

    def successors(self, definition: Definition, guards: Guards) -> tuple[Transfer, ...]:
        """Where the value of a definition goes next, on paths where ``guards`` hold."""
        key = (definition, guards)
        found = self._successors.get(key)
        if found is None:
            found = (
                self.shared.readers_of(definition.place)
                if definition.function < 0
                else tuple(self._grow(definition, guards))
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
            for leaf in function.leaves(node):
                found += self._read(function, node, leaf, place, held)
            if isinstance(instruction, Call):
                found += self.calls.memory(function, node, instruction, place, held)
                if not escapes and place[0][0] in {"g", "h"} and self.analysis.calls.may_read(function, node, place):
                    escapes = True
        if definition.loaded:
            found = [_put_back(transfer, place) for transfer in found]
        shared = place[0][0] in {"g", "h"} and not self.analysis.lent.is_confined(place[0])
        if escapes and shared and not definition.loaded and not _goes_to_user(function, definition):
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
        for node, store in function.memory_stores.items():
            if pointer_type(store.value) is None:
                continue
            if any(there[0] in {"g", "h", "d"} for there, _, _ in function.resolve(node, store.target)) and any(
                there == root for there, _, _ in function.targets(node, store.value)[0]
            ):
                found.append(node)
        return found

    def _suffixes(
        self, function: FunctionAnalysis, node: int, leaf: Leaf, place: Place, held: Guards
    ) -> list[tuple[tuple[str, ...], Guards, tuple[Operation, ...]]]:
        """The parts of ``place`` that a leaf reads: the path below the leaf, the guards of its place, and what that
        does to the bits.
        """  # noqa: D205
        expr = leaf.expr
        if not isinstance(expr, Load):
            return []
        found: dict[tuple[tuple[str, ...], Guards, tuple[Operation, ...]], None] = {}
        for root, path, guards in function.resolve(node, expr.place):
            if guards and not compatible(held, guards):
                continue
            displaced = function.is_displaced(expr.place, (root, path))
            moved = (FREEZE,) if displaced else as_read(self.analysis, place, (root, path))
            if moved is None:
                continue
            if is_view(path):
                rest = self.analysis.layouts.rest((root, path), place)
                if rest is not None:
                    found[rest, guards, moved] = None
            elif overlap((root, path), place):
                found[place[1][len(path) :], guards, moved] = None
            elif {root[0], place[0][0]} == {"g", "h"} and not is_fresh(root) and not is_fresh(place[0]):
                named = self.shared.as_named(
                    place, (root, path)
                )  # a global, and an object that a pointer to it may denote
                if named is not None:
                    found[named[1][len(path) :], guards, moved] = None
        return list(found)

    def _read(self, function: FunctionAnalysis, node: int, leaf: Leaf, place: Place, held: Guards) -> list[Transfer]:
        found: list[Transfer] = []
        for below, conditions, moved in self._suffixes(function, node, leaf, place, held):
            read = Leaf(leaf.expr, leaf.role, (*moved, *leaf.operations)) if moved else leaf
            found += self.use(function, node, read, below, held | conditions)
        return found

    def use(
        self, function: FunctionAnalysis, node: int, leaf: Leaf, below: tuple[str, ...], held: Guards
    ) -> list[Transfer]:
        """Where the value of a leaf (or its part ``below``) goes."""
        instruction = function.code[node]
        if below and isinstance(leaf.expr, Load) and is_plain(leaf.expr.place.type):
            below = ()  # a struct that is read as a number: by a cast, or as another member of a union
        if isinstance(instruction, Branch) and instruction.picks:
            return []  # what is taken goes on by itself
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
            return self.calls.argument(function, node, instruction, leaf, below, held)
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
            place = self.analysis.layouts.below((root, path), below)
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

    def is_read(self, definition: Definition, guards: Guards) -> bool:
        """Whether somebody may read a definition before it is overwritten; to mask it in place is no read."""
        key = (definition, guards)
        if key not in self._is_read:
            self._is_read[key] = self._find_read(definition, guards)
        return self._is_read[key]

    def _find_read(self, definition: Definition, guards: Guards) -> bool:
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
            read = any(self._suffixes(function, node, leaf, place, held) for leaf in function.leaves(node))
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
        if not behind or definition.node == ENTRY or definition.loaded or _goes_to_user(function, definition):
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
            root = anonymous(root, instance)
        return Transfer(Definition(-1, 0, (root, path)), "memory", "memory", (), NOTHING, function.id, definition.node)

    # ------------------------------------------------------------ sources

    def reads_of(self, unit: Unit) -> list[tuple[int, Leaf]]:
        """Every leaf of a function with its node."""
        function = self.analysis.of(unit)
        return [(node, leaf) for node in range(len(function.code)) for leaf in function.leaves(node)]


def _goes_to_user(function: FunctionAnalysis, definition: Definition) -> bool:
    """Whether a store is into memory of user space, where nobody in the kernel takes it for its own."""
    instruction = function.code[definition.node]
    return isinstance(instruction, Assign) and instruction.user


def _put_back(transfer: Transfer, place: Place) -> Transfer:
    """``x->mask |= y``: what shared memory held is there still, and needs no way back to it."""
    target = transfer.target
    if target is None:
        return transfer
    below = transfer.move == "call" and target.place[0][0] == "d"  # a callee sees the same memory
    if not below and (transfer.move != "stay" or target.place != place):
        return transfer
    return transfer._replace(target=target._replace(loaded=True))
