"""The facts of one function: instructions over symbolic lvalues in a control-flow graph.

Taken from the syntax tree by ``lower.py``; read by ``places.py`` (which objects
an lvalue denotes), ``guards.py`` (under which conditions) and ``graph.py``.
Every value, condition and side effect of a C function is one of the few
instructions below; a shape that is not understood becomes :class:`Opaque`,
which passes everything it mentions on, and is never dropped.

All spans are byte offsets into the file of the function.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpuscan.symbols.cpp import ConfigLiteral
    from fpuscan.symbols.declarators import CType

__all__ = [
    "ENTRY",
    "EXIT",
    "Addr",
    "Assign",
    "Binary",
    "Branch",
    "Call",
    "Cast",
    "Const",
    "ContainerOf",
    "Deref",
    "Edge",
    "Expr",
    "FunctionFacts",
    "FunctionRef",
    "Index",
    "Instruction",
    "LValue",
    "Load",
    "Marker",
    "Member",
    "Opaque",
    "Return",
    "Signature",
    "Unary",
    "Var",
    "pointer_to",
    "subexpressions",
    "uncast",
    "variable_read",
]

ENTRY, EXIT = 0, 1  # the first two instructions of every function

# ---------------------------------------------------------------- lvalues


@dataclass(slots=True, eq=False)
class Var:
    """A variable: ``kind`` is "local", "param", "global" (or static) or "temp".

    ``key`` identifies the object: the declaration's ordinal for a local, the
    parameter's index, the name for a global.
    """

    kind: str
    name: str
    key: int | str
    type: CType | None

    def __str__(self) -> str:
        return self.name


@dataclass(slots=True, eq=False)
class Member:
    """``base.name``; ``p->name`` is ``Member(Deref(p), name)``. Union members share one name."""

    base: LValue
    name: str
    type: CType | None

    def __str__(self) -> str:
        name = self.name.rpartition(">.")[2]  # what is written of a member of a union
        if isinstance(self.base, Deref):
            return f"{self.base.pointer}->{name}"
        return f"{self.base}.{name}"


@dataclass(slots=True, eq=False)
class Deref:
    """``*pointer``."""

    pointer: Expr
    type: CType | None

    def __str__(self) -> str:
        return f"*{self.pointer}"


@dataclass(slots=True, eq=False)
class Index:
    """``base[index]``; ``index`` is None where it is no constant (all elements).

    ``pointer`` is set where the base is a pointer value and no array object.
    """

    base: LValue | None
    pointer: Expr | None
    index: int | None
    type: CType | None
    by: Expr | None = None  # the index that is no constant

    def __str__(self) -> str:
        base = self.base if self.base is not None else self.pointer
        return f"{base}[{'*' if self.index is None else self.index}]"


LValue = Var | Member | Deref | Index

# ---------------------------------------------------------------- expressions


@dataclass(slots=True, eq=False)
class Const:
    """A constant; ``value`` is its 64-bit word or None where only a build knows it.

    ``macros`` are the names of object-like macros it was written with, so that
    a mask constant of the model can be a source where it sets bits. ``member``:
    the struct and the member, as written (``a.b[2]``), whose offset in bytes it is.
    """

    value: int | None
    text: str
    macros: tuple[str, ...] = ()
    member: tuple[str, str] = ("", "")

    def __str__(self) -> str:
        return self.text


@dataclass(slots=True, eq=False)
class Load:
    """The value of an lvalue; ``start`` is where it is written (byte offset)."""

    place: LValue
    start: int

    def __str__(self) -> str:
        return str(self.place)


@dataclass(slots=True, eq=False)
class Addr:
    """``&place``; also an array that decays to a pointer to its first element."""

    place: LValue

    def __str__(self) -> str:
        return f"&{self.place}"


@dataclass(slots=True, eq=False)
class FunctionRef:
    """The address of a function."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(slots=True, eq=False)
class Unary:
    """``op operand`` with op one of ``~ - + !``."""

    op: str
    operand: Expr

    def __str__(self) -> str:
        return f"{self.op}{self.operand}"


@dataclass(slots=True, eq=False)
class Binary:
    """``left op right``."""

    op: str
    left: Expr
    right: Expr

    def __str__(self) -> str:
        return f"({self.left} {self.op} {self.right})"


@dataclass(slots=True, eq=False)
class Cast:
    """``(type)operand``; ``bits`` is the width of an integer type, 0 for a pointer or unknown type."""

    type: CType
    bits: int
    operand: Expr

    def __str__(self) -> str:
        return f"({self.type.base}){self.operand}"


@dataclass(slots=True, eq=False)
class ContainerOf:
    """``container_of(pointer, tag, member)``."""

    pointer: Expr
    tag: str
    member: tuple[str, ...]

    def __str__(self) -> str:
        return f"container_of({self.pointer})"


@dataclass(slots=True, eq=False)
class Opaque:
    """Some function of the operands that freezes their bits (arithmetic helpers, asm, unknown shapes)."""

    operands: tuple[Expr, ...]
    text: str = ""

    def __str__(self) -> str:
        return f"{self.text or '?'}({', '.join(map(str, self.operands))})"


Expr = Const | Load | Addr | FunctionRef | Unary | Binary | Cast | ContainerOf | Opaque


def uncast(expr: Expr) -> Expr:
    """What is inside any number of casts."""
    while isinstance(expr, Cast):
        expr = expr.operand
    return expr


def pointer_to(place: LValue) -> Expr:
    """The address of an lvalue: of ``*p`` the pointer itself."""
    return place.pointer if isinstance(place, Deref) else Addr(place)


def variable_read(expr: Expr) -> Var | None:
    """The variable whose value an expression is, whatever that is cast to; None for any other expression."""
    expr = uncast(expr)
    return expr.place if isinstance(expr, Load) and isinstance(expr.place, Var) else None


def subexpressions(expr: Expr) -> tuple[Expr, ...]:
    """The direct operands of an expression (pointers inside lvalues are not operands)."""
    match expr:
        case Unary() | Cast():
            return (expr.operand,)
        case Binary():
            return (expr.left, expr.right)
        case Opaque():
            return expr.operands
        case ContainerOf():
            return (expr.pointer,)
        case _:
            return ()


# ---------------------------------------------------------------- instructions


@dataclass(slots=True, eq=False)
class Instruction:
    """Base: ``start``/``end`` is the span of the statement (or initialiser) as written."""

    start: int
    end: int
    config: tuple[ConfigLiteral, ...]


@dataclass(slots=True, eq=False)
class Marker(Instruction):
    """A point without effect: entry, exit, a label, a loop head."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(slots=True, eq=False)
class Assign(Instruction):
    """``target = value``; a compound assignment has its operator in the value."""

    target: LValue
    value: Expr
    weak: bool = False  # the store may not happen (an asm output, a conditional exchange)
    user: bool = False  # into memory of user space, which no other pointer of the kernel denotes

    def __str__(self) -> str:
        return f"{self.target} = {self.value}"


@dataclass(slots=True, eq=False)
class Call(Instruction):
    """``result = callee(arguments)``; ``callee`` is a name, or an expression for an indirect call."""

    result: Var | None
    callee: str | Expr
    arguments: tuple[Expr, ...]
    call_start: int
    call_end: int

    def __str__(self) -> str:
        return f"{self.result} = {self.callee}({', '.join(map(str, self.arguments))})"


@dataclass(slots=True, eq=False)
class Branch(Instruction):
    """A two-way branch on ``condition``, or the head of a switch over it; ``picks``: it stands for ``max()`` and
    only decides which of the values that it compares is taken.
    """  # noqa: D205

    condition: Expr
    picks: bool = False

    def __str__(self) -> str:
        return f"branch {self.condition}"


@dataclass(slots=True, eq=False)
class Return(Instruction):
    """``return value``."""

    value: Expr | None

    def __str__(self) -> str:
        return f"return {self.value}"


@dataclass(slots=True, frozen=True)
class Edge:
    """A control-flow edge; ``equals`` is the value that the branch's condition has on it.

    ``truth`` True/False for a two-way branch, None for an unconditional edge or
    a switch; ``equals`` the constant of a switch case.
    """

    target: int
    truth: bool | None = None
    equals: int | None = None


@dataclass(slots=True, eq=False)
class Signature:
    """What the head of a function says: the parameters, what it returns, whether more arguments may follow."""

    params: tuple[Var, ...] = ()
    returns: CType | None = None
    variadic: bool = False


@dataclass(slots=True, eq=False)
class FunctionFacts:
    """One function definition: parameters and the instructions with their control flow.

    Instruction 0 is the entry, 1 the exit. ``covered`` holds the byte offsets of
    all identifiers that became part of a fact, for the accounting of occurrences.
    """

    name: str
    path: str
    start: int
    end: int
    params: tuple[Var, ...]
    returns: CType | None
    config: tuple[ConfigLiteral, ...]
    code: list[Instruction] = field(default_factory=list)
    succ: list[list[Edge]] = field(default_factory=list)
    pred: list[list[int]] = field(default_factory=list)
    covered: set[int] = field(default_factory=set)
    covered_ranges: list[tuple[int, int]] = field(default_factory=list)
    unmodelled: list[tuple[int, str]] = field(default_factory=list)
    unread: list[tuple[int, str]] = field(default_factory=list)  # text of macros that is no C by itself
    variables: dict[object, Var] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)  # the names of case labels, for people
    undecided: set[int] = field(default_factory=set)  # the heads of switches without a default
    variadic: bool = False

    def __str__(self) -> str:
        return f"{self.name} ({self.path})"

    def listing(self) -> str:
        """One line per instruction, for people and for snapshot tests."""
        rows = []
        for number, instruction in enumerate(self.code):
            targets = ", ".join(
                f"{edge.target}{'' if edge.truth is None else '+' if edge.truth else '-'}"
                f"{'' if edge.equals is None else f'={edge.equals}'}"
                for edge in self.succ[number]
            )
            rows.append(f"{number:4} {instruction}  -> {targets}")
        return "\n".join(rows)
