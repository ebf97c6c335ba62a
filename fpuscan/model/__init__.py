"""The kernel knowledge, read from TOML: sources, sinks, masks, helpers, effects, barriers.

The engine has no kernel name of its own: what it knows of the kernel stands in the files
beside this one, each row with its reason and, where there is one, its commit. ``rows``
says what the rows mean, ``reader`` reads them.
"""

from fpuscan.model.reader import load_model

__all__ = ["load_model"]
