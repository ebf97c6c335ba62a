"""The program under analysis: files, text index, functions, and facts lowered on demand.

Everything is lazy: a function is lowered when somebody first asks for its facts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.lower.function import lower_function, lower_initialiser
from fpuscan.program.surroundings import Surroundings
from fpuscan.program.units import Unit
from fpuscan.program.uses import Uses

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpuscan.ir import FunctionFacts
    from fpuscan.model import Model
    from fpuscan.reuse import ParseCache
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
        super().__init__(tree, model, self._lower, parsed)
        self.progress = progress or (lambda _: None)

    def _lower(self, unit: Unit) -> FunctionFacts:
        lower = lower_function if unit.is_function else lower_initialiser
        return lower(self, unit.file, unit)
