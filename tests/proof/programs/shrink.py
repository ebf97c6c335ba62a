"""Smaller programs out of one that fails: its trees with a piece cut out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from tests.proof.programs.program import Block, Node, Program

__all__ = ["smaller"]


def smaller(program: Program) -> Iterator[Program]:
    """Programs with one node less, one block opened or one expression cut; the largest cuts first."""
    found: list[tuple[int, Program]] = []
    for number, (path, nodes) in enumerate(program.files):
        for size, changed in _cuts(list(nodes)):
            files = list(program.files)
            files[number] = (path, tuple(changed))
            found.append((size, replace(program, files=tuple(files))))
    found.sort(key=lambda item: -item[0])
    for _, each in found:
        yield each


def _size(node: Node) -> int:
    return 1 if isinstance(node, str) else 1 + sum(map(_size, node.body))


def _cuts(nodes: list[Node]) -> Iterator[tuple[int, list[Node]]]:
    for number, node in enumerate(nodes):
        before, after = nodes[:number], nodes[number + 1 :]
        yield _size(node), before + after
        if isinstance(node, str) and not node.startswith(("#", "extern", "struct")):
            for text in _simpler(node):
                yield 0, [*before, text, *after]
        if isinstance(node, Block):
            if node.open:
                yield 1, before + node.body + after
            for size, body in _cuts(node.body):
                yield size, [*before, Block(node.head, body, node.tail, node.open), *after]


def _simpler(text: str) -> Iterator[str]:
    """A statement with one parenthesised operation, call or cast replaced by one of its operands."""
    for start, char in enumerate(text):
        if char != "(":
            continue
        end = _closing(text, start)
        if end < 0:
            continue
        before = re.search(r"\w*$", text[:start])
        begin = before.start() if before is not None else start
        for operand in re.split(r" (?:[-|^&+*?:,]|<<|>>) |, ", text[start + 1 : end]):
            if operand and operand.count("(") == operand.count(")") and operand != text[begin : end + 1]:
                yield text[:begin] + operand.strip() + text[end + 1 :]


def _closing(text: str, start: int) -> int:
    depth = 0
    for position in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return position
    return -1
