"""The program under analysis: files, text index, functions, and facts lowered on demand.

Everything is lazy: a function is lowered when somebody first asks for its facts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.ir import Signature
from fpuscan.lower.function import lower_function, lower_initialiser, read_signature
from fpuscan.program.surroundings import Surroundings
from fpuscan.program.units import Unit
from fpuscan.program.uses import Uses

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpuscan.ir import FunctionFacts
    from fpuscan.model.rows import Model
    from fpuscan.parse.reuse import ParseCache
    from fpuscan.tree import KernelTree

__all__ = ["Program", "Unit"]


class Program(Uses, Surroundings):
    """All files, with what their text says about names, and what lowering asks for."""

    def __init__(
        self,
        tree: KernelTree,
        model: Model,
        progress: Callable[[str], None] | None = None,
        parsed: ParseCache | None = None,
    ) -> None:
        """``parsed``: files that other programs have parsed already."""
        super().__init__(tree, model, parsed)
        self.progress = progress or (lambda _: None)

    def read_signature(self, unit: Unit) -> Signature:
        """What the head of a unit says."""
        return read_signature(self, unit.file, unit) if unit.is_function else Signature()

    def lower(self, unit: Unit) -> FunctionFacts:
        """The facts of a unit."""
        lower = lower_function if unit.is_function else lower_initialiser
        return lower(self, unit.file, unit)
