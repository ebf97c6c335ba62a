"""C types as far as data flow needs them, and how a declaration spells them.

Mirrors the grammar nodes of tree-sitter-c: a specifier (``struct fpu``) and
declarators (``*const p[4]``) around a name. Qualifiers and attributes are
dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from fpuscan.symbols.integers import integer_bits

if TYPE_CHECKING:
    from fpuscan.parse.syntax import Node

__all__ = [
    "FUNCTION",
    "CType",
    "Declared",
    "declarator_type",
    "declared_in",
    "parameters_of",
    "parse_type",
    "specifier_type",
]

FUNCTION = "function"
"""The base of a function type; the type it returns is ``CType.result``."""

_RECORD = ("struct ", "union ")


class CType(NamedTuple):
    """A C type: ``arrays`` of ``pointers`` levels of pointers to ``base``.

    ``base`` is ``struct fpstate``, ``union x``, ``enum y``, ``u64``, ``unsigned
    int``, ... An unnamed struct is called after what it declares: ``struct
    <kvm_vcpu_arch.st>``, ``struct <x_t>``. A function type has the base
    "function", ``function`` set and its return type in ``result``; with
    ``pointers`` 1 it is a function pointer. A length of None is not written as
    a number. ``width`` is the number of bits of a bit-field, 0 for any other type.
    """

    base: str
    pointers: int = 0
    arrays: tuple[int | None, ...] = ()
    function: bool = False
    result: CType | None = None
    width: int = 0

    @property
    def is_pointer(self) -> bool:
        """A pointer (to a function, too), and no array of them."""
        return self.pointers > 0 and not self.arrays

    @property
    def is_array(self) -> bool:
        """An array."""
        return bool(self.arrays)

    @property
    def is_record(self) -> bool:
        """Built on a struct or union, by value or not."""
        return self.base.startswith(_RECORD)

    @property
    def is_struct(self) -> bool:
        """A struct or union by value: no pointer, no array."""
        return self.is_record and not self.pointers and not self.arrays

    @property
    def integer(self) -> tuple[int, bool] | None:
        """(width in bits, signed) of an integer type, None for any other; an enum counts as another."""
        kind = None if self.pointers or self.arrays or self.function else integer_bits(self.base)
        return (min(self.width, kind[0]), kind[1]) if kind is not None and self.width else kind

    def pointee(self) -> CType | None:
        """What ``*p`` is, also for an array; None for no pointer."""
        if self.arrays:
            return CType(self.base, self.pointers, self.arrays[1:], self.function, self.result)
        if not self.pointers:
            return None
        return CType(self.base, self.pointers - 1, self.arrays, self.function, self.result)

    def element(self) -> CType | None:
        """What ``a[i]`` is; the same as :meth:`pointee`."""
        return self.pointee()

    def pointer_to(self) -> CType:
        """The type of ``&x``; a pointer to an array counts as one to a pointer."""
        return CType(self.base, self.pointers + len(self.arrays) + 1, (), self.function, self.result)

    def array_of(self, length: int | None) -> CType:
        """The type of an array of such elements."""
        return self._replace(arrays=(length, *self.arrays))

    def __str__(self) -> str:
        inner = "*" * self.pointers
        dimensions = "".join(f"[{'' if length is None else length}]" for length in self.arrays)
        if self.function:
            return f"{self.result} ({inner}{dimensions})()"
        return f"{self.base}{' ' if inner else ''}{inner}{dimensions}"


class Declared(NamedTuple):
    """One name of a declaration: its type, where the name stands (byte offset), and its initialiser."""

    name: str
    type: CType
    start: int
    value: Node | None = None


_SPACE = re.compile(r"\s+")
_PRIMITIVE = re.compile(
    r"(?:(?:unsigned|signed|short|long|int|char|void|bool|_Bool|float|double|size_t|ssize_t|[us]?int\w*_t|[us]\d+|__[us]\d+|"
    r"\w+_t|__int128|__u?int128|u?int)\s*)+"
)


def _text(node: Node, data: bytes) -> str:
    # The node as written; the parsed text may have blanks and placeholders there.
    text = data[node.start_byte : node.end_byte].decode("utf-8", "replace")
    return text if text.isidentifier() else _SPACE.sub(" ", text).strip()


def _parsed_text(node: Node, data: bytes) -> str:
    # The node as parsed: what a macro was turned into (``DEFINE_MUTEX(m)`` is a ``long``). Not ``node.text``, which
    # needs the parsed bytes: a tree that was parsed through a callback has none, and tree-sitter 0.26 crashes on it.
    text = _text(node, data)
    return text if _PRIMITIVE.fullmatch(text) else "long"


def specifier_type(node: Node, data: bytes, anonymous: str = "") -> CType:
    """The type that a specifier node names; ``anonymous`` is the name for a struct, union or enum without one."""
    match node.type:
        case "struct_specifier" | "union_specifier" | "enum_specifier":
            keyword = node.type.removesuffix("_specifier")
            name = node.child_by_field_name("name")
            return CType(f"{keyword} {_text(name, data) if name is not None else f'<{anonymous}>'}")
        case "primitive_type" | "sized_type_specifier":
            return parse_type(_parsed_text(node, data))
        case "type_descriptor":
            return _descriptor_type(node, data)
        case _:
            return parse_type(_text(node, data))


def _descriptor_type(node: Node, data: bytes) -> CType:
    inner = node.child_by_field_name("type")
    base = specifier_type(inner, data) if inner is not None else CType("int")
    declarator = node.child_by_field_name("declarator")
    return declarator_type(base, declarator, data).type if declarator is not None else base


_TAGGED = frozenset({"struct_specifier", "union_specifier", "enum_specifier"})
_DEEPEST = 100  # levels of one declarator; deeper is no C that somebody wrote
_NAMES = frozenset({"identifier", "field_identifier", "type_identifier"})


def declarator_type(base: CType, declarator: Node | None, data: bytes) -> Declared:
    """The name and type that a declarator (also an init or abstract one) gives to ``base``."""
    ctype = base
    value: Node | None = None
    node = declarator
    for _ in range(_DEEPEST):
        if node is None or node.type in _NAMES:
            break
        match node.type:
            case "init_declarator":
                value = node.child_by_field_name("value")
            case "pointer_declarator" | "abstract_pointer_declarator":
                ctype = ctype.pointer_to()
            case "array_declarator" | "abstract_array_declarator":
                ctype = ctype.array_of(_length(node.child_by_field_name("size"), data))
            case "function_declarator" | "abstract_function_declarator":
                ctype = CType(FUNCTION, function=True, result=ctype)
            case _:
                pass  # parentheses, attributes
        node = _inner_declarator(node)
    if node is None or node.type not in _NAMES:
        return Declared("", ctype, declarator.start_byte if declarator is not None else 0, value)
    return Declared(_text(node, data), ctype, node.start_byte, value)


def _inner_declarator(node: Node) -> Node | None:
    inner = node.child_by_field_name("declarator")
    if inner is not None or node.type not in {
        "parenthesized_declarator",
        "abstract_parenthesized_declarator",
        "attributed_declarator",
    }:
        return inner
    return next((child for child in node.named_children if "declarator" in child.type or child.type in _NAMES), None)


def _length(size: Node | None, data: bytes) -> int | None:
    if size is None or size.type != "number_literal":
        return None
    try:
        return int(_text(size, data).rstrip("uUlL"), 0)
    except ValueError:
        return None


def _width(declarator: Node, data: bytes) -> int:
    # The number of bits of a bit-field, 0 for any other declarator or where it is not written as a number.
    clause = declarator.next_named_sibling if declarator.type == "field_identifier" else None
    if clause is None or clause.type != "bitfield_clause":
        return 0
    return _length(clause.named_children[0] if clause.named_child_count else None, data) or 0


def declared_in(node: Node, data: bytes, anonymous: str = "") -> Iterator[Declared]:
    """The names that a declaration, field declaration, typedef or parameter node declares, in order.

    ``anonymous`` is put before the name of the declared thing where its struct has no name.
    """
    specifier = node.child_by_field_name("type")
    if specifier is None:
        return
    declarators = node.children_by_field_name("declarator")
    if specifier.type not in _TAGGED or specifier.child_by_field_name("name") is not None:
        base = specifier_type(specifier, data)
        for declarator in declarators:
            declared = declarator_type(base, declarator, data)
            width = _width(declarator, data)
            yield declared._replace(type=declared.type._replace(width=width)) if width else declared
        return
    first = ""
    for declarator in declarators:
        found = declarator_type(CType(""), declarator, data)
        first = first or found.name
        base = specifier_type(specifier, data, anonymous + first)
        yield declarator_type(base, declarator, data)


def parameters_of(declarator: Node, data: bytes) -> tuple[tuple[tuple[str, CType], ...], bool]:
    """The parameters, (name or "", type), of the innermost function declarator; and whether there are more (``...``).

    Arrays and functions are adjusted to pointers; ``(void)`` is no parameter.
    """
    function = _function_declarator(declarator)
    listed = function.child_by_field_name("parameters") if function is not None else None
    if listed is None:
        return (), False
    params = []
    variadic = False
    for child in listed.named_children:
        if child.type == "variadic_parameter":
            variadic = True
        elif child.type == "parameter_declaration":
            params.append(_parameter(child, data))
    if len(params) == 1 and params[0] == ("", CType("void")):
        params = []
    return tuple(params), variadic


def _function_declarator(declarator: Node) -> Node | None:
    found: Node | None = None
    node: Node | None = declarator
    while node is not None:
        if node.type == "function_declarator":
            found = node
        node = _inner_declarator(node)
    return found


def _parameter(node: Node, data: bytes) -> tuple[str, CType]:
    declarator = node.child_by_field_name("declarator")
    specifier = node.child_by_field_name("type")
    if declarator is None or specifier is None:
        return "", _unnamed_parameter(node, data)
    found = declarator_type(specifier_type(specifier, data), declarator, data)
    ctype = found.type
    if ctype.arrays:
        ctype = ctype._replace(arrays=ctype.arrays[1:]).pointer_to()
    elif ctype.function and not ctype.pointers:
        ctype = ctype.pointer_to()
    return found.name, ctype


def _unnamed_parameter(node: Node, data: bytes) -> CType:
    # The normaliser may have blanked ``struct`` and ``*`` of a type that stands alone: read it as written.
    before, after = node.prev_sibling, node.next_sibling
    start = before.end_byte if before is not None else node.start_byte
    end = after.start_byte if after is not None else node.end_byte
    return parse_type(data[start:end].decode("utf-8", "replace"))


# ---------------------------------------------------------------- types in text

_TOKEN = re.compile(r"/\*.*?\*/|[A-Za-z_]\w*|\d+|[*\[\]()]", re.DOTALL)
_QUALIFIER = re.compile(
    r"""
      const | volatile | restrict | register | static | extern | inline | auto | typedef
    | __restrict | __const | __volatile__ | __extension__ | __always_inline | noinstr | noinline
    | __user | __kernel | __rcu | __percpu | __iomem | __force | __private | __nocast | __bitwise
    | __init | __exit | __initdata | __ro_after_init | __read_mostly | __maybe_unused | __must_check | __packed
    """,
    re.VERBOSE,
)
_INTEGER_WORDS = frozenset({"unsigned", "signed", "long", "short", "int", "char"})


@lru_cache(maxsize=4096)
def parse_type(text: str) -> CType:
    """A type from its text alone: ``struct fpu *``, ``const u64 __user *``, ``unsigned long``, ``void (*)(int)``.

    A name behind the type is ignored. Text that is no type gives its first word as base.
    """
    words: list[str] = []
    pointers = 0
    arrays: list[int | None] = []
    tokens = [token for token in _TOKEN.findall(text) if not token.startswith("/*")]
    if tokens[:1] and tokens[0] in {"typeof", "__typeof__", "typeof_unqual"}:
        return CType(_SPACE.sub(" ", text).strip())
    for at, token in enumerate(tokens):
        if token == "(":
            result = CType(_base(words), pointers)
            inner = "".join(tokens[at + 1 :]).partition(")")[0]
            return CType(FUNCTION, inner.count("*"), function=True, result=result) if "*" in inner else result
        if token == "*":
            pointers += 1
        elif token == "[":
            following = tokens[at + 1 : at + 2]
            arrays.append(int(following[0]) if following and following[0].isdigit() else None)
        elif token[0].isalpha() or token[0] == "_":
            words.append(token)
    return CType(_base(words), pointers, tuple(arrays))


def _base(words: list[str]) -> str:
    words = [word for word in words if not _QUALIFIER.fullmatch(word)]
    if words[:1] and words[0] in {"struct", "union", "enum"}:
        return " ".join(words[:2])
    if words[:1] and words[0] in _INTEGER_WORDS:
        return _integer([word for word in words if word in _INTEGER_WORDS])
    return words[0] if words else "int"


def _integer(words: list[str]) -> str:
    # One spelling for each: ``long unsigned int`` is "unsigned long", ``unsigned`` is "unsigned int".
    sizes = [word for word in words if word in {"char", "short", "long"}] or ["int"]
    signedness = ["unsigned"] if "unsigned" in words else ["signed"] if "signed" in words and "char" in words else []
    return " ".join([*signedness, *sizes])
