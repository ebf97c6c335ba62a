"""What a place of shared memory may contain, as far as its stores and the model say."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from fpuscan.engine.functions.literals import NOTHING, compatible
from fpuscan.engine.values.masks import Masks, lasting
from fpuscan.engine.values.stores import StoreIndex
from fpuscan.ir import EXIT, Assign, Call, Load
from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.calls import CallSite
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.ir import Expr
    from fpuscan.model.rows import Source
    from fpuscan.places import Place

__all__ = ["Content", "Contents"]


class Content(NamedTuple):
    """What a place may contain: ``bits`` (may), a kernel-format size, or something that cannot be evaluated."""

    bits: int = 0
    format: bool = False
    unknown: bool = False

    def join(self, other: Content) -> Content:
        """The content of either."""
        return Content(self.bits | other.bits, self.format or other.format, self.unknown or other.unknown)


class Contents(Masks):
    """The join over the stores of a place, memoised; sizes are evaluated by the class below it."""

    def __init__(self, analysis: Analysis) -> None:
        super().__init__(analysis)
        self._contents: dict[Place, Content] = {}
        self._rows: dict[Place, list[Source]] = {}
        self._filled: dict[tuple[str, Place], bool] = {}
        self._store_indexes: dict[int, StoreIndex] = {}
        self._telling = [
            row
            for row in analysis.model.sources
            if not row.function and not row.macro and (row.evaluated or row.format)
        ]
        self._bounding = [row for row in analysis.model.sources if row.bits and not row.evaluated]
        self._software = 0
        for name in analysis.model.masks.software_bits:
            self._software |= analysis.program.evaluate(name) or 0

    @abstractmethod
    def size(self, function: FunctionAnalysis, node: int, expr: Expr, context: tuple[CallSite, ...]) -> Content:
        """What a size comes from; added by ``sizes.py``."""

    @abstractmethod
    def size_of_place(
        self, function: FunctionAnalysis, node: int, place: Place, context: tuple[CallSite, ...]
    ) -> Content:
        """What the size in a place comes from; added by ``sizes.py``."""

    def is_mask_place(self, place: Place) -> bool:
        """Whether a place holds a 64-bit mask and no size."""
        ctype = self.analysis.place_type(place)
        return ctype is not None and ctype.base in {"u64", "__u64", "uint64_t", "unsigned long long"}

    def source_rows(self, place: Place) -> list[Source]:
        """The model's source rows that a place matches and that say something about what it holds."""
        found = self._rows.get(place)
        if found is None:
            found = [row for row in self._telling if self.analysis.matches(row.pattern, place)]
            self._rows[place] = found
        return found

    def declared(self, rows: list[Source]) -> Content:
        """What source rows say about the content."""
        bits = 0
        evaluate = self.analysis.program.evaluate
        for row in rows:
            limit = evaluate(row.limit) if row.limit else None
            for name in row.bits:
                bits |= (evaluate(name) or 0) & (WORD if limit is None else limit)
        return Content(bits, any(row.format for row in rows))

    def declared_of(self, place: Place, rows: Iterable[Source]) -> Content:
        """What rows say about a place; a guess counts only where no store into the global is known."""
        told = [row for row in rows if not row.guess]
        guessed = [row for row in rows if row.guess]
        if guessed and (place[0][0] != "g" or any(row.format for row in told) or not self._is_filled(place)):
            told += guessed
        return self.declared(told)

    def _is_filled(self, place: Place) -> bool:
        """Whether all that is stored into a place is known."""

        def known() -> bool:
            stored = self._stored(place)
            return stored is not None and not stored.unknown

        return self._fixpoint.apart(self._filled, ("filled", place), known, least=True, greatest=False)

    def declared_bound(self, place: Place) -> int | None:
        """The bits that a place may hold where a source row says so and its stores are not looked at."""
        rows = [row for row in self._bounding if self.analysis.matches(row.pattern, place)]
        return self.declared(rows).bits if rows else None

    def content(self, place: Place) -> Content:
        """What a place of shared memory may contain: the join over its stores, and what the model declares."""
        root, path = place
        if root[0] == "h":
            place = (("h", root[1], None, ""), path)
        elif root[0] == "d" and self.analysis.chain(place):
            tag, below = self.analysis.chain(place)[0]
            place = (("h", tag, None, ""), below)
        return self._fixpoint.apart(
            self._contents, place, lambda: self._content(place), Content(), Content(unknown=True)
        )

    def _content(self, place: Place) -> Content:
        contract = self.contract(place)
        if contract is not None:
            return Content(contract | self._beyond_contract(place))
        if self.comes_from_outside(place):
            return Content(unknown=True)
        declared, stored = self.declared_of(place, self.source_rows(place)), self._stored_content(place)
        if declared.bits:  # the model's word bounds what the stores do not show, and where a software flag can be
            bits = 0 if stored.unknown else stored.bits & (declared.bits | ~self._software)
            stored = Content(bits, stored.format)
        return declared.join(stored)

    def is_unchecked(self, place: Place) -> bool:
        """Whether a mask has a contract, and no rule looks at what is stored there."""
        return any(row.unchecked and self.analysis.matches(row.pattern, place) for row in self.analysis.model.contracts)

    def _beyond_contract(self, place: Place) -> int:
        """The bits that are stored into such a mask, whatever its contract says."""
        stored = self._stored_content(place) if self.is_unchecked(place) else Content()
        return 0 if stored.unknown else stored.bits

    def _stored_content(self, place: Place) -> Content:
        stored, declared = self._stored(place), self.declared(self.source_rows(place))
        if stored is None:
            return Content(unknown=not declared.format and not declared.bits)
        return stored

    def _stored(self, place: Place) -> Content | None:
        """The join over the stores into a place; None where there is none."""
        found: Content | None = None
        sought = self.analysis.sought(place)
        for unit in self.analysis.storers(place):
            if unit.is_function and not self.analysis.calls.may_store(unit, place):
                continue
            function = self.analysis.of(unit)
            for number in self._stores(function).into(sought):
                content = self._store(function, number, place)
                if content is None or (found is not None and found.join(content) == found):
                    continue
                if not unit.is_function or self._stays(function, number, place):  # an initialiser is never left
                    found = content if found is None else found.join(content)
        return found

    def _stores(self, function: FunctionAnalysis) -> StoreIndex:
        found = self._store_indexes.get(function.id)
        if found is None:
            found = StoreIndex(function.code)
            self._store_indexes[function.id] = found
        return found

    def _stays(self, function: FunctionAnalysis, number: int, place: Place) -> bool:
        """Whether somebody else can see what is stored: it reaches the exit, or a call that may read it."""
        instruction = function.code[number]
        assert isinstance(instruction, Assign)
        for root, path, _ in function.resolve(number, instruction.target):
            for node, _held in function.walk(number, (root, path), NOTHING):
                if node == EXIT:
                    return True
                if isinstance(function.code[node], Call) and self.analysis.calls.may_read(function, node, place):
                    return True
        return False

    def _store(self, function: FunctionAnalysis, number: int, place: Place) -> Content | None:

        instruction = function.code[number]
        assert isinstance(instruction, Assign)
        for root, path, when in function.resolve(number, instruction.target):
            target = (root, path)
            if not self.analysis.calls.same_memory(target, place):
                continue
            if root[0] == "g":
                below: tuple[str, ...] | None = place[1][len(path) :]
            else:
                below = self.analysis.calls.rest(place, target)
            if below is None:
                continue
            guards = lasting(function, when) if when else NOTHING
            return self._value_content(function, number, instruction.value, below, place, guards)
        return None

    def _value_content(
        self,
        function: FunctionAnalysis,
        number: int,
        value: Expr,
        below: tuple[str, ...],
        place: Place,
        guards: Guards,
    ) -> Content:
        if below:
            if isinstance(value, Load):
                found = Content()
                for root, path, when in function.resolve(number, value.place):
                    if compatible(guards, when):
                        source = (root, (*path, *below))
                        found = found.join(self._place_content(function, number, source, place, guards))
                return found
            return Content()
        if self.is_mask_place(place):
            mask = self.mask(function, number, value, (), guards)
            return Content(mask.may, unknown=mask.may == WORD)
        return self.size(function, number, value, ())

    def _place_content(
        self, function: FunctionAnalysis, node: int, source: Place, place: Place, guards: Guards
    ) -> Content:
        if self.is_mask_place(place):
            mask = self.place_mask(function, node, source, (), guards)
            return Content(mask.may, unknown=mask.may == WORD)
        return self.size_of_place(function, node, source, ())
