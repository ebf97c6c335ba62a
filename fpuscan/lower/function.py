"""Lower one function definition, or the initialiser of one global, to facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.ir import FunctionFacts, Signature, Var
from fpuscan.lower.builder import together
from fpuscan.lower.statements import Statements

if TYPE_CHECKING:
    from fpuscan.lower.context import Definition, LoweringContext
    from fpuscan.syntax import ParsedFile

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
    return facts


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
