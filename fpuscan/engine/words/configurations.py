"""What globals hold together: the states in which functions leave them, and what is missing from a pair then.

A configuration is set by several stores. Half of the values of one boot path and
half of another is none, so the globals that a pair of masks depends on are taken as
one way through a function leaves them, all at once. By induction over the functions
that store them: before a function the pair was whole, as far as the globals are concerned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.words.subsets import Fact, Lack, Missing, Subsets, union
from fpuscan.engine.words.symbolic_bits import Atom, Constant, Gate, Mapped, Word, parts
from fpuscan.engine.words.symbolic_values import SymbolicValues, memory_cell
from fpuscan.ir import EXIT
from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from fpuscan.engine.calls import CallSite
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.places import Place
    from fpuscan.program import Unit

__all__ = ["Configurations", "globals_of"]

_MAX_CALLERS = 4  # from one caller to the next


def globals_of(word: Word, bits: int = WORD) -> tuple[Place, ...]:
    """The places of globals that some bits of a word depend on."""
    found = []
    for part in parts((word,), inside=lambda part: not _is_settled_by_constant(part, bits)):
        cell = memory_cell(part)
        if cell is not None and len(cell) == 1 and cell[0][0][0] == "g":
            found.append(cell[0])
    return tuple(dict.fromkeys(found))


def _is_settled_by_constant(word: Word, bits: int) -> bool:
    """Whether a constant operand alone says what some bits are: it sets them in ``|``, or clears them in ``&``."""
    if not isinstance(word, Gate) or word.op not in {"|", "&"}:
        return False
    constants = [side.value for side in (word.left, word.right) if isinstance(side, Constant)]
    return any((value if word.op == "|" else ~value) & bits == bits for value in constants)


def _places(lack: Lack, facts: list[Fact]) -> tuple[Place, ...]:
    words = (lack.part, lack.whole, *(word for fact in facts for word in fact))
    return tuple(dict.fromkeys(place for word in words for place in globals_of(word)))


class Configurations:
    """The states of globals. ``readers`` are the functions that read them, and all that call those."""

    def __init__(self, values: SymbolicValues, subsets: Subsets, readers: frozenset[int]) -> None:
        self.values = values
        self.words = values.words
        self.analysis = values.analysis
        self.calls = values.analysis.calls
        self.subsets = subsets
        self.readers = readers
        self._writers: dict[Place, tuple[Unit, ...]] = {}
        self._decided: dict[tuple[object, ...], list[Lack]] = {}

    def missing(self, lack: Lack, facts: list[Fact]) -> Missing:
        """What is missing on a way in any state of the globals; ``facts`` hold in each."""
        places = _places(lack, facts)
        if not places:
            return lack.missing
        written = {place: self.writers(place) for place in places}
        constant = {place: self._initial(place) for place, units in written.items() if not units}
        rest = self._in_state(lack, constant, facts, []) if constant else [lack]
        writers = {unit.id: unit for units in written.values() for unit in units}
        if not writers:
            return union(one.missing for one in rest)
        functions = [self.analysis.of(unit) for unit in writers.values()]
        return union(
            one.missing for each in rest for function in functions for one in self._after(function, each, facts, ())
        )

    def definitions_of(self, place: Place) -> list[CallSite]:
        """The stores into a global: (function, node) each."""
        found = []
        for unit in self.writers(place):
            function = self.analysis.of(unit)
            found += [
                (function.id, node)
                for node, store in function.memory_stores.items()
                if any(
                    place[0] == root and place[1][: len(path)] == path
                    for root, path, _ in function.resolve(node, store.target)
                )
            ]
        return found

    # ------------------------------------------------------------ who stores

    def writers(self, place: Place) -> tuple[Unit, ...]:
        """The functions that leave something in a global."""
        found = self._writers.get(place)
        if found is None:
            found = tuple(
                unit
                for unit in self.analysis.storers(place)
                if unit.is_function and self.calls.may_store(unit, place) and self._leaves(unit, place)
            )
            self._writers[place] = found
        return found

    def _leaves(self, unit: Unit, place: Place) -> bool:
        function = self.analysis.of(unit)
        if place[0][1] not in function.globals_named and not self._stores(function, place):
            return False  # what it calls may still do so, and is a writer of its own
        words = self.values.of(function)
        return any(memory_cell(words.read(node, (place,))) != (place,) for node in self._points(function, frozenset()))

    def _stores(self, function: FunctionAnalysis, place: Place) -> bool:
        """Whether a function stores into a global itself, through a pointer perhaps."""
        return any(
            root == place[0]
            for node, store in function.memory_stores.items()
            for root, _, _ in function.resolve(node, store.target)
        )

    def _initial(self, place: Place) -> Word:
        """What the initialiser of a global says, else zero."""
        for unit in self.analysis.storers(place):
            if not unit.is_function:
                word = self.values.of(self.analysis.of(unit)).read(EXIT, (place,))
                if memory_cell(word) != (place,):
                    return word
        return self.words.constant(0)

    def _points(self, function: FunctionAnalysis, without: frozenset[CallSite]) -> list[int]:
        """Where others see what a function has stored: at its end, and at calls of those who read it."""
        inside = [
            node
            for node in function.calls
            if (function.id, node) not in without
            and any(unit.id in self.readers for unit in self.calls.callees(function, node))
        ]
        return [EXIT, *inside]

    # ------------------------------------------------------------ states

    def _after(
        self,
        function: FunctionAnalysis,
        lack: Lack,
        facts: list[Fact],
        below: tuple[int, ...],
        without: frozenset[CallSite] = frozenset(),
    ) -> list[Lack]:
        """What is missing behind a function that stores; where its callers store the rest, behind those."""
        sites = [site for site in self.calls.callers(function.unit) if site[0] not in below]
        outermost = not sites or len(below) > _MAX_CALLERS
        words = self.values.of(function)
        # a pair that no global is in was not broken by a store into one
        earlier = [(lack.part, lack.whole)] if globals_of(lack.part) or globals_of(lack.whole) else []
        found: list[Lack] = []
        for node in self._points(function, without):
            state = {place: words.read(node, (place,)) for place in _places(lack, facts)}
            if any(memory_cell(word) != (place,) for place, word in state.items()):
                found += self._in_state(lack, state, facts, earlier, outermost=outermost)
        if outermost or not found:
            return found
        callers = map(self.analysis.by_id, dict.fromkeys(site[0] for site in sites))
        done = (*below, function.id)
        return [one for caller in callers for one in self._after(caller, lack, facts, done, frozenset(sites))]

    def _in_state(
        self,
        lack: Lack,
        state: dict[Place, Word],
        facts: list[Fact],
        before: list[Fact],
        *,
        outermost: bool = False,
    ) -> list[Lack]:
        """What is missing in a state of the globals; ``before`` is what held of them earlier.

        Behind the outermost function nothing is known of globals that are stored at some other time.
        """
        key = (lack.part, lack.whole, tuple(state.items()), tuple(facts), tuple(before), outermost)
        inside = self._decided.get(key)
        if inside is None:
            inside = self._decide(lack, state, facts, before, outermost=outermost)
            self._decided[key] = inside
        return [one._replace(ways=lack.ways, origins=(*lack.origins, *one.origins)) for one in inside]

    def _decide(
        self, lack: Lack, state: dict[Place, Word], facts: list[Fact], before: list[Fact], *, outermost: bool
    ) -> list[Lack]:
        """The ways on which the pair is broken with a state put in the place of the globals."""

        def instead(atom: Atom) -> Word | None:
            cell = memory_cell(atom)
            return state.get(cell[0]) if cell is not None and len(cell) == 1 else None

        put = self.words.mapping(Mapped(atom=instead))
        then = self.words.mapping(Mapped(atom=self._unknown if outermost else lambda atom: atom))
        now = [(then(put(smaller)), then(put(larger))) for smaller, larger in facts]
        earlier = [(then(smaller), then(larger)) for smaller, larger in before]
        return self.subsets.lacking(then(put(lack.part)), then(put(lack.whole)), [*now, *earlier])

    def _unknown(self, atom: Atom) -> Word:
        return self.words.atom(atom.key, unknown=True) if globals_of(atom) else atom
