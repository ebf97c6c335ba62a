"""Calls: who calls whom, how conditions and places cross the boundary, and what a callee does to memory."""

from __future__ import annotations

from fpuscan.engine.calls.memory import Calls
from fpuscan.engine.calls.pointers import aligned
from fpuscan.engine.calls.targets import CallSite, Frame

__all__ = ["CallSite", "Calls", "Frame", "aligned"]
