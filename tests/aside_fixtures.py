"""Work that would be done in other processes, done in this one: they do not know of what a test replaces here."""

from __future__ import annotations

from collections.abc import Callable


class Here:
    """Stands for `raylocus.execution.aside.Aside`: works in this process, when it is asked for the result."""

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is under way."""

    def begin(self, work: Callable[[], object], name: str) -> Here:
        """Keeps the work."""
        later = Here()
        later.result = work
        return later
