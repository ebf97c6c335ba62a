"""What lowering asks of the program around it: names, types, macros and the arms of ``#if``.

``program.py`` answers it. Stated here, so that lowering knows the questions and
not who answers them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from fpuscan.ir import Expr, FunctionFacts, Signature, Var
    from fpuscan.model.rows import Model
    from fpuscan.parse.normalise import Group
    from fpuscan.parse.syntax import Node
    from fpuscan.symbols.cpp import ConfigLiteral, Macro
    from fpuscan.symbols.declarators import CType
    from fpuscan.symbols.types import TypeTable

__all__ = ["Definition", "LoweringContext"]


class Definition(Protocol):
    """The function definition or initialised global that is lowered."""

    name: str
    path: str
    start: int
    end: int

    @property
    def node(self) -> Node:
        """The whole definition or declaration."""

    @property
    def head(self) -> Node:
        """The same, but the body may be missing."""

    @property
    def signature(self) -> Signature:
        """The parameters and the result; none for a global."""


class LoweringContext(Protocol):
    """The names, types, macros and ``#if`` arms of the program."""

    model: Model
    types: TypeTable

    def is_function(self, name: str) -> bool:
        """Whether the name is a function that some file defines or declares."""

    def is_callable(self, name: str, path: str) -> bool:
        """Whether a name is a function or a macro with parameters."""

    def return_type(self, name: str) -> CType | None:
        """The return type of a function."""

    def parameters(self, name: str, path: str) -> tuple[Var, ...]:
        """The parameters of a function that a file defines."""

    def indirect_return_type(self, callee: Expr, /) -> CType | None:
        """The return type of a call through a pointer."""

    def global_type(self, name: str, path: str) -> CType | None:
        """The type of a global variable."""

    def global_key(self, name: str, path: str) -> str:
        """The identity of a global."""

    def members(self, tag: str) -> dict[str, CType] | None:
        """The members of a struct or union."""

    def members_elsewhere(self, tag: str) -> dict[str, CType] | None:
        """The same of one that no file so far defines, looked up in the headers that they include."""

    def likely_owner(self, member: str) -> str | None:
        """The struct that a member belongs to, where the type of the object is not known."""

    def parse_type(self, text: str) -> CType:
        """The type that a type name stands for."""

    def declared(self, type_node: Node, declarator: Node, data: bytes) -> tuple[str, CType]:
        """Name and type of one declarator."""

    def add_static(self, variable: Var) -> None:
        """Know an object of static storage that no declaration at file level names."""

    def kept(self, function: str) -> dict[int, str]:
        """The parameters of a function that it stores in globals: their numbers, and the names of the globals."""

    def lend(self, variable: Var, facts: FunctionFacts, holder: str) -> None:
        """Know a local, now an object of static storage, whose address is stored in a member or global."""

    def evaluate(self, text: str) -> int | None:
        """The 64-bit word of a constant expression."""

    def evaluate_at(self, text: str, path: str, offset: int) -> int | None:
        """The word of a constant expression with the macros in force at a place."""

    def constant(self, name: str, path: str, offset: int) -> tuple[int | None, tuple[str, ...]]:
        """The word of a named constant, with the macro names it stands for; None if builds differ."""

    def macro_constant(self, macro: Macro, path: str, offset: int) -> tuple[int | None, tuple[str, ...]]:
        """The same of one of the definitions that may be in force."""

    def macros_at(self, name: str, path: str, offset: int) -> tuple[Macro, ...]:
        """The macros that may be in force at a place, each of another build."""

    def defines(self, name: str) -> bool:
        """Whether some file defines a function of that name."""

    def macro_depth(self, name: str) -> int:
        """How often a macro may stand inside an expansion of itself, counting the outermost."""

    def split_arguments(self, text: str) -> list[str]:
        """The arguments of a macro call, as text."""

    def expansion(self, macro: Macro, arguments: str) -> tuple[Node, bytes, bytes] | None:
        """The body of a macro with its arguments put in, parsed."""

    def loop_head(self, macro: Macro, arguments: str, body: str) -> tuple[Node, bytes, bytes] | None:
        """The expansion of a macro and a statement ``body``, parsed; None unless the macro makes a loop over it."""

    def snippet(self, body: str) -> tuple[Node, bytes, bytes] | None:
        """A piece of C, parsed."""

    def conditions(self, path: str, offset: int) -> tuple[ConfigLiteral, ...]:
        """What must be configured for an offset to be compiled."""

    def choice(self, path: str, offset: int) -> tuple[ConfigLiteral, ...]:
        """What must hold for all of the construct at an offset, if an ``#if`` splits it or a macro makes it."""

    def conditional(self, path: str, start: int, end: int) -> bool:
        """Whether a span holds any ``#if``."""

    def groups_inside(self, path: str, start: int, end: int) -> tuple[Group, ...]:
        """The ``#if`` groups that lie wholly inside a span."""

    def arm_path(self, groups: tuple[Group, ...], offset: int) -> tuple[tuple[int, int, bool], ...]:
        """The arms an offset lies in, outermost first: (group, arm, whether the arms are exhaustive)."""

    def goto_labels(self, path: str, offset: int) -> tuple[str, ...]:
        """The labels that an ``asm goto`` may jump to."""
