"""One function: which objects its lvalues denote, which definitions reach, which conditions hold.

Takes the facts of a unit; resolves lvalues to places flow-sensitively (a
pointer denotes what its reaching definitions say, each under its guards),
walks definitions forward to what may read them and backward to where they
come from. Nothing is computed before it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.literals import IMPOSSIBLE, NOTHING, compatible
from fpuscan.engine.variables import base_variable
from fpuscan.ir import (
    Addr,
    Assign,
    Binary,
    Branch,
    Call,
    Cast,
    Const,
    ContainerOf,
    Deref,
    FunctionRef,
    Index,
    Load,
    Member,
    Return,
    Unary,
    Var,
    subexpressions,
)
from fpuscan.places import ALL_ELEMENTS, covers, heap, overlap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.declarators import CType
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.literals import Guards
    from fpuscan.ir import Edge, Expr, Instruction, LValue
    from fpuscan.places import Guarded, Place, Root
    from fpuscan.program import Unit

__all__ = ["ENTRY", "EXIT", "FunctionAnalysis", "Touch"]

ENTRY, EXIT = 0, 1
_MAX_DEPTH = 40
_SMALL = 300  # instructions
_WORD_BITS = 64

Touch = tuple[int, "Guards"]


def expressions_of(instruction: Instruction) -> tuple[Expr, ...]:
    """The values that an instruction reads."""
    match instruction:
        case Assign():
            return (instruction.value,)
        case Call():
            callee = () if isinstance(instruction.callee, str) else (instruction.callee,)
            return (*instruction.arguments, *callee)
        case Branch():
            return (instruction.condition,)
        case Return():
            return (instruction.value,) if instruction.value is not None else ()
        case _:
            return ()


def walk_expression(expr: Expr) -> Iterator[Expr]:
    """An expression and all its operands, pointers inside lvalues included."""
    stack = [expr]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(subexpressions(current))
        if isinstance(current, Load | Addr):
            place: LValue | None = current.place
            while place is not None:
                match place:
                    case Member():
                        place = place.base
                    case Index():
                        if place.pointer is not None:
                            stack.append(place.pointer)
                        place = place.base
                    case Deref():
                        stack.append(place.pointer)
                        place = None
                    case _:
                        place = None


class FunctionAnalysis:
    """The lazily computed answers about one unit."""

    def __init__(self, analysis: Analysis, unit: Unit) -> None:
        self.analysis = analysis
        self.unit = unit
        self.facts = unit.facts
        self.id = unit.id
        self.code = self.facts.code
        self.address_taken: set[object] = set()
        self.definitions: dict[object, list[int]] = {}
        self.memory_stores: list[int] = []
        self.calls: list[int] = []
        self.returns: list[int] = []
        self._resolved: dict[tuple[int, int], tuple[Guarded, ...]] = {}
        self._resolving: set[tuple[int, int]] = set()
        self._reaching: dict[tuple[int, Place], frozenset[int]] = {}
        self._edge_literals: dict[tuple[int, bool | None, int | None], Guards] = {}
        self._entry_guards: dict[int, Guards] | None = None
        self._void_hints: dict[int, str] = {}
        self._followed: dict[int, Guards] = {}
        self._parts: dict[tuple[int, tuple[str, ...]], Load] = {}
        self._targets: dict[tuple[int, int], tuple[list[Guarded], bool, str, object]] = {}
        self._survey()

    def _survey(self) -> None:
        for number, instruction in enumerate(self.code):
            for expr in expressions_of(instruction):
                self._survey_expression(expr)
            match instruction:
                case Assign():
                    self._survey_target(number, instruction)
                    if not isinstance(instruction.target, Var):
                        self._survey_expression(Load(instruction.target, 0))
                case Call():
                    self.calls.append(number)
                    if instruction.result is not None:
                        self.definitions.setdefault(instruction.result.key, []).append(number)
                case Return():
                    self.returns.append(number)
                case _:
                    pass

    def _survey_expression(self, expr: Expr) -> None:
        for part in walk_expression(expr):
            if isinstance(part, Addr):
                variable = base_variable(part.place)
                if variable is not None:
                    self.address_taken.add(variable.key)
            elif isinstance(part, Cast) and part.type.pointers == 1 and isinstance(part.operand, Load):
                self._hint(part.type, part.operand.place)

    def _hint(self, ctype: CType, place: LValue) -> None:
        """``(struct x *)void_parameter``: the parameter points to a struct x."""
        if isinstance(place, Var) and place.kind == "param" and isinstance(place.key, int) and _points_to_record(ctype):
            self._void_hints.setdefault(place.key, ctype.base)

    def _survey_target(self, number: int, instruction: Assign) -> None:
        target, value = instruction.target, instruction.value
        variable = base_variable(target)
        if variable is not None and variable.kind != "global":
            self.definitions.setdefault(variable.key, []).append(number)
            if isinstance(target, Var) and target.type is not None and isinstance(value, Load):
                self._hint(target.type, value.place)  # struct x *p = void_parameter, without a cast
        else:
            self.memory_stores.append(number)

    # ------------------------------------------------------------ places

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
            return self._unresolved(place, None)
        self._resolving.add(key)
        try:
            found = self._resolve(node, place)
        finally:
            self._resolving.discard(key)
        self._resolved[key] = found
        return found

    def _resolve(self, node: int, place: LValue) -> tuple[Guarded, ...]:
        match place:
            case Member():
                return tuple(
                    (root, (*path, place.name), guards) for root, path, guards in self.resolve(node, place.base)
                )
            case Index() if place.base is not None:
                element = ALL_ELEMENTS if place.index is None else f"[{place.index}]"
                return tuple((root, (*path, element), guards) for root, path, guards in self.resolve(node, place.base))
            case Index():
                assert place.pointer is not None
                return tuple(
                    (root, _shift(path, place.index), guards)
                    for root, path, guards in self.pointees(node, place.pointer, place.type)
                )
            case Deref():
                return self.pointees(node, place.pointer, place.type)
            case _:
                return ()

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
                return [], pointer.value is None if isinstance(pointer, Const) else False, "", (self.id, node)
            case ContainerOf():
                return self._container(node, pointer)
            case Binary():
                return self._moved(node, pointer)
            case Load():
                return self._loaded(node, pointer)
            case _:
                return [], True, "", (self.id, node, id(pointer))

    def _cast_targets(self, node: int, pointer: Cast) -> tuple[list[Guarded], bool, str, object]:
        """A pointer cast to another struct's denotes some object of that type."""
        found, unknown, instance, identity = self.targets(node, pointer.operand)
        if not _points_to_record(pointer.type):
            return found, unknown, instance, identity
        kept = []
        for root, path, guards in found:
            ctype = self.analysis.place_type((root, path))
            if ctype is None or ctype.base == pointer.type.base or ctype.base in {"void", "?"}:
                kept.append((root, path, guards))
        return kept, unknown or len(kept) < len(found), instance, identity

    def _moved(self, node: int, pointer: Binary) -> tuple[list[Guarded], bool, str, object]:
        """Pointer arithmetic stays inside an array, and otherwise leads to some object of the type."""
        for side in (pointer.left, pointer.right):
            ctype = _pointer_type(side)
            if ctype is None:
                continue
            found, unknown, instance, identity = self.targets(node, side)
            inside = [(root, _any_element(path), guards) for root, path, guards in found if path and path[-1][0] == "["]
            return inside, unknown or len(inside) < len(found), instance, (self.id, node, identity)
        return [], True, "", (self.id, node)

    def _container(self, node: int, pointer: ContainerOf) -> tuple[list[Guarded], bool, str, object]:
        inner, unknown, _, identity = self.targets(node, pointer.pointer)
        found = []
        for root, path, guards in inner:
            size = len(pointer.member)
            if path[-size:] == pointer.member:
                found.append((root, path[:-size], guards))
            else:
                unknown = True
        if not found or unknown:
            found.append((heap(pointer.tag, (self.id, node, identity)), (), NOTHING))
        return found, False, "", identity

    def _loaded(self, node: int, load: Load) -> tuple[list[Guarded], bool, str, object]:
        key = (node, id(load))
        known = self._targets.get(key)
        if known is None:
            self._targets[key] = ([], False, "", (self.id, node))  # p = p->next adds nothing to what p was before
            known = self._compute_loaded(node, load)
            self._targets[key] = known
        return known

    def _compute_loaded(self, node: int, load: Load) -> tuple[list[Guarded], bool, str, object]:
        found: list[Guarded] = []
        unknown = False
        instance = ""
        identity: object = None
        for root, path, guards in self.resolve(node, load.place):
            place = (root, path)
            instance = instance or self.analysis.pointer_instance(place)
            reaching = self.reaching(node, place)
            identity = self._fresh(reaching) or (self.id, place, tuple(sorted(reaching)))
            several = len(reaching) > 1
            for definition in sorted(reaching):
                some, more = self.pointer_from(place, definition, several=several)
                unknown = unknown or more
                for target, below, conditions in some:
                    if compatible(guards, conditions):
                        found.append((target, below, guards | conditions))
        return found, unknown, instance, identity

    def _fresh(self, reaching: frozenset[int]) -> object:
        """The identity of an object that this function has just allocated."""
        if len(reaching) != 1:
            return None
        (definition,) = reaching
        instruction = self.code[definition]
        if isinstance(instruction, Call) and isinstance(instruction.callee, str):
            effect = self.analysis.model.effects.get(instruction.callee)
            if effect is not None and effect.kind == "alloc":
                return ("fresh", self.id, definition)
        return None

    def pointer_from(self, place: Place, definition: int, *, several: bool = True) -> tuple[list[Guarded], bool]:
        """What a pointer in ``place`` points to, as far as one of its (``several``) definitions says."""
        path = place[1]
        if definition == ENTRY:
            return self._pointer_from_outside(place)
        instruction = self.code[definition]
        conditions = self.entry_guards().get(definition, NOTHING) if several else NOTHING
        if isinstance(instruction, Assign):
            some: list[Guarded] = []
            unknown = False
            for target_root, target_path, guards in self.resolve(definition, instruction.target):
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
            return self.analysis.calls.returned_pointers(self, definition, place)
        return [], True

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
        if root[0] in {"d", "p"}:
            ctype = self.analysis.place_type(place)
            plain = ctype is not None and ctype.is_pointer and not _points_to_record(ctype)
            if plain or self.analysis.follows(place):
                return [((root[0], root[1], root[2]), (*path, "*"), NOTHING)], False
            return [], True
        return self.analysis.calls.stored_pointers(place)

    def hint(self, index: int) -> str:
        """The struct that a ``void *`` parameter is cast to."""
        return self._void_hints.get(index, "")

    def returned(self, node: int) -> Expr | None:
        """The value that a return statement (one of ``returns``) gives."""
        instruction = self.code[node]
        assert isinstance(instruction, Return)
        return instruction.value

    # ------------------------------------------------------------ writes

    def writes(self, node: int) -> list[tuple[Root, tuple[str, ...], bool, Guards]]:
        """The places that a node writes: (root, path, whether it overwrites for certain, guards)."""
        instruction = self.code[node]
        if isinstance(instruction, Assign):
            targets = self.resolve(node, instruction.target)
            strong = len(targets) == 1 and not instruction.weak
            return [(root, path, strong, guards) for root, path, guards in targets]
        if isinstance(instruction, Call) and instruction.result is not None:
            return [(("v", self.id, instruction.result.key), (), True, NOTHING)]
        return []

    def reaching(self, node: int, place: Place) -> frozenset[int]:
        """The nodes whose definition of ``place`` may be the one that ``node`` reads; ENTRY: from outside."""
        key = (node, place)
        found = self._reaching.get(key)
        if found is None:
            self._reaching[key] = frozenset({ENTRY})  # cut cycles through pointer resolution
            found = self._compute_reaching(node, place)
            self._reaching[key] = found
        return found

    def _compute_reaching(self, node: int, place: Place) -> frozenset[int]:
        root = place[0]
        if root[0] == "v" and root[2] not in self.address_taken:
            direct = self.definitions.get(root[2], [])
            if len(direct) == 1 and self._defines_whole(direct[0]):
                return frozenset(direct)
        found: set[int] = set()
        seen: set[int] = set()
        stack = list(self.facts.pred[node])
        if node == ENTRY:
            return frozenset({ENTRY})
        candidates = self._candidates(place)
        while stack:
            current = stack.pop()
            if current in seen:
                continue
            seen.add(current)
            if current == ENTRY:
                found.add(ENTRY)
                continue
            if candidates is None or current in candidates:
                verdict = self._defines(current, place)
                if verdict:
                    found.add(current)
                if verdict == 2:  # overwritten for certain
                    continue
            stack.extend(self.facts.pred[current])
        return frozenset(found)

    def _candidates(self, place: Place) -> set[int] | None:
        """The nodes that may define a place."""
        root = place[0]
        nodes: set[int] = set(self.memory_stores)
        if root[0] in {"v", "p"}:
            direct = self.definitions.get(root[2], [])
            if root[2] not in self.address_taken:
                return set(direct)
            nodes.update(direct)
        nodes.update(self.calls)
        return nodes

    def _defines_whole(self, node: int) -> bool:
        instruction = self.code[node]
        if isinstance(instruction, Assign):
            return isinstance(instruction.target, Var) and not instruction.weak
        return isinstance(instruction, Call)

    def _defines(self, node: int, place: Place) -> int:
        """0: does not define the place; 1: may; 2: overwrites it for certain."""
        best = 0
        for root, path, strong, guards in self.writes(node):
            if overlap((root, path), place):
                best = max(best, 2 if strong and not guards and covers((root, path), place) else 1)
        if not best and isinstance(self.code[node], Call) and self.analysis.calls.may_write(self, node, place):
            best = 2 if self.analysis.calls.must_write(self, node, place) else 1
        return best

    # ------------------------------------------------------------ conditions

    def edge_literals(self, node: int, edge: Edge) -> Guards:
        """What holds on a control-flow edge."""
        if edge.truth is None and edge.equals is None:
            return NOTHING
        key = (node, edge.truth, edge.equals)
        found = self._edge_literals.get(key)
        if found is None:
            instruction = self.code[node]
            found = NOTHING
            if isinstance(instruction, Branch):
                if edge.truth is not None:
                    found = self.truth(node, instruction.condition, edge.truth)
                elif edge.equals is not None:
                    found = self.equals(node, instruction.condition, edge.equals, True)  # noqa: FBT003
            self._edge_literals[key] = found
        return found

    def truth(self, node: int, expr: Expr, want: bool, depth: int = 0) -> Guards:  # noqa: FBT001
        """The literals that follow when ``expr`` is true (false) at ``node``; IMPOSSIBLE when it cannot be."""
        match expr:
            case Const():
                if expr.value is None:
                    return NOTHING
                return NOTHING if bool(expr.value) is want else IMPOSSIBLE
            case FunctionRef() | Addr() | ContainerOf():
                return NOTHING if want else IMPOSSIBLE
            case Unary() if expr.op == "!":
                return self.truth(node, expr.operand, not want, depth)
            case Cast():
                if not want and 1 < expr.bits < _WORD_BITS and not _is_boolean(expr.operand):
                    return NOTHING  # a narrow zero says nothing about the upper bits
                return self.truth(node, expr.operand, want, depth)
            case Binary() if expr.op in {"==", "!="}:
                return self._comparison(node, expr, want is (expr.op == "=="), depth)
            case Binary() if expr.op == "&":
                return self._bit_test(node, expr, want)
            case Load():
                return self._loaded_truth(node, expr, want, depth)
            case _:
                return NOTHING

    def _comparison(self, node: int, expr: Binary, equal: bool, depth: int) -> Guards:  # noqa: FBT001
        for side, other in ((expr.left, expr.right), (expr.right, expr.left)):
            if isinstance(other, Const) and other.value is not None:
                if other.value == 0:
                    return self.truth(node, side, not equal, depth)
                if other.value == 1 and _is_boolean(side):
                    return self.truth(node, side, equal, depth)
                return self.equals(node, side, other.value, equal)
        return NOTHING

    def equals(self, node: int, expr: Expr, constant: int, equal: bool) -> Guards:  # noqa: FBT001
        """What follows when a value equals (does not equal) a constant."""
        while isinstance(expr, Cast) and not 1 < expr.bits < _WORD_BITS:
            expr = expr.operand
        if isinstance(expr, Const) and expr.value is not None:
            return NOTHING if (expr.value == constant) is equal else IMPOSSIBLE
        if not isinstance(expr, Load) or not self._correlates(expr.place):
            return NOTHING
        places = self.resolve(node, expr.place)
        if len(places) != 1 or places[0][2]:
            return NOTHING
        return self.place_equals(node, (places[0][0], places[0][1]), constant, equal)

    def place_equals(self, node: int, place: Place, constant: int, equal: bool) -> Guards:  # noqa: FBT001
        """What follows when the value in ``place`` equals (does not equal) a constant."""
        reaching = self.reaching(node, place)
        values = [self._constant_definition(definition) for definition in reaching]
        if values and all(value is not None for value in values):
            if all((value == constant) is not equal for value in values):
                return IMPOSSIBLE
            if all((value == constant) is equal for value in values):
                return NOTHING
        return frozenset({(("b", self.id, *place, reaching), "=" if equal else "!", constant)})

    def _constant_definition(self, definition: int) -> int | None:
        instruction = self.code[definition]
        if isinstance(instruction, Assign) and isinstance(instruction.value, Const) and not instruction.weak:
            return instruction.value.value
        return None

    def _bit_test(self, node: int, expr: Binary, want: bool) -> Guards:  # noqa: FBT001
        if want:
            return NOTHING
        for side, other in ((expr.left, expr.right), (expr.right, expr.left)):
            mask = self.analysis.values.constant(other)
            if mask is not None and isinstance(side, Load):
                places = self.resolve(node, side.place)
                if len(places) == 1 and not places[0][2]:
                    place = (places[0][0], places[0][1])
                    return frozenset({(("b", self.id, *place, self.reaching(node, place)), "clr", mask)})
        return NOTHING

    def _correlates(self, place: LValue) -> bool:
        """Whether conditions on an lvalue are worth following: variables, members the model knows, small functions."""
        while isinstance(place, Member | Index):
            if (
                isinstance(place, Member)
                and place.base.type is not None
                and place.base.type.base in self.analysis.model_types
            ):
                return True
            if place.base is None:
                break
            place = place.base
        return isinstance(place, Var) or len(self.code) < _SMALL

    def _loaded_truth(self, node: int, load: Load, want: bool, depth: int) -> Guards:  # noqa: FBT001
        if not self._correlates(load.place):
            return NOTHING
        places = self.resolve(node, load.place)
        if len(places) != 1 or places[0][2]:
            return NOTHING
        return self.place_truth(node, (places[0][0], places[0][1]), want, depth)

    def place_truth(self, node: int, place: Place, want: bool, depth: int = 0) -> Guards:  # noqa: FBT001
        """What follows when the value in ``place`` is true (false)."""
        reaching = self.reaching(node, place)
        found = self._truth_by_definitions(reaching, want, depth)
        if found is not None:
            return found
        return frozenset({(("b", self.id, *place, reaching), "!" if want else "=", 0)})

    def _truth_by_definitions(self, reaching: frozenset[int], want: bool, depth: int) -> Guards | None:  # noqa: FBT001
        """The truth of a variable, from what was stored into it: ``bool host = !guest``."""
        if depth > 6 or len(reaching) > 4 or ENTRY in reaching:  # bounds on work
            return None
        consistent: list[Guards] = []
        for definition in sorted(reaching):
            instruction = self.code[definition]
            if isinstance(instruction, Call):
                inner: Guards | None = self.analysis.calls.returned_truth(self, definition, want)
            elif isinstance(instruction, Assign) and not instruction.weak and isinstance(instruction.target, Var):
                if not (
                    isinstance(instruction.value, Const)
                    or _is_boolean(instruction.value)
                    or isinstance(instruction.value, Load)
                ):
                    return None
                inner = self.truth(definition, instruction.value, want, depth + 1)
            else:
                return None
            if inner is None:
                return None
            if inner != IMPOSSIBLE:
                if len(reaching) > 1:
                    inner = inner | self.entry_guards().get(definition, NOTHING)
                consistent.append(inner)
        if not consistent:
            return IMPOSSIBLE
        common = frozenset.intersection(*consistent)
        if len(reaching) == 1 and not common:
            instruction = self.code[next(iter(reaching))]
            known = isinstance(instruction, Assign) and isinstance(instruction.value, Const)
            return common if known else None
        return common

    def entry_guards(self) -> dict[int, Guards]:
        """What holds at each node on every way from the entry; a node that no way reaches is missing."""
        if self._entry_guards is None:
            self._entry_guards = {}  # cut cycles: a condition that needs itself says nothing
            self._entry_guards = self.flow_conditions(ENTRY, NOTHING)
            self._resolved.clear()  # what was resolved meanwhile lacks the conditions of its definitions
            self._targets.clear()
        return self._entry_guards

    def flow_conditions(self, start: int, guards: Guards) -> dict[int, Guards]:
        """The conditions at each node that control reaches from ``start``, where ``guards`` hold."""
        return dict(self.walk(start, None, guards))

    def walk(self, start: int, place: Place | None, guards: Guards) -> list[Touch]:
        """The nodes that control reaches behind ``start`` before ``place`` is overwritten, with what holds there."""
        held: dict[int, Guards] = {}
        order: list[int] = []
        work: list[int] = []
        succ = self.facts.succ
        candidates = self._candidates(place) if place is not None else set()

        def spread(node: int, here: Guards) -> None:
            for edge in succ[node]:
                literals = self.edge_literals(node, edge)
                if literals == IMPOSSIBLE or (literals and not compatible(here, literals)):
                    continue
                config = self.analysis.config_guards(self.code[edge.target].config)
                if config and not compatible(here, config):
                    continue
                arriving = here | literals if literals else here
                if config:
                    arriving = arriving | config
                before = held.get(edge.target)
                if before is None:
                    held[edge.target] = arriving
                    order.append(edge.target)
                    work.append(edge.target)
                else:
                    both = before & arriving
                    if both != before:
                        held[edge.target] = both
                        work.append(edge.target)

        spread(start, guards)
        while work:
            node = work.pop()
            here = held[node]
            if place is not None and candidates is not None and node in candidates and self._kills(node, place, here):
                continue
            spread(node, self.after(node, here))
        return [(node, held[node]) for node in sorted(order)]

    def _kills(self, node: int, place: Place, guards: Guards) -> bool:
        """Whether a node overwrites all of ``place`` on the paths where ``guards`` hold."""
        instruction = self.code[node]
        if isinstance(instruction, Call):
            if instruction.result is not None and place[0] == ("v", self.id, instruction.result.key):
                return True
            return self.analysis.calls.must_write(self, node, place)
        if not isinstance(instruction, Assign) or instruction.weak:
            return False
        possible = [
            (root, path)
            for root, path, conditions in self.resolve(node, instruction.target)
            if not conditions or compatible(guards, conditions)
        ]
        return len(possible) == 1 and covers(possible[0], place)

    def after(self, node: int, guards: Guards) -> Guards:
        """What still holds behind a node, and what it adds: a pointer that was followed is not NULL."""
        if guards and any(
            literal[0][0] == "b" and literal[0][1] == self.id and node in literal[0][4] for literal in guards
        ):
            guards = frozenset(
                literal
                for literal in guards
                if not (literal[0][0] == "b" and literal[0][1] == self.id and node in literal[0][4])
            )
        followed = self.followed(node)
        return guards | followed if followed else guards

    def followed(self, node: int) -> Guards:
        """Pointers to a guest FPU (or what the model calls a side) that a node follows are not NULL."""
        found = self._followed.get(node)
        if found is None:
            found = self._compute_followed(node)
            self._followed[node] = found
        return found

    def _compute_followed(self, node: int) -> Guards:
        wanted = self.analysis.side_pointers
        literals = set()
        exprs: list[Expr] = list(expressions_of(self.code[node]))
        instruction = self.code[node]
        if isinstance(instruction, Assign):
            exprs.append(Load(instruction.target, 0))
        for expr in exprs:
            for part in walk_expression(expr):
                if not isinstance(part, Load):
                    continue
                pointer = _followed_pointer(part.place)
                if (
                    pointer is not None
                    and pointer.type is not None
                    and pointer.type.pointers == 1
                    and pointer.type.base in wanted
                    and pointer.kind != "global"
                ):
                    place = (self.variable_root(pointer), ())
                    literals.add((("b", self.id, *place, self.reaching(node, place)), "!", 0))
        return frozenset(literals)


def _pointer_type(expr: Expr) -> CType | None:
    """The type of a value that is a pointer, None for other values."""
    match expr:
        case Load():
            ctype = expr.place.type
            return ctype if ctype is not None and ctype.is_pointer else None
        case Cast():
            return expr.type if expr.type.is_pointer else None
        case Addr():
            return expr.place.type.pointer_to() if expr.place.type is not None else None
        case Binary():
            return _pointer_type(expr.left) or _pointer_type(expr.right)
        case _:
            return None


def _points_to_record(ctype: CType) -> bool:
    return ctype.is_record and ctype.pointers == 1 and not ctype.arrays


def _followed_pointer(place: LValue) -> Var | None:
    """The pointer variable that an lvalue goes through first."""
    while True:
        match place:
            case Member():
                place = place.base
            case Index() if place.base is not None:
                place = place.base
            case Deref() | Index():
                pointer = place.pointer
                while isinstance(pointer, Cast):
                    pointer = pointer.operand
                return pointer.place if isinstance(pointer, Load) and isinstance(pointer.place, Var) else None
            case _:
                return None


def _is_boolean(expr: Expr) -> bool:
    match expr:
        case Unary():
            return expr.op == "!"
        case Binary():
            return expr.op in {"==", "!=", "<", ">", "<=", ">="}
        case Cast():
            return expr.bits == 1 or _is_boolean(expr.operand)
        case Load():
            return expr.place.type is not None and expr.place.type.base in {"bool", "_Bool"}
        case _:
            return False


def _shift(path: tuple[str, ...], index: int | None) -> tuple[str, ...]:
    """Element ``index`` counted from the element that a pointer points to."""
    if not path or path[-1][0] != "[":
        return path
    if index is None or path[-1] == ALL_ELEMENTS:
        return (*path[:-1], ALL_ELEMENTS)
    return (*path[:-1], f"[{int(path[-1][1:-1]) + index}]")


def _any_element(path: tuple[str, ...]) -> tuple[str, ...]:
    return (*path[:-1], ALL_ELEMENTS) if path and path[-1][0] == "[" else path


def _extend(place: LValue, below: tuple[str, ...]) -> LValue:
    for name in below:
        place = (
            Index(place, None, None if name == ALL_ELEMENTS else int(name[1:-1]), None)
            if name[0] == "["
            else Member(place, name, None)
        )
    return place
