"""Helpers that are a part of one function: nobody else calls them, and a patch may have split them off."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from fpuscan.engine.analysis import Analysis
    from fpuscan.program import Unit

__all__ = ["Parts"]

_MAX_DEPTH = 3  # helpers of helpers


class Parts:
    """Which functions stand for which."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._inside: dict[tuple[int, frozenset[str]], str | None] = {}

    def inside(self, function: int, names: Collection[str]) -> str | None:
        """The innermost of some functions that a helper (the number of its unit) is a part of; of most there is none.

        A part is called by one function alone, or by a part of it that is called by no other.
        """
        key = (function, frozenset(names))
        if key not in self._inside:
            may_be = self._may_be_inside(self.analysis.program.units[function], names)
            around = self._around(function) if may_be else ()
            self._inside[key] = next((name for name in around if name in names), None)
        return self._inside[key]

    def _may_be_inside(self, unit: Unit, names: Collection[str]) -> bool:
        """Whether one of some functions may be among the callers, as far as the text says, which costs little."""
        program = self.analysis.program
        level = {unit.name}
        for _ in range(_MAX_DEPTH):
            if any(self._is_handed_out(name) for name in level):
                return True
            level = {user.name for name in level for user in program.users_of(name)}
            if not level.isdisjoint(names):
                return True
        return False

    def _is_handed_out(self, name: str) -> bool:
        """Whether a function may be called through a pointer."""
        program = self.analysis.program
        return bool(program.units_naming(name)) or any(map(program.static_calls_of, program.definitions(name)))

    def _around(self, function: int) -> tuple[str, ...]:
        """The functions that a helper is a part of: its only caller, the only one of that."""
        found: tuple[str, ...] = ()
        at = function
        for _ in range(_MAX_DEPTH):
            callers = self._callers(self.analysis.program.units[at])
            names = {caller.name for caller in callers}
            if len(names) != 1:
                break
            found, at = (*found, *names), min(caller.id for caller in callers)
        return found

    def _callers(self, unit: Unit) -> list[Unit]:
        """The functions that call another one; of those with different names not all."""
        program, calls = self.analysis.program, self.analysis.calls
        if self._is_handed_out(unit.name):
            numbers = {caller for caller, _ in calls.callers(unit)} - {unit.id}
            return [program.units[number] for number in numbers]
        found: list[Unit] = []
        for user in sorted(program.users_of(unit.name), key=lambda each: each.end - each.start):  # short ones are cheap
            if user is not unit and any(calls.direct_sites(user, unit)):
                found.append(user)
                if user.name != found[0].name:
                    break
        return found

    def of(self, name: str) -> list[Unit]:
        """The definitions of a function, and the helpers that are parts of it."""
        found = list(self.analysis.program.definitions(name))
        for unit in found:  # grows on the way
            function = self.analysis.of(unit)
            for node in function.calls:
                for callee in self.analysis.calls.callees(function, node):
                    if callee not in found and self._has_one_user(callee) and self.inside(callee.id, {name}):
                        found.append(callee)
        return found

    def _has_one_user(self, unit: Unit) -> bool:
        """Whether one function alone names another one as its callee: that is asked of the text."""
        return len({user.name for user in self.analysis.program.users_of(unit.name)} - {unit.name}) < 2
