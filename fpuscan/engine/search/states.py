"""What a search knows at a point: the definition, the calls that led there, what holds, and what of the source is left.

The label says which bits of the source are still at their place (A), which
only influence the value (F), and whether it became a kernel-format size. Its
domain is that of Sagiv, Reps and Horwitz, "Precise Interprocedural Dataflow
Analysis with Applications to Constant Propagation" (1996), with two words as
the edge function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpuscan.engine.calls import CallSite, Frame
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.engine.graph.edges import Definition, Transfer

__all__ = ["IDENTITY", "Label", "State", "Step", "Visit"]


class Label(NamedTuple):
    """What of the source is in a value: ``aligned`` and ``frozen`` are 64-bit words over the source's bits.

    ``masked``: some evaluated mask stood on the way. ``constant``: the source is
    a mask constant, which is no flow where it is itself used as a mask. ``quick``:
    masks are read only where they are written as constants or hold by contract; all others may hold any bit.
    ``closely``: values that meet are compared bit by bit, so that what cancels out is seen.
    """

    aligned: int = WORD
    frozen: int = 0
    format: bool = False
    masked: bool = False
    constant: bool = False
    quick: bool = False
    closely: bool = False

    @property
    def bits(self) -> int:
        """All bits of the source that are in the value, aligned or not."""
        return self.aligned | self.frozen

    def covers(self, other: Label) -> bool:
        """Whether everything that ``other`` lets through this one lets through, too."""
        return (
            other.aligned & ~self.aligned == 0
            and other.frozen & ~self.frozen == 0
            and (self.format or not other.format)
            and (other.masked or not self.masked)
        )

    def join(self, other: Label) -> Label:
        """What either lets through; masked only where both are."""
        return Label(
            self.aligned | other.aligned,
            self.frozen | other.frozen,
            self.format or other.format,
            self.masked and other.masked,
            self.constant and other.constant,
            closely=self.closely,
        )


IDENTITY = Label()

# Sees a step, an edge out of it and the states behind that; gives those to go on with.
Visit: TypeAlias = "Callable[[Step, Transfer, list[State]], list[State]]"


class State(NamedTuple):
    """A point of the search. ``entered`` holds the sides whose uABI the value has entered already."""

    definition: Definition
    frames: tuple[Frame, ...]
    guards: Guards
    label: Label
    entered: frozenset[str] = frozenset()

    @property
    def context(self) -> tuple[CallSite, ...]:
        """The call sites of the stack, outermost first."""
        return tuple(site for site, _ in self.frames)

    @property
    def all_guards(self) -> Guards:
        """What holds in this function and in those that called it."""
        found = self.guards
        for _, guards in self.frames:
            found = found | guards
        return found


class Step(NamedTuple):
    """A state, how it was reached, and from which state."""

    state: State
    transfer: Transfer | None
    before: Step | None

    def path(self) -> list[Step]:
        """All steps from the source to here."""
        found: list[Step] = []
        step: Step | None = self
        while step is not None:
            found.append(step)
            step = step.before
        return found[::-1]
