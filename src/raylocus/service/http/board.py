"""Measurements that are announced for a request that comes later, in memory and for a short time."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from raylocus.service.questions import Question


@dataclass(frozen=True)
class Announced:
    """Measurements of one phone."""

    question: Question
    at: float
    """When they came, by the wall clock [s]."""


@dataclass(frozen=True)
class Board:
    """Announced measurements by the key that the later request names: a correlationID or a device's identifier."""

    seconds: float
    """How long they are kept."""
    size: int
    """Most that are kept; the oldest go first."""
    clock: Callable[[], float] = time.time
    _kept: OrderedDict[str, Announced] = field(default_factory=OrderedDict, repr=False)

    def put(self, key: str, question: Question) -> None:
        """Announces measurements; those of the same key are replaced."""
        self._kept.pop(key, None)
        self._kept[key] = Announced(question, self.clock())
        self._forget()

    def get(self, key: str) -> Announced | None:
        """What was announced under a key, while it is kept."""
        self._forget()
        return self._kept.get(key)

    def drop(self, key: str) -> bool:
        """Forgets what was announced under a key; whether there was anything."""
        return self._kept.pop(key, None) is not None

    def _forget(self) -> None:
        oldest = self.clock() - self.seconds
        while self._kept and (len(self._kept) > self.size or next(iter(self._kept.values())).at < oldest):
            self._kept.popitem(last=False)
