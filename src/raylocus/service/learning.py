"""Levels of a served area's cells that follow submitted reports of known position, see `inference.online`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from raylocus.inference.answering import Answering
from raylocus.inference.corrected_levels import corrected
from raylocus.inference.online import Learned, OnlineLocator
from raylocus.inference.online_journal import load_journal, save_journal
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
    """One area whose levels are learned; any thread may ask, one at a time learns."""

    def __init__(self, answering: Answering, file: Path) -> None:
        self._locator, self._file, self._turn = OnlineLocator(answering), file, Lock()
        self._journal = self._locator.journal(file)

    def corrected(self, reports: Reports) -> Reports:
        """With levels less what their cells are known to be off by."""
        deployment = self._locator.deployment
        return corrected(reports, deployment, self._journal.state.corrections(len(deployment.cells)))

    def learn(self, reports: Reports, locating: AbstractContextManager[object]) -> Learned:
        """Learns from reports of known position, and writes the file.

        Who hands in reports while others are learned from is turned away: no thread waits that could answer.

        Args:
            reports: with positions.
            locating: held while they are located.

        Raises:
            OverloadedError: others are learned from.
            StorageFullError: the disk is full; nothing is learned.
        """
        if not self._turn.acquire(blocking=False):
            raise OverloadedError(BUSY)
        try:
            with locating:
                found = self._locator.answers(reports, self._journal)
            save_journal(found.journal, self._file)
            self._journal = found.journal
        finally:
            self._turn.release()
        return found.learned
