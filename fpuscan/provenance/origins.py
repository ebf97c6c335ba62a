"""What counts as a root: where a value begins, as far as a reader who asks "what controls this?" is concerned.

Takes a place, a constant, a parameter or a call; gives the kind and the name
of the root, or nothing. Names hold no line numbers and no names of locals, so
that they stay the same while code moves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from fpuscan.ir import Call, Const, Load, Var
from fpuscan.places import ALL_ELEMENTS, OTHER_ELEMENTS, is_fresh

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.engine.functions.reads import Leaf
    from fpuscan.engine.graph.edges import Definition
    from fpuscan.model.rows import Input
    from fpuscan.places import Place

__all__ = ["Origin", "Origins"]

_NUMBER = re.compile(r"[-~(]*\d\w*\)*$")
_CONSTANT = re.compile(r"(?:0[xX])?[0-9a-fA-F]+$|[A-Z_][A-Z0-9_]*$")
_ERROR = re.compile(r"E[A-Z][A-Z0-9]*$")  # an error number; its header is outside the scope, so it has no value
_NO_VALUES = frozenset({"", "NULL", "true", "false", "asm", "swap"})
_SELECTING = frozenset({"and", "not"})
_CONVERTING = frozenset({"cast", "fit"})


@dataclass(frozen=True, slots=True)
class Origin:
    """A root and one place where its value enters a function: a ``leaf`` of ``node`` (its part ``below``), or the
    definition ``at``.
    """  # noqa: D205

    kind: str
    name: str
    function: int
    node: int
    place: Place | None = None
    leaf: Leaf | None = None
    below: tuple[str, ...] = ()
    guards: Guards = frozenset()
    at: Definition | None = None
    value: int | None = None


class Origins:
    """Tells roots by the rows of the model."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._inputs = analysis.model.inputs
        self._sources = tuple(row for row in analysis.model.sources if row.kind == "runtime")
        self._known: dict[Place, tuple[str, str] | None] = {}

    def of_place(self, place: Place) -> tuple[str, str] | None:
        """Kind and name of a place that is a root whenever it is read."""
        if place not in self._known:
            self._known[place] = self._of_place(place)
        return self._known[place]

    def _of_place(self, place: Place) -> tuple[str, str] | None:
        if place[0][0] in {"v", "p", "r"}:
            return None
        if self.is_config(place):
            return "config", self.name(place)
        for source in self._sources:
            if self.analysis.matches(source.pattern, place):
                return "runtime", f"{source.type}.{source.member}"
        for row in self._inputs:
            if (row.type or row.variable) and self.analysis.matches(row.pattern, place):
                return row.kind, self.name(place, row.type)
        return None

    def is_config(self, place: Place) -> bool:
        """Whether a place is a member of a configuration global: the boot has set it, and the search ends there."""
        return place[0][0] == "g" and any(
            tag in self.analysis.model.scope.tracked_types for tag, below in self.analysis.chain(place) if below
        )

    def ends(self, place: Place) -> bool:
        """Whether nothing behind a place counts any more: configuration and user input."""
        found = self.of_place(place)
        return found is not None and found[0] in {"config", "user", "cpu"}

    def name(self, place: Place, tag: str = "") -> str:
        """The name of a place of memory: by the struct ``tag`` around it, else by one that no pointer leads out of."""
        chain = [level for level in self.analysis.chain(place) if level[0] and level[1]]
        chain = [level for level in chain if level[0] == tag] or [level for level in chain if "*" not in level[1]]
        if place[0][0] == "g" or not chain:
            return self.analysis.describe(place)
        tag, path = chain[0]
        return tag + "".join(ALL_ELEMENTS if part == OTHER_ELEMENTS else _written(part) for part in path)

    def of_unset(self, place: Place) -> tuple[str, str]:
        """A place that no code of the scope sets."""
        return "outside", self.name(place)

    def of_macro(self, leaf: Leaf) -> tuple[str, str] | None:
        """A name in capitals that nothing declares looks like a global; it is the macro of a header elsewhere."""
        assert isinstance(leaf.expr, Load)
        place = leaf.expr.place
        if not isinstance(place, Var) or place.kind != "global" or not place.name.isupper():
            return None
        if self.analysis.program.types.global_var(place.name) is not None:
            return None
        return self._kind_of(leaf), place.name

    def _kind_of(self, leaf: Leaf) -> str:
        selects = any(operation.kind in _SELECTING for operation in leaf.operations)
        return "mask" if selects else "constant"

    def of_constant(self, leaf: Leaf, *, whole: bool) -> tuple[str, str] | None:
        """Kind and name of a constant; a bare number counts only where it is all that is stored (``whole``)."""
        assert isinstance(leaf.expr, Const)
        name = leaf.expr.macros[0] if leaf.expr.macros else " ".join(leaf.expr.text.split())
        if re.match(r"sizeof\b", name):
            return "constant", _sizeof(name)
        effect = self.analysis.model.effects.get(name)
        if effect is not None and effect.kind == "enumerate" and name not in _NO_VALUES:
            return "cpu", f"{name}()"
        if name in _NO_VALUES or name[0] in "\"'" or name in self.analysis.model.effects:
            return None
        if _NUMBER.match(name):
            plain = whole and leaf.expr.value and _CONVERTING.issuperset(each.kind for each in leaf.operations)
            return ("constant", name) if plain else None
        if leaf.expr.value is None and _ERROR.match(name):
            return None
        return self._kind_of(leaf), name

    def of_parameter(self, function: FunctionAnalysis, index: int, *, called: bool) -> tuple[str, str] | None:
        """A parameter of which the model says that user space fills it, or one that no caller is seen of."""
        facts = function.facts
        parameter = facts.params[index].name if index < len(facts.params) else "..."
        name = f"{parameter} of {facts.name}()"
        for row in self._inputs:
            if fnmatchcase(parameter, row.parameter) and self._is_entry(row, function):
                return row.kind, name
        return None if called else ("outside", name)

    def _is_entry(self, row: Input, function: FunctionAnalysis) -> bool:
        if row.function:
            return fnmatchcase(function.facts.name, row.function)
        if not row.macro:
            return False
        unit = function.unit
        data = unit.file.source.data[unit.start : unit.start + 60]
        head = data.decode("latin-1").replace("asmlinkage", "").split("(")[0].split()
        return bool(head) and fnmatchcase(head[-1], row.macro)

    def of_call(self, call: Call) -> tuple[str, str] | None:
        """Kind and name of what a call returns or fills, where the model knows it as an input."""
        if not isinstance(call.callee, str):
            return None
        for row in self._inputs:
            if row.call and fnmatchcase(call.callee, row.call):
                return row.kind, f"{call.callee}()"
        return None

    def filled(self, function: FunctionAnalysis, node: int) -> tuple[str, str] | None:
        """What fills the target of an assignment that stands for a call, as ``copy_from_user()`` does."""
        start, number = function.code[node].start, node - 1
        while number > 1 and function.code[number].start == start:
            instruction = function.code[number]
            if isinstance(instruction, Call):
                found = self.of_call(instruction)
                if found is not None:
                    return found[0], f"{found[1]} in {function.facts.name}()"
            number -= 1
        return None

    def of_enumeration(self, function: FunctionAnalysis, node: int, callee: str) -> tuple[str, str] | None:
        """What the CPU says through a pointer, with the constants that the call names: ``cpuid_count(0xd, *)``."""
        effect = self.analysis.model.effects.get(callee)
        if effect is None or effect.kind != "enumerate":
            return None
        instruction = function.code[node]
        data = function.unit.file.source.data[instruction.start : instruction.end]
        call = re.search(rf"\b{callee}\s*\(([^&();]*)", data.decode("utf-8", "replace"))
        given = [part.strip() for part in call[1].split(",")] if call is not None else []
        shown = [part if _CONSTANT.match(part) else "*" for part in given if part]
        return "cpu", f"{callee}({', '.join(shown)})"

    def of_fresh(self, place: Place) -> tuple[str, str] | None:
        """What fills an object that a call has just allocated, as ``memdup_user()`` does."""
        if not is_fresh(place[0]):
            return None
        _, caller, node = place[0][2]
        function = self.analysis.by_id(caller)
        call = function.code[node]
        found = self.of_call(call) if isinstance(call, Call) else None
        return (found[0], f"{found[1]} in {function.facts.name}()") if found is not None else None


def _sizeof(text: str) -> str:
    """``sizeof(struct x)`` as it is; of an object only its last member, which no renamed local changes."""
    inner = text.removeprefix("sizeof").strip(" ()")
    if inner.startswith(("struct ", "union ", "enum ")):
        return f"sizeof({inner})"
    member = re.split(r"->|\.", inner)[-1] if re.search(r"->|\.", inner) else "*"
    return f"sizeof({member})"


def _written(part: str) -> str:
    return part if part[0] == "[" else f".{part}"
