"""Idioms by name: each one way to write C, which a random program may use anywhere."""

from tests.proof.programs.idioms.arms import ArmFunctions, ArmMembers, Contradictions, IsEnabled, SplitArms
from tests.proof.programs.idioms.base import Idiom
from tests.proof.programs.idioms.control import Blocks, Cleanup, FallThrough, Mutual, Returned, Shadows, StaticLocals
from tests.proof.programs.idioms.copies import ChosenFunctions, PartCopies, StructArrays
from tests.proof.programs.idioms.definers import (
    CaseMacros,
    Definers,
    MemberMacros,
    Paste,
    PastedMacros,
    StatementMacros,
    TableFile,
    XMacros,
)
from tests.proof.programs.idioms.dispatch import Callbacks, CallMacros, HandedOn, Handlers, StaticCalls
from tests.proof.programs.idioms.layout import BitFields, EnumTables, MemberNames, Prefixes, Views
from tests.proof.programs.idioms.levels import ChosenPlaces, PointerChains, TwoLevels
from tests.proof.programs.idioms.loops import Entries, LoopMacros, Nodes
from tests.proof.programs.idioms.memory import Boxes, Containers, GlobalPointers, Heap, Nested, Offsets, Tables
from tests.proof.programs.idioms.operators import Assignments, Commas, Correlated, Elvis, Steps
from tests.proof.programs.idioms.ways import Effects, Machines, Tails

__all__ = ["IDIOMS"]

_ALL: tuple[type[Idiom], ...] = (
    ArmFunctions, ArmMembers, Assignments, BitFields, Blocks, Boxes, Callbacks, CallMacros, CaseMacros,
    ChosenFunctions, ChosenPlaces, Cleanup, Commas, Containers, Contradictions, Correlated, Definers, Effects,
    Elvis, Entries, EnumTables, FallThrough, GlobalPointers, HandedOn, Handlers, Heap, IsEnabled, LoopMacros,
    Machines, MemberMacros, MemberNames, Mutual, Nested, Nodes, Offsets, PartCopies, Paste, PastedMacros,
    PointerChains, Prefixes, Returned, Shadows, SplitArms, StatementMacros, StaticCalls, StaticLocals, Steps,
    StructArrays, TableFile, Tables, Tails, TwoLevels, Views, XMacros,
)  # fmt: skip

IDIOMS = {idiom.name: idiom for idiom in _ALL}
