"""Idioms by name: each one way to write C, which a random program may use anywhere."""

from tests.proof.programs.idioms.arms import ArmFunctions, ArmMembers, Contradictions, IsEnabled, SplitArms
from tests.proof.programs.idioms.base import Idiom
from tests.proof.programs.idioms.control import Blocks, Cleanup, FallThrough, Mutual, Returned, Shadows, StaticLocals
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
from tests.proof.programs.idioms.loops import Entries, LoopMacros, Nodes
from tests.proof.programs.idioms.memory import Boxes, Containers, GlobalPointers, Heap, Nested, Offsets, Tables
from tests.proof.programs.idioms.operators import Assignments, Commas, Correlated, Elvis, Steps

__all__ = ["IDIOMS"]

_ALL: tuple[type[Idiom], ...] = (
    ArmFunctions, ArmMembers, Assignments, BitFields, Blocks, Boxes, CallMacros, Callbacks, CaseMacros, Cleanup, Commas,
    Containers, Contradictions, Correlated, Definers, Elvis, Entries, EnumTables, FallThrough, GlobalPointers,
    HandedOn, Handlers, Heap, IsEnabled, LoopMacros, MemberMacros, MemberNames, Mutual, Nested, Nodes, Offsets, Paste,
    PastedMacros, Prefixes, Returned, Shadows, SplitArms, StatementMacros, StaticCalls, StaticLocals, Steps, TableFile,
    Tables, Views, XMacros,
)  # fmt: skip

IDIOMS = {idiom.name: idiom for idiom in _ALL}
