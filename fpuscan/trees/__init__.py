"""Kernel trees that are no folder: a commit, the index, and patches laid over any tree.

Each gives the same listing and the same bytes as a checkout of that content,
read from git's objects; nothing is checked out and nothing is written.
"""

from __future__ import annotations

from fpuscan.trees.index import IndexTree, open_index
from fpuscan.trees.nodes import GitTree, Node
from fpuscan.trees.opening import open_other, open_tree
from fpuscan.trees.overlay import Blocked, OverlayTree
from fpuscan.trees.revision import RevisionTree, open_revision
from fpuscan.trees.state import TreeState, TreeView
from fpuscan.trees.watched import WatchedTree

__all__ = [
    "Blocked",
    "GitTree",
    "IndexTree",
    "Node",
    "OverlayTree",
    "RevisionTree",
    "TreeState",
    "TreeView",
    "WatchedTree",
    "open_index",
    "open_other",
    "open_revision",
    "open_tree",
]
