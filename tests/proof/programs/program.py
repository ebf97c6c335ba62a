"""What a program is: trees of statements, and the text they make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Block", "Node", "Program", "record", "single"]


@dataclass(slots=True)
class Block:
    """``head``, the nodes of ``body``, ``tail``; ``open`` says that the body may stand without the rest."""

    head: str
    body: list[Node]
    tail: str = "}"
    open: bool = True


Node = str | Block


def record(tag: str, *members: Node) -> Block:
    """The definition of a struct."""
    return Block(f"struct {tag} {{", list(members), "};", open=False)


def single(head: str, statement: Node) -> Block:
    """One statement behind an ``if`` or a loop, without braces."""
    return Block(head, [statement], "", open=False)


@dataclass(frozen=True, slots=True)
class Program:
    """One program: its files (path to nodes), the number of sinks, and the switches that its #if arms test."""

    number: int
    files: tuple[tuple[str, tuple[Node, ...]], ...]
    features: tuple[str, ...]
    switches: tuple[str, ...]

    @property
    def name(self) -> str:
        """The prefix of all its names."""
        return f"p{self.number}"

    def texts(self) -> dict[str, str]:
        """Path to text."""
        return {path: "\n".join(_render(nodes, 0)) + "\n" for path, nodes in self.files}


def _render(nodes: Sequence[Node], depth: int) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, str):
            yield node if node.startswith("#") else "\t" * depth + node
        else:
            yield node.head if node.head.startswith("#") else "\t" * depth + node.head
            yield from _render(node.body, depth + (not node.head.startswith("#")))
            yield node.tail if node.tail.startswith("#") else "\t" * depth + node.tail
