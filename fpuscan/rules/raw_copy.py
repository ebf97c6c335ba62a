"""FPU202, too: a kernel buffer is copied out as it is, in a format that may be compacted.

The length tells: a ``sizeof`` of a legacy structure is the part that all formats
share; any other length takes the whole buffer along.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fpuscan.engine.functions.literals import NOTHING
from fpuscan.engine.graph.edges import Definition, Transfer
from fpuscan.engine.search.crossings import Crossing
from fpuscan.engine.search.sinks import Hit
from fpuscan.engine.search.sources import Seed
from fpuscan.engine.search.states import IDENTITY, State, Step
from fpuscan.engine.values.contents import Content
from fpuscan.ir import Call, Const, Load, Member, uncast
from fpuscan.result import Severity, Surviving
from fpuscan.rules.crossing_rule import CrossingRule, Search, Verdict
from fpuscan.rules.info import FPU202

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.ir import Expr
    from fpuscan.model.rows import Sink
    from fpuscan.places import Place
    from fpuscan.result import Finding

__all__ = ["find"]

_TARGET, _SOURCE, _LENGTH = 0, 1, 2  # the arguments of memcpy(), copy_to_user() and membuf_write()
_BEYOND_LEGACY = re.compile(r"\bxregs_state\b|kvm_xsave|region")
_LEGACY_SIZE = 512  # bytes of an FXSAVE image (Intel SDM, volume 1, 13.4.1)


def find(search: Search) -> list[Finding]:
    """The findings about raw copies."""
    verdict = Verdict(Severity.ERROR, Surviving(kernel_format=True))
    return _RULE.report(search, [(verdict, crossing) for crossing in _crossings(search)])


def _crossings(search: Search) -> Iterator[Crossing]:
    analysis = search.flows.analysis
    for row in (row for row in analysis.model.sinks if row.kind == "raw"):
        callers = frozenset(unit.id for unit in analysis.program.users_of(row.function))
        for unit in analysis.program.units_accessing(row.type, row.member):
            if unit.id not in callers:
                continue
            function = analysis.of(unit)
            for node, instruction in enumerate(function.code):
                if isinstance(instruction, Call) and instruction.callee == row.function:
                    place = _copied(row, function, node, instruction)
                    if place is not None:
                        yield _crossing(search, row, function, node, place)


def _copied(row: Sink, function: FunctionAnalysis, node: int, call: Call) -> Place | None:
    """The kernel buffer that a call copies out as a whole, if it does."""
    if len(call.arguments) <= _LENGTH or _is_legacy(call.arguments[_LENGTH]):
        return None
    targets = _pointees(function, node, call, _TARGET)
    if any(_is_buffer(row, function, place) for place in targets) or _are_alike(row, function, node, call):
        return None  # from one kernel buffer to another
    places = _pointees(function, node, call, _SOURCE)
    return next((place for place in places if _is_buffer(row, function, place)), None)


def _is_legacy(length: Expr) -> bool:
    """Whether a length is that of (a structure of) the legacy part; the header behind it says which format the rest
    has, and struct kvm_xsave is as large as a buffer.
    """  # noqa: D205
    if not isinstance(length, Const):
        return False
    if length.value is not None:
        return length.value <= _LEGACY_SIZE
    return _BEYOND_LEGACY.search(length.text) is None


def _pointees(function: FunctionAnalysis, node: int, call: Call, index: int) -> list[Place]:
    return [(root, path) for root, path, _ in function.targets(node, call.arguments[index])[0]]


def _is_buffer(row: Sink, function: FunctionAnalysis, place: Place) -> bool:
    """Whether a place is the whole buffer; the members of the union of its formats are one place."""
    return any(
        tag == row.type and path[:1] == (row.member,) and len(path) <= 2  # the member, or a member of the union
        for tag, path in function.analysis.chain(place)
    )


def _are_alike(row: Sink, function: FunctionAnalysis, node: int, call: Call) -> bool:
    """Whether the target is an object of the buffer's own type that a pointer in memory keeps; a parameter's is what
    the caller makes of it.
    """  # noqa: D205
    pointer, program = uncast(call.arguments[_TARGET]), function.analysis.program
    whole = (program.members(row.type) or {}).get(row.member)
    if whole is None or not isinstance(pointer, Load) or not isinstance(pointer.place, Member):
        return False
    types = {whole.base, *(ctype.base for ctype in (program.members(whole.base) or {}).values())}
    ctype = pointer.place.type
    targets = function.pointees(node, pointer, ctype.pointee() if ctype is not None else None)
    chains = [function.analysis.chain((root, path)) for root, path, _ in targets]
    return bool(chains) and all(chain and chain[-1][0] in types for chain in chains)


def _crossing(search: Search, row: Sink, function: FunctionAnalysis, node: int, place: Place) -> Crossing:
    analysis = search.flows.analysis
    holds = function.held(node)
    origin = State(Definition(function.id, node, place), (), NOTHING, IDENTITY)
    rows = tuple(known for known in analysis.model.sources if known.kind == "kernel" and known.type == row.type)
    seed = Seed(rows, f"{row.type}.{row.member}", place, Content(format=True), function.id, node, ())
    transfer = Transfer(None, "argument", "stay", (), holds, function.id, node, _SOURCE, callee=row.function)
    side = analysis.place_instance(place) or analysis.flow_side(holds, (), function.id, node) or "host"
    hit = Hit(row, side, f"argument {_SOURCE + 1} of {row.function}()")
    return Crossing(seed, hit, Step(origin, None, None), transfer, None, IDENTITY)


def _judge(_search: Search, _crossing: Crossing) -> Verdict | None:
    return Verdict(Severity.ERROR, Surviving(kernel_format=True))


def _message(_verdict: Verdict, crossing: Crossing) -> str:
    how = crossing.hit.sink.function
    return f"{crossing.seed.name} is copied out as it is by {how}(), in a format that may be compacted"


_RULE = CrossingRule(frozenset({"kernel"}), lambda _: FPU202, _judge, _message)
