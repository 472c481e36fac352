"""`Reports`: what the network observes, the one type that simulator, importers and service share."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.errors import InputError
from raylocus.network.reports.features import CRITICAL
from raylocus.ragged import Rows
from raylocus.scenes.cell_names.channels import TECHNOLOGIES

#: Unit and meaning of the offsets of `Reports`, of what has one row a report, and of what has one row a token.
OFFSETS = {
    "report_offsets": ("1", "first report of each sequence, and the end"),
    "token_offsets": ("1", "first token of each report, and the end"),
}
REPORT_FIELDS = {
    "time": ("s", "time since the sequence's first report"),
    "position": ("m", "true UE antenna position in the place's frame"),
    "line_of_sight": ("1", "1 where the serving site is in line of sight, 0 where not"),
}
TOKEN_FIELDS = {
    "pci": ("1", "physical cell identity"),
    "technology": ("1", "1 NR, 2 LTE, 3 NB-IoT, 0 unknown"),
    "channel": ("1", "downlink EARFCN or NR-ARFCN; -1 unknown"),
    "identity": ("1", "E-UTRAN or NR cell identity; -1 unknown"),
    "serving": ("1", "whether the token is of the serving cell"),
    "beam": ("1", "SSB index; -1 for the token of a whole cell"),
    "features": ("see the attribute feature_units", "decoded report values; NaN is missing"),
    "censored": ("1", "-1 below the report range, 1 above it, 0 inside or missing"),
}
#: Types of the columns of tokens that say whose a token is.
TOKEN_KINDS: dict[str, type] = dict.fromkeys(("pci", "channel", "identity", "beam"), np.int64)
TOKEN_KINDS |= {"technology": np.int8, "serving": np.bool_}


@dataclass(frozen=True)
class Reports:
    """Sequences of measurement reports, columnar and ragged.

    A *sequence* is one UE over time (`sample`), a *report* is one moment of it, a *token* is one
    (cell, beam) of a report. `report_offsets[i]:report_offsets[i + 1]` are the reports of sequence i;
    `token_offsets[j]:token_offsets[j + 1]` the tokens of report j. Reports of a sequence are in time
    order; its last report is the one whose position is asked for.
    """

    report_offsets: Int[np.ndarray, " sample_plus_1"]
    token_offsets: Int[np.ndarray, " report_plus_1"]
    time: Float[np.ndarray, " report"]
    """Seconds since the first report of the sequence."""
    position: Float[np.ndarray, "report 3"]
    """True UE antenna position [m] in the place's frame; NaN where unknown."""
    line_of_sight: Float[np.ndarray, " report"]
    """1 where the serving site is in line of sight, 0 where not, NaN where unknown."""
    pci: Int[np.ndarray, " token"]
    """Physical cell identity."""
    technology: Int[np.ndarray, " token"]
    """Code of `scenes.cell_names.channels.TECHNOLOGIES`: 1 NR, 2 LTE, 3 NB-IoT, 0 unknown."""
    channel: Int[np.ndarray, " token"]
    """Downlink EARFCN, or NR-ARFCN of the carrier or SSB; −1 unknown."""
    identity: Int[np.ndarray, " token"]
    """E-UTRAN or NR cell identity (TS 23.003 §19.6); −1 unknown."""
    serving: Bool[np.ndarray, " token"]
    """Whether the token is of the serving cell; also true for its beam tokens."""
    beam: Int[np.ndarray, " token"]
    """SSB index of a beam token; −1 for the token of a whole cell."""
    features: Float[np.ndarray, "token feature"]
    """Decoded report values in the columns of `feature_names`; NaN is missing."""
    censored: Int[np.ndarray, "token feature"]
    """−1 below the report range, +1 above it, 0 inside or missing."""
    feature_names: tuple[str, ...] = CRITICAL
    """Column order of `features`: the critical ones, and after them what else was asked for."""
    absent: tuple[tuple[str, str], ...] = ()
    """Features among them that the band, network or UE cannot give, each with its reason."""

    def __len__(self) -> int:
        return len(self.report_offsets) - 1

    @property
    def sequence_of_report(self) -> Int[np.ndarray, " report"]:
        """Sequence index of each report."""
        return Rows(self.report_offsets).row

    @property
    def report_of_token(self) -> Int[np.ndarray, " token"]:
        """Report index of each token."""
        return Rows(self.token_offsets).row

    @property
    def last_report(self) -> Int[np.ndarray, " sample"]:
        """Index of each sequence's last report."""
        return self.report_offsets[1:] - 1

    @property
    def present(self) -> Bool[np.ndarray, "token feature"]:
        """The mask of `features`: where there is a value."""
        return ~np.isnan(self.features)

    @property
    def heard_cells(self) -> Int[np.ndarray, " report"]:
        """Number of cells, the serving one included, in each report."""
        return np.bincount(self.report_of_token[self.beam < 0], minlength=len(self.time))

    def select(self, sequences: Int[np.ndarray, " selected"] | Bool[np.ndarray, " sample"]) -> Reports:
        """The reports of some sequences, by index (in that order) or by mask."""
        if sequences.dtype == np.bool_:
            sequences = np.flatnonzero(sequences)
        return self._taken(*Rows(self.report_offsets).select(sequences))

    def select_reports(self, kept: Int[np.ndarray, " kept"]) -> Reports:
        """Some of the reports (ascending); sequences left with none are dropped, time starts at the first kept."""
        rows = Rows(self.report_offsets).keep(kept)
        found = self._taken(kept, rows)
        return dataclasses.replace(found, time=found.time - found.time[rows.first])

    def stretches(self, first: Int[np.ndarray, " sequence"], end: Int[np.ndarray, " sequence"]) -> Reports:
        """A sequence of each stretch of successive reports, from `first` to before `end`; they may overlap."""
        rows = Rows.of(end - first)
        found = self._taken(first[rows.row] + rows.rank, rows)
        return dataclasses.replace(found, time=found.time - found.time[rows.first])

    def _taken(self, reports: Int[np.ndarray, " selected"], rows: Rows) -> Reports:
        """Some reports with all their tokens, as the reports of these sequences."""
        tokens, token_rows = Rows(self.token_offsets).select(reports)
        return dataclasses.replace(
            self,
            report_offsets=rows.offsets,
            token_offsets=token_rows.offsets,
            **{name: getattr(self, name)[reports] for name in REPORT_FIELDS},
            **{name: getattr(self, name)[tokens] for name in TOKEN_FIELDS},
        )

    def select_tokens(self, kept: Bool[np.ndarray, " token"]) -> Reports:
        """All reports, with some of their tokens."""
        if kept.all():
            return self
        counts = np.bincount(self.report_of_token[kept], minlength=len(self.time))
        columns = {name: getattr(self, name)[kept] for name in TOKEN_FIELDS}
        return dataclasses.replace(self, token_offsets=Rows.of(counts).offsets, **columns)

    @classmethod
    def empty(cls, feature_names: tuple[str, ...] = CRITICAL) -> Reports:
        """No reports, of some features."""
        columns = np.zeros((0, len(feature_names)))
        rows: dict[str, Any] = {name: np.zeros(1, np.int64) for name in OFFSETS}
        rows |= {name: np.zeros((0, 3) if name == "position" else 0) for name in REPORT_FIELDS}
        rows |= {name: np.zeros(0, kind) for name, kind in TOKEN_KINDS.items()}
        return cls(
            **rows,
            features=columns,
            censored=columns.astype(np.int8),
            feature_names=feature_names,
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Reports]) -> Reports:
        """The sequences of all parts, one after the other. There must be at least one part.

        Raises:
            InputError: parts have different features.
        """
        if any(part.feature_names != parts[0].feature_names for part in parts):
            raise InputError("reports of different feature sets cannot be joined; observe all with one set")
        fields = (*REPORT_FIELDS, *TOKEN_FIELDS)
        return cls(
            report_offsets=Rows.joined([part.report_offsets for part in parts]).offsets,
            token_offsets=Rows.joined([part.token_offsets for part in parts]).offsets,
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in fields},
            feature_names=parts[0].feature_names,
            absent=parts[0].absent,
        )


def cell_names(reports: Reports) -> Int[np.ndarray, "name token"]:
    """How tokens name their cells: technology, channel, identity and PCI; a cell of a report is known by all four."""
    return np.stack([reports.technology, reports.channel, reports.identity, reports.pci]).astype(np.int64)


def cell_label(reports: Reports, token: int) -> str:
    """What a token says of its cell, for messages: `PCI 17 of LTE channel 6300`."""
    technology = TECHNOLOGIES[reports.technology[token]]
    channel = f"channel {reports.channel[token]}" if reports.channel[token] >= 0 else ""
    where = " ".join(word for word in (technology, channel) if word)
    return f"PCI {reports.pci[token]}" + (f" of {where}" if where else "")


@dataclass(frozen=True)
class NotedReports:
    """Reports of a file, and what was not used of it, read another way than it stands there, or repaired."""

    reports: Reports
    notes: tuple[str, ...]


def require_features(reports: Reports, names: Sequence[str], readers: str) -> None:
    """Checks that reports have some columns; missing values are no matter.

    Raises:
        InputError: they lack one; `readers` says who needs them.
    """
    lacking = [name for name in names if name not in reports.feature_names]
    if lacking:
        raise InputError(
            f"the reports have no {', '.join(lacking)}, which {readers}; observe with a feature set that has "
            "them, or import the columns (empty where nothing was measured)"
        )


def without_features(reports: Reports, names: Sequence[str]) -> Reports:
    """Reports in which some features are missing everywhere.

    Raises:
        InputError: they have no feature of that name.
    """
    require_features(reports, names, "are to be left out")
    columns = [reports.feature_names.index(name) for name in names]
    features, censored = reports.features.copy(), reports.censored.copy()
    features[:, columns], censored[:, columns] = np.nan, 0
    return dataclasses.replace(reports, features=features, censored=censored)
