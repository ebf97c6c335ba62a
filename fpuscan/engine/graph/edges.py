"""What the def-use graph is made of: definitions of places, and transfers between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fpuscan.engine.calls import CallSite
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.engine.functions.reads import Operation
    from fpuscan.places import Place

__all__ = ["Definition", "Transfer"]


class Definition(NamedTuple):
    """A node: the value in a place behind an instruction of a function; ``function`` -1 is shared memory.

    ``loaded``: no store of this function, but what shared memory holds where the function sees it.
    """

    function: int
    node: int
    place: Place
    loaded: bool = False


class Transfer(NamedTuple):
    """An edge: what happens to the value on the way to ``target``.

    ``move``: "stay" in the function, "call" into it (from ``site``), "return"
    out of it, "memory" through shared memory. ``guards`` hold at the target (in
    the caller, for a call). ``operand`` names where a sink may be: the number
    of an argument, "return", "compare", "value". ``span`` is the statement.
    """

    target: Definition | None
    kind: str
    move: str
    operations: tuple[Operation, ...]
    guards: Guards
    function: int
    instruction: int
    operand: str | int = "value"
    site: CallSite | None = None
    format: bool = False
    callee: str = ""
