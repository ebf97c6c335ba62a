"""What controls a place: every root whose value can reach it, with the shortest way and the masks on it.

Takes the grown engine and what was asked, gives :class:`~fpuscan.result.Provenance`.
:mod:`.asked` reads the question, :mod:`.backward` finds candidates from the stores
back, :mod:`.origins` says what counts as a root, :mod:`.ways` follows each
candidate forward and keeps those that arrive.
"""

from __future__ import annotations

from fpuscan.provenance.answer import answer

__all__ = ["answer"]
