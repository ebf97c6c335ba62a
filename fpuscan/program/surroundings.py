"""The program as lowering sees it: names, types, constants, macros and the arms of ``#if``.

Answers what :class:`~fpuscan.lower.context.LoweringContext` asks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fpuscan.parse.pieces import closing
from fpuscan.parse.source import SourceFile
from fpuscan.parse.syntax import parse, parse_snippet
from fpuscan.program.lending import Lending
from fpuscan.program.sources import Sources
from fpuscan.symbols.constexpr import WORD, Evaluator
from fpuscan.symbols.declarators import CType, parse_type
from fpuscan.symbols.expansion import expand_call, split_arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fpuscan.ir import Expr, FunctionFacts, Var
    from fpuscan.model.rows import Contract, Model, Sink, Source
    from fpuscan.parse.arms import ConfigLiteral
    from fpuscan.parse.normalise import Group
    from fpuscan.parse.reuse import ParseCache
    from fpuscan.parse.syntax import Node
    from fpuscan.symbols.cpp import Macro
    from fpuscan.tree import KernelTree

__all__ = ["Surroundings"]


_LOOPS = frozenset({"for_statement", "while_statement", "do_statement"})
_MAX_ALIASES = 8  # of aliases
_NAME = re.compile(r"[A-Za-z_]\w*")


class Surroundings(Sources):
    """The files, with the meaning of the names in them."""

    def __init__(self, tree: KernelTree, model: Model, parsed: ParseCache | None = None) -> None:
        super().__init__(tree, model, parsed)
        self.static_types: dict[str, CType | None] = {}
        self.lending = Lending(self)
        self.lent: dict[str, set[str]] = {}  # of locals that others reach: the names of who has them
        self._evaluator = Evaluator(self._constant_lookup)
        self._expansions: dict[tuple[str, int, str, str], tuple[Node, bytes, bytes] | None] = {}
        self._constants: dict[str, tuple[int | None, tuple[str, ...]]] = {}
        self._members: dict[str, dict[str, CType] | None] = {}
        self._sought: set[str] = set()
        rows: tuple[Source | Sink | Contract, ...] = (*model.sources, *model.sinks, *model.contracts)
        self._model_members = {
            row.member.partition(".")[0]: row.type
            for row in rows
            if row.type and row.member and "*" not in row.member and "_" in row.member
        }

    def is_callable(self, name: str, path: str) -> bool:
        """Whether a name is a function or a macro with parameters."""
        macro = self.macros.lookup(name, path)
        return self.is_function(name) or (macro is not None and macro.params is not None)

    def is_function(self, name: str) -> bool:
        """Whether the name is a function that some file defines or declares."""
        return self.defines(name) or self.types.returned(name) is not None

    def return_type(self, name: str) -> CType | None:
        """The return type of a function, typedefs followed."""
        declared = self.model.returns.get(name)
        if declared is not None:
            return parse_type(declared)
        returned = self.types.returned(name)
        return self.types.resolve(returned) if returned is not None else None

    def parameters(self, name: str, path: str) -> tuple[Var, ...]:
        """The parameters of a function that a file defines."""
        units = self.functions_named(name, path)
        return units[0].signature.params if units else ()

    def indirect_return_type(self, _callee: Expr) -> CType | None:
        """The return type of a call through a pointer; not known."""
        return None

    def global_type(self, name: str, path: str) -> CType | None:
        """The type of a global variable."""
        variable = self.types.global_var(name, path)
        if variable is not None:
            return self.types.resolve(variable.type)
        declared = self.model.types.get(name)
        return parse_type(declared) if declared is not None else None

    def global_key(self, name: str, path: str) -> str:
        """The identity of a global: its name, with the file for a static one."""
        variable = self.types.global_var(name, path)
        return f"{variable.path}:{name}" if variable is not None and variable.is_static else name

    def members(self, tag: str) -> dict[str, CType] | None:
        """The members of a struct or union; a struct outside the scope is looked up in the tree."""
        if tag not in self._members:
            found = self.types.members(tag)
            header = self.model.headers.get(tag) if found is None else None
            if header is not None and self._add_struct(tag, header):
                found = self.types.members(tag)
            self._members[tag] = found
        return self._members[tag]

    def members_elsewhere(self, tag: str) -> dict[str, CType] | None:
        """The members of a struct that no file of the scope defines, from a header outside."""
        if tag.partition(" ")[0] in {"struct", "union"} and tag not in self._sought:
            self._sought.add(tag)
            if any(self._add_struct(tag, header) for header in self.headers_defining(tag)):
                self._members[tag] = self.types.members(tag)
        return self.members(tag)

    def first_member(self, tag: str) -> str | None:
        """The member that a struct begins with; None where no body is known."""
        return next(iter(self.members(tag) or ()), None)

    def innermost(self, tag: str, path: Sequence[str]) -> str:
        """The struct that the members of a path lead to; the last one known where they leave it."""
        for member in path:
            known = self.members(tag)
            if known is None or member not in known:
                return tag
            tag = self.types.resolve(known[member]).base
        return tag

    def _add_struct(self, tag: str, header: str) -> bool:
        """Read one struct from a header outside the scope."""
        data = self.read_part(header)
        if data is None:
            return False
        head = re.search(rb"^" + tag.encode().replace(b" ", rb"\s+") + rb"\s*\{", data, re.MULTILINE)
        end = _behind_body(data, head.end()) if head is not None else -1
        if head is None or end < 0:
            return False
        body = data[head.start() : end]
        found = SourceFile(header, b"\n" * data.count(b"\n", 0, head.start()) + body)
        add = self.types.add_file if b"enum" in body else self.types.add_struct
        add(parse(found, self.attributes))
        return True

    def likely_owner(self, member: str) -> str | None:
        """The struct of the model that a member belongs to, where the type of the object is not known."""
        return self._model_members.get(member)

    def parse_type(self, text: str) -> CType:
        """The type that a type name stands for."""
        return self.types.resolve(parse_type(text))

    def evaluate(self, text: str) -> int | None:
        """The 64-bit word of a constant expression."""
        return self._evaluator.evaluate(text)

    def _constant_lookup(self, name: str) -> Macro | int | None:
        value = self.types.enum_constant(name)
        return self.macros.lookup(name) or self.model.constants.get(name) if value is None else value

    def evaluate_at(self, text: str, path: str, offset: int) -> int | None:
        """The word of a constant expression with the macros in force at a place; None if builds differ."""
        if all(self.macros.is_settled(name) for name in _NAME.findall(text)):
            return self._evaluator.evaluate(text)
        return Evaluator(lambda name: self._lookup_at(name, path, offset)).evaluate(text)

    def _lookup_at(self, name: str, path: str, offset: int) -> Macro | int | None:
        value = self.types.enum_constant(name)
        if value is not None:
            return value
        macros = self._in_force(name, path, offset)
        return macros[0] if len(macros) == 1 else None if macros else self.model.constants.get(name)

    def _in_force(self, name: str, path: str, offset: int) -> tuple[Macro, ...]:
        if name not in self.macros:  # most names are none
            return ()
        return self.macros.in_force(
            name, path, self.files[path].source.origin(offset) if path in self.files else offset
        )

    def constant(self, name: str, path: str, offset: int) -> tuple[int | None, tuple[str, ...]]:
        """The word of a named constant, with the macro names it stands for (aliases followed).

        None where it has none, and where several definitions may be in force.
        """
        if not self.macros.is_settled(name):
            return self._constant(name, lambda current: self._lookup_at(current, path, offset))
        found = self._constants.get(name)
        if found is None:
            found = self._constant(name, self._constant_lookup, self._evaluator)
            self._constants[name] = found
        return found

    def macro_constant(self, macro: Macro, path: str, offset: int) -> tuple[int | None, tuple[str, ...]]:
        """The same of one of the definitions that may be in force."""
        return self._constant(
            macro.name, lambda name: macro if name == macro.name else self._lookup_at(name, path, offset)
        )

    def _constant(
        self, name: str, lookup: Callable[[str], Macro | int | None], evaluator: Evaluator | None = None
    ) -> tuple[int | None, tuple[str, ...]]:
        names: list[str] = []
        current = name
        while len(names) < _MAX_ALIASES:
            found = lookup(current)
            if isinstance(found, int) and not names:
                return found & WORD, ()
            if found is None or isinstance(found, int) or found.params is not None:
                break
            names.append(current)
            body = found.body.strip().strip("()")
            if not body.isidentifier():
                break
            current = body
        if not names:
            return None, ()
        return (evaluator or Evaluator(lookup)).evaluate(name), tuple(names)

    def macros_at(self, name: str, path: str, offset: int) -> tuple[Macro, ...]:
        """The macros that may be in force at a place; none if the name is a function."""
        macros = self._in_force(name, path, offset)
        if macros and self.defines(name):
            return tuple(macro for macro in macros if macro.params is None or macro.path == path)
        return macros

    def split_arguments(self, text: str) -> list[str]:
        """The arguments of a macro call, as text."""
        return split_arguments(text)

    def expansion(self, macro: Macro, arguments: str) -> tuple[Node, bytes, bytes] | None:
        """The body of a macro with its arguments put in, parsed: a compound statement and its text."""
        key = (macro.path, macro.start, macro.name, arguments)
        if key not in self._expansions:
            self._expansions[key] = self._expand(macro, arguments)
        return self._expansions[key]

    def _expand(self, macro: Macro, arguments: str) -> tuple[Node, bytes, bytes] | None:
        body = macro.body
        if macro.params is not None:
            body = expand_call(macro, split_arguments(arguments) if arguments.strip() or macro.params else [])
        return self.snippet(body)

    def loop_head(self, macro: Macro, arguments: str, body: str) -> tuple[Node, bytes, bytes] | None:
        """The expansion of a macro and a statement ``body``, parsed; None unless the macro makes a loop over it."""
        found = self.snippet(f"{expand_call(macro, split_arguments(arguments))} {body};")
        if found is None or found[2].count(body.encode()) != 1:
            return None
        node = found[0].descendant_for_byte_range(*[found[2].index(body.encode())] * 2)
        while node is not None and node != found[0]:
            if node.type in _LOOPS:
                return found
            node = node.parent
        return None

    def snippet(self, body: str) -> tuple[Node, bytes, bytes] | None:
        """A piece of C, parsed: a compound statement, its text, and the text as parsed; None if it is none."""
        text = f"void __expansion(void) {{ {body} ; }}".encode()
        if body.isidentifier() and body.encode() not in self.attributes.plain:  # as most: there is nothing to mend
            root, mended = parse_snippet(text), text
        else:
            parsed = self.parse(SourceFile("", text), self.attributes)
            root, mended = parsed.root, parsed.normalised.text
        if root.has_error:
            return None
        for child in root.children:
            block = child.child_by_field_name("body")
            if block is not None:
                return block, text, mended
        return None

    def conditions(self, path: str, offset: int) -> tuple[ConfigLiteral, ...]:
        """What must be configured for an offset to be compiled."""
        return self.macros.conditions(path, self.files[path].source.origin(offset))

    def groups_inside(self, path: str, start: int, end: int) -> tuple[Group, ...]:
        """The ``#if`` groups that lie wholly inside a span, outermost first."""
        groups = self.files[path].normalised.groups
        return tuple(group for group in groups if start < group.start and group.end <= end) if groups else ()

    def conditional(self, path: str, start: int, end: int) -> bool:
        """Whether a span holds any ``#if``."""
        return bool(self.groups_inside(path, start, end))

    def arm_path(self, groups: tuple[Group, ...], offset: int) -> tuple[tuple[int, int, bool], ...]:
        """The arms an offset lies in, outermost first: (group, arm, whether the group's arms are exhaustive)."""
        found = []
        for group in groups:
            if group.start <= offset < group.end:
                exhaustive = any(arm.kind == "else" for arm in group.arms)
                for number, arm in enumerate(group.arms):
                    if arm.start <= offset < arm.end:
                        found.append((group.start, number, exhaustive))
        return tuple(sorted(found))

    def goto_labels(self, path: str, offset: int) -> tuple[str, ...]:
        """The labels that an ``asm goto`` at an offset may jump to."""
        return self.files[path].normalised.goto_labels.get(offset, ())

    def declared(self, type_node: Node, declarator: Node, data: bytes) -> tuple[str, CType]:
        """Name and type of one declarator."""
        return self.types.declarator(type_node, declarator, data)

    def kept(self, function: str) -> dict[int, str]:
        """The parameters of a function that it stores in globals: their numbers, and the names of the globals."""
        return self.lending.kept(function)

    def lend(self, variable: Var, facts: FunctionFacts, holder: str) -> None:
        """Know a local of a function whose address is stored in a member or global: who names that may touch it."""
        self.add_static(variable)
        self.lent.setdefault(str(variable.key), {holder, facts.name}).add(holder)

    def add_static(self, variable: Var) -> None:
        """Know an object of static storage that no declaration at file level names."""
        self.static_types[str(variable.key)] = variable.type


def _behind_body(data: bytes, start: int) -> int:
    """The offset behind the ``;`` of a struct whose opening brace ends at ``start``; -1 where it is not closed."""
    end = closing(data, start, b"{}")
    return data.find(b";", end) + 1 or -1 if end >= 0 else -1
