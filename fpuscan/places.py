"""Places: where a value can live, and which struct members that is.

A place is a pair (root, path). The root is an object: a local variable, a
parameter, what a parameter points to, a global, a return value, or *some*
object of a struct type that an unresolved pointer denotes. The path names
members below it (``<union a>`` the members of a union, ``<union a>.b`` one of
several that are laid out differently), array elements as ``[3]`` or ``[*]``. Behind a pointer that a
function was given, ``[+]`` is any element of the same array but the one that it
points to, and ``^struct x^m`` the struct x around it, whose member m it is;
``(struct x)`` is the object seen as another struct, and ``[struct x]`` an array of numbers seen as one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ALLOCATED",
    "ALL_ELEMENTS",
    "NO_MEMBERS",
    "OTHER_ELEMENTS",
    "Guarded",
    "Place",
    "Root",
    "anonymous",
    "container_tag",
    "covers",
    "elements_as",
    "heap",
    "is_allocated",
    "is_elements_as",
    "is_fresh",
    "is_private",
    "is_seen_as",
    "is_several",
    "member_name",
    "on_side",
    "overlap",
    "plain_name",
    "reinterpreted",
    "seen_otherwise",
    "step_into",
    "step_out",
    "suffix",
]

# ("v", function, key) local or temp; ("p", function, index) parameter; ("d", function, index) what it points to;
# ("g", key) global; ("h", tag, identity, instance) some object of a type; ("r", function) return value
Root = tuple[Any, ...]  # what stands in it depends on its first item, which no type says
Place = tuple[Root, tuple[str, ...]]
# With the conditions under which it is meant: the literals of engine/functions/literals.py.
Guarded = tuple[Root, tuple[str, ...], frozenset[tuple[tuple[Any, ...], str, int | tuple[tuple[int, int], ...]]]]

ALL_ELEMENTS = "[*]"
OTHER_ELEMENTS = "[+]"
ALLOCATED = "allocated"  # the identity of an object that is no variable
NO_MEMBERS = "[*^("  # how the names in a path begin that are no members


def heap(tag: str, identity: object, instance: str = "") -> Root:
    """Some object of type ``tag``; ``identity`` tells two pointers apart inside one function,
    ``instance`` is "guest", "host" or "" where the side is not known.
    """  # noqa: D205
    return ("h", tag, identity, instance)


def on_side(root: Root, instance: str) -> Root:
    """The object, on a side where it is some object whose side was not known."""
    return heap(root[1], root[2], instance) if root[0] == "h" and not root[3] else root


def anonymous(root: Root, instance: str = "") -> Root:
    """Some object in the eyes of every function: of its identity only that it was allocated is left."""
    allocated = ALLOCATED if is_fresh(root) or root[2] == ALLOCATED else None
    return heap(root[1], allocated, instance or root[3])


def step_out(path: tuple[str, ...], tag: str, member: tuple[str, ...]) -> tuple[str, ...]:
    """The path of the struct ``tag`` around what is at ``path``, its ``member``."""
    if path[-len(member) :] == member:
        return path[: -len(member)]
    return (*path, f"^{tag}^{'.'.join(member)}")


def step_into(path: tuple[str, ...], name: str) -> tuple[str, ...]:
    """The path of a member; that of which a struct is around is where it was before."""
    for position in range(len(path) - 1, -1, -1):
        if path[position][0] == "^":
            member = ".".join((*path[position + 1 :], name))
            return path[:position] if path[position].rpartition("^")[2] == member else (*path, name)
    return (*path, name)


def container_tag(name: str) -> str:
    """The struct that a name in a path says is around, or that it is seen as."""
    return name[1:].partition("^")[0].rstrip(")]")


def plain_name(key: str) -> str:
    """The name of a global without its file, or the function of a static one."""
    return key.rpartition(":")[2].rpartition(".")[2]


def elements_as(tag: str) -> str:
    """The name in a path for the numbers of an array that a struct is read from and stored to."""
    return f"[{tag}]"


def is_elements_as(name: str) -> bool:
    """Whether a name in a path says what struct an array of numbers is seen as."""
    return name[0] == "[" and " " in name


def is_seen_as(name: str) -> bool:
    """Whether a name in a path tells another type than what it is the name of was declared with."""
    return name[0] in "^(" or is_elements_as(name)


def is_allocated(place: Place) -> bool:
    """Whether a place lies in an object that was allocated, so that it is no part of a variable."""
    root, path = place
    return root[0] == "h" and (is_fresh(root) or root[2] == ALLOCATED) and "*" not in path


def is_private(root: Root) -> bool:
    """Whether only this function (and what it calls with a pointer to it) can reach the object."""
    return root[0] in {"v", "p", "r"}


def _element_overlap(first: str, second: str) -> bool:
    if first == second:
        return True
    if first[0] == "[" and second[0] == "[":
        if is_elements_as(first) or is_elements_as(second):
            return True
        return ALL_ELEMENTS in {first, second} and OTHER_ELEMENTS not in {first, second}
    if first[0] == "<" and second[0] == "<":  # two members of one union
        return first.partition(">")[0] == second.partition(">")[0]
    return False


def path_overlap(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """Whether two paths below one object may name overlapping storage (one is a prefix of the other)."""
    size = min(len(first), len(second))
    if OTHER_ELEMENTS in {*first[size : size + 1], *second[size : size + 1]}:
        return False
    for left, right in zip(first, second, strict=False):
        if left != right:
            if not _element_overlap(left, right):
                return False
            if _is_layout(left) or _is_layout(right):  # what is below other members of a union has other names
                return True
    return True


def _is_layout(name: str) -> bool:
    """Whether a name in a path tells one of several layouts that the same bytes are read in."""
    return name[0] == "<" or is_elements_as(name)


def reinterpreted(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """Whether two overlapping paths go through different members of a union, or see the numbers of an array as
    different structs: the bits are elsewhere in each.
    """  # noqa: D205
    return any(
        left != right and (_is_layout(left) or _is_layout(right)) for left, right in zip(first, second, strict=False)
    )


def member_name(name: str) -> str:
    """The member that a name in a path is written with: of a union without views, its first one."""
    if name[0] != "<":
        return name
    union, _, view = name.partition(">.")
    return view or union.removeprefix("<union ").removesuffix(">")


def seen_otherwise(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """Whether two paths to one place, from whatever objects, go through different members of a union."""
    views = {name.partition(">")[0]: name for name in first if name[0] == "<"}
    return any(views.get(name.partition(">")[0], name) != name for name in second if name[0] == "<")


def same_object(first: Root, second: Root) -> bool:
    """Whether two roots may be one object (heap objects of one type and side may)."""
    if first == second:
        return True
    if first[0] == "h" and second[0] == "h":
        if first[2] != second[2] and (is_fresh(first) or is_fresh(second)):
            return False
        return first[1] == second[1] and (not first[3] or not second[3] or first[3] == second[3])
    return False


def is_fresh(root: Root) -> bool:
    """Whether the object was allocated by the function that names it, so that nobody else has stored into it."""
    return root[0] == "h" and isinstance(root[2], tuple) and bool(root[2]) and root[2][0] == "fresh"


def overlap(first: Place, second: Place) -> bool:
    """Whether the storage of two places may overlap."""
    return same_object(first[0], second[0]) and path_overlap(first[1], second[1])


def covers(outer: Place, inner: Place) -> bool:
    """Whether a store to ``outer`` overwrites all of ``inner``, for certain."""
    if outer[0] != inner[0]:
        return False
    path = outer[1]
    return (
        len(path) <= len(inner[1])
        and not is_several(path)
        and inner[1][len(path) : len(path) + 1] != (OTHER_ELEMENTS,)
        and path == inner[1][: len(path)]
    )


def is_several(path: tuple[str, ...]) -> bool:
    """Whether a path may name several elements of an array, so that two reads may be of different ones."""
    return ALL_ELEMENTS in path or OTHER_ELEMENTS in path


def suffix(outer: tuple[str, ...], inner: tuple[str, ...]) -> tuple[str, ...]:
    """What of ``inner`` lies below ``outer`` (empty when ``inner`` is the shorter one)."""
    return inner[len(outer) :]


def shortest_chain(chains: Iterable[tuple[str, tuple[str, ...]]]) -> tuple[str, tuple[str, ...]] | None:
    """The innermost (struct, path) pair of a chain."""
    found = None
    for tag, path in chains:
        if path:
            found = (tag, path)
    return found
