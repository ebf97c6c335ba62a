"""FPU302: the user features of an fpstate are no subset of its features.

The pair is a row of the model (``[[subset]]``); :mod:`fpuscan.engine.words.pairs` says
where a function leaves one broken. A bit that known definitions make missing is a
warning, an error where the row's severe mask holds it; what only an unknown value
could make missing is a note.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeGuard, cast

from fpuscan.engine.functions.literals import NOTHING, compatible
from fpuscan.engine.functions.reads import leaves
from fpuscan.engine.search.explain import Explainer
from fpuscan.engine.unions import path_below
from fpuscan.engine.words.configurations import globals_of
from fpuscan.engine.words.pairs import Broken, Pairs
from fpuscan.engine.words.subsets import union
from fpuscan.engine.words.symbolic_bits import Atom, Constant, definitions
from fpuscan.ir import EXIT, Load
from fpuscan.places import heap
from fpuscan.result import Consumer, Finding, Place, Related, Severity, Step, Surviving
from fpuscan.rules.crossing_rule import number
from fpuscan.rules.info import FPU302
from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.engine.words.pairs import Object
    from fpuscan.engine.words.subsets import Lack
    from fpuscan.engine.words.symbolic_bits import Word
    from fpuscan.model.rows import Subset
    from fpuscan.places import Place as EnginePlace
    from fpuscan.result import Location
    from fpuscan.xfeatures import FeatureBits

__all__ = ["find"]


def find(analysis: Analysis, bits: FeatureBits) -> list[Finding]:
    """The findings of all rows."""
    found = []
    for row in analysis.model.subsets:
        members = analysis.program.members(row.type)
        if members is not None and not members.keys() >= {member.partition(".")[0] for member in (row.part, row.whole)}:
            continue  # a tree that names them otherwise
        teller = _Teller(analysis, row, bits)
        for broken in teller.pairs.broken():
            found += teller.findings(broken)
    return number(found)


class _Side(NamedTuple):
    """The ways of a function on one side (or several alike), and what is missing there for certain and possibly;
    ``lacks`` are the ways in the words of the functions at whose end the pair is broken.
    """  # noqa: D205

    names: tuple[str, ...]
    ways: tuple[Lack, ...]
    lacks: tuple[Lack, ...]
    certain: int
    possible: int


class _Teller:
    """Turns the broken pairs of one row into findings."""

    def __init__(self, analysis: Analysis, row: Subset, bits: FeatureBits) -> None:
        self.analysis = analysis
        self.row = row
        self.bits = bits
        self.pairs = Pairs(analysis, row)
        self.explainer = Explainer(analysis)
        self.part, self.whole = f"{row.type}.{row.part}", f"{row.type}.{row.whole}"
        self.severe = (analysis.program.evaluate(row.severe) or 0) if row.severe else 0
        self.features = bits.features

    def findings(self, broken: Broken) -> list[Finding]:
        """One finding for a slip: the sides on which it does the same belong together."""
        alike: dict[tuple[object, ...], list[_Side]] = {}
        for side in self._sides(broken):
            has = self._has(side)
            alike.setdefault((side.certain, side.possible, tuple(has)), []).append(side)
        return [self._finding(broken, _together(sides)) for sides in alike.values()]

    def _sides(self, broken: Broken) -> list[_Side]:
        """The sides on which a pair is broken, in the order of their names."""
        sides: dict[str, tuple[dict[Lack, None], dict[Lack, None]]] = {}
        for lack in broken.lacks:
            for way in broken.local:
                if set(way.origins) <= set(lack.origins):
                    ways, lacks = sides.setdefault(self._side(broken, way, lack), ({}, {}))
                    ways[way] = lacks[lack] = None
        found = []
        for name, (ways, lacks) in sorted(sides.items()):
            certain, possible = union(lack.missing for lack in lacks)
            side = _Side((name,), tuple(ways), tuple(lacks), certain & self.features, possible & self.features)
            if side.possible:
                found.append(side)
        return found

    def _side(self, broken: Broken, way: Lack, lack: Lack) -> str:
        """By the conditions of the way, else by a flag of the object, else by the pointer it is named through."""
        node = (broken.part_nodes or broken.whole_nodes)[-1]
        places = (self.analysis.place_instance((root, (*path, self.row.part))) for root, path in broken.object)
        return (
            self.analysis.side_of(cast("Guards", way.ways), broken.function, node)
            or next(filter(None, map(self._side_at, lack.origins)), "")
            or self._flagged(broken)
            or next(filter(None, places), "host")
        )

    def _side_at(self, origin: Hashable) -> str:
        if origin is None:
            return ""
        number, node = cast("tuple[int, int]", origin)
        held = self.analysis.by_id(number).entry_guards().get(node)
        return self.analysis.side_of(held, number, node) if held else ""

    def _flagged(self, broken: Broken) -> str:
        """The side of objects that all carry a guest's flag."""
        for side in self.analysis.model.sides:
            if side.type == self.row.type and side.member:
                flags = [flag for end in broken.ends for flag in self._flags(broken, *end, side.member)]
                if all(isinstance(flag, Constant) and flag.value for flag in flags):
                    return "guest"
        return ""

    def _flags(self, broken: Broken, function: int, there: Object, member: str) -> list[Word]:
        """What a flag of the object is at the end of a function, on the ways on which the pair is broken."""
        words = self.pairs.values.of(self.analysis.by_id(function))
        origins = [cast("tuple[int, int] | None", origin) for lack in broken.lacks for origin in lack.origins]
        nodes = {origin[1] for origin in origins if origin is not None and origin[0] == function} or {EXIT}
        flag = path_below(self.analysis, self.row.type, member)
        cell = tuple((root, (*path, *flag)) for root, path in there)
        return [words.read(node, cell) for node in sorted(nodes)]

    # ------------------------------------------------------------ the parts of a finding

    def _finding(self, broken: Broken, side: _Side) -> Finding:
        node = (broken.part_nodes or broken.whole_nodes)[-1]
        stored = self.part if broken.part_nodes else self.whole
        location = self.explainer.location(broken.function, node)
        severity = Severity.NOTE
        if side.certain:
            severity = Severity.ERROR if side.certain & self.severe else Severity.WARNING
        mask = side.certain
        has = self._has(side)
        lacks = self._defined(way.whole for way in side.ways)
        crossing = Step(
            stored,
            location,
            "assign",
            self.explainer.text(broken.function, node),
            mask,
            guard=self.explainer.guard_text(frozenset.intersection(*(cast("Guards", way.ways) for way in side.ways))),
            crossing=True,
        )
        origins = has or [(self._operand(side), location, self.explainer.text(broken.function, node))]
        kinds = ["source", *["assign"] * (len(origins) - 1)]
        before = [Step(name, at, kind, text, mask) for kind, (name, at, text) in zip(kinds, origins, strict=True)]
        return Finding(
            rule=FPU302.id,
            slug=FPU302.slug,
            severity=severity,
            message=self._message(side, severity, [name for name, _, _ in has], [name for name, _, _ in lacks]),
            fingerprint="",
            location=location,
            source=Place(before[0].place, before[0].location),
            sink=Place(stored, location, "features"),
            surviving=Surviving(mask, self.bits.name_bits(mask), unknown=severity is Severity.NOTE),
            side="host" if "host" in side.names else side.names[0],
            trace=(*before, crossing),
            fix=FPU302.how_to_fix,
            consumers=self._consumers(),
            related=self._related(broken, side, lacks),
            statement=self.explainer.text(broken.function, node),
        )

    def _has(self, side: _Side) -> list[tuple[str, Location, str]]:
        """Where the bits of the part come from, as the function says that stores it, else those that call it."""
        bits = side.certain or side.possible
        parts = ([way.part for way in ways] for ways in (side.ways, side.lacks))
        return next(filter(None, (self._defined(words, bits) for words in parts)), [])

    def _defined(self, words: Iterable[Word], bits: int = WORD) -> list[tuple[str, Location, str]]:
        """Where the globals that some bits of words depend on are defined: name, place and statement, in order."""
        places: dict[EnginePlace, None] = {}
        for word in words:
            places.update(dict.fromkeys(globals_of(word, bits)))
        return [
            (self.analysis.describe(place), self.explainer.location(*where), self.explainer.text(*where))
            for place in places
            for where in self.pairs.globals.definitions_of(place)
        ]

    def _operand(self, side: _Side) -> str:
        """What the part is made of, where no definition of a global is known: a global before other memory.

        A local, memory of no known type and a name that no header read declares tell nobody anything.
        """
        leaves = (leaf for way in (*side.lacks, *side.ways) for leaf in definitions(way.part))
        places = [leaf.key[2][0] for leaf in leaves if isinstance(leaf, Atom) and _is_memory(leaf.key)]
        named = [place for place in places if place[0][0] != "v" and self._is_typed(place)]
        named.sort(key=lambda place: place[0][0] != "g")
        return self.analysis.describe(named[0]) if named else self.part

    def _is_typed(self, place: EnginePlace) -> bool:
        ctype = self.analysis.root_type(place[0])
        return ctype is not None and ctype.base != "?"

    def _message(self, side: _Side, severity: Severity, has: list[str], lacks: list[str]) -> str:
        where = f"{' and '.join(side.names)} side{'s' * (len(side.names) > 1)}"
        known = f"{self.part} is a subset of {self.whole} ({where})"
        if severity is Severity.NOTE:
            return f"it cannot be decided whether {known}: a value is stored that cannot be evaluated"
        names = ", ".join(self.bits.name_bits(side.certain))
        why = ""
        if has and lacks and set(has) != set(lacks):
            what = "it" if side.certain.bit_count() == 1 else "them"
            why = f": {_list(has)} may hold {what}, {_list(lacks)} may not"
        severe = self.bits.name_bits(side.certain & self.severe)
        more = f"; {', '.join(severe)}: {self.row.severe_why}" if severe and self.row.severe_why else ""
        return f"{self.part} may hold {names}, which {self.whole} lacks ({where}){why}{more}"

    def _related(self, broken: Broken, side: _Side, lacks: list[tuple[str, Location, str]]) -> tuple[Related, ...]:
        """The other member of the pair, and where its features come from."""
        found = {Related("compared with", at, name) for name, at, _ in lacks}
        held = self.analysis.by_id(broken.function).entry_guards()
        for node in broken.whole_nodes if broken.part_nodes else ():
            ways = (cast("Guards", way.ways) for way in side.ways)
            if any(compatible(held.get(node, NOTHING), way) for way in ways):
                found.add(Related("compared with", self.explainer.location(broken.function, node), self.whole))
        return tuple(sorted(found))

    def _consumers(self) -> tuple[Consumer, ...]:
        """The code that hands the part to user space, each function at its first read."""
        place = (heap(self.row.type, None), self.pairs.part)
        kinds = {name: row.kind for row in self.analysis.model.consumers for name in row.functions}
        found = []
        for unit in self.analysis.readers(place):
            if unit.name not in kinds:
                continue
            function = self.analysis.of(unit)
            for node, instruction in enumerate(function.code):
                read = (leaf.expr for leaf in leaves(instruction) if isinstance(leaf.expr, Load))
                if any(
                    self.pairs.is_part((root, path))
                    for load in read
                    for root, path, _ in function.resolve(node, load.place)
                ):
                    found.append(Consumer(kinds[unit.name], self.explainer.location(function.id, node)))
                    break
        return tuple(sorted(found))


def _is_memory(key: object) -> TypeGuard[tuple[str, Hashable, Object]]:
    return isinstance(key, tuple) and key[0] == "memory"


def _together(sides: list[_Side]) -> _Side:
    """Sides on which the same is missing, as one."""
    names = tuple(name for side in sides for name in side.names)
    ways = tuple(dict.fromkeys(way for side in sides for way in side.ways))
    lacks = tuple(dict.fromkeys(lack for side in sides for lack in side.lacks))
    return sides[0]._replace(names=names, ways=ways, lacks=lacks)


def _list(names: list[str]) -> str:
    return ", ".join(dict.fromkeys(names))
