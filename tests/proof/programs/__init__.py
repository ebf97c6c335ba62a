"""Random small C programs with one marked source and some marked sinks, as a mini kernel tree.

A seed gives a program: a header, two C files and an entry function. Every
program is well defined C (locals are initialised, pointers are valid, loops are
bounded), so that what a compiler makes of it is what it means. It uses a random
subset of :data:`CLAIMED`; the text is a tree of statements, so that a failing
program can be made smaller without a parser.
"""

from tests.proof.programs.generator import CLAIMED, NOT_CLAIMED, generate
from tests.proof.programs.program import Block, Node, Program
from tests.proof.programs.shrink import smaller

__all__ = ["CLAIMED", "NOT_CLAIMED", "Block", "Node", "Program", "generate", "smaller"]
