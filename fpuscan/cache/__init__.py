"""Answers of earlier runs, kept in the user's own cache folder: a commit hook need not scan HEAD again.

What is kept is what a scan read (object ids), what it found, and what that
hangs on. It is used only where nothing can have changed: same ids, same
fpuscan, same question. Nothing of it is needed: a folder that is missing,
damaged, full or not the user's own costs time and nothing else.
"""

from __future__ import annotations

from fpuscan.cache.answers import Alike, Answers, Footprint
from fpuscan.cache.folder import CacheFolder, cache_folder
from fpuscan.cache.key import question_key

__all__ = ["Alike", "Answers", "CacheFolder", "Footprint", "cache_folder", "question_key"]
