"""Lower one function definition, or the initialiser of one global, to facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.ir import Addr, Assign, Call, FunctionFacts, Index, Member, Signature, Var, uncast, variable_read
from fpuscan.lower.builder import together
from fpuscan.lower.statements import Statements

if TYPE_CHECKING:
    from fpuscan.ir import Expr, LValue
    from fpuscan.lower.context import Definition, LoweringContext
    from fpuscan.parse.syntax import ParsedFile

__all__ = ["lower_function", "lower_initialiser", "read_signature"]


def read_signature(program: LoweringContext, parsed: ParsedFile, unit: Definition) -> Signature:
    """The parameters and the result of a function definition, whose body is not looked at."""
    returns, params, variadic = program.types.signature(unit.head, parsed.source.data)
    variables = tuple(
        Var("param", name or f"arg{index}", index, program.types.resolve(ctype))
        for index, (name, ctype) in enumerate(params)
    )
    return Signature(variables, program.types.resolve(returns), variadic)


def lower_function(program: LoweringContext, parsed: ParsedFile, unit: Definition) -> FunctionFacts:
    """The facts of a function definition."""
    signature = unit.signature
    facts = FunctionFacts(
        unit.name,
        unit.path,
        unit.start,
        unit.end,
        signature.params,
        signature.returns,
        together(program.conditions(unit.path, unit.start), program.choice(unit.path, unit.start)),
        variadic=signature.variadic,
    )
    lowering = Statements(facts, program, parsed.source.data, parsed.normalised.text)
    lowering.prepare()
    lowering.scopes[0].update((variable.name, variable) for variable in signature.params)
    body = unit.node.child_by_field_name("body")
    if body is not None:
        lowering.block(body)
    lowering.finish()
    lowering.resolve_gotos()
    _lend(program, facts)
    return facts


def _lend(program: LoweringContext, facts: FunctionFacts) -> None:
    """Make globals of the locals whose address is stored in memory that others see: they may follow it there."""
    pointers: dict[object, list[Var]] = {}  # the locals that a local pointer may point to
    for instruction in facts.code:
        if isinstance(instruction, Assign):
            lent = _lent(instruction.value, pointers)
            holder = _variable(instruction.target)
            if holder is not None and holder.kind != "global":
                if isinstance(instruction.target, Var):
                    pointers.setdefault(holder.key, []).extend(lent)
                continue
            _make_global(program, facts, lent, _last_name(instruction.target))
        elif isinstance(instruction, Call) and isinstance(instruction.callee, str):
            for index, name in program.kept(instruction.callee).items():
                if index < len(instruction.arguments):
                    _make_global(program, facts, _lent(instruction.arguments[index], pointers), name)


def _lent(value: Expr, pointers: dict[object, list[Var]]) -> list[Var]:
    """The locals that a pointer value may point to."""
    copied, value = variable_read(value), uncast(value)
    if copied is not None:
        return pointers.get(copied.key, [])
    variable = _variable(value.place) if isinstance(value, Addr) else None
    return [variable] if variable is not None and variable.kind == "local" else []


def _make_global(program: LoweringContext, facts: FunctionFacts, lent: list[Var], holder: str) -> None:
    for variable in lent:
        if variable.kind == "local":
            facts.variables.pop(variable.key, None)
            variable.kind, variable.key = "global", f"{facts.path}:{facts.name}.{variable.name}"
        program.lend(variable, facts, holder)


def _variable(place: LValue) -> Var | None:
    """The variable that an lvalue is a part of; None behind a pointer."""
    while isinstance(place, Member | Index) and place.base is not None:
        place = place.base
    return place if isinstance(place, Var) else None


def _last_name(place: LValue) -> str:
    """The last member or else the variable that an lvalue is written with; empty for a plain pointer's target."""
    while isinstance(place, Index) and place.base is not None:
        place = place.base
    return place.name if isinstance(place, Member | Var) else ""


def lower_initialiser(program: LoweringContext, parsed: ParsedFile, unit: Definition) -> FunctionFacts:
    """The facts of a global's initialiser: one store for each member."""
    facts = FunctionFacts(
        "",
        unit.path,
        unit.start,
        unit.end,
        (),
        None,
        together(program.conditions(unit.path, unit.start), program.choice(unit.path, unit.start)),
    )
    lowering = Statements(facts, program, parsed.source.data, parsed.normalised.text)
    lowering.prepare()
    type_node = unit.node.child_by_field_name("type")
    for declarator in unit.node.children_by_field_name("declarator"):
        value = declarator.child_by_field_name("value")
        if value is None or type_node is None:
            continue
        name, ctype = program.types.declarator(type_node, declarator, parsed.source.data)
        variable = Var("global", name, program.global_key(name, unit.path), program.types.resolve(ctype))
        lowering.span = (declarator.start_byte, declarator.end_byte)
        lowering.initialised = name
        lowering.initialise(variable, value)
    lowering.finish()
    return facts
