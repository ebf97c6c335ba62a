"""64-bit masks as functions of definitions, bit by bit.

Each bit of a :data:`Word` is 0, 1, a bit of some definition (an :class:`Atom`, at
the same position), or ``& | ^ ~`` of such bits; a :class:`Choice` is one word on
one way through the program and another word on another way. ``m & ~7`` and ``m``
thus stay related though nobody knows ``m``, which may and must bits
(:class:`~fpuscan.xfeatures.MaskValue`) cannot say. :mod:`fpuscan.engine.words.subsets`
decides over them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from fpuscan.xfeatures import WORD

__all__ = [
    "ALWAYS",
    "Atom",
    "Choice",
    "Constant",
    "Gate",
    "Inverse",
    "Leaf",
    "Mapped",
    "Operation",
    "Option",
    "Word",
    "Words",
    "apply",
    "definitions",
    "first_choice",
    "gated",
    "holds",
    "parts",
    "settle",
    "settled",
]

ALWAYS: frozenset[Hashable] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """The same word in every run."""

    value: int


@dataclass(frozen=True, slots=True, eq=False)
class Atom:
    """The word of one definition.

    ``unknown``: it may be tied to other definitions in ways that the analysis does not see (memory that nobody
    follows, an evaluation that was given up), so nothing follows from its being another one than they are.
    ``free``: it comes from outside the program.
    """

    key: Hashable
    unknown: bool = False
    free: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """``left & right``, ``left | right`` or ``left ^ right``."""

    op: str
    left: Word
    right: Word


@dataclass(frozen=True, slots=True, eq=False)
class Inverse:
    """``~operand``."""

    operand: Word


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """A function of words that mixes bits (arithmetic, shifts): the same for the same operands."""

    op: Hashable
    operands: tuple[Word, ...]


class Option(NamedTuple):
    """One of the words of a choice; ``ways`` are the conditions under which it is taken, None if it never is.

    ``origin`` names the way for the user of the choice.
    """

    word: Word
    ways: frozenset[Hashable] | None = ALWAYS
    origin: Hashable = None


@dataclass(slots=True, eq=False)
class Choice:
    """One of several words; all choices of one ``point`` are made alike, option by option.

    The options are filled in later (:func:`settle`). A choice that depends on itself is the value of a pass of a
    loop: a definition of its own.
    """

    point: Hashable
    options: tuple[Option, ...] = ()
    loop: bool = False


Word = Constant | Atom | Gate | Inverse | Operation | Choice
Leaf = Atom | Operation | Choice  # what is a definition, seen from the gates


class Words:
    """Makes words; equal ones are one object."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Word] = {}

    def constant(self, value: int) -> Word:
        """A 64-bit constant."""
        key = ("constant", value & WORD)
        return self._known.get(key) or self._known.setdefault(key, Constant(value & WORD))

    def atom(self, key: Hashable, *, unknown: bool = False, free: bool = False) -> Word:
        """The word of one definition."""
        name = ("atom", key, unknown, free)
        return self._known.get(name) or self._known.setdefault(name, Atom(key, unknown, free))

    def operation(self, op: Hashable, operands: tuple[Word, ...]) -> Word:
        """An operator that mixes bits."""
        operands = tuple(map(settled, operands))
        key = ("operation", op, operands)
        return self._known.get(key) or self._known.setdefault(key, Operation(op, operands))

    def inverse(self, word: Word) -> Word:
        """``~word``."""
        word = settled(word)
        if isinstance(word, Constant):
            return self.constant(~word.value)
        if isinstance(word, Inverse):
            return word.operand
        key = ("~", word)
        return self._known.get(key) or self._known.setdefault(key, Inverse(word))

    def gate(self, op: str, left: Word, right: Word) -> Word:
        """``left op right`` for one of ``& | ^``."""
        left, right = settled(left), settled(right)
        if isinstance(left, Constant) and isinstance(right, Constant):
            return self.constant(apply(op, left.value, right.value))
        if isinstance(left, Constant):
            left, right = right, left
        if isinstance(right, Constant):
            if right.value == (WORD if op == "&" else 0):
                return left
            if op != "^" and right.value == (0 if op == "&" else WORD):
                return right
        if left is right:
            return self.constant(0) if op == "^" else left
        key = (op, left, right)
        return self._known.get(key) or self._known.setdefault(key, Gate(op, left, right))

    def choice(self, point: Hashable, options: Sequence[Option]) -> Word:
        """One of several words; the word itself where they are all the same."""
        key = ("choice", point, tuple((settled(option.word), option.ways, option.origin) for option in options))
        known = self._known.get(key)
        if known is None:
            known = Choice(point, _different(options))
            self._known[key] = known
        return settled(known)

    def mapping(self, mapped: Mapped) -> Callable[[Word], Word]:
        """A function that puts other words in place of definitions and choices; it keeps loops one definition."""
        return _Mapping(self, mapped).word

    def selection(self, point: Hashable, number: int) -> Callable[[Word], Word]:
        """A function that takes one way: every choice of ``point`` becomes its option of that number."""
        pick = Mapped(pick=lambda choice: number if choice.point == point else None, into_loops=False)
        return self.mapping(pick)


def apply(op: str, left: int, right: int) -> int:
    """``left op right`` for one of ``& | ^``."""
    match op:
        case "&":
            return left & right
        case "|":
            return left | right
        case _:
            return left ^ right


def settle(choices: Sequence[Choice]) -> None:
    """Tell choices and loops apart, of choices that were made together and have all their options.

    A choice between one word and itself is that word. Of the choices of a loop the first one given is its pass.
    """
    changed = True
    while changed:
        changed = False
        for choice in choices:
            if len(choice.options) > 1:
                choice.options = _different(choice.options, choice)
                changed = changed or len(choice.options) == 1
    for choice in choices:
        ways = parts((option.word for option in choice.options), inside=_is_no_loop)
        choice.loop = len(choice.options) > 1 and any(word is choice for word in ways)


def _is_no_loop(word: Word) -> bool:
    return not (isinstance(word, Choice) and word.loop)


def _different(options: Sequence[Option], choice: Word | None = None) -> tuple[Option, ...]:
    """The options, one only where all have the same word (or the choice itself)."""
    others = [option for option in options if settled(option.word) is not choice]
    same = len({settled(option.word) for option in others}) == 1
    return tuple(others[:1] if same else options)


def settled(word: Word) -> Word:
    """What a choice with one option stands for; any other word itself."""
    while isinstance(word, Choice) and len(word.options) == 1:
        word = word.options[0].word
    return word


# ---------------------------------------------------------------- what words are made of


def _children(word: Word) -> tuple[Word, ...]:
    match word:
        case Gate():
            return (word.left, word.right)
        case Inverse():
            return (word.operand,)
        case Operation():
            return word.operands
        case Choice():
            return tuple(option.word for option in word.options)
        case _:
            return ()


def parts(words: Iterable[Word], *, inside: Callable[[Word], bool] = lambda _: True) -> Iterator[Word]:
    """Every word that some words are made of, themselves included, each once."""
    seen: set[Word] = set()
    stack = list(words)[::-1]
    while stack:
        word = settled(stack.pop())
        if word in seen:
            continue
        seen.add(word)
        yield word
        if inside(word):
            stack.extend(reversed(_children(word)))


def holds(word: Word, wanted: Word) -> bool:
    """Whether a word depends on another one."""
    return any(part is wanted for part in parts((word,)))


def gated(words: Iterable[Word]) -> Iterator[Word]:
    """Every word that some words are gates of, the gates included; loops and choices are taken as they are."""
    gates = (Gate, Inverse)
    return parts(words, inside=lambda word: isinstance(word, gates))


def definitions(*words: Word) -> list[Leaf]:
    """The definitions that words are gates of, in order of appearance."""
    return [word for word in gated(words) if isinstance(word, Leaf)]


def first_choice(*words: Word) -> Choice | None:
    """A choice that can be taken apart."""
    return next((word for word in definitions(*words) if isinstance(word, Choice) and not word.loop), None)


# ---------------------------------------------------------------- other words for definitions


class Mapped(NamedTuple):
    """What stands in the place of definitions (``atom``; None keeps one), of the points of choices, of the conditions
    of options, which option is taken (``pick``), and whether the inside of loops changes, too.
    """  # noqa: D205

    atom: Callable[[Atom], Word | None] = lambda _: None
    point: Callable[[Hashable], Hashable] = lambda point: point
    ways: Callable[[frozenset[Hashable] | None], frozenset[Hashable] | None] = lambda ways: ways
    pick: Callable[[Choice], int | None] = lambda _: None
    into_loops: bool = True


@dataclass(slots=True)
class _Mapping:
    words: Words
    mapped: Mapped
    done: dict[Word, Word] = field(default_factory=dict)

    def word(self, word: Word) -> Word:
        word = settled(word)
        found = self.done.get(word)
        if found is None:
            found = self._choice(word) if isinstance(word, Choice) else self._other(word)
            self.done[word] = found
        return settled(found)

    def _other(self, word: Constant | Atom | Gate | Inverse | Operation) -> Word:
        match word:
            case Constant():
                return word
            case Atom():
                return self.mapped.atom(word) or word
            case Gate():
                return self.words.gate(word.op, self.word(word.left), self.word(word.right))
            case Inverse():
                return self.words.inverse(self.word(word.operand))
            case Operation():
                return self.words.operation(word.op, tuple(map(self.word, word.operands)))

    def _choice(self, choice: Choice) -> Word:
        if choice.loop and not self.mapped.into_loops:
            return choice
        number = self.mapped.pick(choice)
        if number is not None and not choice.loop:
            return self.word(choice.options[number].word)
        point = self.mapped.point(choice.point)
        if not choice.loop:
            return self.words.choice(point, [self._option(option) for option in choice.options])
        copy = Choice(point)
        self.done[choice] = copy  # for the way back into the loop
        copy.options = _different([self._option(option) for option in choice.options], copy)
        copy.loop = len(copy.options) > 1
        return copy

    def _option(self, option: Option) -> Option:
        return Option(self.word(option.word), self.mapped.ways(option.ways), option.origin)
