"""What cells have with points: the atlas's paths to ground cells, as tensors that antennas are laid over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike
from torch import Tensor

from raylocus.calibration.crowns import Crowns
from raylocus.calibration.rough_walls import is_rough, mirrors
from raylocus.propagation.atlas.atlas import GridRows, PathAtlas, reorder
from raylocus.propagation.maps.path_loss import isotropic_levels
from raylocus.propagation.maps.site_channel import SiteChannel
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.materials.materials import RadioMaterials
from raylocus.scenes.sites import AntennaArray, PatternCuts
from raylocus.units import energy_per_resource_element, from_decibel

#: Paths of one point that are weaker than its strongest by more do not count [dB]: an antenna's gain differs by
#: less over all directions than this and the floor of its pattern together.
WEAKEST_DB = 45.0
#: Paths of a point that are kept at most, the strongest.
MOST_PATHS = 16


#: Columns of `PointLinks.pattern`.
OF_PATTERN = ("beamwidth_azimuth", "beamwidth_elevation", "side_lobe_floor", "back_lobe_floor", "gain")
#: Columns of `PointLinks` with one row a point.
OF_POINT = ("azimuth", "downtilt", "pattern", "energy", "isotropic")


@dataclass(frozen=True)
class PointLinks:
    """Links between cells of one kind of antenna and points: paths, and what else the levels follow from."""

    array: AntennaArray
    cuts: PatternCuts | None
    """Measured cuts of the cells' pattern, where there are any."""
    row: Int[np.ndarray, " point"]
    """Which of the wanted links each is."""
    azimuth: Float[Tensor, " point"]
    """Boresight of the cell as listed [rad]."""
    downtilt: Float[Tensor, " point"]
    """The same [rad]."""
    pattern: Float[Tensor, "point 5"]
    """Beamwidths in azimuth and elevation [degrees], side and back lobe floors [dB] and gain [dBi] as listed."""
    energy: Float[Tensor, " point"]
    """EPRE of the cell [dBm]."""
    isotropic: Float[Tensor, " point"]
    """What unmodelled scattering's gain is over [dBm]: TR 38.901 UMi NLOS between isotropic antennas."""
    point: Int[Tensor, " path"]
    """Point of each path."""
    power: Float[Tensor, " path"]
    """Power gain of each path from an isotropic antenna of the cell's polarisation."""
    departure: Float[Tensor, "path 3"]
    """Unit vector from the site along the path."""
    crowns: Float[Tensor, " path"]
    """Loss in trees before the UE [dB], see `crowns.Crowns.loss`."""
    rough: Bool[Tensor, " path"]
    """Whether it is scattered by a wall."""
    mirrors: Int[Tensor, " path"]
    """Surfaces that it is mirrored by."""
    roughness: float
    """Share S of the reflected amplitude that walls scatter, as traced."""

    def select(self, chosen: Bool[np.ndarray, " point"]) -> PointLinks:
        """Some of the points, with their paths."""
        kept = torch.from_numpy(chosen)
        paths = kept[self.point]
        renamed = torch.cumsum(kept, 0) - 1
        of_points = {name: getattr(self, name)[kept] for name in OF_POINT}
        return PointLinks(
            array=self.array,
            cuts=self.cuts,
            row=self.row[chosen],
            point=renamed[self.point[paths]],
            power=self.power[paths],
            departure=self.departure[paths],
            crowns=self.crowns[paths],
            rough=self.rough[paths],
            mirrors=self.mirrors[paths],
            roughness=self.roughness,
            **of_points,
        )


class PointChannels:
    """Paths of a place's sites to ground cells."""

    def __init__(self, place: TracedPlace, materials: RadioMaterials | None = None):
        """Of the place's own materials, or of others at its carrier."""
        self._deployment, self._atlas = place.deployment, place.atlas
        self._materials = materials or place.atlas.materials
        terrain = place.geometry_maps["terrain"].values
        levels = isotropic_levels(place.deployment, place.atlas.grid, terrain, place.atlas.ue_height)
        self._isotropic = levels.reshape(len(levels), -1)
        self._crowns = Crowns(place)

    def links(self, ground: Int[np.ndarray, " point"], cell: Int[np.ndarray, " point"]) -> list[PointLinks]:
        """Links of cells to ground cells, one of each a point, by the cells' arrays."""
        site = self._deployment.site_of_cell[cell]
        paths = []
        for each in np.unique(site).tolist():
            own = np.flatnonzero(site == each)
            channel = _channel(self._atlas, each, np.unique(ground[own]), self._materials)
            paths.append(self._paths(channel, own, ground[own], cell[own]))
        together = _Paths(*(np.concatenate(column) for column in zip(*paths, strict=True)))
        kinds = [(each.array, each.pattern.cuts) for each in self._deployment.cells]
        of_cell = np.array([kinds.index(each) for each in kinds])
        found = []
        for kind in np.unique(of_cell[cell]).tolist():
            row = np.flatnonzero(of_cell[cell] == kind)
            found.append(self._of_kind(kinds[kind], row, together, ground, cell))
        return found

    def _paths(
        self,
        channel: SiteChannel,
        row: Int[np.ndarray, " own"],
        ground: Int[np.ndarray, " own"],
        cell: Int[np.ndarray, " own"],
    ) -> _Paths:
        path, point = _paths_of_points(channel, ground)
        polarization = np.array([each.array.polarization for each in self._deployment.cells])[cell[point]]
        power = np.zeros(len(path))
        for kind in np.unique(polarization).tolist():
            power = np.where(polarization == kind, channel.sent_power(kind)[path], power)
        kept = _strongest(power, point)
        some, of_kept = np.unique(path[kept], return_inverse=True)
        paths, of_kept = reorder(channel.paths, some), of_kept.reshape(-1)
        columns = (
            paths.departure.astype(np.float64),
            self._crowns.loss(paths),
            is_rough(paths),
            mirrors(paths),
        )
        return _Paths(row[point[kept]], power[kept], *(each[of_kept] for each in columns))

    def _of_kind(
        self,
        kind: tuple[AntennaArray, PatternCuts | None],
        row: Int[np.ndarray, " point"],
        paths: _Paths,
        ground: Int[np.ndarray, " point"],
        cell: Int[np.ndarray, " point"],
    ) -> PointLinks:
        number = np.full(len(ground), -1)
        number[row] = np.arange(len(row))
        own = np.flatnonzero(number[paths.point] >= 0)
        cells = [self._deployment.cells[index] for index in cell[row].tolist()]
        blocks = self._deployment.carrier.resource_blocks
        return PointLinks(
            array=kind[0],
            cuts=kind[1],
            row=row,
            azimuth=_real([each.azimuth for each in cells]),
            downtilt=_real([each.downtilt for each in cells]),
            pattern=_real([[getattr(each.pattern, name) for name in OF_PATTERN] for each in cells]),
            energy=_real([energy_per_resource_element(each.power_dbm, blocks) for each in cells]),
            isotropic=_real(self._isotropic[cell[row], ground[row]]),
            point=torch.from_numpy(number[paths.point[own]]),
            power=_real(paths.power[own]),
            departure=_real(paths.departure[own]),
            crowns=_real(paths.crowns[own]),
            rough=torch.from_numpy(paths.rough[own]),
            mirrors=torch.from_numpy(paths.mirrors[own]),
            roughness=self._materials.scattering,
        )


class _Paths(NamedTuple):
    """Paths to points."""

    point: Int[np.ndarray, " path"]
    power: Float[np.ndarray, " path"]
    departure: Float[np.ndarray, "path 3"]
    crowns: Float[np.ndarray, " path"]
    rough: Bool[np.ndarray, " path"]
    mirrors: Int[np.ndarray, " path"]


def _real(values: ArrayLike) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float64))


def _channel(
    atlas: PathAtlas, site: int, ground: Int[np.ndarray, " wanted"], materials: RadioMaterials
) -> SiteChannel:
    """The channel of a site to some ground cells alone."""
    reached = np.zeros(atlas.grid.count**2, bool)
    reached[ground] = True
    some = reorder(atlas, np.flatnonzero((atlas.site == site) & reached[atlas.ground_cell]))
    return SiteChannel(some, site, materials, GridRows.whole(atlas.grid))


def _paths_of_points(
    channel: SiteChannel, ground: Int[np.ndarray, " point"]
) -> tuple[Int[np.ndarray, " path"], Int[np.ndarray, " path"]]:
    """Which paths lead to each point's ground cell, and the point of each; a ground cell may be several points'."""
    cells = channel.paths.ground_cell
    first = np.searchsorted(cells, ground, side="left")
    count = np.searchsorted(cells, ground, side="right") - first
    point = np.repeat(np.arange(len(ground)), count)
    rank = np.arange(len(point)) - np.repeat(np.cumsum(count) - count, count)
    return first[point] + rank, point


def _strongest(
    power: Float[np.ndarray, " path"], point: Int[np.ndarray, " path"]
) -> Int[np.ndarray, " kept"]:
    """Paths that count, ascending, see `WEAKEST_DB` and `MOST_PATHS`."""
    order = np.lexsort((-power, point))
    begins = np.append(True, np.diff(point[order]) != 0)[: len(order)]
    first = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    rank = np.arange(len(order)) - first
    strong = power[order] > power[order][first] * from_decibel(-WEAKEST_DB)
    return np.sort(order[strong & (rank < MOST_PATHS)])
