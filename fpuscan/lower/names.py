"""What names mean at a place of a function, and the C types of what they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.conversions import WORD_BITS, common, integer_type, stored_constant
from fpuscan.ir import Addr, Binary, Cast, Const, ContainerOf, FunctionRef, Load, Member, Unary, Var
from fpuscan.lower.builder import Builder
from fpuscan.lower.constants import is_null
from fpuscan.parse.normalise import strip_comments
from fpuscan.symbols.declarators import FUNCTION, CType

if TYPE_CHECKING:
    from fpuscan.ir import Expr, FunctionFacts, LValue
    from fpuscan.lower.context import LoweringContext
    from fpuscan.parse.syntax import Node

__all__ = ["INT", "Names"]

_NAMES = frozenset({"identifier", "field_identifier", "type_identifier"})
INT = CType("int")
_INTEGERS = {
    (32, True): INT,
    (32, False): CType("unsigned int"),
    (64, True): CType("long"),
    (64, False): CType("unsigned long"),
}


class Names(Builder):
    """Knows the source text, the scopes and the types."""

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
        self.conditional = context.conditional(facts.path, facts.start, facts.end)  # whether there is any #if

    def text(self, node: Node) -> str:
        """The source text of a node as written, without comments; a name as parsed (see ``kvm_x86_call(f)``)."""
        if node.type in _NAMES:
            return self.parsed[node.start_byte : node.end_byte].decode("utf-8", "replace")
        return strip_comments(self.data[node.start_byte : node.end_byte]).decode("utf-8", "replace")

    def offset(self, node: Node) -> int:
        """Where a node is written in the file (the macro's use, inside an expansion)."""
        return node.start_byte if self.offset_override is None else self.offset_override

    def lookup(self, name: str) -> Var | None:
        """The local variable or parameter that ``name`` denotes here."""
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return None

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
        if left is None or is_null(first):
            left, right, first, second = right, left, second, first
        if left is None and _is_small(first) and _is_small(second):
            return INT
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


def _is_small(expr: Expr) -> bool:
    """Whether a constant is an ``int``, or is worth as much as one."""
    return isinstance(expr, Const) and expr.value is not None and stored_constant(expr.value, INT) == expr.value
