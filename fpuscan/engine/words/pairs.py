"""Pairs of masks in one object of which one must be a subset of the other, wherever a function stores one of them.

By induction: whoever reads a pair may count on it (memory at the entry of a
function, behind a call), so every function that stores a member must leave the
pair whole. What a function cannot settle by itself is asked of its callers, which
may store the other member, or say what the arguments are. Globals hold what the
functions that store them leave there *together*: the definitions of one way
through such a function, so that a configuration half of one boot path and half of another is none.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, cast

from fpuscan.engine.functions.literals import compatible
from fpuscan.engine.unions import path_below
from fpuscan.engine.words.configurations import Configurations, globals_of
from fpuscan.engine.words.subsets import Fact, Lack, Missing, Subsets
from fpuscan.engine.words.symbolic_bits import Atom, Leaf, Mapped, Word, Words, definitions, parts
from fpuscan.engine.words.symbolic_values import Cell, SymbolicValues, memory_cell
from fpuscan.ir import EXIT, Addr, Assign, Call, Return, uncast
from fpuscan.model.rows import PlacePattern
from fpuscan.places import heap, is_fresh
from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.ir import LValue
    from fpuscan.model.rows import Subset
    from fpuscan.places import Place
    from fpuscan.program import Unit

__all__ = ["Broken", "Pairs"]

_MAX_CALLERS = 4  # from one caller to the next

Object = Cell  # the places of one object, as one pointer denotes them
Stores = tuple[tuple[int, ...], tuple[int, ...]]  # the nodes that store the part, and those that store the whole
Ends = dict[tuple[int, Object], tuple[tuple[int, Object], list[Lack]]]  # who tells of an end, and what is missing


class Broken(NamedTuple):
    """A pair that a function leaves broken.

    ``part_nodes`` and ``whole_nodes`` of ``function`` store the members of ``object``. ``ends`` are the
    functions at whose end the pair is broken, this one or those that call it, each with its own name of the object.
    ``local`` are the ways of the function on which it cannot settle the pair by itself, ``lacks`` those that are left
    when all is known; the origins of a local way are among those of its lacks.
    """

    row: Subset
    function: int
    object: Object
    part_nodes: tuple[int, ...]
    whole_nodes: tuple[int, ...]
    ends: tuple[tuple[int, Object], ...]
    local: tuple[Lack, ...]
    lacks: tuple[Lack, ...]


class Pairs:
    """Checks the pairs of one row of the model over a whole program."""

    def __init__(self, analysis: Analysis, row: Subset) -> None:
        self.analysis = analysis
        self.calls = analysis.calls
        self.row = row
        self.part, self.whole = (path_below(analysis, row.type, member) for member in (row.part, row.whole))
        self.always = (analysis.program.evaluate(row.always) or 0) if row.always else 0
        self._patterns = tuple(PlacePattern(row.type, member) for member in (row.part, row.whole))
        self._paired: dict[Place, bool] = {}
        self.values = SymbolicValues(analysis, self._is_paired, self._other)
        self.subsets = Subsets(self.values.words, self._facts_about, _can_hold_together)
        closure = analysis.calls.storing_closure((heap(row.type, None), self.part))
        self.globals = Configurations(self.values, self.subsets, closure)
        self._known: dict[Fact, Missing] = {}
        self._floor: Word | None = None

    @property
    def words(self) -> Words:
        """The maker of the words."""
        return self.values.words

    def broken(self) -> list[Broken]:
        """Every pair that is left broken, in order of path and position."""
        storers = {
            (function.id, target): stores
            for function in map(self.analysis.of, self._storing())
            for target, stores in self._objects(function).items()
        }
        if not any(whole for (_, target), (_, whole) in storers.items() if not _is_global(target)):
            return []  # nobody says what is in the whole, so nothing is missing from it
        ends: Ends = {}
        for key, stores in storers.items():
            for judged, there, lacks in self._judge(self.analysis.by_id(key[0]), key[1], ()):
                end = (judged, there)
                teller = ends[end][0] if end in ends else None
                # of those that store members of one object the one at whose end it is broken tells of it, then the
                # one that stores the part
                if teller is None or key == end or (teller != end and stores[0] and not storers[teller][0]):
                    ends[end] = (key, lacks)
        ends = self._told_once(ends, storers)
        telling = {key for key, _ in ends.values()}
        return [self._broken(key, stores, ends) for key, stores in storers.items() if key in telling]

    def _told_once(self, ends: Ends, storers: dict[tuple[int, Object], Stores]) -> Ends:
        """One object that a function makes is told of once, however far above its pair is seen to be broken."""
        tellers: dict[Object, tuple[int, Object]] = {}
        for (_, there), (teller, _) in ends.items():
            known = tellers.get(there)
            if all(is_fresh(root) for root, _ in there) and (
                known is None or (storers[teller][0] and not storers[known][0])
            ):
                tellers[there] = teller
        return {end: (teller, lacks) for end, (teller, lacks) in ends.items() if tellers.get(end[1], teller) == teller}

    def _broken(self, key: tuple[int, Object], stores: Stores, ends: Ends) -> Broken:
        number, target = key
        function = self.analysis.by_id(number)
        mine = {end: lacks for end, (teller, lacks) in ends.items() if teller == key}
        lacks = tuple(lack for each in mine.values() for lack in each)
        local = tuple(self.subsets.lacking(*self._words_at(function, EXIT, target)))
        return Broken(self.row, number, target, *stores, tuple(mine), local, lacks)

    def is_part(self, place: Place) -> bool:
        """Whether a place is the member that must be a subset."""
        return self._is_paired(place) and _ends(place, self.part)

    # ------------------------------------------------------------ stores

    def _is_paired(self, place: Place) -> bool:
        found = self._paired.get(place)
        if found is None:
            found = any(self.analysis.matches(pattern, place) for pattern in self._patterns)
            self._paired[place] = found
        return found

    def _other(self, place: Place) -> Place:
        """The other member of the pair that a place is in."""
        if not self._is_paired(place):
            return place
        root, path = place
        if _ends(place, self.part):
            return root, path[: -len(self.part)] + self.whole
        return root, path[: -len(self.whole)] + self.part

    def _storing(self) -> list[Unit]:
        found: dict[int, Unit] = {}
        for member in (self.part, self.whole):
            place = (heap(self.row.type, None), member)
            for unit in self.analysis.storers(place):
                if unit.is_function and self.calls.may_store(unit, place):
                    found[unit.id] = unit
        return sorted(found.values(), key=lambda unit: (unit.path, unit.start))

    def _objects(self, function: FunctionAnalysis) -> dict[Object, Stores]:
        """The objects of which a function stores a member, with the nodes that store the part and the whole."""
        found: dict[Object, tuple[list[int], list[int]]] = {}
        for node, lvalue in sorted(self._stored(function), key=itemgetter(0)):
            places = [(root, path) for root, path, _ in function.resolve(node, lvalue)]
            for number, member in enumerate((self.part, self.whole)):
                if places and all(self._is_paired(place) and place[1][-len(member) :] == member for place in places):
                    target = tuple((root, path[: -len(member)]) for root, path in places)
                    found.setdefault(target, ([], []))[number].append(node)
            if places and all(self._is_object(place) for place in places):
                for nodes in found.setdefault(tuple(places), ([], [])):
                    nodes.append(node)
        return {target: (tuple(part), tuple(whole)) for target, (part, whole) in found.items()}

    def _stored(self, function: FunctionAnalysis) -> Iterator[tuple[int, LValue]]:
        """What a function stores into, and numbers that calls store into by their addresses: ``cut(&x->m)``."""
        for node, store in function.memory_stores.items():
            yield node, store.target
        for node in function.calls:
            call = function.code[node]
            assert isinstance(call, Call)
            for argument in call.arguments:
                inner = uncast(argument)
                number = inner.place if isinstance(inner, Addr) else None
                if number is None or number.type is None or number.type.integer is None:
                    continue
                if any(
                    self.calls.may_write(function, node, (r, path)) for r, path, _ in function.resolve(node, number)
                ):
                    yield node, number

    def _is_object(self, place: Place) -> bool:
        ctype = self.analysis.place_type(place)
        return ctype is not None and ctype.base == self.row.type and not ctype.pointers and not ctype.arrays

    # ------------------------------------------------------------ what is known of pairs

    def _facts_about(self, leaves: list[Leaf]) -> list[Fact]:
        """A pair in memory is whole, a mask of the user ABI holds what its contract lets it hold, and every whole has
        what the row says that it always has.
        """  # noqa: D205
        found: list[Fact] = []
        for leaf in leaves:
            if not isinstance(leaf, Atom) or not isinstance(leaf.key, tuple) or leaf.key[0] != "memory":
                continue
            _, epoch, cell = leaf.key
            contract = self.analysis.values.contract(cell[0])
            if contract is not None:
                found.append((leaf, self.words.constant(contract)))
            if self.always and self._is_whole(leaf):
                found.append((self.words.constant(self.always), leaf))
            if all(self._is_paired(place) and _ends(place, self.part) for place in cell):
                other = tuple(map(self._other, cell))
                found.append((leaf, self.words.atom(("memory", epoch, other), unknown=leaf.unknown)))
        return found

    # ------------------------------------------------------------ judging

    def _words_at(self, function: FunctionAnalysis, node: int, target: Object) -> tuple[Word, Word]:
        words = self.values.of(function)
        part, whole = (
            words.read(node, tuple((root, (*path, *member)) for root, path in target))
            for member in (self.part, self.whole)
        )
        if all(is_fresh(root) for root, _ in target):
            marks = self._publications(function, target)
            if marks:  # what nobody else ever finds is no object
                found = words.passed(node, marks)
                part = self.words.gate("&", part, found)
                whole = self.words.gate("|", whole, self.words.inverse(found))
        return part, whole

    def _publications(self, function: FunctionAnalysis, target: Object) -> frozenset[int]:
        """The nodes that store a pointer to a fresh object where others find it; one that is freed is nobody's."""
        found = set()
        roots = {root for root, _ in target}
        for node, instruction in enumerate(function.code):
            match instruction:
                case Assign() if node in function.memory_stores:
                    value = instruction.value
                case Return() if instruction.value is not None:
                    value = instruction.value
                case _:
                    continue
            if any(root in roots for root, _, _ in function.targets(node, value)[0]):
                found.add(node)
        return frozenset(found)

    def _settled(self, lacks: list[Lack]) -> list[Lack]:
        """The ways on which something is missing where globals hold what the program stores into them."""
        found: dict[Fact, Lack] = {}
        for lack in lacks:
            pair = self._anonymous(lack)
            missing = self._known.get(pair)
            if missing is None:
                alike = lack._replace(part=pair[0], whole=pair[1])
                missing = self.globals.missing(alike, self._floors(alike))
                self._known[pair] = missing
            if missing.possible:
                found.setdefault((lack.part, lack.whole), lack._replace(missing=missing))
        return list(found.values())

    def _anonymous(self, lack: Lack) -> Fact:
        """The words of a way, with numbers for times and for the definitions of which nothing is known: two ways that
        differ in nothing else are decided once.
        """  # noqa: D205
        numbers: dict[Hashable, int] = {}

        def number(atom: Atom) -> Word | None:
            known = not atom.unknown or globals_of(atom) or self._is_whole(atom) or self._facts_about([atom])
            if not known:
                key: tuple[Hashable, ...] = ("unknown", numbers.setdefault(atom, len(numbers)))
            elif isinstance(atom.key, tuple) and atom.key[0] == "memory" and atom.key[1] != ():
                _, time, cell = atom.key
                key = ("memory", ("time", numbers.setdefault(time, len(numbers))), cell)
            else:
                return None
            return self.words.atom(key, unknown=atom.unknown, free=atom.free)

        rename = self.words.mapping(Mapped(atom=number))
        return rename(lack.part), rename(lack.whole)

    def _floors(self, lack: Lack) -> list[Fact]:
        """What every object has: all that is put into the whole of any is a superset of the floor."""
        wholes = [leaf for leaf in definitions(lack.whole) if self._is_whole(leaf)]
        return [(self.floor(), leaf) for leaf in wholes]

    def _is_whole(self, leaf: Leaf) -> bool:
        cell = leaf.key[2] if isinstance(leaf, Atom) and isinstance(leaf.key, tuple) and leaf.key[0] == "memory" else ()
        return bool(cell) and all(self._is_paired(place) and _ends(place, self.whole) for place in cell)

    def floor(self) -> Word:
        """The bits that the whole of every object has, in terms of globals; zero where some function may take more."""
        if self._floor is None:
            self._floor = self.words.constant(0)  # while it is looked for
            self._floor = self._find_floor()
        return self._floor

    def _find_floor(self) -> Word:
        everything = self.words.constant(WORD)
        floor, based = everything, False
        others = []
        for unit in self._storing():
            function = self.analysis.of(unit)
            for target, (_, stores) in self._objects(function).items():
                if not stores or _is_global(target):
                    continue
                _, whole = self._words_at(function, EXIT, target)
                for way in self.subsets.lacking(everything, whole):
                    leaves = definitions(way.whole)
                    if all(globals_of(leaf) for leaf in leaves):
                        floor, based = self.words.gate("&", floor, way.whole), True
                    else:
                        others.append((way.whole, [leaf for leaf in leaves if self._is_whole(leaf)]))
        kept = not any(self.subsets.lacking(floor, whole, [(floor, one) for one in wholes]) for whole, wholes in others)
        return floor if based and kept else self.words.constant(0)

    def _judge(
        self, function: FunctionAnalysis, target: Object, above: tuple[int, ...]
    ) -> Iterator[tuple[int, Object, list[Lack]]]:
        """The ends at which the pair of an object is broken: (function, object there, lacks)."""
        part, whole = self._words_at(function, EXIT, target)
        lacks = self._settled(self.subsets.lacking(part, whole))
        if lacks:
            yield from self._ask_callers(function, target, lacks, (*above, function.id))

    def _ask_callers(
        self, function: FunctionAnalysis, target: Object, lacks: list[Lack], above: tuple[int, ...]
    ) -> Iterator[tuple[int, Object, list[Lack]]]:
        given = any(root[0] in {"d", "p"} for root, _ in target)
        sites = [site for site in self.calls.callers(function.unit) if site[0] not in above]
        depends = given or any(_depends_on_call(lack, function.id) for lack in lacks)
        if not sites or not depends or len(above) > _MAX_CALLERS:
            yield function.id, target, lacks
            return
        for site in sites:
            caller = self.analysis.by_id(site[0])
            if given:
                there = self._objects_at(caller, site[1], function, target)
                if not there:
                    yield function.id, target, lacks
                for one in there:
                    yield from self._judge(caller, one, above)
                continue
            inside = self._in_caller(caller, site[1], function, lacks)
            if inside:
                yield from self._ask_callers(caller, target, inside, (*above, caller.id))

    def _objects_at(
        self, caller: FunctionAnalysis, node: int, function: FunctionAnalysis, target: Object
    ) -> list[Object]:
        """The caller's objects behind a parameter of its callee; none where what the callee does to one is not seen."""
        found: dict[Object, None] = {}
        for root, path in target:
            if root[0] != "d":
                return []
            for there, below, _ in self.calls.actual_places(caller, node, root, path):
                for member in (self.part, self.whole):
                    if len(self.calls.inward(caller, node, function.unit, (there, (*below, *member)))) != 1:
                        return []
                found[((there, below),)] = None
        return list(found)

    def _in_caller(
        self, caller: FunctionAnalysis, node: int, function: FunctionAnalysis, lacks: list[Lack]
    ) -> list[Lack]:
        """What is missing where a caller says what the arguments are."""
        held = caller.entry_guards().get(node)
        into = self.values.of(caller).from_callee(node, function)
        found: list[Lack] = []
        for lack in lacks:
            outward = self.calls.guards_outward(caller, node, function, cast("Guards", lack.ways))
            if held is None or outward is None or not compatible(held, outward):
                continue
            inside = self.subsets.lacking(into(lack.part), into(lack.whole))
            found += [one._replace(origins=(*lack.origins, *one.origins)) for one in self._settled(inside)]
        return found


def _can_hold_together(first: frozenset[object], second: frozenset[object]) -> bool:
    return compatible(cast("Guards", first), cast("Guards", second))


def _is_global(target: Object) -> bool:
    return any(root[0] == "g" for root, _ in target)


def _ends(place: Place, member: tuple[str, ...]) -> bool:
    return place[1][-len(member) :] == member


def _depends_on_call(lack: Lack, function: int) -> bool:
    """Whether the words of a way depend on what a caller says."""
    for word in parts((lack.part, lack.whole)):
        if isinstance(word, Atom) and isinstance(word.key, tuple):
            if word.key[:2] == ("parameter", function):
                return True
            cell = memory_cell(word)
            if cell is not None and any(root[0] == "d" and root[1] == function for root, _ in cell):
                return True
    return False
