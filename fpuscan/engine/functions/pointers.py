"""Which objects the lvalues of one function denote.

A pointer denotes what its reaching definitions say, each under its guards;
where nothing is known, some object of its type.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from fpuscan.engine.functions.elements import Elements
from fpuscan.engine.functions.expressions import pointer_type, points_to_record
from fpuscan.engine.functions.literals import NOTHING, compatible
from fpuscan.engine.functions.moves import Moves, in_array, shifted
from fpuscan.ir import (
    ENTRY,
    Addr,
    Assign,
    Binary,
    Call,
    Cast,
    Const,
    ContainerOf,
    Deref,
    FunctionRef,
    Index,
    Load,
    Member,
    Var,
    variable_read,
)
from fpuscan.places import ALL_ELEMENTS, heap, on_side, overlap, step_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.ir import Expr, LValue
    from fpuscan.places import Guarded, Place, Root
    from fpuscan.symbols.declarators import CType

__all__ = ["Pointers"]

_MAX_DEPTH = 40
_BUDGET = 500  # steps for one place; beyond it pointers that lead to themselves are no longer followed round again
_MAX_LINKS = 3  # pointer members on the way from a parameter
_BYTES = frozenset({"void", "char", "u8", "unsigned char"})
_MAX_COPIES = 5  # of a pointer from one variable to the next
_MAX_CHAINED = 2  # objects that are known only as what the pointer in another one denotes


class Pointers:
    """The places that lvalues denote and pointers point to, node by node."""

    def __init__(self, function: FunctionAnalysis) -> None:
        self.function = function
        self.analysis = function.analysis
        self.id = function.id
        self.code = function.code
        self.moves = Moves(function)
        self.elements = Elements(function)
        self._resolved: dict[tuple[int, int], tuple[Guarded, ...]] = {}
        self._resolving: set[tuple[int, int]] = set()
        self._cuts = 0  # how often a place was needed to resolve itself
        self._spent = 0  # places resolved for the one that was asked for first
        self._parts: dict[tuple[int, tuple[str, ...]], Load] = {}
        self._loading: set[tuple[int, int]] = set()
        self._circular: set[tuple[int, int]] = set()
        self._targets: dict[tuple[int, int], tuple[list[Guarded], bool, str, object]] = {}

    def forget(self) -> None:
        """Drop what was resolved before the conditions of the definitions were known."""
        self._resolved.clear()
        self._targets.clear()

    def cuts(self) -> tuple[int, int]:
        """How often a place, or what a pointer denotes, was needed for itself; what was concluded then is not whole."""
        return self._cuts, self.analysis.calls.cuts

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Answer questions that do not hang on those that are being answered: what is circular for them is not here."""
        kept = self._resolving, self._loading, self._circular
        self._resolving, self._loading, self._circular = set(), set(), set()
        for key in kept[1]:
            self._targets.pop(key, None)
        try:
            yield
        finally:
            self._resolving, self._loading, self._circular = kept

    def variable_root(self, variable: Var) -> Root:
        """The object of a variable."""
        if variable.kind == "param":
            return ("p", self.id, variable.key)
        if variable.kind == "global":
            return ("g", variable.key)
        return ("v", self.id, variable.key)

    def resolve(self, node: int, place: LValue) -> tuple[Guarded, ...]:
        """The places that an lvalue may denote at a node, each under its guards."""
        if isinstance(place, Var):
            return ((self.variable_root(place), (), NOTHING),)
        key = (node, id(place))
        found = self._resolved.get(key)
        if found is not None:
            return found
        if key in self._resolving or len(self._resolving) > _MAX_DEPTH:
            self._cuts += 1
            return self._unresolved(place, None)
        cuts = self._cuts
        self._spent = self._spent + 1 if self._resolving else 0
        self._resolving.add(key)
        try:
            found = self._resolve(node, place)
        finally:
            self._resolving.discard(key)
        if self._stays(cuts):
            self._resolved[key] = found
        return found

    def _stays(self, cuts: int) -> bool:
        """Whether an answer may be kept: nothing was ``cuts`` short for it, or it would cost too much to ask again."""
        return self._cuts == cuts or not self._resolving or self._spent > _BUDGET

    def _resolve(self, node: int, place: LValue) -> tuple[Guarded, ...]:
        match place:
            case Member():
                into = self.analysis.layouts.into
                return tuple(
                    (*into((root, path), place.name), guards) for root, path, guards in self.resolve(node, place.base)
                )
            case Index() if place.base is not None:
                return self._element(node, place, place.base)
            case Index():
                assert place.pointer is not None
                return self._indexed(node, place, place.pointer)
            case Deref():
                return self.pointees(node, place.pointer, place.type)
            case _:
                return ()

    def _indexed(self, node: int, place: Index, pointer: Expr) -> tuple[Guarded, ...]:
        """``pointer[3]``; ``pointer[flag]`` is what the pointer denotes and its neighbour, each under its condition."""
        found = self.pointees(node, pointer, place.type)
        if place.by is not None and place.type is not None and place.type.base in _BYTES and not place.type.pointers:
            members = self.function.offsets.members(node, place.by)
            if members:
                return tuple(self.function.offsets.moved(found, members, None))
        steps = self.moves.steps(node, place.by, place.index) if place.type is not None and place.type.is_struct else []
        if steps:
            return tuple(dict.fromkeys(self.moves.moved(found, steps)[0]))
        return tuple((root, each, guards) for root, path, guards in found for each in shifted(root, path, place.index))

    def _element(self, node: int, place: Index, base: LValue) -> tuple[Guarded, ...]:
        """``table[3]``; ``table[flag]`` is each element under its condition."""
        objects = self.resolve(node, base)
        chosen = self.elements.chosen(node, place, base)
        if not chosen:
            element = ALL_ELEMENTS if place.index is None else f"[{place.index}]"
            return tuple((root, (*path, element), guards) for root, path, guards in objects)
        return tuple(
            (root, (*path, f"[{number}]"), guards | held)
            for number, held in chosen
            for root, path, guards in objects
            if compatible(guards, held)
        )

    def _unresolved(self, place: LValue, identity: object) -> tuple[Guarded, ...]:
        path: tuple[str, ...] = ()
        current = place
        while True:
            match current:
                case Member():
                    path = (current.name, *path)
                    current = current.base
                case Index() if current.base is not None:
                    path = (ALL_ELEMENTS if current.index is None else f"[{current.index}]", *path)
                    current = current.base
                case _:
                    break
        ctype = current.type
        return ((heap(ctype.base if ctype is not None else "?", identity), path, NOTHING),)

    def pointees(self, node: int, pointer: Expr, ctype: CType | None) -> tuple[Guarded, ...]:
        """The places that a pointer value may point to; where nothing is known, some object of its type."""
        targets, unknown, instance, identity = self.targets(node, pointer)
        if unknown:
            tag = ctype.base if ctype is not None else "?"
            targets = [*targets, (heap(tag, identity, instance), (), NOTHING)]
        unique = dict.fromkeys(targets)
        return tuple(unique)

    def targets(self, node: int, pointer: Expr) -> tuple[list[Guarded], bool, str, object]:
        """What a pointer points to: places, whether there may be others, on which side those are, their identity."""
        match pointer:
            case Addr():
                return list(self.resolve(node, pointer.place)), False, "", None
            case Cast():
                return self._cast_targets(node, pointer)
            case Const() | FunctionRef():
                return [], self._is_unknown(pointer), "", (self.id, node)
            case ContainerOf():
                return self._container(node, pointer)
            case Binary():
                return self._moved(node, pointer)
            case Load():
                return self._loaded(node, pointer)
            case _:
                return [], True, "", (self.id, node, id(pointer))

    def _is_unknown(self, pointer: Const | FunctionRef) -> bool:
        """Whether a constant may be an address: not NULL, and not what ``ERR_PTR()`` gives."""
        if isinstance(pointer, FunctionRef) or pointer.value is not None:
            return False
        effect = self.analysis.model.effects.get(pointer.text)
        return effect is None or effect.kind != "none"

    def _cast_targets(self, node: int, pointer: Cast) -> tuple[list[Guarded], bool, str, object]:
        """A pointer cast to another struct's denotes some object of that type."""
        found, unknown, instance, identity = self.targets(node, pointer.operand)
        if not points_to_record(pointer.type):
            return found, unknown, instance, identity
        kept = []
        for root, path, guards in found:
            ctype = self.analysis.place_type((root, path))
            if ctype is None or ctype.base == pointer.type.base or ctype.base in {"void", "?"}:
                kept.append((root, path, guards))
                continue
            seen = self.analysis.layouts.seen_as((root, path), pointer.type.base)
            if seen is not None:
                kept.append((*seen, guards))
        return kept, unknown or len(kept) < len(found), instance, identity

    def _moved(self, node: int, pointer: Binary) -> tuple[list[Guarded], bool, str, object]:
        """Pointer arithmetic stays among neighbours of one type, and otherwise leads to some object of the type."""
        for side, other in ((pointer.left, pointer.right), (pointer.right, pointer.left)):
            ctype = pointer_type(side)
            if ctype is None:
                continue
            found, unknown, instance, identity = self.targets(node, side)
            identity = (self.id, node, identity)
            steps = self.moves.steps(node, other) if points_to_record(ctype) and pointer.op in {"+", "-"} else []
            if steps:
                steps = steps if pointer.op == "+" else [(-step, held) for step, held in steps]
                moved, lost = self.moves.moved(found, steps)
                return ([], True, instance, identity) if lost else (moved, unknown, instance, identity)
            bytewise = ctype.pointers == 1 and ctype.base in _BYTES
            members = self.function.offsets.members(node, other) if bytewise and pointer.op == "+" else ()
            if members:
                others = (instance, identity) if unknown else None
                return self.function.offsets.moved(found, members, others), False, "", identity
            inside = [each for each in found if in_array(each) and not (bytewise and each[0][0] == "d")]
            if bytewise and any(self.analysis.follows((root, path)) for root, path, _ in found):
                self.analysis.lost.add((self.id, node))  # it leads to some member that nobody names
            moved = [(root, element, guards) for root, path, guards in inside for element in shifted(root, path, None)]
            return moved, unknown or len(inside) < len(found), instance, identity
        return [], True, "", (self.id, node)

    def _container(self, node: int, pointer: ContainerOf) -> tuple[list[Guarded], bool, str, object]:
        inner, unknown, _, identity = self.targets(node, pointer.pointer)
        found = []
        for root, path, guards in inner:
            whole = step_out(path, pointer.tag, pointer.member)
            inside = len(whole) < len(path)
            unknown = unknown or not inside
            if inside or (root[0] == "d" and self._may_be_inside(path, pointer.tag)):
                found.append((root, whole, guards))
        if not found or unknown:
            found.append((heap(pointer.tag, (self.id, node, identity)), (), NOTHING))
        return found, False, "", identity

    def _may_be_inside(self, path: tuple[str, ...], tag: str) -> bool:
        """Whether what a caller points to may be a member of a variable of it; else the struct's type says enough."""
        behind = not path or path[-1] == "*"
        return behind and tag not in self.analysis.model_types

    def _loaded(self, node: int, load: Load) -> tuple[list[Guarded], bool, str, object]:
        key = (node, id(load))
        known = self._targets.get(key)
        if known is not None:
            if key in self._loading:
                self._circular.add(key)
                self.analysis.calls.cuts += 1
            return known
        known = ([], False, "", (self.id, node))  # p = p->next starts from what p was before
        self._targets[key] = known
        cuts = self._cuts
        self._loading.add(key)
        sizes = len(self._resolved), len(self._targets)
        for _ in range(_MAX_LINKS + 1):
            before, known = known, self._compute_loaded(node, load)
            self._targets[key] = known
            if key not in self._circular or len(set(known[0])) <= len(set(before[0])):
                break
            while len(self._resolved) > sizes[0]:  # what was concluded from the shorter list
                self._resolved.popitem()
            while len(self._targets) > sizes[1]:
                self._targets.popitem()
        self._loading.discard(key)
        self._circular.discard(key)
        if not self._stays(cuts):  # concluded from a place that is being resolved
            self._targets.pop(key, None)
        return known

    def _compute_loaded(self, node: int, load: Load) -> tuple[list[Guarded], bool, str, object]:
        found: list[Guarded] = []
        unknown = False
        instance = ""
        identity: object = None
        places = self.resolve(node, load.place)
        for root, path, guards in places:
            place = (root, path)
            reaching = self.function.reaching(node, place)
            kept = self.analysis.keepers.side(self.function, root, reaching)
            mine = self.analysis.pointer_instance(place) or kept
            instance = instance or mine
            identity = self._fresh(reaching) or (self.id, place, tuple(sorted(reaching)))
            several, lost = len(reaching) > 1, False
            for definition in self.function.reachable(reaching):
                some, more = self.pointer_from(place, definition, several=several, read=node)
                lost = lost or more
                for target, below, conditions in some:
                    if compatible(guards, conditions):
                        found.append((on_side(target, kept), below, guards | conditions))
            other = self._other(place, identity, mine) if lost and len(places) > 1 else None
            if other is not None:  # ``*slot``: each place holds another object, on its own side
                found.append((other, (), guards))
            else:
                unknown = unknown or lost
        return found, unknown, instance, identity

    def _other(self, place: Place, identity: object, instance: str) -> Root | None:
        """Some object that the pointer in a place denotes; None where it is no pointer to a struct, or one in a chain
        of such objects.
        """  # noqa: D205
        ctype = self.analysis.place_type(place)
        if ctype is None or not points_to_record(ctype) or _chained(place[0]) >= _MAX_CHAINED:
            return None
        return heap(ctype.base, identity, instance)

    def _fresh(self, reaching: frozenset[int], depth: int = 0) -> object:
        """The identity of an object that this function has just allocated."""
        if len(reaching) != 1 or depth > _MAX_COPIES:
            return None
        (definition,) = reaching
        instruction = self.code[definition]
        if isinstance(instruction, Assign) and not instruction.weak and isinstance(instruction.target, Var):
            source = variable_read(instruction.value)
            if source is not None and source.kind in {"local", "temp"}:
                copied = self.function.reaching(definition, (self.variable_root(source), ()))
                return self._fresh(copied, depth + 1)
        if isinstance(instruction, Call) and isinstance(instruction.callee, str):
            effect = self.analysis.model.effects.get(instruction.callee)
            if effect is not None and effect.kind == "alloc":
                return ("fresh", self.id, definition)
        return None

    def pointer_from(
        self, place: Place, definition: int, *, several: bool = True, read: int | None = None
    ) -> tuple[list[Guarded], bool]:
        """What a pointer in ``place`` points to, as far as one of its (``several``) definitions says."""
        path = place[1]
        if definition == ENTRY:
            return self._pointer_from_outside(place)
        instruction = self.code[definition]
        conditions = self.function.lasting_guards(definition, place, read=read) if several else NOTHING
        if isinstance(instruction, Assign):
            some: list[Guarded] = []
            targets = self.resolve(definition, instruction.target)
            unknown = not any(overlap((there, below), place) for there, below, _ in targets)  # through another name
            for target_root, target_path, guards in targets:
                if not overlap((target_root, target_path), place):
                    continue
                below = path[len(target_path) :]
                value = instruction.value
                if below and isinstance(value, Load):  # a struct copy: the pointer member of the copied one
                    value = self._member_of(value.place, below)
                elif below:
                    unknown = unknown or not isinstance(value, Const)
                    continue
                inner, more, instance, identity = self.targets(definition, value)
                if more:
                    ctype = self.analysis.place_type(place)
                    if ctype is not None and ctype.pointers:
                        inner = [
                            *inner,
                            (
                                heap(ctype.base, identity, instance or self.analysis.pointer_instance(place)),
                                (),
                                NOTHING,
                            ),
                        ]
                    else:
                        unknown = True
                some += [(r, p, g | guards | conditions) for r, p, g in inner if compatible(g, guards | conditions)]
            return some, unknown
        if isinstance(instruction, Call):
            return self.analysis.calls.returned_pointers(self.function, definition, place)
        return [], True

    def _may_be_variable(self, root: Root, ctype: CType | None) -> bool:
        """Whether a pointer to a struct may be one to a variable of a function; else its type says enough."""
        if ctype is None:  # below a void pointer, which only the caller's type explains
            around = self.analysis.root_type(root)
            return around is not None and around.base == "void"
        return ctype.base not in self.analysis.model_types and self.analysis.program.has_variables(ctype.base)

    def _member_of(self, place: LValue, below: tuple[str, ...]) -> Load:
        """The value of a part of an lvalue; kept, because the caches know expressions by identity."""
        key = (id(place), below)
        if key not in self._parts:
            self._parts[key] = Load(_extend(place, below), 0)
        return self._parts[key]

    def _pointer_from_outside(self, place: Place) -> tuple[list[Guarded], bool]:
        root, path = place
        if root[0] == "p" and not path:
            return [(("d", self.id, root[2]), (), NOTHING)], False
        if root[0] == "v":
            return [], False  # uninitialised
        own = self.analysis.own_pointers.target(place)
        if own is not None:
            return [(*own, NOTHING)], False
        if root[0] in {"d", "p"}:
            ctype = self.analysis.place_type(place)
            plain = ctype is not None and ctype.is_pointer and not points_to_record(ctype)
            behind: Guarded = ((root[0], root[1], root[2]), (*path, "*"), NOTHING)
            if plain or self.analysis.follows(place):
                return [behind], False
            if path.count("*") >= _MAX_LINKS or not self._may_be_variable(root, ctype):
                return [], True
            return [behind], True  # what the caller's member points to, or any other object of the type
        return self.analysis.calls.stored_pointers(place)


def _chained(root: Root) -> int:
    """Through how many objects an object is known, each by the place that points to the next."""
    count = 0
    while root[0] == "h":
        count += 1
        match root[2]:
            case (_, (tuple() as inner, _), _):
                root = inner
            case _:
                break
    return count


def _extend(place: LValue, below: tuple[str, ...]) -> LValue:
    for name in below:
        place = (
            Index(place, None, int(name[1:-1]) if name[1:-1].isdigit() else None, None)
            if name[0] == "["
            else Member(place, name, None)
        )
    return place
