"""Files that stand at the top of a checkout and inside the package of an installed wheel."""

from __future__ import annotations

from pathlib import Path

__all__ = ["shipped_folder"]

# Name in the wheel -> folder of the checkout; pyproject.toml (force-include) says the same.
_IN_CHECKOUT = {"queries": "queries", "demo": "fixtures/demo"}


def shipped_folder(name: str) -> Path:
    """Find the folder ``queries`` or ``demo``, in the wheel or in the checkout."""
    package = Path(__file__).parent
    installed = package / name
    return installed if installed.is_dir() else package.parent / _IN_CHECKOUT[name]
