"""Expressions: from syntax nodes to values, with their side effects emitted on the way.

An expression is taken apart so that what remains is a pure tree: calls,
assignments inside expressions, ``?:``, ``&&`` and ``||`` become instructions
and control flow in front of it, in evaluation order.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import TYPE_CHECKING

from fpuscan.conversions import WORD_BITS, common, integer_type, stored_constant
from fpuscan.declarators import FUNCTION, CType
from fpuscan.ir import (
    Addr,
    Binary,
    Cast,
    Const,
    ContainerOf,
    Deref,
    FunctionRef,
    Index,
    Load,
    Member,
    Opaque,
    Unary,
    Var,
)
from fpuscan.lower.builder import Builder
from fpuscan.normalise import strip_comments

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpuscan.ir import Expr, FunctionFacts, LValue
    from fpuscan.lower.builder import Frontier
    from fpuscan.lower.context import LoweringContext
    from fpuscan.syntax import Node

__all__ = ["Expressions"]

_BOOLEAN_OPERATORS = frozenset({"&&", "||", "==", "!=", "<", ">", "<=", ">="})
_NAMES = frozenset({"identifier", "field_identifier", "type_identifier"})
_NAME = re.compile(r"\w+")
_COMPARISONS = frozenset({"==", "!=", "<", ">", "<=", ">="})
_INT = CType("int")
_INTEGERS = {
    (32, True): _INT,
    (32, False): CType("unsigned int"),
    (64, True): CType("long"),
    (64, False): CType("unsigned long"),
}


def first_named(node: Node) -> Node | None:
    """The first named child, None where there is none."""
    return node.named_children[0] if node.named_child_count else None


def strip_parentheses(node: Node) -> Node:
    """The expression inside any number of parentheses."""
    while node.type == "parenthesized_expression" and node.named_child_count == 1:
        inner = first_named(node)
        if inner is None or inner.type == "compound_statement":
            return node
        node = inner
    return node


class Expressions(Builder):
    """Lowers expressions; statements and calls are added by the classes below it."""

    def __init__(self, facts: FunctionFacts, context: LoweringContext, data: bytes, parsed: bytes) -> None:
        """Lower into ``facts``; node text is read from ``data`` (the original bytes)."""
        super().__init__(facts)
        self.context = context
        self.data = data
        self.parsed = parsed
        self.scopes: list[dict[str, Var]] = [{}]
        self.passes: tuple[Expr, ...] = ()  # what the iterators around this place walk over
        self.offset_override: int | None = None  # inside a macro's expansion: where the macro was used
        self.expanding: tuple[str, ...] = ()
        self.initialised = ""  # the global whose initialiser this is

    # ------------------------------------------------------------ text, names

    def text(self, node: Node) -> str:
        """The source text of a node as written, without comments; a name as parsed (see ``kvm_x86_call(f)``)."""
        data = self.parsed if node.type in _NAMES else self.data
        return strip_comments(data[node.start_byte : node.end_byte]).decode("utf-8", "replace")

    def offset(self, node: Node) -> int:
        """Where a node is written in the file (the macro's use, inside an expansion)."""
        return node.start_byte if self.offset_override is None else self.offset_override

    def lookup(self, name: str) -> Var | None:
        """The local variable or parameter that ``name`` denotes here."""
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return None

    # ------------------------------------------------------------ types

    def type_of(self, expr: Expr) -> CType | None:
        """The C type of a value, as far as it matters for pointers and members."""
        match expr:
            case Load():
                return expr.place.type
            case Addr():
                return expr.place.type.pointer_to() if expr.place.type is not None else None
            case Cast():
                return expr.type
            case ContainerOf():
                return CType(expr.tag, 1)
            case Binary():
                left = self.type_of(expr.left)
                if left is not None and left.is_pointer:
                    return left
                right = self.type_of(expr.right)
                return right if right is not None and right.is_pointer else self._arithmetic(expr, left)
            case Unary():
                return self._arithmetic(expr, self.type_of(expr.operand))
            case FunctionRef():
                return CType(FUNCTION, 1, function=True, result=self.context.return_type(expr.name))
            case _:
                return None

    def _arithmetic(self, expr: Expr, operand: CType | None) -> CType | None:
        """The type of a result; 64 bits where a named constant hides how wide it is."""
        if operand is None or operand.integer is None:
            return operand
        return _INTEGERS[integer_type(expr) or (WORD_BITS, False)]

    def joined_type(self, first: Expr, second: Expr) -> CType | None:
        """The type of ``c ? first : second``."""
        left, right = self.type_of(first), self.type_of(second)
        if left is None or _is_null(first):
            left, right, first, second = right, left, second, first
        if left is None or left.integer is None:
            return left
        if (
            isinstance(second, Const)
            and second.value is not None
            and stored_constant(second.value, left) == second.value
        ):
            return left
        kind = right.integer if right is not None else None
        return _INTEGERS[common(left.integer, kind) if kind is not None else (WORD_BITS, False)]

    def member(self, base: LValue, name: str) -> Member:
        """``base.name`` with its type; members of a union share one name."""
        owner = base.type
        if owner is None:
            guess = self.context.likely_owner(name)
            owner = CType(guess) if guess else None
        ctype = None
        path_name = name
        if owner is not None:
            owner = self.context.types.resolve(owner)
            members = self.context.members(owner.base)
            if members is not None and name in members:
                ctype = self.context.types.resolve(members[name])
                path_name = self.context.types.union_view(owner.base, name) or name
        return Member(base, path_name, ctype)

    # ------------------------------------------------------------ lvalues

    def lvalue(self, node: Node) -> LValue | None:
        """The lvalue that a node denotes; None when it denotes none (it is a plain value)."""
        node = strip_parentheses(node)
        match node.type:
            case "identifier" | "type_identifier" | "field_identifier":
                return self.identifier_lvalue(node)
            case "field_expression":
                return self.field_lvalue(node)
            case "subscript_expression":
                return self.subscript_lvalue(node)
            case "pointer_expression" if self.operator(node) == "*":
                argument = node.child_by_field_name("argument")
                assert argument is not None
                return self.deref(self.value(argument))
            case "call_expression":
                return self.call_lvalue(node)
            case "compound_literal_expression":
                return self.literal_object(node)
            case "conditional_expression" | "comma_expression":
                value = self.value(node)
                if isinstance(value, Load):
                    return value.place
            case "cast_expression":
                inner = node.child_by_field_name("value")
                return self.lvalue(inner) if inner is not None else None
            case "parenthesized_expression":  # a statement expression
                value = self.value(node)
                return value.place if isinstance(value, Load) else None
            case _:
                pass
        return None

    def operator(self, node: Node) -> str:
        """The operator token of an expression node."""
        child = node.child_by_field_name("operator")
        return child.type if child is not None else ""

    def identifier_lvalue(self, node: Node) -> LValue | None:
        """A variable: local, parameter, global, or what an object-like macro stands for."""
        name = self.text(node)
        variable = self.lookup(name)
        if variable is not None:
            return variable
        if self.offset_override is None:
            self.facts.covered.add(node.start_byte)
        expansion = self.macro_lvalue(node, name)
        if expansion is not None:
            return expansion
        ctype = self.context.global_type(name, self.facts.path)
        return Var("global", name, self.context.global_key(name, self.facts.path), ctype)

    @abstractmethod
    def macro_lvalue(self, node: Node, name: str) -> LValue | None:
        """The lvalue behind an object-like macro; added by ``calls.py``."""

    def field_lvalue(self, node: Node) -> LValue | None:
        """``base.name`` or ``pointer->name``."""
        argument = node.child_by_field_name("argument")
        field = node.child_by_field_name("field")
        if argument is None or field is None:
            return None
        name = self.text(field)
        if self.operator(node) == "->":
            base: LValue | None = self.deref(self.value(argument))
        else:
            base = self.lvalue(argument)
            if base is None:
                base = self.materialise(self.value(argument))
        return self.member(base, name) if base is not None else None

    def subscript_lvalue(self, node: Node) -> LValue | None:
        """``base[index]`` over an array object or a pointer."""
        argument = node.child_by_field_name("argument")
        index = node.child_by_field_name("index")
        if argument is None:
            return None
        by = self.value(index) if index is not None else None
        number = self.constant_of(by) if by is not None else None
        if number is not None:
            by = None
        base = self.lvalue(argument)
        if base is not None and base.type is not None and base.type.arrays:
            return Index(base, None, number, base.type.element(), by)
        pointer: Expr = Load(base, self.offset(argument)) if base is not None else self.value(argument)
        pointed = self.type_of(pointer)
        return Index(
            None, pointer, number, pointed.pointee() if pointed is not None and pointed.is_pointer else None, by
        )

    def deref(self, pointer: Expr) -> LValue:
        """``*pointer``; ``*&x`` is ``x``."""
        if isinstance(pointer, Addr):
            return pointer.place
        ctype = self.type_of(pointer)
        pointee = ctype.pointee() if ctype is not None and ctype.is_pointer else None
        return Deref(pointer, self.context.types.resolve(pointee) if pointee is not None else None)

    def materialise(self, value: Expr) -> LValue:
        """Give a value a place, so that its members can be named."""
        if isinstance(value, Load):
            return value.place
        variable = self.temp(self.type_of(value))
        self.assign(variable, value)
        return variable

    def load(self, place: LValue, node: Node) -> Expr:
        """The value of an lvalue; an array decays to a pointer to its first element."""
        ctype = place.type
        if ctype is not None and ctype.arrays:
            return Addr(Index(place, None, 0, ctype.element()))
        if ctype is not None and ctype.function and not ctype.pointers and isinstance(place, Var):
            return FunctionRef(place.name)
        return Load(place, self.offset(node))

    # ------------------------------------------------------------ values

    def value(self, node: Node) -> Expr:
        """The value of an expression."""
        node = strip_parentheses(node)
        handler = _HANDLERS.get(node.type)
        if handler is not None:
            return handler(self, node)
        if node.is_named and node.type not in _SILENT:
            self.facts.unmodelled.append((self.offset(node), node.type))
        return Opaque(tuple(self.value(child) for child in node.named_children), node.type)

    def constant_of(self, expr: Expr) -> int | None:
        """The word of a constant expression."""
        match expr:
            case Const():
                return expr.value
            case Cast():
                return self.constant_of(expr.operand)
            case Unary():
                inner = self.constant_of(expr.operand)
                if inner is None:
                    return None
                return {"~": ~inner, "-": -inner, "+": inner, "!": int(not inner)}[expr.op] & (1 << 64) - 1
            case Binary():
                left, right = self.constant_of(expr.left), self.constant_of(expr.right)
                if left is None or right is None:
                    return None
                return _fold(expr.op, left, right)
            case _:
                return None

    def _literal(self, node: Node) -> Expr:
        text = self.text(node)
        return Const(self.context.evaluate(text), text)

    def _silent(self, node: Node) -> Expr:
        return Const(None, self.text(node)[:40])

    def _null(self, _node: Node) -> Expr:
        return Const(0, "NULL")

    def _true(self, _node: Node) -> Expr:
        return Const(1, "true")

    def _false(self, _node: Node) -> Expr:
        return Const(0, "false")

    def _identifier(self, node: Node) -> Expr:
        name = self.text(node)
        variable = self.lookup(name)
        if variable is not None:
            return self.load(variable, node)
        if self.offset_override is None:
            self.facts.covered.add(node.start_byte)
        special = self.named_constant(node, name)
        if special is not None:
            return special
        expansion = self.macro_value(node, name)
        if expansion is not None:
            return expansion
        if self.context.is_function(name):
            return FunctionRef(name)
        place = self.identifier_lvalue(node)
        assert place is not None
        return self.load(place, node)

    def named_constant(self, node: Node, name: str) -> Expr | None:
        """NULL, an enumerator or an object-like macro with a constant value."""
        if name in {"NULL", "false"}:
            return Const(0, name)
        if name == "true":
            return Const(1, name)
        value, macros = self.context.constant(name, self.facts.path, self.offset(node))
        return Const(value, name, macros) if value is not None else None

    @abstractmethod
    def macro_value(self, node: Node, name: str) -> Expr | None:
        """The value behind an object-like macro; added by ``calls.py``."""

    def _lvalue_load(self, node: Node) -> Expr:
        place = self.lvalue(node)
        if place is None:
            return Opaque(tuple(self.value(child) for child in node.named_children), node.type)
        return self.load(place, node)

    def _pointer(self, node: Node) -> Expr:
        argument = node.child_by_field_name("argument")
        assert argument is not None
        if self.operator(node) == "*":
            return self._lvalue_load(node)
        inner = strip_parentheses(argument)
        if (
            inner.type == "identifier"
            and self.lookup(self.text(inner)) is None
            and self.context.is_function(self.text(inner))
        ):
            return FunctionRef(self.text(inner))
        place = self.lvalue(argument)
        if place is None:
            place = self.materialise(self.value(argument))
        if isinstance(place, Deref):
            return place.pointer
        return Addr(place)

    def _unary(self, node: Node) -> Expr:
        argument = node.child_by_field_name("argument")
        assert argument is not None
        return Unary(self.operator(node), self.value(argument))

    def _binary(self, node: Node) -> Expr:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        assert left is not None
        assert right is not None
        operator = self.operator(node)
        if operator in {"&&", "||"}:
            return self.boolean(node)
        member = self.by_offset(operator, left, right)
        if member is not None:
            return member
        first, second = self.value(left), self.value(right)
        if _is_number(first) and _is_number(second):
            word = self.context.evaluate_at(self.text(node), self.facts.path, self.offset(node))
            if word is not None:  # 1 << 31 is a negative int
                return Const(word, self.text(node))
        return Binary(operator, first, second)

    @abstractmethod
    def by_offset(self, operator: str, left: Node, right: Node) -> Expr | None:
        """The address of a member that is named by its offset; added by ``offsets.py``."""

    def boolean(self, node: Node) -> Expr:
        """A condition used as a value: 1 on its true side, 0 on its false side."""
        true, false = self.condition(node)
        result = self.temp(_INT)
        self.frontier = true
        self.assign(result, Const(1, "true"))
        after = self.frontier
        self.frontier = false
        self.assign(result, Const(0, "false"))
        self.frontier = self.frontier + after
        return Load(result, self.offset(node))

    def _conditional(self, node: Node) -> Expr:
        test = node.child_by_field_name("condition")
        then = node.child_by_field_name("consequence")
        otherwise = node.child_by_field_name("alternative")
        assert test is not None
        assert otherwise is not None
        result = self.temp(None)
        if then is None:  # a ?: b
            first = self.value(test)
            self.assign(result, first)
            true, false = self.branch(Load(result, self.offset(node)))
            after = true
        else:
            true, false = self.condition(test)
            self.frontier = true
            first = self.value(then)
            self.assign(result, first)
            after = self.frontier
        self.frontier = false
        second = self.value(otherwise)
        self.assign(result, second)
        if true and not false:  # a literal condition: control does not come from the other side
            self.frontier = after
        elif true or not false:
            self.frontier = self.frontier + after
        result.type = self.joined_type(first, second)
        return Load(result, self.offset(node))

    def _assignment(self, node: Node) -> Expr:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        assert left is not None
        assert right is not None
        operator = self.operator(node)
        if operator == "=":
            right_node = strip_parentheses(right)
            value = self.value(right_node)
            target = self.lvalue(left)
        else:
            target = self.lvalue(left)
            value = self.value(right)
            if target is not None:
                value = Binary(operator[:-1], Load(target, self.offset(left)), value)
                if operator in {"+=", "-="}:
                    value = self._counted(target, value)
        if target is None:
            return value
        self.assign(target, value)
        return self.load(target, left)

    def _update(self, node: Node) -> Expr:
        argument = node.child_by_field_name("argument")
        assert argument is not None
        target = self.lvalue(argument)
        if target is None:
            return self.value(argument)
        operator = self.operator(node)[0]
        postfix = node.children[0].is_named
        old: Expr = Load(target, self.offset(argument))
        if postfix:
            before = self.temp(target.type)
            self.assign(before, old)
            old = Load(before, self.offset(argument))
        self.assign(target, self._counted(target, Binary(operator, old, Const(1, "1"))))
        return old if postfix else Load(target, self.offset(argument))

    def _counted(self, target: LValue, value: Expr) -> Expr:
        """What is counted in the passes of an iterator depends on what it walks over."""
        if not self.passes or (target.type is not None and target.type.is_pointer):
            return value
        return Opaque((value, *self.passes), "count")

    def _cast(self, node: Node) -> Expr:
        type_node, inner = node.child_by_field_name("type"), node.child_by_field_name("value")
        assert type_node is not None
        assert inner is not None
        if inner.type in {"pointer_expression", "unary_expression"} and self._is_no_type(type_node):
            return self._binary_in_disguise(type_node, inner)
        return self.cast(self.context.parse_type(self.text(type_node)), self.value(inner))

    def _is_no_type(self, node: Node) -> bool:
        """Whether the parenthesised text in front of an operator is a value: ``(mask) & x``, ``(f()) - x``."""
        name = _NAME.match(self.text(node))
        return name is not None and (
            self.lookup(name[0]) is not None or self.context.is_callable(name[0], self.facts.path)
        )

    def _binary_in_disguise(self, left: Node, right: Node) -> Expr:
        """``(f()) & x`` parses as a cast of ``&x``."""
        argument = right.child_by_field_name("argument")
        assert argument is not None
        value = self.text_value(left, self.text(left))
        return Binary(self.operator(right), value, self.value(argument))

    @abstractmethod
    def text_value(self, node: Node, text: str) -> Expr:
        """The value of an expression given as text; added by ``calls.py``."""

    def cast(self, ctype: CType, operand: Expr) -> Expr:
        """``(ctype)operand``."""
        if isinstance(operand, Const) and not ctype.is_pointer:
            value = operand.value
            if value is not None:
                value = stored_constant(value, self.context.types.resolve(ctype))
            text = f"({ctype}){operand.text}" if operand.text[:1].isdigit() else operand.text
            return Const(value, text, operand.macros)
        resolved = self.context.types.resolve(ctype)
        kind = resolved.integer or ctype.integer
        return Cast(resolved, kind[0] if kind is not None else 0, operand)

    def _comma(self, node: Node) -> Expr:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        assert left is not None
        assert right is not None
        self.value(left)
        return self.value(right)

    def _compound_literal(self, node: Node) -> Expr:
        return self.load(self.literal_object(node), node)

    def literal_object(self, node: Node) -> Var:
        """The object that a compound literal makes: a static one outside of functions, named after its user."""
        type_node, inner = node.child_by_field_name("type"), node.child_by_field_name("value")
        assert type_node is not None
        ctype = self.context.types.resolve(self.context.parse_type(self.text(type_node)))
        variable = self.temp(ctype)
        if self.initialised:
            key = f"{self.facts.path}:literal@{self.offset(node)}.{self.initialised}"
            variable = Var("global", self.initialised, key, ctype)
            self.context.add_static(variable)
        if inner is not None:
            self.initialise(variable, inner)
        return variable

    @abstractmethod
    def initialise(self, target: LValue, node: Node) -> None:
        """Store an initialiser; added by ``statements.py``."""

    @abstractmethod
    def call_value(self, node: Node) -> Expr:
        """The value of a call; added by ``calls.py``."""

    def _statement_expression(self, node: Node) -> Expr:
        inner = first_named(node)
        if inner is not None and inner.type == "compound_statement":
            return self.statement_expression(inner)
        return Opaque(tuple(self.value(child) for child in node.named_children), node.type)

    @abstractmethod
    def call_lvalue(self, node: Node) -> LValue | None:
        """The lvalue that a call stands for; added by ``calls.py``."""

    @abstractmethod
    def statement_expression(self, node: Node) -> Expr:
        """The value of ``({ ... })``; added by ``statements.py``."""

    # ------------------------------------------------------------ conditions

    def condition(self, node: Node) -> tuple[Frontier, Frontier]:
        """Lower a condition; returns the frontiers of its true and false sides."""
        node = strip_parentheses(node)
        if node.type == "unary_expression" and self.operator(node) == "!":
            argument = node.child_by_field_name("argument")
            assert argument is not None
            true, false = self.condition(argument)
            return false, true
        if node.type == "binary_expression" and self.operator(node) in {"&&", "||"}:
            return self._short_circuit(node)
        transparent = self.transparent_condition(node)
        if transparent is not None:
            return self.condition(transparent)
        value = self.value(node)
        known = self.constant_of(value)
        if known is not None:
            here: Frontier = self.frontier
            return (here, []) if known else ([], here)
        return self.branch(value)

    @abstractmethod
    def transparent_condition(self, node: Node) -> Node | None:
        """The condition inside ``likely()`` and its kin; added by ``calls.py``."""

    def _short_circuit(self, node: Node) -> tuple[Frontier, Frontier]:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        assert left is not None
        assert right is not None
        true, false = self.condition(left)
        if self.operator(node) == "&&":
            self.frontier = true
            right_true, right_false = self.condition(right)
            return right_true, false + right_false
        self.frontier = false
        right_true, right_false = self.condition(right)
        return true + right_true, right_false


def _is_number(expr: Expr) -> bool:
    """A constant that is no mask of the model."""
    return isinstance(expr, Const) and expr.value is not None and not expr.macros


def _is_null(expr: Expr) -> bool:
    return isinstance(expr, Const) and expr.value == 0


def _fold(operator: str, left: int, right: int) -> int | None:
    word = (1 << 64) - 1
    match operator:
        case "&":
            return left & right
        case "|":
            return left | right
        case "^":
            return left ^ right
        case "+":
            return left + right & word
        case "-":
            return left - right & word
        case "*":
            return left * right & word
        case "<<":
            return left << right & word if right < 64 else 0
        case ">>":
            return left >> right if right < 64 else 0
        case "==":
            return int(left == right)
        case "!=":
            return int(left != right)
        case _:
            return None


_SILENT = frozenset({"type_descriptor", "primitive_type", "sized_type_specifier", "argument_list", "comment"})

_HANDLERS: dict[str, Callable[[Expressions, Node], Expr]] = {
    "identifier": Expressions._identifier,
    "type_identifier": Expressions._identifier,
    "field_identifier": Expressions._identifier,
    "statement_identifier": Expressions._silent,
    "number_literal": Expressions._literal,
    "char_literal": Expressions._silent,
    "string_literal": Expressions._silent,
    "concatenated_string": Expressions._silent,
    "sizeof_expression": Expressions._silent,
    "alignof_expression": Expressions._silent,
    "offsetof_expression": Expressions._silent,
    "type_descriptor": Expressions._silent,
    "primitive_type": Expressions._silent,
    "sized_type_specifier": Expressions._silent,
    "struct_specifier": Expressions._silent,
    "null": Expressions._null,
    "true": Expressions._true,
    "false": Expressions._false,
    "field_expression": Expressions._lvalue_load,
    "subscript_expression": Expressions._lvalue_load,
    "pointer_expression": Expressions._pointer,
    "unary_expression": Expressions._unary,
    "binary_expression": Expressions._binary,
    "conditional_expression": Expressions._conditional,
    "assignment_expression": Expressions._assignment,
    "update_expression": Expressions._update,
    "cast_expression": Expressions._cast,
    "comma_expression": Expressions._comma,
    "compound_literal_expression": Expressions._compound_literal,
    "call_expression": lambda self, node: self.call_value(node),  # the method of the class below it
    "parenthesized_expression": Expressions._statement_expression,
}
