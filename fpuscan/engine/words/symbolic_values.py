"""The words of :mod:`fpuscan.engine.words.symbolic_bits` that places of a program hold.

A value is followed back from where it is read: through the one definition that
reaches it, to a :class:`Choice` where ways meet (the static single assignment form
of Braun et al. 2013, on demand), into a callee that leaves it, out to the
arguments where a callee's value is asked for by its caller. What comes from outside the function stays a definition:
its parameters, and memory as it was at the entry.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, cast

from fpuscan.engine.functions.literals import NOTHING
from fpuscan.engine.words.symbolic_bits import (
    ALWAYS,
    Atom,
    Choice,
    Constant,
    Mapped,
    Option,
    Word,
    Words,
    settle,
    settled,
)
from fpuscan.ir import ENTRY, EXIT, Assign, Binary, Call, Cast, Const, Load, Opaque, Return, Unary
from fpuscan.places import is_fresh, overlap, reinterpreted
from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.calls import CallSite
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards, Literal
    from fpuscan.ir import Expr
    from fpuscan.places import Guarded, Place, Root
    from fpuscan.program import Unit

__all__ = ["Cell", "FunctionWords", "SymbolicValues", "memory_cell"]

Cell = tuple["Place", ...]  # the places that one pointer may denote; nearly always a single one
_MAX_CALLS = 5
_MAX_LOOKED = 1000  # callees that are looked into for one call; functions that all call each other have more
_MAX_READS = 3_000  # of one scan; a real tree has two hundred
_MAX_NESTED = 60  # reads inside reads, each about ten calls deep; a function that needs more is not followed
_GATES = frozenset("&|^")


def memory_cell(word: object) -> Cell | None:
    """The cell whose content at the entry of a function an atom is, None for other atoms."""
    if isinstance(word, Atom) and isinstance(word.key, tuple) and word.key[:2] == ("memory", ()):
        return cast("Cell", word.key[2])
    return None


class SymbolicValues:
    """The words of all functions. ``is_paired`` says which places are members of a pair, ``other`` what is the other
    member (the place itself where it is none).
    """  # noqa: D205

    def __init__(self, analysis: Analysis, is_paired: Callable[[Place], bool], other: Callable[[Place], Place]) -> None:
        self.analysis = analysis
        self.words = Words()
        self.is_paired = is_paired
        self.other = other
        self.entered: list[int] = []  # the callees that are being looked into
        self.nested = 0
        self.reads = 0
        self.cuts = 0
        self.looked = 0  # callees behind the outermost call
        self._functions: dict[int, FunctionWords] = {}

    def of(self, function: FunctionAnalysis) -> FunctionWords:
        """The words of one function."""
        found = self._functions.get(function.id)
        if found is None:
            found = FunctionWords(self, function)
            self._functions[function.id] = found
        return found


class FunctionWords:
    """What the places of one function hold, in terms of its parameters and of memory at its entry."""

    def __init__(self, values: SymbolicValues, function: FunctionAnalysis) -> None:
        self.values = values
        self.words = values.words
        self.function = function
        self.analysis = values.analysis
        self.calls = values.analysis.calls
        self.id = function.id
        self._read: dict[tuple[int, Cell], Word] = {}
        self._read_inside: dict[tuple[frozenset[int], tuple[int, Cell]], Word] = {}  # by the functions around
        self._marks: dict[Cell, frozenset[int]] = {}
        self._made: list[Choice] = []
        self._unfinished = 0
        self._callers: dict[tuple[int, int], Callable[[Word], Word]] = {}

    # ------------------------------------------------------------ places

    def read(self, node: int, cell: Cell) -> Word:
        """The word in a cell in front of a node."""
        key = (node, cell)
        around = frozenset(self.values.entered)
        found = self._read.get(key)
        if found is None and (around, key) in self._read_inside:
            found = self._read_inside[around, key]
            self.values.cuts += 1  # what reads it may be more elsewhere, too
        if found is None:
            if self.values.nested > _MAX_NESTED or self.values.reads > _MAX_READS:
                return self._unclear(node, cell)
            self.values.nested += 1
            self.values.reads += 1
            cuts = self.values.cuts
            try:
                found = self._read_anew(node, cell)
            finally:
                self.values.nested -= 1
            if cuts == self.values.cuts or not self.values.entered:
                self._read[key] = found
            else:
                self._read.pop(key, None)  # elsewhere more of it may be known
                self._read_inside[around, key] = found
        return settled(found)

    def passed(self, node: int, marks: frozenset[int]) -> Word:
        """All bits where one of the marked nodes was passed on the way to a node, else none."""
        cell: Cell = ((("mark", marks), ()),)
        self._marks[cell] = marks
        return self.read(node, cell)

    def load(self, node: int, places: Iterable[Guarded]) -> Word:
        """The word that a pointer reads: one place, several of one pair as a whole, or one of several."""
        found = list(dict.fromkeys(places))
        if not found:
            return self._unclear(node, "nothing")
        cell: Cell = tuple((root, path) for root, path, _ in found)
        if len(cell) == 1 or (all(map(self.values.is_paired, cell)) and not any(root[0] == "g" for root, _ in cell)):
            return self.read(node, cell)
        point = ("of", self.id, tuple((root, path[:-1]) for root, path in cell))
        return self.words.choice(
            point, [Option(self.read(node, ((root, path),)), guards) for root, path, guards in found]
        )

    def _read_anew(self, node: int, cell: Cell) -> Word:
        if node == ENTRY:
            return self._at_entry(cell)
        sources = self._sources(node, cell)
        if sources == {ENTRY}:
            return self._at_entry(cell)
        if len(sources) == 1 and cell not in self._marks:
            return self._behind(next(iter(sources)), cell)
        current = node
        for _ in self.function.code:
            before = self.function.facts.pred[current]
            if current == ENTRY:
                return self._at_entry(cell)
            if len(before) != 1:
                return self._joined(current, cell, sources)
            if before[0] in sources - {ENTRY}:
                return self._behind(before[0], cell)
            current = before[0]
        return self._unclear(node, cell)

    def _sources(self, node: int, cell: Cell) -> frozenset[int]:
        marks = self._marks.get(cell)
        if marks is not None:
            return marks | {ENTRY}
        found = frozenset().union(*(self.function.reaching(node, place) for place in cell))
        others = frozenset().union(*(self.function.reaching(node, self.values.other(place)) for place in cell))
        calls = {number for number in others - found if isinstance(self.function.code[number], Call)}
        return found | calls  # a call that may change one of a pair may change both

    def _joined(self, node: int, cell: Cell, sources: frozenset[int]) -> Word:
        known = self._read.get((node, cell))
        if known is not None:
            return known
        choice = Choice((self.id, node))
        self._read[node, cell] = choice  # a loop comes back to it
        self._made.append(choice)
        self._unfinished += 1
        before = self.function.facts.pred[node]
        options = []
        for number in before:
            word = self._behind(number, cell) if number in sources - {ENTRY} else self.read(number, cell)
            options.append(Option(word, self._ways(number, node), (self.id, number)))
        choice.options = tuple(options)
        self._unfinished -= 1
        if not self._unfinished:  # loops are seen when all choices have their options
            made, self._made = self._made, []
            settle(made)
        return choice

    def _ways(self, node: int, target: int) -> Guards | None:
        """The conditions of a step between two nodes."""
        held = self.function.entry_guards().get(node)
        if held is None:
            return NOTHING if node == ENTRY else None
        edges = [edge for edge in self.function.facts.succ[node] if edge.target == target]
        return held | self.function.edge_literals(node, edges[0]) if len(edges) == 1 else held

    def _at_entry(self, cell: Cell) -> Word:
        (root, path), *more = cell
        if cell in self._marks or (is_fresh(root) and not more):
            return self.words.constant(0)  # nothing is in a fresh object that anybody may count on
        if root[0] == "p" and not path:
            return self.words.atom(("parameter", self.id, root[2]), free=True)
        if root[0] == "v":  # nobody has set it
            return self.words.atom(("local", cell), unknown=True)
        if root[0] in {"p", "r"}:
            return self.words.atom(("local", cell), free=True)
        followed = root[0] == "g" and not more and self.analysis.of_interest(cell[0])
        return self.words.atom(("memory", (), cell), unknown=not followed and not all(map(self.values.is_paired, cell)))

    def _unclear(self, node: int, what: Hashable) -> Word:
        return self.words.atom(("unclear", self.id, node, what), unknown=True)

    # ------------------------------------------------------------ definitions

    def _behind(self, node: int, cell: Cell) -> Word:
        """The word in a cell behind a node that may define it."""
        if cell in self._marks:
            return self.words.constant(WORD)
        instruction = self.function.code[node]
        match instruction:
            case Assign():
                return self._assigned(node, instruction, cell)
            case Call():
                return self._called(node, instruction, cell)
            case _:
                return self._unclear(node, cell)

    def _assigned(self, node: int, instruction: Assign, cell: Cell) -> Word:
        targets = self.function.resolve(node, instruction.target)
        below = _below(tuple((root, path) for root, path, _ in targets), cell)
        if below is not None and not instruction.weak:
            return self._stored(node, instruction, below)
        for root, path, guards in targets:
            if len(cell) == 1 and overlap((root, path), cell[0]) and len(path) <= len(cell[0][1]):
                if len(targets) > 1 and (not guards or node in self.function.circular):
                    before, either = self.read(node, cell), self._unclear(node, cell)
                    return self.words.operation("either", (before, either))  # which of them is stored nothing here says
                below = cell[0][1][len(path) :]
                seen = reinterpreted(path, cell[0][1])
                stored = self._unclear(node, cell) if seen else self._stored(node, instruction, below)
                options = [Option(stored, guards), Option(self.read(node, cell))]
                return self.words.choice(("maybe", self.id, node), options)
        return self._unclear(node, cell)

    def _stored(self, node: int, instruction: Assign, below: tuple[str, ...]) -> Word:
        if not below:
            return self.value(node, instruction.value)
        value = instruction.value
        if isinstance(value, Load):
            places = self.function.resolve(node, value.place)
            return self.load(node, [(root, (*path, *below), guards) for root, path, guards in places])
        if isinstance(value, Const) and value.value == 0:
            return self.words.constant(0)
        return self._unclear(node, below)

    def value(self, node: int, expr: Expr) -> Word:
        """The word of an expression at a node."""
        match expr:
            case Const():
                return self._unclear(node, id(expr)) if expr.value is None else self.words.constant(expr.value)
            case Cast():
                inner = self.value(node, expr.operand)
                if expr.bits == 1:
                    return self.words.operation("bool", (inner,))
                low = (1 << expr.bits) - 1 if 1 < expr.bits < 64 else WORD
                return self.words.gate("&", inner, self.words.constant(low))
            case Unary() if expr.op == "~":
                return self.words.inverse(self.value(node, expr.operand))
            case Unary():
                return self.words.operation(expr.op, (self.value(node, expr.operand),))
            case Binary():
                left, right = self.value(node, expr.left), self.value(node, expr.right)
                if expr.op in _GATES:
                    return self.words.gate(expr.op, left, right)
                return self.words.operation(expr.op, (left, right))
            case Load():
                return self.load(node, self.function.resolve(node, expr.place))
            case Opaque() if not expr.operands:  # what the CPU says, or user space
                return self.words.atom(("outside", self.id, node, id(expr)), free=True)
            case _:
                return self._unclear(node, id(expr))

    # ------------------------------------------------------------ calls

    def _called(self, node: int, call: Call, cell: Cell) -> Word:
        is_result = call.result is not None and cell == ((("v", self.id, call.result.key), ()),)
        callees = self.calls.callees(self.function, node)
        if callees and not is_result and all(self._spares(node, unit, cell) for unit in callees):
            return self.read(node, cell)
        options = []
        for unit in callees:
            word = self._left_by(node, unit, cell, is_result=is_result)
            if word is None:
                return self._changed(node, cell)
            options.append(Option(word, ALWAYS, None))
        if options:
            return self.words.choice(("callee", self.id, node), options)
        if cell[0][0][0] in {"v", "p"}:
            if is_result and not all(isinstance(each, Const) for each in call.arguments):
                return self._unclear(node, cell)  # made of what it is given
            return self.words.atom(("outside", self.id, node, cell), free=True)
        return self._changed(node, cell)

    def _spares(self, node: int, unit: Unit, cell: Cell) -> bool:
        """Whether a callee stores what a cell is a member of into nothing but objects that the caller has just made."""
        if not all(map(self.values.is_paired, cell)) or any(is_fresh(root) or root[0] == "g" for root, _ in cell):
            return False
        callee = self.analysis.of(unit)
        closure = self.calls.storing_closure(cell[0]) | self.calls.storing_closure(self.values.other(cell[0]))
        if unit.id not in closure and not any(self.calls.inward(self.function, node, unit, place) for place in cell):
            return True  # it gets the address of the other member only
        if any(inner.id in closure for number in callee.calls for inner in self.calls.callees(callee, number)):
            return False
        return all(
            is_fresh(root)
            for number in callee.memory_stores
            if isinstance(instruction := callee.code[number], Assign)
            for place in callee.resolve(number, instruction.target)
            for root in self._may_hold(node, place[:2])
        )

    def _may_hold(self, node: int, place: Place) -> list[Root]:
        """The caller's objects that a store of a callee goes to, if it stores members of a pair."""
        root, path = place
        ctype = self.analysis.place_type(place)
        if not self.values.is_paired(place) and (ctype is None or not ctype.is_struct):
            lent = self.calls.actual_places(self.function, node, root, path) if root[0] == "d" and not path else ()
            return [there for there, below, _ in lent if self.values.is_paired((there, below))]
        if root[0] != "d":
            return [root]
        return [there for there, _, _ in self.calls.actual_places(self.function, node, root, path)] or [root]

    def _left_by(self, node: int, unit: Unit, cell: Cell, *, is_result: bool) -> Word | None:
        """What a callee returns, or leaves in a cell; None where that is not known."""
        entered = self.values.entered
        self.values.looked = self.values.looked + 1 if entered else 0
        too_many = len(entered) >= _MAX_CALLS or self.values.looked > _MAX_LOOKED
        if unit.id in entered or too_many or len(cell) > 1:
            self.values.cuts += 1
            return None
        callee = self.analysis.of(unit)
        inner = [cell[0]]
        if not is_result and (cell[0][0][0] != "g" or self.analysis.is_lent(cell[0][0])):
            inner = self.calls.inward(self.function, node, unit, cell[0])
        if len(inner) != 1:
            return None
        entered.append(unit.id)
        try:
            words = self.values.of(callee)
            found = words.returned() if is_result else words.read(EXIT, (inner[0],))
            return self.from_callee(node, callee)(found)
        finally:
            entered.pop()

    def returned(self) -> Word:
        """The word that the function returns."""
        options = []
        for node in self.function.facts.pred[EXIT]:
            instruction = self.function.code[node]
            known = isinstance(instruction, Return) and instruction.value is not None
            word = self.value(node, cast("Expr", cast("Return", instruction).value)) if known else None
            options.append(Option(word or self._unclear(node, "return"), self._ways(node, EXIT), (self.id, node)))
        return self.words.choice((self.id, EXIT), options) if options else self._unclear(EXIT, "return")

    def _changed(self, node: int, cell: Cell) -> Word:
        """What a call that may change a cell leaves there: a pair that was whole is taken to be whole again."""
        before = self.read(node, cell)
        kept = isinstance(before, Atom) and not before.unknown and _is_memory(before, cell)
        if kept and all(map(self.values.is_paired, cell)):
            return self.words.atom(("memory", (self.id, node), cell))
        return self.words.atom(("memory", (self.id, node), cell), unknown=True)

    # ------------------------------------------------------------ in the words of a caller

    def from_callee(self, node: int, callee: FunctionAnalysis) -> Callable[[Word], Word]:
        """A function that puts a callee's words into this function's, as a call finds and leaves them."""
        key = (node, callee.id)
        found = self._callers.get(key)
        if found is None:
            site = (self.id, node)
            mapped = Mapped(
                atom=lambda atom: self._outer(node, callee, atom),
                point=lambda point: (site, point),
                ways=lambda ways: self._outer_ways(node, callee, ways),
            )
            found = self.words.mapping(mapped)
            self._callers[key] = found
        return found

    def _outer_ways(
        self, node: int, callee: FunctionAnalysis, ways: frozenset[Hashable] | None
    ) -> frozenset[Hashable] | None:
        if not ways:
            return ways
        if any(self._refutes(node, callee, literal) for literal in cast("Guards", ways)):
            return None
        return self.calls.guards_outward(self.function, node, callee, cast("Guards", ways))

    def _refutes(self, node: int, callee: FunctionAnalysis, literal: Literal) -> bool:
        """Whether the object that a callee is given has a flag that says otherwise."""
        key, operator, constant = literal
        if key[0] != "b" or key[1] != callee.id or key[2][0] != "d" or key[4] != {ENTRY} or operator not in {"=", "!"}:
            return False
        flag = self.load(node, self.calls.actual_places(self.function, node, key[2], key[3]))
        return isinstance(flag, Constant) and (flag.value == constant) is (operator == "!")

    def _outer(self, node: int, callee: FunctionAnalysis, atom: Atom) -> Word:
        key = cast("tuple[Hashable, ...]", atom.key)
        site: CallSite = (self.id, node)
        if key[:2] == ("parameter", callee.id):
            call = cast("Call", self.function.code[node])
            index = cast("int", key[2])
            if index < len(call.arguments):
                return self.value(node, call.arguments[index])
            return self._unclear(node, key)
        cell = memory_cell(atom)
        if cell is None and key[0] == "memory":
            return self.words.atom(("memory", (site, key[1]), key[2]), unknown=atom.unknown)
        if cell is None:
            return self.words.atom(("at", site, key), unknown=atom.unknown, free=atom.free)
        if all(root[0] == "d" and root[1] == callee.id for root, _ in cell):
            return self.load(
                node,
                [place for root, path in cell for place in self.calls.actual_places(self.function, node, root, path)],
            )
        if len(cell) == 1 and cell[0][0][0] == "g":
            return self.read(node, cell)
        return self.words.atom(("memory", (site, key[1]), cell), unknown=atom.unknown)


def _is_memory(atom: Atom, cell: Cell) -> bool:
    return isinstance(atom.key, tuple) and atom.key[0] == "memory" and atom.key[2] == cell


def _below(targets: Cell, cell: Cell) -> tuple[str, ...] | None:
    """What of a cell lies below the targets of a store that overwrites it; None where the store may miss it."""
    if len(targets) != len(cell):
        return None
    found = {
        path[len(above) :] if other == root and path[: len(above)] == above and "[*]" not in above else None
        for (other, above), (root, path) in zip(targets, cell, strict=True)
    }
    return found.pop() if len(found) == 1 else None
