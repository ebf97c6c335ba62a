"""Who allocates a struct, and with what sizes: by allocators of the model, or functions that hand on what those give.

An allocation is one of a struct if a pointer to it becomes of that type: where it is
stored, handed over or returned. What a function allocates for its caller with a size
that it is given is the caller's allocation, with the argument as its size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fpuscan.engine.functions.reads import leaves
from fpuscan.ir import Assign, Call, Load, Var, variable_read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.ir import Expr
    from fpuscan.symbols.declarators import CType

__all__ = ["Size", "allocations"]

_MAX_DEPTH = 3  # functions that hand on what an allocator gives


class Size(NamedTuple):
    """An operand of the call, at ``node`` of a function, that allocates."""

    function: FunctionAnalysis
    node: int
    value: Expr


def allocations(analysis: Analysis, tag: str) -> Iterator[Size]:
    """The sizes of all allocations of a struct, in order of path and position."""
    found: dict[tuple[int, int, int], Size] = {}
    for unit in analysis.program.units_mentioning(tag.partition(" ")[2]):
        if unit.is_function:
            function = analysis.of(unit)
            for node in function.calls:
                if _becomes(analysis, function, node, tag):
                    for size in _sizes(analysis, function, node, 0):
                        if not _is_chosen_by_callers(analysis, size, tag):
                            found[size.function.id, size.node, id(size.value)] = size
    yield from found.values()


def _is_chosen_by_callers(analysis: Analysis, size: Size, tag: str) -> bool:
    """Whether each caller of a helper that returns what it allocates has the struct, of the size that it asks for."""
    helper = size.function
    if not _is_returned(helper, size.node) or not _given(helper, size):
        return False
    callers = [(analysis.by_id(caller), node) for caller, node in analysis.calls.callers(helper.unit)]
    return bool(callers) and all(_becomes(analysis, function, node, tag) for function, node in callers)


def _sizes(analysis: Analysis, function: FunctionAnalysis, node: int, depth: int) -> Iterator[Size]:
    """What a call that allocates takes as a size; nothing of any other call."""
    call = function.code[node]
    assert isinstance(call, Call)
    effect = analysis.model.effects.get(call.callee) if isinstance(call.callee, str) else None
    if effect is not None:
        if effect.kind == "alloc":
            yield from (Size(function, node, argument) for argument in call.arguments)
        return
    if depth == _MAX_DEPTH or not isinstance(call.callee, str):
        return
    for unit in analysis.calls.callees(function, node):
        if not _returns_pointer(unit.signature.returns):
            continue
        callee = analysis.of(unit)
        for inner in callee.calls:
            if _is_returned(callee, inner):
                for size in _sizes(analysis, callee, inner, depth + 1):
                    given = _given(callee, size) if size.function is callee else ()
                    arguments = [call.arguments[index] for index in given if index < len(call.arguments)]
                    yield from [Size(function, node, argument) for argument in arguments] or [size]


def _returns_pointer(ctype: CType | None) -> bool:
    return ctype is not None and ctype.pointers > 0


def _given(function: FunctionAnalysis, size: Size) -> list[int]:
    """The parameters that a size is made of."""
    instruction = function.code[size.node]
    return [
        root[2]
        for leaf in leaves(instruction)
        if isinstance(leaf.expr, Load)
        for root, path, _ in function.resolve(size.node, leaf.expr.place)
        if root[0] == "p" and not path
    ]


def _becomes(analysis: Analysis, function: FunctionAnalysis, node: int, tag: str) -> bool:
    """Whether the result of a call is stored, or handed to a function, as a pointer to a struct."""
    call = function.code[node]
    assert isinstance(call, Call)
    if call.result is None:
        return False
    for number in function.naming(call.result):
        instruction = function.code[number]
        match instruction:
            case Assign() if _is_result(instruction.value, call.result) and _points_to(instruction.target.type, tag):
                return True
            case Call():
                places = [each for each, one in enumerate(instruction.arguments) if _is_result(one, call.result)]
                if any(_points_to(ctype, tag) for ctype in _parameters(analysis, function, number, places)):
                    return True
            case _:
                pass
    return False


def _parameters(analysis: Analysis, function: FunctionAnalysis, node: int, places: list[int]) -> Iterator[CType | None]:
    """The types of the parameters that take some arguments of a call."""
    for unit in analysis.calls.callees(function, node) if places else ():
        params = unit.signature.params
        yield from (params[place].type for place in places if place < len(params))


def _is_returned(function: FunctionAnalysis, node: int) -> bool:
    """Whether a function returns the result of one of its calls, through one local perhaps."""
    call = function.code[node]
    assert isinstance(call, Call)
    if call.result is None:
        return False
    stores = (
        each
        for each in function.code
        if isinstance(each, Assign) and isinstance(each.target, Var) and _is_result(each.value, call.result)
    )
    holders = {call.result.key, *(each.target.key for each in stores if isinstance(each.target, Var))}
    returned = [variable_read(value) for _, value in function.returned_values()]
    return any(each is not None and each.key in holders for each in returned)


def _is_result(value: Expr, variable: Var) -> bool:
    copied = variable_read(value)
    return copied is not None and copied.key == variable.key


def _points_to(ctype: CType | None, tag: str) -> bool:
    return ctype is not None and ctype.base == tag and ctype.pointers == 1
