"""The bits that cancel out where a value meets what was computed from it.

``m ^ (m & ~USER)`` and ``m & ~drop`` with ``drop = m & ~USER`` hold user bits only,
which may and must bits of each operand alone cannot say. Here an expression is a
word of :mod:`fpuscan.engine.words.symbolic_bits`, and a bit never shows if no assignment
of the definitions behind it sets it.

Nothing is taken for equal that may differ: memory counts only where one object is
meant for certain, and a value of an earlier pass of a loop is no value of this one.
"""

from __future__ import annotations

from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, cast

from fpuscan.conversions import WORD_BITS, integer_type, narrow
from fpuscan.engine.functions.literals import NOTHING, compatible
from fpuscan.engine.words.subsets import Subsets, union
from fpuscan.engine.words.symbolic_bits import Choice, Constant, Gate, Option, settled
from fpuscan.engine.words.symbolic_values import FunctionWords, SymbolicValues
from fpuscan.ir import ENTRY, Assign, Binary, Call, Cast, Const, Load, Opaque, Unary, Var
from fpuscan.places import is_several
from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fpuscan.conversions import IntegerType
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.calls import CallSite
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.engine.words.symbolic_bits import Word
    from fpuscan.engine.words.symbolic_values import Cell
    from fpuscan.ir import Expr
    from fpuscan.places import Guarded, Place
    from fpuscan.symbols.declarators import CType

__all__ = ["Cancellation"]

_GATES = frozenset("&|^")
_ONE_OBJECT = frozenset("vpdg")
_MAX_NESTED = 4  # choices among the options of one another


class Cancellation:
    """Which bits an expression never has, whatever the values behind it are."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._values = _ExactValues(analysis)
        self._never: dict[tuple[object, ...], int] = {}

    def never(
        self, function: FunctionAnalysis, node: int, expr: Expr, context: tuple[CallSite, ...], guards: Guards
    ) -> int:
        """The bits that an expression never has at a node where ``guards`` hold, in a function that was entered
        through these calls.
        """  # noqa: D205
        key = (function.id, node, id(expr), context, guards)
        found = self._never.get(key)
        if found is None:
            found = self._find(function, node, expr, context, guards)
            self._never[key] = found
        return found

    def is_bitwise(self, function: FunctionAnalysis, node: int, expr: Binary) -> bool:
        """Whether a difference borrows nothing, so that each of its bits depends on the bits at that place alone."""
        words = self._values.of(function)
        return self._values.is_subset(words.value(node, expr.right), words.value(node, expr.left))

    def _find(
        self, function: FunctionAnalysis, node: int, expr: Expr, context: tuple[CallSite, ...], guards: Guards
    ) -> int:
        word = self._values.of(function).value(node, expr)
        found = self._values.clear(word, guards)
        for caller, site in reversed(context):
            calling = self.analysis.by_id(caller)
            if found == WORD or function.unit not in self.analysis.calls.callees(calling, site):
                break
            word = self._values.of(calling).from_callee(site, function)(word)
            found |= self._values.clear(word)
            function = calling
        return found


class _ExactValues(SymbolicValues):
    """Words that are equal only where the values are."""

    def __init__(self, analysis: Analysis) -> None:
        super().__init__(analysis, lambda _: False, lambda place: place)
        self._subsets = Subsets(self.words, compatible=_can_hold_together)
        self._exact: dict[int, _ExactWords] = {}

    def of(self, function: FunctionAnalysis) -> _ExactWords:
        """The words of one function."""
        found = self._exact.get(function.id)
        if found is None:
            found = _ExactWords(self, function)
            self._exact[function.id] = found
        return found

    def is_subset(self, part: Word, whole: Word) -> bool:
        """Whether a word has no bit that another one lacks; False while that cannot be said."""
        if any(words.unfinished for words in self._exact.values()):
            return False
        return self.clear(self.words.gate("&", part, self.words.inverse(whole))) == WORD

    def clear(self, word: Word, guards: Guards = NOTHING) -> int:
        """The bits that a word never has on ways where ``guards`` hold."""
        lacks = self._subsets.lacking(word, self.words.constant(0))
        possible = (lack.missing for lack in lacks if compatible(guards, cast("Guards", lack.ways)))
        return WORD & ~union(possible).possible


class _ExactWords(FunctionWords):
    """What the places of one function hold, as C converts it on the way in."""

    def __init__(self, values: SymbolicValues, function: FunctionAnalysis) -> None:
        super().__init__(values, function)
        self._numbers = count()
        self._chosen: dict[tuple[int, int], Choice] = {}
        self._choosing = 0

    @cached_property
    def _loop_heads(self) -> frozenset[int]:
        """The nodes that control comes back to: behind them a value of another way may be that of an earlier pass."""
        succ = self.function.facts.succ
        found: set[int] = set()
        state: dict[int, bool] = {}  # True while a node is on the way
        for start in range(len(succ)):
            stack = [(start, iter(succ[start]))] if start not in state else []
            state.setdefault(start, bool(stack))
            while stack:
                node, edges = stack[-1]
                edge = next(edges, None)
                if edge is None:
                    state[node] = False
                    stack.pop()
                elif edge.target not in state:
                    state[edge.target] = True
                    stack.append((edge.target, iter(succ[edge.target])))
                elif state[edge.target]:
                    found.add(edge.target)
        return frozenset(found)

    # ------------------------------------------------------------ places

    def load(self, node: int, places: Iterable[Guarded]) -> Word:
        """The word that a pointer reads: of one object, or of nobody knows which."""
        cells = [place[:2] for place in places]
        return self.read(node, (cells[0],)) if len(cells) == 1 else self._any(node)

    def read(self, node: int, cell: Cell) -> Word:
        """The word in a cell in front of a node; each time another one where it may be that of another object."""
        return super().read(node, cell) if _is_exact(cell[0]) else self._any(node)

    def _any(self, node: int) -> Word:
        return self._unclear(node, ("any", next(self._numbers)))

    def _joined(self, node: int, cell: Cell, sources: frozenset[int]) -> Word:
        made = self._made
        found = super()._joined(node, cell, sources)
        if not self._unfinished:
            for choice in made:
                choice.loop = choice.loop or (len(choice.options) > 1 and self._is_loop_head(choice))
        return found

    def _is_loop_head(self, choice: Choice) -> bool:
        return cast("tuple[int, int]", choice.point)[1] in self._loop_heads

    @property
    def unfinished(self) -> bool:
        """Whether it makes choices that lack some of their options."""
        return self._unfinished > 0 or self._choosing > 0

    def returned(self) -> Word:
        """The word that the function returns."""
        return self._fitted(super().returned(), self.function.facts.returns)

    def _at_entry(self, cell: Cell) -> Word:
        word = self._held(super()._at_entry(cell), cell[0])
        if cell[0][0][0] != "g" or any(tag for tag, _ in self.analysis.chain(cell[0])):
            return word
        bound = self.analysis.values.place_mask(self.function, ENTRY, cell[0], ()).may  # a table of masks, maybe
        return self.words.gate("&", word, self.words.constant(bound))

    def _behind(self, node: int, cell: Cell) -> Word:
        match self.function.code[node]:
            case Assign() | Call():
                return self._held(super()._behind(node, cell), cell[0])
            case _:
                return self._defined(node, cell)

    def _held(self, word: Word, place: Place) -> Word:
        """A word as a place holds it; a temporary without a type takes every value as it is."""
        root, path = place
        variable = self.function.facts.variables.get(root[2]) if root[0] == "v" and not path else None
        if variable is not None and variable.kind == "temp" and variable.type is None:
            return word
        return self._fitted(word, self.analysis.place_type(place))

    def _assigned(self, node: int, instruction: Assign, cell: Cell) -> Word:
        targets = self.function.resolve(node, instruction.target)
        places = [place[:2] for place in targets]
        if instruction.weak or places != list(cell) or self._is_member(places[0]):
            return self._defined(node, cell)
        if self.function.is_partial(instruction.target, cell[0]):
            return self._defined(node, cell)
        return self._held(self.value(node, instruction.value), cell[0])

    def _is_member(self, place: Place) -> bool:
        """Whether a store may keep fewer bits than the type says: a member may be a bit-field."""
        return bool(place[1]) and any(tag for tag, _ in self.analysis.chain(place))

    def _defined(self, node: int, cell: Cell) -> Word:
        return self._unclear(node, ("behind", cell))

    # ------------------------------------------------------------ expressions

    def value(self, node: int, expr: Expr) -> Word:
        """The word of an expression at a node."""
        match expr:
            case Cast():
                return self._fitted(self.value(node, expr.operand), expr.type)
            case Unary() if expr.op == "~":
                word = self.words.inverse(self.value(node, expr.operand))
                named = isinstance(expr.operand, Const) and expr.operand.macros
                return word if named else self._typed(expr, word)
            case Binary():
                return self._typed(expr, self._binary(node, expr))
            case Load():
                return self._loaded(node, expr)
            case Const() | Unary() | Opaque():
                return super().value(node, expr)
            case _:
                return self._unclear(node, id(expr))

    def _loaded(self, node: int, expr: Load) -> Word:
        found = self.function.resolve(node, expr.place)
        places = [place[:2] for place in found]
        if not places or any(not _is_exact(place) or self.function.is_displaced(expr.place, place) for place in places):
            return self._unclear(node, id(expr))
        if len(places) > 1:  # one of several objects, each under its conditions
            return self._one_of(node, expr, found)
        word = self.read(node, (places[0],))
        return self._held(word, places[0]) if isinstance(expr.place, Var) else self._fitted(word, expr.place.type)

    def _one_of(self, node: int, expr: Load, places: tuple[Guarded, ...]) -> Word:
        choice = self._chosen.get((node, id(expr)))
        if choice is None:
            choice = Choice(("of", self.id, node, id(expr)))
            self._chosen[node, id(expr)] = choice
            self._choosing += 1
            choice.options = tuple(
                Option(self._fitted(self.read(node, ((root, path),)), expr.place.type), guards)
                for root, path, guards in places
            )
            self._choosing -= 1
        return choice

    def _binary(self, node: int, expr: Binary) -> Word:
        left, right = self.value(node, expr.left), self.value(node, expr.right)
        if expr.op in _GATES:
            return self.words.gate(expr.op, left, right)
        if expr.op == "-" and cast("_ExactValues", self.values).is_subset(right, left):
            return self.words.gate("&", left, self.words.inverse(right))
        return self.words.operation(expr.op, (left, right))

    def _typed(self, expr: Unary | Binary, word: Word) -> Word:
        """A result as wide as the operator's own type."""
        if _is_wide(expr) or isinstance(word, Constant):
            return word
        kind = integer_type(expr)
        if kind is None:
            return self.words.operation(("of some width", expr.op), (word,))
        return self._cut(word, kind)

    def _fitted(self, word: Word, ctype: CType | None) -> Word:
        """What a place of that type keeps of a word."""
        kind = narrow(ctype)
        if kind is not None:
            return self._cut(word, kind)
        if ctype is not None and ctype.integer is not None and ctype.integer[0] == WORD_BITS:
            return word
        return self.words.operation(("as", str(ctype)), (word,))

    def _cut(self, word: Word, kind: IntegerType) -> Word:
        bits, signed = kind
        low = (1 << bits) - 1
        if signed and _may(word) & (1 << bits - 1):
            return self.words.operation(("signed", bits), (word,))
        return self.words.gate("&", word, self.words.constant(low))


def _is_exact(place: Place) -> bool:
    root, path = place
    return root[0] in _ONE_OBJECT and not is_several(path) and "*" not in path


def _is_wide(expr: Expr) -> bool:
    """Whether an expression has 64 bits for certain; a named constant may be narrower."""
    match expr:
        case Unary() if expr.op != "!":
            return _is_wide(expr.operand)
        case Binary() if expr.op in {"<<", ">>"}:
            return _is_wide(expr.left)
        case Binary() if expr.op in {"&", "|", "^", "+", "-", "*", "/", "%"}:
            return _is_wide(expr.left) or _is_wide(expr.right)
        case Load() | Cast() | Const():
            kind = integer_type(expr)
            return kind is not None and kind[0] == WORD_BITS
        case _:
            return False


def _may(word: Word, inside: frozenset[Choice] = frozenset()) -> int:
    """Bits that a word may have, from constants alone; a choice ``inside`` itself adds none."""
    word = settled(word)
    match word:
        case Constant():
            return word.value
        case Gate() if word.op == "&":
            return _may(word.left, inside) & _may(word.right, inside)
        case Gate():
            return _may(word.left, inside) | _may(word.right, inside)
        case Choice() if word in inside:
            return 0
        case Choice() if word.options and len(inside) < _MAX_NESTED:
            found = 0
            for option in word.options:
                found |= _may(option.word, inside | {word})
            return found
        case _:
            return WORD


def _can_hold_together(first: frozenset[object], second: frozenset[object]) -> bool:
    return compatible(cast("Guards", first), cast("Guards", second))
