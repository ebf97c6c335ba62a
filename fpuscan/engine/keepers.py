"""On which side an object is that a function names by a local pointer, and hands over only later.

``fps = alloc(); reset(fps); gfpu->fpstate = fps;``: the pointer in which an object is kept says whose it is, and
whose it was when ``reset()`` filled it. One that is kept on both sides is left to the guards of its stores. A new
object that a flag says is one side's, and that is kept on the other whatever else holds, is on both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.functions.expressions import pointer_type
from fpuscan.engine.functions.literals import compatible
from fpuscan.ir import ENTRY, EXIT, Assign, Binary, Call, Return, Var, uncast, variable_read
from fpuscan.places import is_fresh, is_several

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.ir import Expr
    from fpuscan.places import Root

__all__ = ["Keepers"]

_MAX_DEPTH = 4  # functions that return the pointer to one another
_Keeper = tuple[str, bool]  # the side of a pointer, and whether it is set only where a flag says that side


class Keepers:
    """The sides of what local pointers denote, by the pointers in memory that they are stored into."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._sides: dict[tuple[int, Root, frozenset[int]], str] = {}
        self._astray: dict[tuple[Root, Guards], frozenset[str]] = {}

    def side(self, function: FunctionAnalysis, root: Root, reaching: frozenset[int]) -> str:
        """The side of the object that a local pointer denotes behind some of its definitions; "" where none is told."""
        if root[0] != "v" or not reaching or ENTRY in reaching:
            return ""
        ctype = self.analysis.root_type(root)
        if ctype is None or ctype.pointers != 1 or not self.analysis.instances(ctype.base):
            return ""
        key = (function.id, root, reaching)
        if key not in self._sides:
            self._sides[key] = ""  # while it is looked for
            self._sides[key] = _only(self._kept(function, root, reaching, 0))
        return self._sides[key]

    def _kept(self, function: FunctionAnalysis, root: Root, reaching: frozenset[int], depth: int) -> Iterator[_Keeper]:
        """The sides of the pointers that get a copy of a local one."""
        for node, instruction in enumerate(function.code):
            match instruction:
                case Assign(value=value, target=target) if self._is_copy(function, node, value, root, reaching):
                    if isinstance(target, Var) and target.kind in {"local", "temp"}:
                        continue
                    yield from self._of_store(function, node, instruction)
                case Return(value=value) if value and self._is_copy(function, node, value, root, reaching):
                    if depth < _MAX_DEPTH:
                        yield from self._in_callers(function, depth + 1)

    def _is_copy(
        self, function: FunctionAnalysis, node: int, value: Expr, root: Root, reaching: frozenset[int]
    ) -> bool:
        variable = variable_read(value)
        if variable is None:
            return False
        return function.variable_root(variable) == root and function.reaching(node, (root, ())) == reaching

    def _of_store(self, function: FunctionAnalysis, node: int, store: Assign) -> Iterator[_Keeper]:
        held = function.entry_guards().get(node)
        if held is None:
            return  # no way leads there
        for root, path, guards in function.resolve(node, store.target):
            side = self.analysis.pointer_instance((root, path))
            told = self.analysis.side_of(held | guards, function.id, node)  # the guards of a flow know it as well
            if not told or told == side:
                yield side, bool(told)

    def astray(self, root: Root, guards: Guards) -> frozenset[str]:
        """The sides on which a new object is kept for certain, where some guards hold."""
        if not is_fresh(root):
            return frozenset()
        key = (root, guards)
        if key not in self._astray:
            self._astray[key] = frozenset(self._kept_for_certain(self.analysis.by_id(root[2][1]), root, guards))
        return self._astray[key]

    def _kept_for_certain(self, function: FunctionAnalysis, root: Root, guards: Guards) -> Iterator[str]:
        for node, store in function.memory_stores.items():
            held = function.entry_guards().get(node)
            if held is None or variable_read(store.value) is None or not compatible(guards, held):
                continue
            if not any(each == root for each, _, _ in function.targets(node, store.value)[0]):
                continue
            if not _is_passed(function, root[2][2], node, guards | _certain(function, held, root)):
                continue
            for there, path, conditions in function.resolve(node, store.target):
                if compatible(guards, conditions):
                    yield self.analysis.pointer_instance((there, path))

    def _in_callers(self, function: FunctionAnalysis, depth: int) -> Iterator[_Keeper]:
        """The sides of what callers keep a returned pointer in."""
        for number, node in self.analysis.calls.callers(function.unit):
            caller = self.analysis.by_id(number)
            call = caller.code[node]
            if isinstance(call, Call) and call.result is not None:
                yield from list(self._behind(caller, caller.variable_root(call.result), node, depth)) or [("", False)]

    def _behind(self, function: FunctionAnalysis, root: Root, definition: int, depth: int) -> Iterator[_Keeper]:
        """The sides of what keeps a pointer that one node defines, itself or by another local."""
        reaching = frozenset({definition})
        yield from self._kept(function, root, reaching, depth)
        for node, instruction in enumerate(function.code):
            if not isinstance(instruction, Assign) or not isinstance(instruction.target, Var):
                continue
            if instruction.target.kind == "local" and self._is_copy(function, node, instruction.value, root, reaching):
                yield from self._kept(function, function.variable_root(instruction.target), frozenset({node}), depth)


def _only(keepers: Iterator[_Keeper]) -> str:
    """The one side that all agree on, some of them whatever a flag says."""
    found = set(keepers)
    sides = {side for side, _ in found}
    return sides.pop() if len(sides) == 1 and any(not told for _, told in found) else ""


def _is_passed(function: FunctionAnalysis, start: int, node: int, guards: Guards) -> bool:
    """Whether all ways from one node to the exit lead over another one, where guards hold that no loop changes."""
    seen, work = {start, node}, [start]
    while work:
        here = work.pop()
        for edge in function.facts.succ[here]:
            if edge.target in seen or not compatible(guards, function.edge_literals(here, edge)):
                continue
            if edge.target == EXIT:
                return False
            seen.add(edge.target)
            work.append(edge.target)
    return True


def _certain(function: FunctionAnalysis, held: Guards, root: Root) -> Guards:
    """Those of some conditions that hold whatever happens: a new object is there, a pointer is what it is."""
    found = set()
    for literal in held:
        key, operator, constant = literal
        if key[0] != "b" or (operator, constant) != ("!", 0) or len(key[4]) != 1:
            continue
        (definition,) = key[4]
        compared = function.code[definition]
        if definition == root[2][2] or (
            isinstance(compared, Assign) and _is_same(function, definition, uncast(compared.value), held)
        ):
            found.add(literal)
    return frozenset(found)


def _is_same(function: FunctionAnalysis, node: int, value: Expr, held: Guards) -> bool:
    """Whether a value compares a pointer with what it is: both denote one object on the ways where ``held`` holds."""
    if not isinstance(value, Binary) or value.op != "==":
        return False
    places = [
        (root, path)
        for pointer in (value.left, value.right)
        for root, path, guards in function.pointees(node, pointer, pointer_type(pointer))
        if compatible(held, guards)
    ]
    return len(set(places)) == 1 < len(places) and not is_several(places[0][1])
