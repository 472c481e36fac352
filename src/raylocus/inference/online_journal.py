"""What was learned online, report by report: it can be taken back, and is kept in one file."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from raylocus.errors import InputError
from raylocus.inference.online_offsets import OWN, OffsetEntry, OffsetLaw, OffsetState
from raylocus.inference.online_state import OnlineState, ReportEntry
from raylocus.network.reports.reports import REPORT_FIELDS, TOKEN_FIELDS, Reports
from raylocus.ragged import Rows
from raylocus.storage import written_whole

#: Version of the file.
ONLINE_SCHEMA = "raylocus.online.v2"
#: Reports that can be taken back; older ones are a part of the base.
KEPT = 500
#: Reports within this distance share errors [m]; by what part of its own variance each widens another's.
NEAR, SHARED = 50.0, 0.5
#: Reports that are kept of what was answered.
RECENT = 100
#: Fields of an entry of either kind with one value a measurement, and of what is known of either, in the file.
_MEASURED, _KNOWN = ("index", "residual", "spread"), ("known", "mean", "covariance", "noise")
#: What is learned.
_KINDS = ("levels", "clocks")
#: Columns of recent reports, and what their names in the file begin with.
_COLUMNS = ("report_offsets", "token_offsets", *REPORT_FIELDS, *TOKEN_FIELDS, "feature_names")
_REPORTS = "recent_"


@dataclass(frozen=True)
class OnlineJournal:
    """The state as it was, the reports learned from since, and the state that they lead to."""

    network: str
    """What its network, and the levels expected there, are known by."""
    base: OnlineState
    entries: tuple[ReportEntry, ...]
    state: OnlineState
    recent: Reports = field(default_factory=Reports.empty)
    """The last reports that were answered, without positions: the network's law and clocks are taken from them."""

    @classmethod
    def start(cls, network: str, law: OffsetLaw) -> OnlineJournal:
        """Nothing learned."""
        state = OnlineState.start(law)
        return cls(network, state, (), state)

    def learned(self, entry: ReportEntry) -> OnlineJournal:
        """With one more report; near ones of late make it count less."""
        at = np.array([each.position for each in self.entries]).reshape(-1, 2)
        near = int((np.hypot(*(at - entry.position).T) < NEAR).sum())
        entry = replace(entry, crowded=entry.crowded * (1 + SHARED * near))
        base, entries = self.base, (*self.entries, entry)
        if len(entries) > KEPT:
            base, entries = base.learned(entries[0]), entries[1:]
        return replace(self, base=base, entries=entries, state=self.state.learned(entry))

    def answered(self, reports: Reports) -> OnlineJournal:
        """With more reports, one a sequence, that were answered; the oldest leave. Other features begin afresh."""
        hidden = replace(reports, position=np.full_like(reports.position, np.nan))
        kept = (
            self.recent if self.recent.feature_names == reports.feature_names else hidden.select(np.arange(0))
        )
        every = Reports.concatenate([kept, hidden])
        return replace(self, recent=every.select(np.arange(max(len(every) - RECENT, 0), len(every))))

    def without_last(self, count: int) -> OnlineJournal:
        """As it was before the last reports were learned from, no recent ones known.

        Raises:
            InputError: there are not as many in the journal.
        """
        if not 0 <= count <= len(self.entries):
            raise InputError(f"{count} reports cannot be taken back; the journal holds {len(self.entries)}")
        entries = self.entries[: len(self.entries) - count]
        if not count:
            return self
        return OnlineJournal(self.network, self.base, entries, _replayed(self.base, entries))


def _replayed(base: OnlineState, entries: tuple[ReportEntry, ...]) -> OnlineState:
    for entry in entries:
        base = base.learned(entry)
    return base


def save_journal(journal: OnlineJournal, path: Path) -> None:
    """Writes one file of plain arrays.

    Raises:
        StorageFullError: the disk filled up.
    """
    columns: dict[str, Any] = {
        f"{_REPORTS}{name}": np.array(getattr(journal.recent, name)) for name in _COLUMNS
    }
    for kind in _KINDS:
        columns |= _packed(
            kind, getattr(journal.base, kind), [getattr(each, kind) for each in journal.entries]
        )
    columns["position"] = np.array([each.position for each in journal.entries]).reshape(-1, 2)
    columns["crowded"] = np.array([each.crowded for each in journal.entries])
    with written_whole(path) as aside, aside.open("wb") as file:
        np.savez_compressed(file, schema=ONLINE_SCHEMA, network=journal.network, **columns)


def _packed(kind: str, base: OffsetState, entries: list[OffsetEntry]) -> dict[str, np.ndarray]:
    """Columns of levels or clocks."""
    law, known = base.law, {name: getattr(base, name) for name in _KNOWN}
    measured = {
        name: np.concatenate([getattr(each, name) for each in entries] or [np.zeros(0)]) for name in _MEASURED
    }
    length = np.array([len(each.index) for each in entries], np.int64)
    described = np.array([law.common, law.own, law.report, law.noise, *law.bounds])
    columns = {"law": described, "length": length, **known, **measured}
    return {f"{kind}_{name}": value for name, value in columns.items()}


def load_journal(path: Path) -> OnlineJournal:
    """Reads a file of `save_journal`.

    Raises:
        InputError: it is another file, or broken.
    """
    try:
        # allow_pickle: a state is data; it must not be able to run code.
        with np.load(path, allow_pickle=False) as read:
            column = {name: read[name] for name in read.files}
        if str(column["schema"]) != ONLINE_SCHEMA:
            raise ValueError("another schema")
        return _journal(column)
    except (OSError, EOFError, KeyError, ValueError, TypeError, IndexError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} is no state of raylocus locate --online, or is broken; name a new file to start afresh"
        ) from error


def _journal(column: dict[str, np.ndarray]) -> OnlineJournal:
    """Raises ValueError, KeyError or TypeError where arrays do not fit each other."""
    bases, measured = zip(*(_unpacked(kind, column) for kind in _KINDS), strict=True)
    position, crowded = column["position"], column["crowded"]
    if not (np.isfinite(position).all() and np.isfinite(crowded).all()):
        raise ValueError("a value is not finite")
    rows = zip(*measured, position, crowded.tolist(), strict=True)
    entries, base = tuple(ReportEntry(*row) for row in rows), OnlineState(*bases)
    return OnlineJournal(str(column["network"]), base, entries, _replayed(base, entries), _recent(column))


def _unpacked(kind: str, every: dict[str, np.ndarray]) -> tuple[OffsetState, list[OffsetEntry]]:
    """Raises ValueError, KeyError or TypeError where arrays do not fit each other."""
    names = ("law", "length", *_KNOWN, *_MEASURED)
    column = {name: every[f"{kind}_{name}"] for name in names}
    if not all(np.isfinite(each).all() for each in column.values()):
        raise ValueError("a value is not finite")
    known, index = (column[name].astype(np.int64) for name in ("known", "index"))
    size = len(known) + OWN
    if (
        column["covariance"].shape != (size, size)
        or column["mean"].shape != (size,)
        or len(column["noise"]) != len(known)
    ):
        raise ValueError("the state has another size than what it knows")
    bounds = Rows.of(column["length"].astype(np.int64)).offsets
    if {len(column[name]) for name in _MEASURED} != {int(bounds[-1])}:
        raise ValueError("entries have another length than their columns")
    common, own, report, noise, *least_most = (float(each) for each in column["law"])
    law = OffsetLaw(common, own, report, noise, (least_most[0], least_most[1]))
    parts = [np.split(each, bounds[1:-1]) for each in (index, column["residual"], column["spread"])]
    entries = [OffsetEntry(*each) for each in zip(*parts, strict=True)] if len(bounds) > 1 else []
    return OffsetState(law, known, column["mean"], column["covariance"], column["noise"]), entries


def _recent(column: dict[str, np.ndarray]) -> Reports:
    """Raises ValueError where columns do not fit each other."""
    found: dict[str, Any] = {name: column[f"{_REPORTS}{name}"] for name in _COLUMNS}
    names = tuple(str(name) for name in found.pop("feature_names"))
    reports = Reports(**found, feature_names=names)
    sequences, tokens = reports.report_offsets, reports.token_offsets
    lengths = {len(found[name]) for name in TOKEN_FIELDS}
    whole = {len(found[name]) for name in REPORT_FIELDS} == {len(tokens) - 1} and lengths == {tokens[-1]}
    ascending = all((np.diff(each) >= 0).all() and each[0] == 0 for each in (sequences, tokens))
    if not (
        whole and ascending and sequences[-1] == len(tokens) - 1 and len(names) == found["features"].shape[1]
    ):
        raise ValueError("recent reports have columns of different lengths")
    return reports
