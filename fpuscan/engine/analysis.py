"""What all parts of the engine share: the functions' analyses, types of places, and the model's patterns."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import pairwise
from typing import TYPE_CHECKING

from fpuscan.engine.aliases import Aliases
from fpuscan.engine.calls import Calls
from fpuscan.engine.calls.choices import Choices
from fpuscan.engine.functions.function import FunctionAnalysis
from fpuscan.engine.functions.literals import IMPOSSIBLE, NOTHING, settled
from fpuscan.engine.holders import Holders
from fpuscan.engine.keepers import Keepers
from fpuscan.engine.layouts import Layouts
from fpuscan.engine.lent import Lent
from fpuscan.engine.own_pointers import OwnPointers
from fpuscan.engine.parts import Parts
from fpuscan.engine.spread import Spread
from fpuscan.engine.unions import spelling, written
from fpuscan.engine.values.flags import Flags
from fpuscan.engine.values.sizes import Values
from fpuscan.engine.values.stores import Sought
from fpuscan.engine.values.tables import Tables
from fpuscan.model.rows import PlacePattern
from fpuscan.places import (
    NO_MEMBERS,
    OTHER_ELEMENTS,
    container_tag,
    is_elements_as,
    is_seen_as,
    member_name,
    plain_name,
)
from fpuscan.symbols.declarators import CType
from fpuscan.symbols.integers import integer_bits

if TYPE_CHECKING:
    from fpuscan.engine.calls import Frame
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.model.rows import Chain, Instance, Model, PlacePattern, SideGuard, Sink, Source
    from fpuscan.parse.arms import ConfigLiteral
    from fpuscan.places import Place, Root
    from fpuscan.program import Program, Unit

__all__ = ["Analysis"]

_FEW = 40  # occurrences of a global that is followed through the whole program


class Analysis:
    """The lazily grown knowledge about one program."""

    def __init__(self, program: Program, model: Model) -> None:
        self.program = program
        self.model = model
        self._functions: dict[int, FunctionAnalysis] = {}
        self._chains: dict[tuple[Root, tuple[str, ...]], Chain] = {}
        self._written: dict[Place, tuple[Chain, ...]] = {}
        self._types: dict[Place, CType | None] = {}
        self._config: dict[tuple[ConfigLiteral, ...], Guards] = {}
        self.side_pointers = frozenset(row.pointer for row in model.sides if row.pointer)
        self.barriers_used: set[str] = set()
        self.lost: set[tuple[int, int]] = set()  # (function, node) behind which a flow may go on unseen
        sinks = tuple(row for row in model.sinks if not row.ends)
        rows: tuple[Source | Sink | Instance | SideGuard, ...] = (
            *(row for row in model.sources if row.kind != "vcpu"),  # no flow is followed through a vCPU's memory
            *sinks,
            *model.instances,
            *model.sides,
        )
        self.model_types = frozenset(row.type for row in rows if row.type) | frozenset(model.scope.tracked_types)
        self._of_interest: dict[Place, bool] = {}
        pointers = (row for row in model.instances if not row.variable)
        self._pointer_patterns = [(row, PlacePattern(row.pointer_type, row.pointer_member)) for row in pointers]
        self._pointer_rows: dict[Place, Instance | None] = {}
        self.calls = Calls(self)
        self.choices = Choices(self)
        self.aliases = Aliases(self)
        self.holders = Holders(self)
        self.keepers = Keepers(self)
        self.own_pointers = OwnPointers(self)
        self.tables = Tables(self)
        self.flags = Flags(self)
        self.layouts = Layouts(self)
        self.lent = Lent(self)
        self.parts = Parts(self)
        self.spread = Spread(self)
        self.values = Values(self)

    def of(self, unit: Unit) -> FunctionAnalysis:
        """The analysis of one unit."""
        found = self._functions.get(unit.id)
        if found is None:
            found = FunctionAnalysis(self, unit)
            self._functions[unit.id] = found
        return found

    def by_id(self, number: int) -> FunctionAnalysis:
        """The analysis of a unit by its number."""
        return self.of(self.program.units[number])

    def config_guards(self, config: tuple[ConfigLiteral, ...]) -> Guards:
        """The configuration that a statement needs, as literals; IMPOSSIBLE where its arms contradict each other."""
        if not config:
            return NOTHING
        found = self._config.get(config)
        if found is None:
            values = {literal.name: literal.value for literal in config}
            found = frozenset((("c", name), "=", value) for name, value in values.items())
            if any(values[literal.name] != literal.value for literal in config):
                found = IMPOSSIBLE
            self._config[config] = found
        return found

    # ------------------------------------------------------------ types

    def root_type(self, root: Root) -> CType | None:
        """The C type of an object."""
        kind = root[0]
        if kind == "g":
            return self._global_type(str(root[1]))
        if kind == "h":
            return CType(str(root[1]))
        if kind == "r":
            return self.program.units[root[1]].signature.returns
        if kind == "v":
            return self._local_type(root)
        params = self.program.units[root[1]].signature.params
        index = root[2]
        assert isinstance(index, int)
        ctype = params[index].type if index < len(params) else None
        if kind == "p":
            return ctype
        if ctype is not None and (ctype.base == "void" or integer_bits(ctype.base) is not None):
            hint = self.by_id(root[1]).hint(index)
            if hint:
                return CType(hint)
        return ctype.pointee() if ctype is not None else None

    def _global_type(self, key: str) -> CType | None:
        path, _, name = key.rpartition(":")
        if "." in name:  # function-static
            return self._static_types.get(key)
        return self.program.global_type(name, path)

    @property
    def _static_types(self) -> dict[str, CType | None]:
        return self.program.static_types

    def _local_type(self, root: Root) -> CType | None:
        variable = self.by_id(root[1]).facts.variables.get(root[2])
        return variable.type if variable is not None else None

    def place_type(self, place: Place) -> CType | None:
        """The C type of the value in a place."""
        if place not in self._types:
            self._types[place] = self._place_type(place)
        return self._types[place]

    def _place_type(self, place: Place) -> CType | None:
        root, path = place
        ctype = self.root_type(root)
        for name in path:
            if ctype is None:
                return None
            if name == OTHER_ELEMENTS:
                continue
            if is_seen_as(name):
                ctype = CType(container_tag(name))
            elif name == "*" or name[0] == "[":
                ctype = ctype.pointee()
            else:
                members = self.program.members(self.program.types.resolve(ctype).base)
                ctype = members.get(member_name(name)) if members is not None else None
            if ctype is not None:
                ctype = self.program.types.resolve(ctype)
        return ctype

    def chain(self, place: Place) -> Chain:
        """The structs that a place lies in, outermost first: (tag, path below it)."""
        found = self._chains.get(place)
        if found is None:
            found = self._chain(place)
            self._chains[place] = found
        return found

    def _chain(self, place: Place) -> Chain:
        root, path = place
        levels: list[tuple[str, tuple[str, ...]]] = []
        ctype = self.root_type(root)
        for position, name in enumerate(path):
            if ctype is None:
                break
            if name == OTHER_ELEMENTS:
                continue
            if is_seen_as(name):
                ctype = CType(container_tag(name))
                if not is_elements_as(
                    name
                ):  # an array of numbers stays what it is, and is no other object of the struct
                    levels = []
                continue
            resolved = self.program.types.resolve(ctype)
            if name == "*" or name[0] == "[":
                ctype = resolved.pointee()
                continue
            if not resolved.is_record:
                ctype = None
                break
            levels.append((resolved.base, path[position:]))
            members = self.program.members(resolved.base)
            ctype = members.get(member_name(name)) if members is not None else None
        if ctype is not None:
            resolved = self.program.types.resolve(ctype)
            if resolved.is_struct:
                levels.append((resolved.base, ()))
        if not levels and root[0] == "g":
            levels.append(("", path))
        return tuple(levels)

    def of_interest(self, place: Place) -> bool:
        """Whether a place of shared memory lies in a struct that the model knows, or is a global.

        Only such memory is followed through the whole program; any call is taken to
        change all other memory.
        """
        found = self._of_interest.get(place)
        if found is None:
            found = any(tag in self.model_types for tag, _ in self.chain(place)) or self.is_lent(place[0])
            if not found and place[0][0] == "g":
                name = plain_name(self.variable(place[0]))
                found = len(self.program.occurrences(name)) <= _FEW
            self._of_interest[place] = found
        return found

    def is_rare(self, tag: str) -> bool:
        """Whether few places of the program name a struct ("struct x"), so that who stores into it is soon known."""
        return len(self.program.occurrences(tag.partition(" ")[2])) <= _FEW

    def storers(self, place: Place) -> list[Unit]:
        """The units that may store into a place of shared memory, or copy a struct around it."""
        found = self._touching(place)
        if place[0][0] != "g" or self.program.address_taken(plain_name(self.variable(place[0]))):
            names = [name for name in place[1] if name[0] not in NO_MEMBERS]
            for name in names:
                found.update((unit.id, unit) for unit in self.program.units_initialising(name))
        return sorted(found.values(), key=lambda unit: (unit.path, unit.start))

    def readers(self, place: Place) -> list[Unit]:
        """The functions that may read a place of shared memory, or copy a struct around it."""
        found = [unit for unit in self._touching(place).values() if unit.is_function]
        return sorted(found, key=lambda unit: (unit.path, unit.start))

    def _touching(self, place: Place) -> dict[int, Unit]:
        """The units whose text can name a place of shared memory: by its global, by its innermost member, by a copy."""
        root = place[0]
        found: dict[int, Unit] = {}
        if self.is_lent(root):
            lent = (unit for name in self.program.lent[root[1]] for unit in self.program.units_mentioning(name))
            return {unit.id: unit for unit in lent}
        variable = plain_name(self.variable(root))  # a function's static is named without the function
        if variable:
            found.update((unit.id, unit) for unit in self.program.units_mentioning(variable))
            if not self.program.address_taken(variable) and not self.program.member_address_taken(variable):
                return found
        levels = [(tag, below) for tag, below in self.chain(place) if below]
        if levels:
            tag, below = levels[-1]
            *around, last = [name for name in below if name[0] not in NO_MEMBERS] or below[:1]
            names = [(owner, name) for owner, inside in levels for name in self.overlapping(owner, inside[0])]
            if last[0] != "<" or not names:  # below a member of unknown type: of any struct
                names += [("" if around else tag, name) for name in self.spellings(tag, last)]
            for around_it, name in names:
                found.update((unit.id, unit) for unit in self.program.units_accessing(around_it, name))
        for (tag, below), (inner, _) in pairwise(levels):
            if inner in self.model_types:  # a struct that the model knows is copied, or handed over by pointer
                found.update((unit.id, unit) for unit in self.program.units_accessing(tag, below[0]))
        for tag, _ in levels:
            if tag in self.model_types:
                found.update((unit.id, unit) for unit in self.program.copiers(tag))
        return found

    def is_lent(self, root: Root) -> bool:
        """Whether an object is a local that other functions reach through a pointer in memory."""
        return root[0] == "g" and root[1] in self.program.lent

    def is_lent_by(self, unit: Unit, root: Root) -> bool:
        """Whether an object is such a local of one function: whatever is in it when that begins is of no matter."""
        return self.is_lent(root) and str(root[1]).startswith(f"{unit.path}:{unit.name}.")

    def sought(self, place: Place) -> Sought:
        """What can be a place, by type and name."""
        return Sought(place, self.place_type(place), self.chain(place), otherwise=self.lies_in_union(place))

    def spellings(self, tag: str, name: str) -> list[str]:
        """The members of a struct that a name in a path stands for: all integers of a union of one type."""
        if name[:1] != "<":
            return [name]
        group, _, member = name.partition(">.")
        types = self.program.types
        return [
            each
            for each, ctype in (self.program.members(tag) or {}).items()
            if ctype.integer is not None and (each == member if member else types.union_group(tag, each) == group)
        ]

    def overlapping(self, tag: str, name: str) -> list[str]:
        """All members of the union that a name in a path is one of; none for other names."""
        group, types = name.partition(">")[0] + ">", self.program.types
        members = self.program.members(tag) or {} if name[0] == "<" else {}
        return [each for each in members if types.union_group(tag, each) == group]

    def numbers_in_union(self, chain: Chain) -> list[str]:
        """The members of the union that a place is in, where that holds numbers and arrays of them only; else none."""
        *around, (tag, below) = (level for level in chain if level[1])
        arms = self.overlapping(tag, below[0])
        members = self.program.members(tag) or {}
        plain = not any(self.overlapping(outer, path[0]) for outer, path in around) and len(below) == 1
        return arms if plain and not any(members[each].is_record or members[each].pointers for each in arms) else []

    def lies_in_union(self, place: Place) -> bool:
        """Whether a place lies in a union: it is read by the names of others, too."""
        return any(below and self.overlapping(tag, below[0]) for tag, below in self.chain(place))

    def variable(self, root: Root) -> str:
        """The name of a global, without its file; empty for other objects."""
        return str(root[1]).rpartition(":")[2] if root[0] == "g" else ""

    def matches(self, pattern: PlacePattern, place: Place) -> bool:
        """Whether a place is one of a pattern's."""
        root = place[0]
        if pattern.variable and root[0] != "g":
            return False
        variable = self.variable(root)
        return any(pattern.matches(chain, variable) for chain in self.written(place))

    def written(self, place: Place) -> tuple[Chain, ...]:
        """The chain of a place with its members as the source writes them; of a union of one type, by each of them."""
        found = self._written.get(place)
        if found is None:
            found = self._written[place] = written(self, self.chain(place))
        return found

    def instances(self, tag: str) -> tuple[Instance, ...]:
        """The rows about instances of a type."""
        return tuple(row for row in self.model.instances if row.type == tag)

    def pointer_instance(self, place: Place) -> str:
        """The side of the objects that the pointer in a place denotes ("" where the model does not say)."""
        if place not in self._pointer_rows:
            matching = (row for row, pattern in self._pointer_patterns if self.matches(pattern, place))
            self._pointer_rows[place] = next(matching, None)
        found = self._pointer_rows[place]
        if found is None:
            return ""
        if found.barrier:
            self.barriers_used.add(found.barrier)
        return found.side

    def place_instance(self, place: Place) -> str:
        """The side of the object that a place lies in: by the pointer it was named through, or the struct around it."""
        root, _ = place
        if root[0] == "h" and root[3]:
            return str(root[3])
        for row in self.model.instances:
            for tag, path in self.chain(place):
                if tag == row.pointer_type and len(path) > 1 and fnmatchcase(path[0], row.pointer_member):
                    return row.side
        return ""

    def same_memory(self, first: Place, second: Place, *, passed: bool = False) -> bool:
        """Whether two places of shared memory may be one; a barrier that keeps them apart is remembered."""
        sides = {self.place_instance(place) for place in (first, second)} - {""}
        if len(sides) < 2:  # guest and host
            return self.calls.same_memory(first, second, passed=passed)
        self.barriers_used.update(row.barrier for row in self.model.instances if row.barrier)
        return False

    def instance_under(self, tag: str, guards: Guards, frames: tuple[Frame, ...], function: int, node: int) -> str:
        """The side of an object of a type that has sides, as the guards of the flow say, the innermost first."""
        if not self.instances(tag):
            return ""
        return self.flow_side(guards, frames, function, node)

    def flow_side(self, guards: Guards, frames: tuple[Frame, ...], function: int, node: int) -> str:
        """The side that the guards of a flow say at a node and at the calls that led there."""
        side = self.side_of(guards, function, node)
        for (caller, site), held in reversed(frames):
            if side:
                break
            side = self.side_of(held, caller, site)
        return side

    def side_of(self, guards: Guards, function: int, node: int) -> str:
        """The side that a set of guards is about at a node: "guest", "host", or "" where they do not say.

        What a flag was before it was set again says nothing.
        """
        exact = [(key, "=", word) for key, word in sorted(settled(guards).items(), key=repr)]
        for key, operator, constant in (*sorted(guards, key=repr), *exact):
            if key[0] != "b" or operator not in {"!", "="} or key[1] != function:
                continue
            if self.by_id(function).reaching(node, (key[2], key[3])) != key[4]:
                continue
            if constant == 0 and self.is_side_flag((key[2], key[3])):
                return "guest" if operator == "!" else "host"
            if constant and operator == "=" and self._is_chosen((key[2], key[3]), constant):
                return "guest"
        return ""

    def _is_chosen(self, place: Place, constant: object) -> bool:
        root, path = place
        if root[0] != "p" or path:
            return False
        name = self.program.units[root[1]].signature.params[root[2]].name
        return any(
            row.equals and row.parameter == name and self.program.evaluate(row.equals) == constant
            for row in self.model.sides
        )

    def is_side_flag(self, place: Place) -> bool:
        """Whether a value says whose side it is: true (not NULL) for the guest's."""
        root, path = place
        ctype = self.place_type(place)
        for row in self.model.sides:
            if row.pointer and ctype is not None and ctype.base == row.pointer and ctype.pointers == 1:
                return True
            if row.member and self.matches(PlacePattern(row.type, row.member), place):
                return True
            if row.parameter and not row.equals and root[0] == "p" and not path:
                params = self.program.units[root[1]].signature.params
                if params[root[2]].name == row.parameter:
                    return True
        return False

    def follows(self, place: Place) -> bool:
        """Whether pointers in such a place are followed to what was stored into them."""
        ctype = self.place_type(place)
        return ctype is not None and ctype.is_record and ctype.base in self.model.scope.tracked_types

    def describe(self, place: Place) -> str:
        """The name of a place for people, e.g. ``struct fpu.guest_perm.__state_perm``."""
        root, path = place
        match root[0]:
            case "g":
                name = plain_name(self.variable(root))
            case "h":
                name = str(root[1])
            case "r":
                name = f"return of {self.program.units[root[1]].name}()"
            case "v":
                name = str(root[2]).partition("@")[0]
            case _:
                name = self._describe_parameter(root)
        for position, part in enumerate(path):
            if part[0] in "^(":
                name, path = container_tag(part), path[position + 1 :]
        tags = {below[0]: tag for tag, below in self.chain(place) if below and below[0][0] == "<"}
        return name + "".join(
            part if part[0] == "[" else f".{spelling(self, tags.get(part, ''), part)}" for part in path
        )

    def _describe_parameter(self, root: Root) -> str:
        params = self.program.units[root[1]].signature.params
        index = root[2]
        assert isinstance(index, int)
        if root[0] == "d":
            ctype = self.root_type(root)
            if ctype is not None and ctype.is_struct:
                return ctype.base
            return f"*{params[index].name}"
        return params[index].name if index < len(params) else "..."
