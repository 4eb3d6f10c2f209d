"""What the C library does with memory that numpy gives back.

By default glibc maps every large array anew and unmaps it when it is freed: a query that decodes in morsels then has
the kernel clear each page of each morsel, which was a quarter of its CPU. Kept in the process instead, the pages of one
morsel serve the next; what is kept for nothing is given back once in a while.

Source: mallopt(3), malloc_trim(3). Other C libraries have no such settings and are left as they are.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

# The numbers of mallopt's parameters.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
# glibc's own limit: larger arrays are mapped and unmapped all the same.
LARGEST_KEPT_BYTES = 32 << 20
KEPT_BYTES = 256 << 20
GROWN_BY_BYTES = 16 << 20
TRIM_INTERVAL_S = 60.0


@dataclass(frozen=True, slots=True)
class Allocator:
    """The two functions of glibc."""

    set_option: Callable[[int, int], int]
    trim: Callable[[int], int]

    def keep(self) -> bool:
        """Keep freed memory for the next morsel; say whether the settings were taken."""
        options = {
            MMAP_THRESHOLD: LARGEST_KEPT_BYTES, TRIM_THRESHOLD: KEPT_BYTES, TOP_PAD: GROWN_BY_BYTES,
        }  # fmt: skip
        return all(self.set_option(option, size) == 1 for option, size in options.items())

    def give_back(self) -> None:
        """Return to the system what is free."""
        self.trim(0)


def find_allocator() -> Allocator | None:
    """Return glibc's allocator, or None where the process has another one."""
    library = ctypes.CDLL(None)
    try:
        return Allocator(library.mallopt, library.malloc_trim)
    except AttributeError:
        return None
