"""Sizes as people read them, in units of 1024."""

from __future__ import annotations

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def format_size(size_bytes: int) -> str:
    """Return a size with its unit: `1.5 MiB`."""
    unit = min(len(_UNITS) - 1, max(0, (abs(size_bytes).bit_length() - 1) // 10))
    return f"{size_bytes} B" if unit == 0 else f"{size_bytes / (1 << (10 * unit)):.1f} {_UNITS[unit]}"
