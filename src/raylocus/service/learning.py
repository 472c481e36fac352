"""Levels of a served area's cells that follow submitted reports of known position, see `inference.online`."""

from __future__ import annotations

import fcntl
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from raylocus.inference.answering import Answering
from raylocus.inference.online import Learned, OnlineLocator
from raylocus.inference.online_journal import OnlineJournal, load_journal, save_journal
from raylocus.network.reports.reports import Reports
from raylocus.service.batching import OverloadedError

#: Seconds after which to hand in reports again that came while others were learned from.
BUSY = 1.0


@dataclass(frozen=True)
class LearningFolder:
    """Where what is learned of each area is kept."""

    folder: Path

    def file(self, area: str) -> Path:
        """Of one area; `raylocus locate --online` reads it and takes it back."""
        return self.folder / f"{area}.npz"

    def check(self, area: str) -> None:
        """Raises InputError where a file that is there is broken."""
        if self.file(area).exists():
            load_journal(self.file(area))

    def opened(self, area: str, answering: Answering) -> Learning:
        """What was learned of an area. Raises InputError where that was in another network."""
        return Learning(answering, self.file(area))


class Learning:
    """One area whose levels are learned; any thread or process may ask, one at a time learns."""

    def __init__(self, answering: Answering, file: Path) -> None:
        self._locator, self._file = OnlineLocator(answering), file
        self._journal, self._read = self._locator.journal(file), _version(file)

    def corrected(self, reports: Reports) -> Reports:
        """With levels less what their cells are known to be off by."""
        return self._newest().state.corrected(reports, self._locator.deployment)

    def _newest(self) -> OnlineJournal:
        """What is known, by whatever process it was learned."""
        version = _version(self._file)
        if version != self._read:
            self._journal, self._read = self._locator.journal(self._file), version
        return self._journal

    def learn(self, reports: Reports, locating: AbstractContextManager[object]) -> Learned:
        """Learns from reports of known position, and writes the file.

        Who hands in reports while others are learned from is turned away: nobody waits who could answer.

        Args:
            reports: with positions.
            locating: held while they are located.

        Raises:
            OverloadedError: others are learned from.
            StorageFullError: the disk is full; nothing is learned.
        """
        with _turn(self._file.with_suffix(".lock")):
            with locating:
                found = self._locator.answers(reports, self._newest())
            save_journal(found.journal, self._file)
        return found.learned


def _version(file: Path) -> tuple[int, int] | None:
    """Differs after every writing, which puts another file in its place; None without a file."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


@contextmanager
def _turn(lock: Path) -> Generator[None, None, None]:
    """Raises OverloadedError where another thread or process holds the lock."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OverloadedError(BUSY) from None
        yield
