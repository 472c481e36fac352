"""What reports of known position say of each cell at each ground cell of a place: heard levels, silence, beams."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.reports.reports import Reports, require_features
from raylocus.network.reports.token_cells import known_reports, token_cells
from raylocus.network.stack.cell_levels import audible_level
from raylocus.scenes.place import Place
from raylocus.scenes.sites import Deployment

#: Levels of one cell at one ground cell lie within this [dB], whatever the phones: beyond, tags are wrong.
CONTRADICTING_DB = 40.0


@dataclass(frozen=True)
class Links:
    """One row a cell and ground cell that have been measured together."""

    ground: Int[np.ndarray, " token"]
    """Flat ground cell of the tile."""
    cell: Int[np.ndarray, " token"]
    """Index of the cell."""
    count: Float[np.ndarray, " token"]
    """Reports that the row is the mean of."""


@dataclass(frozen=True)
class Heard(Links):
    """Levels of cells that were reported."""

    level: Float[np.ndarray, " token"]
    """Mean RSRP [dBm]."""
    strongest: Float[np.ndarray, " token"]
    """Share of the reports in which no other cell is stronger."""


@dataclass(frozen=True)
class Silent(Links):
    """Cells that were not reported."""

    audible: Float[np.ndarray, " token"]
    """Level below which the UE cannot have found the cell [dBm], the mean of the reports'."""
    strongest: Float[np.ndarray, " token"]
    """Level above which the cell would have been the serving one, which is always named: the reports' strongest."""


@dataclass(frozen=True)
class Beamed(Links):
    """L1-RSRP of a serving cell's beams."""

    level: Float[np.ndarray, "token beam"]
    """[dBm]; NaN where a beam was not reported."""


@dataclass(frozen=True)
class Measured:
    """Measurements of known position at a place."""

    points: int
    """Reports that were used."""
    heard: Heard
    silent: Silent
    beamed: Beamed
    notes: tuple[str, ...]
    """What was passed over, counted."""


def measured_at(
    reports: Reports, place: Place, network: NetworkConfiguration = NetworkConfiguration()
) -> Measured:
    """Gathers what reports with a true position say at a place.

    Args:
        reports: of any origin; those without a position, outside the tile or inside buildings are passed over.
        place: where they were made.
        network: what decides which cells a UE finds.

    Raises:
        InputError: the reports lack RSRP.
        PlaceError: the place has none of the reports' cells.
    """
    require_features(reports, ("rsrp",), "calibration reads")
    known = known_reports(reports, place.deployment)
    chosen, ground, notes = _usable(known.reports, place)
    tokens = _Tokens.of(known.reports, place.deployment, chosen, ground)
    tokens, contradicting = tokens.agreeing()
    notes[
        f"levels of one cell at one place that differ by more than {CONTRADICTING_DB:.0f} dB, so that their positions "
        "contradict each other, passed over"
    ] = contradicting
    counted = tuple(f"{text}: {count}" for text, count in notes.items() if count)
    return Measured(
        points=int(chosen.sum()),
        heard=tokens.heard(),
        silent=tokens.silent(place.deployment, network),
        beamed=tokens.beamed(place.deployment),
        notes=known.notes + counted,
    )


def _usable(
    reports: Reports, place: Place
) -> tuple[Bool[np.ndarray, " report"], Int[np.ndarray, " report"], Counter[str]]:
    """Which reports stand outdoors in the tile at a known position, their ground cells, and why others do not."""
    ground = np.full(len(reports.time), -1)
    positioned = ~np.isnan(reports.position[:, :2]).any(axis=1)
    ground[positioned] = place.tile.index(reports.position[positioned])
    inside = ground >= 0
    built = inside & (place.geometry_maps["footprint"].values.ravel()[ground] > 0)
    notes = Counter(
        {
            "reports without a position": int((~positioned).sum()),
            "reports outside the place's tile, passed over": int((positioned & ~inside).sum()),
            "reports inside buildings, passed over: what their walls cost is not known": int(built.sum()),
        }
    )
    return inside & ~built, ground, notes


@dataclass(frozen=True)
class _Tokens:
    """The tokens of reports that are used."""

    report: Int[np.ndarray, " token"]
    cell: Int[np.ndarray, " token"]
    beam: Int[np.ndarray, " token"]
    level: Float[np.ndarray, " token"]
    """RSRP of cells, L1-RSRP of beams [dBm]."""
    exact: Bool[np.ndarray, " token"]
    """Whether a level is not at the end of its range."""
    ground: Int[np.ndarray, " report"]
    """Ground cell of each report that is used, −1 for the others."""

    @classmethod
    def of(
        cls,
        reports: Reports,
        deployment: Deployment,
        chosen: Bool[np.ndarray, " report"],
        ground: Int[np.ndarray, " report"],
    ) -> _Tokens:
        column = {name: reports.features[:, index] for index, name in enumerate(reports.feature_names)}
        beams = column.get("l1_rsrp", np.full(len(reports.pci), np.nan))
        level = np.where(reports.beam < 0, column["rsrp"], beams)
        exact = reports.censored[:, reports.feature_names.index("rsrp")] == 0
        kept = np.flatnonzero(chosen[reports.report_of_token] & ~np.isnan(level))
        cell = token_cells(reports, deployment)[kept]
        ground = np.where(chosen, ground, -1)
        return cls(reports.report_of_token[kept], cell, reports.beam[kept], level[kept], exact[kept], ground)

    def agreeing(self) -> tuple[_Tokens, int]:
        """Without levels of one cell at one ground cell that no two phones can have measured; and their number."""
        own = np.flatnonzero((self.beam < 0) & self.exact)
        pair = np.stack([self.ground[self.report[own]], self.cell[own]])
        pairs, row = np.unique(pair, axis=1, return_inverse=True)
        row = row.reshape(-1)
        low, high = np.full(pairs.shape[1], np.inf), np.full(pairs.shape[1], -np.inf)
        np.minimum.at(low, row, self.level[own])
        np.maximum.at(high, row, self.level[own])
        wrong = own[(high - low > CONTRADICTING_DB)[row]]
        kept = np.setdiff1d(np.arange(len(self.report)), wrong)
        columns = {each: getattr(self, each)[kept] for each in ("report", "cell", "beam", "level", "exact")}
        return replace(self, **columns), len(wrong)

    def heard(self) -> Heard:
        """Levels of cells, averaged over the reports of one ground cell."""
        own = self.beam < 0
        most = np.full(len(self.ground), -np.inf)
        np.maximum.at(most, self.report[own], self.level[own])
        own &= self.exact
        where, strongest = self.ground[self.report[own]], self.level[own] >= most[self.report[own]]
        averaged = _averaged(where, self.cell[own], self.level[own])
        return Heard(*averaged, _averaged(where, self.cell[own], strongest.astype(float))[3])

    def silent(self, deployment: Deployment, network: NetworkConfiguration) -> Silent:
        """Cells that reports do not name whose levels are all within the range, averaged in the same way."""
        own = self.beam < 0
        levels = np.full((len(self.ground), len(deployment.cells)), np.nan)
        levels[self.report[own], self.cell[own]] = self.level[own]
        # What lies over the end of the range hides others; how far over is not said.
        ended = np.isin(np.arange(len(levels)), self.report[own & ~self.exact])
        used = np.flatnonzero(np.isfinite(levels).any(axis=1) & ~ended)
        limit = audible_level(levels[used], deployment.carrier, network)
        strongest = np.nanmax(levels[used], axis=1)
        row, cell = np.nonzero(np.isnan(levels[used]))
        ground = self.ground[used][row]
        ends = (_averaged(ground, cell, each[row])[3] for each in (limit, strongest))
        return Silent(*_averaged(ground, cell, limit[row])[:3], *ends)

    def beamed(self, deployment: Deployment) -> Beamed:
        """The beams of each report that names several of one cell."""
        own = (self.beam >= 0) & (self.beam < deployment.beam_count)
        pairs, row = np.unique(np.stack([self.report[own], self.cell[own]]), axis=1, return_inverse=True)
        level = np.full((pairs.shape[1], deployment.beam_count), np.nan)
        level[row.reshape(-1), self.beam[own]] = self.level[own]
        several = np.flatnonzero(np.isfinite(level).sum(axis=1) > 1)
        report, cell = pairs[:, several]
        return Beamed(self.ground[report], cell, np.ones(len(several)), level[several])


def _averaged(
    ground: Int[np.ndarray, " row"], cell: Int[np.ndarray, " row"], value: Float[np.ndarray, " row"]
) -> tuple[
    Int[np.ndarray, " token"],
    Int[np.ndarray, " token"],
    Float[np.ndarray, " token"],
    Float[np.ndarray, " token"],
]:
    """Ground cell, cell, number and mean of the rows of each pair."""
    pairs, row = np.unique(np.stack([ground, cell]), axis=1, return_inverse=True)
    row = row.reshape(-1)
    count = np.bincount(row, minlength=pairs.shape[1]).astype(float)
    total = np.bincount(row, weights=value, minlength=pairs.shape[1])
    return pairs[0], pairs[1], count, total / np.maximum(count, 1)


#: Reports and heard levels below which nothing is fitted.
FEWEST_POINTS, FEWEST_LEVELS = 5, 10


def is_enough(measured: Measured) -> bool:
    """Whether measurements of known position say anything."""
    return measured.points >= FEWEST_POINTS and len(measured.heard.level) >= FEWEST_LEVELS
