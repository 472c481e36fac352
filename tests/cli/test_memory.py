"""Freed memory is used again: large arrays after the first take next to no fresh pages."""

from __future__ import annotations

import subprocess
import sys

ARRAYS = """
import resource, numpy as np
from raylocus.execution.memory import keep_freed_memory
{keep}
def pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(5_000_000)
before = pages()
for _ in range(5):
    np.ones(5_000_000)
print(pages() - before)
"""


def fresh_pages(keep: str) -> int:
    """Pages that five arrays of 40 MB took, after one that was freed."""
    command = [sys.executable, "-c", ARRAYS.format(keep=keep)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_freed_memory_is_used_again() -> None:
    kept, given_back = fresh_pages("keep_freed_memory()"), fresh_pages("")
    assert kept < 100 < given_back
