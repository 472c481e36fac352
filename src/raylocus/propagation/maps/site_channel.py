"""The channel of one site over the grid: channel layers, and the power of any beam."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int, Shaped
from scipy.sparse import csr_matrix

from raylocus.propagation.antennas.antennas import cell_gains, zenith_and_azimuth
from raylocus.propagation.atlas.atlas import GridRows, PathAtlas, reorder
from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.materials.materials import RadioMaterials
from raylocus.scenes.sites import Cell
from raylocus.units import SPEED_OF_LIGHT, to_decibel

#: Relative difference up to which two powers are equal: what symmetry makes equal differs by the rounding of single
#: precision, on each processor otherwise.
EQUAL_POWER = 1e-5


@dataclass(frozen=True)
class GroundCellGroups:
    """Paths of one site, sorted by ground cell, in groups of one ground cell each."""

    count: int
    """Ground cells of the rows of the grid."""
    cells: Int[np.ndarray, " group"]
    """Ground cell of each group, ascending."""
    starts: Int[np.ndarray, " group"]
    """First path of each group."""
    paths: int

    @classmethod
    def of(cls, ground_cell: Int[np.ndarray, " path"], count: int) -> GroundCellGroups:
        """Groups of sorted ground cells."""
        cells, starts = np.unique(ground_cell, return_index=True)
        return cls(count, cells, starts, len(ground_cell))

    def total(self, values: Float[np.ndarray, " path"]) -> Float[np.ndarray, " group"]:
        """Sum over each group's paths."""
        return np.add.reduceat(values, self.starts) if self.paths else np.zeros(0)

    def totals(self, values: Float[np.ndarray, "path column"]) -> Float[np.ndarray, "group column"]:
        """Column sums over each group's paths, as one sparse product."""
        return self.weighted(np.ones(self.paths, values.dtype)) @ values

    def weighted(self, weights: Shaped[np.ndarray, " path"]) -> csr_matrix:
        """The sparse matrix that sums weighted paths of each group."""
        return csr_matrix((weights, *self._entries), (len(self.cells), self.paths))

    @cached_property
    def _entries(self) -> tuple[Int[np.ndarray, " path"], Int[np.ndarray, " bound"]]:
        """Columns of the sparse matrix's entries, and where its rows begin; in scipy's own width, lest it copy."""
        bounds = np.append(self.starts, self.paths).astype(np.int32)
        return np.arange(self.paths, dtype=np.int32), bounds

    def least(self, values: Float[np.ndarray, " path"]) -> Float[np.ndarray, " group"]:
        """Smallest value of each group."""
        return np.minimum.reduceat(values, self.starts) if self.paths else np.zeros(0)

    def strongest(self, power: Float[np.ndarray, " path"]) -> Int[np.ndarray, " group"]:
        """Index of the path of each group with the most power, the last of equals (see `EQUAL_POWER`)."""
        if not self.paths:
            return np.zeros(0, np.int64)
        most = self.repeat(np.maximum.reduceat(power, self.starts))
        return np.maximum.reduceat(
            np.where(power >= (1 - EQUAL_POWER) * most, np.arange(self.paths), -1), self.starts
        )

    def repeat(self, values: Shaped[np.ndarray, " group"]) -> Shaped[np.ndarray, " path"]:
        """Each group's value at each of its paths."""
        return np.repeat(values, np.diff(np.append(self.starts, self.paths)))

    def spread(self, values: Float[np.ndarray, " group"]) -> Float[np.ndarray, " cell"]:
        """Group values over all ground cells, NaN where there is no path."""
        out = np.full(self.count, np.nan, np.float32)
        out[self.cells] = values
        return out


#: Paths weaker than this are below anything a UE detects and count as no path.
WEAKEST_GAIN = 1e-17


@dataclass(frozen=True)
class ChannelLayers:
    """Layers of R over one site, in flat [y, x] order; NaN where there is no path."""

    path_gain: Float[np.ndarray, " ground_cell"]
    toa: Float[np.ndarray, " ground_cell"]
    aoa_azimuth: Float[np.ndarray, " ground_cell"]
    aoa_zenith: Float[np.ndarray, " ground_cell"]
    aod_azimuth: Float[np.ndarray, " ground_cell"]
    aod_zenith: Float[np.ndarray, " ground_cell"]
    delay_spread: Float[np.ndarray, " ground_cell"]
    k_factor: Float[np.ndarray, " ground_cell"]
    line_of_sight: Float[np.ndarray, " ground_cell"]


CHANNEL_LAYER_NAMES = tuple(field.name for field in fields(ChannelLayers))


class SiteChannel:
    """The paths of one site with their powers under given materials."""

    def __init__(self, atlas: PathAtlas, site: int, materials: RadioMaterials, rows: GridRows):
        """Computes path powers from a vertical isotropic antenna to a dual-polarised isotropic UE.

        Args:
            atlas: paths to ground cells of the rows.
            site: index of the site.
            materials: at the carrier.
            rows: the ground cells that the layers are over.
        """
        paths = reorder(atlas, np.flatnonzero(atlas.site == site))
        matrix = path_fields(paths, materials)
        powers = (matrix.real**2 + matrix.imag**2).sum(axis=1).astype(float) * paths.visible[:, None]
        kept = np.flatnonzero(powers[:, 0] > WEAKEST_GAIN)
        self.paths, self.power, self._horizontal = reorder(paths, kept), powers[kept, 0], powers[kept, 1]
        #: Transfer matrix of each path, see `path_fields`.
        self.matrix, self.wavelength = matrix[kept], materials.wavelength
        self.groups = GroundCellGroups.of(self.paths.ground_cell - rows.first, rows.count)

    def beam_power(self, cell: Cell) -> Float[np.ndarray, "beam ground_cell"]:
        """Power gain of each SSB beam of a sector at this site; NaN where there is no path.

        Powers add over paths: this is the mean over the small-scale fading inside a ground cell. A panel
        of two polarisations sends its SSBs evenly over both.
        """
        gains = cell_gains(self.paths.departure, cell)
        totals = self.groups.totals(self.sent_power(cell.array.polarization)[:, None] * gains)
        return np.stack([self.groups.spread(column) for column in totals.T])

    def sent_power(self, polarization: str) -> Float[np.ndarray, " path"]:
        """Power gain of each path from an isotropic antenna of that polarisation.

        ±45° average to the same as vertical and horizontal: their cross terms cancel.
        """
        if polarization == "V":
            return self.power
        return self._horizontal if polarization == "H" else (self.power + self._horizontal) / 2

    def layers(self) -> ChannelLayers:
        """Every layer that does not depend on the sector's antennas."""
        delay = self.paths.length / SPEED_OF_LIGHT
        strongest = self.groups.strongest(self.power)
        seen, departure = -self.paths.arrival[strongest], self.paths.departure[strongest]
        total = self.groups.total(self.power)
        direct = self.groups.total(self.power * self.paths.line_of_sight)
        rest = total - direct
        ratio = np.divide(direct, rest, out=np.zeros_like(total), where=rest > 0)
        (aoa_zenith, aoa_azimuth), (aod_zenith, aod_azimuth) = map(zenith_and_azimuth, (seen, departure))
        spread = self.groups.spread
        # A ground cell without any path has no level, but it is known not to be in line of sight.
        sight = np.nan_to_num(spread(self.groups.total(self.paths.visible * self.paths.line_of_sight)))
        return ChannelLayers(
            path_gain=spread(to_decibel(total)),
            toa=spread(self.groups.least(delay)),
            aoa_azimuth=spread(aoa_azimuth),
            aoa_zenith=spread(aoa_zenith),
            aod_azimuth=spread(aod_azimuth),
            aod_zenith=spread(aod_zenith),
            delay_spread=spread(self._delay_spread(delay, total)),
            k_factor=spread(to_decibel(ratio)),
            line_of_sight=np.minimum(sight, 1.0),
        )

    def _delay_spread(
        self, delay: Float[np.ndarray, " path"], total: Float[np.ndarray, " group"]
    ) -> Float[np.ndarray, " group"]:
        """√(E[τ²] − E[τ]²), weighted by power (TR 38.901 §7.7.3), about the first path for precision."""
        excess = delay - self.groups.repeat(self.groups.least(delay))
        mean = self.groups.total(self.power * excess) / total
        square = self.groups.total(self.power * excess**2) / total
        return np.sqrt(np.maximum(square - mean**2, 0))
