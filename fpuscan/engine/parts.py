"""Helpers that are a part of one function: nobody else calls them, and a patch may have split them off."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.program import Unit

__all__ = ["Parts"]

_MAX_DEPTH = 3  # helpers of helpers


class Parts:
    """Which functions stand for which."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._around: dict[int, tuple[str, ...]] = {}

    def around(self, function: int) -> tuple[str, ...]:
        """The functions that a helper (the number of its unit) is a part of: its only caller, the only one of that."""
        found = self._around.get(function)
        if found is None:
            found, at = (), function
            for _ in range(_MAX_DEPTH):
                callers = {caller for caller, _ in self.analysis.calls.callers(self.analysis.program.units[at])} - {at}
                names = {self.analysis.program.units[caller].name for caller in callers}
                if len(names) != 1:
                    break
                found, at = (*found, *names), min(callers)
            self._around[function] = found
        return found

    def of(self, name: str) -> list[Unit]:
        """The definitions of a function, and the helpers that are parts of it."""
        found = list(self.analysis.program.definitions(name))
        for unit in found:  # grows on the way
            function = self.analysis.of(unit)
            for node in function.calls:
                for callee in self.analysis.calls.callees(function, node):
                    if callee not in found and self._has_one_user(callee) and name in self.around(callee.id):
                        found.append(callee)
        return found

    def _has_one_user(self, unit: Unit) -> bool:
        """Whether one function alone names another one as its callee: that is asked of the text."""
        return len({user.name for user in self.analysis.program.users_of(unit.name)} - {unit.name}) < 2
