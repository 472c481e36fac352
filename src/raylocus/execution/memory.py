"""Freed memory stays the process's own, so that the next large array need not be cleared page by page.

glibc gives every array above 32 MB back to the system as soon as it is freed. Locating makes arrays of that size for
each batch of phones: in a place of 88 cells half of the processor time went into fresh pages.
"""

from __future__ import annotations

import ctypes

#: Parameters of glibc's mallopt (malloc.h): how much free memory at the end of the heap is given back, and from which
#: size on an array is mapped by itself.
_TRIM, _MMAP = -1, -3
#: Free memory that is kept at the most, and size of the largest array that comes from it [byte].
KEPT, LARGEST = 512 << 20, 1 << 30


def keep_freed_memory() -> None:
    """Asks the C library to keep what is freed; one that cannot be asked goes on as before."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP, LARGEST)
        mallopt(_TRIM, KEPT)
