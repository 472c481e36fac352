"""The ensemble of worlds of a place: what physics would give in each, before the residual."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.stats import norm
from torch import Tensor

from raylocus.geo import Grid
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.nearest import nearest_where
from raylocus.propagation.atlas.atlas import GridRows
from raylocus.propagation.maps.radio_maps import site_channels
from raylocus.propagation.maps.site_channel import SiteChannel
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.maps.world_maps import (
    beam_levels_in,
    formula_powers,
    true_materials,
    turned_deployment,
)
from raylocus.scenes.geometry_maps import grid_of
from raylocus.scenes.sites import Deployment
from raylocus.scenes.world import World, WorldLaw, sample_world

#: RSRP of every beam [dBm] in each of some worlds of a place, without residual and level errors; NaN without a path.
Physics = Callable[[MappedPlace, Sequence[World]], Iterable[Float[np.ndarray, "cell beam y x"]]]
#: Level given to links that stay without a path in a world [dBm]: far below what can be heard.
DARK_LEVEL = -160.0
#: What a cell errs by at least: where nothing errs, levels are of noise alone [dB].
LEAST_ERROR_DB = 0.01
#: Draws of materials that the worlds of an ensemble share; antennas and scattering differ in all.
MATERIAL_DRAWS = 4
#: Places, and beams of the strongest cell there, that worlds are compared by.
PLACES_COMPARED, BEAMS_COMPARED = 300, 4


@dataclass(frozen=True)
class Ensemble:
    """What many worlds have in common, and the beams of each."""

    grid: Grid
    rsrp: Float[Tensor, "cell ground"]
    """Mean over worlds of the best beam's RSRP without residual and level errors [dBm]."""
    spread: Float[Tensor, "cell ground"]
    """Standard deviation of the same over worlds [dB]."""
    map_spread: Float[Tensor, "cell ground"]
    """Of that, what the places that may stand there differ by [dB]."""
    rsrp_beam: Float[Tensor, "cell ground beam world"]
    """RSRP of every beam [dBm], in half precision; one look-up fetches all beams and worlds of a place."""
    exists: Bool[Tensor, "cell beam"]
    """Whether a cell has a beam: the axis is as long as the largest panel needs."""
    delay: Float[Tensor, "place site ground"]
    """Delay of the first path [s], NaN where there is none: the same in all worlds of a place."""

    @property
    def worlds(self) -> int:
        """Number of worlds."""
        return self.rsrp_beam.shape[-1]

    def level_at(
        self, cell: Int[Tensor, " token"], ground: Int[Tensor, "way token"], own_variance: float
    ) -> tuple[Float[Tensor, "way token"], Float[Tensor, "way token"]]:
        """Mapped level of cells at places [dBm], and their own variance there [dB²]: of worlds, and `own_variance`."""
        index = (cell * self.rsrp.shape[1] + ground).flatten()
        mapped, spread = (
            each.view(-1).index_select(0, index).view(ground.shape) for each in (self.rsrp, self.spread)
        )
        return mapped, (spread.square() + own_variance).clamp(min=LEAST_ERROR_DB**2)

    def beam_spread(self, prior: Float[np.ndarray, " ground"], generator: np.random.Generator) -> float:
        """Standard deviation over worlds of the differences between a strongest cell's beams [dB], at some places."""
        places = torch.from_numpy(generator.choice(len(prior), PLACES_COMPARED, p=prior))
        strongest = self.rsrp[:, places].argmax(dim=0)
        beams = self.rsrp_beam[strongest, places].float()
        kept = beams.mean(dim=2).topk(min(BEAMS_COMPARED, beams.shape[1]), dim=1).indices
        beams = torch.gather(beams, 1, kept[..., None].expand(-1, -1, self.worlds))
        if min(beams.shape[1:]) < 2:
            return 0.0
        apart = beams - beams.mean(dim=1, keepdim=True)
        return float(apart.var(dim=2).mean().sqrt())

    @classmethod
    def of(
        cls,
        grid: Grid,
        deployment: Deployment,
        delay: Float[np.ndarray, "place site y x"],
        worlds: Iterable[Float[np.ndarray, "cell beam y x"]],
        count: int,
    ) -> Ensemble:
        """Gathers `count` worlds in equal shares of places, the delay of whose first paths [s] is NaN without one."""
        shape = (len(deployment.cells), deployment.beam_count, grid.count**2)
        beams = torch.empty(shape[0], shape[2], shape[1], count, dtype=torch.float16)
        total, squares = torch.zeros(2, len(delay), shape[0], shape[2])
        own, reference = torch.arange(count) * len(delay) // count, torch.zeros(shape[0], shape[2])
        exists = torch.zeros(shape[:2], dtype=torch.bool)
        for index, world in enumerate(worlds):
            level = torch.from_numpy(np.nan_to_num(world, nan=DARK_LEVEL).reshape(shape)).float()
            beams[..., index] = level.half().transpose(1, 2)
            exists |= level.amax(dim=2) > DARK_LEVEL
            best = level.amax(dim=1)
            # Sums of differences from the first world keep hundredths of a decibel.
            reference = best if index == 0 else reference
            best = best - reference
            total[own[index]] += best
            squares[own[index]] += best**2
        mean = total.sum(dim=0) / count
        variance = (squares.sum(dim=0) - count * mean**2).clamp(min=0) / max(count - 1, 1)
        within = (squares - total**2 / own.bincount()[:, None, None]).sum(dim=0) / max(count - len(delay), 1)
        of_map = (variance - within).clamp(min=0) if len(delay) > 1 else torch.zeros_like(variance)
        first = torch.from_numpy(delay.reshape(*delay.shape[:2], shape[2]).astype(np.float32))
        return cls(grid, mean + reference, variance.sqrt(), of_map.sqrt(), beams, exists, first)


def ensemble_of(places: Sequence[MappedPlace], worlds: Sequence[World], physics: Physics) -> Ensemble:
    """The ensemble of `stratified_worlds`, which are shared out to the places that may stand there.

    Ground that is built on in one is given the nearest open ground's.
    """
    count = len(worlds)
    place_of_world = np.arange(count) * len(places) // count
    nearest = [_nearest_open(place) for place in places]
    levels = (
        beams[..., *nearest[number]]
        for number, place in enumerate(places)
        for beams in physics(
            place, [worlds[each] for each in np.flatnonzero(place_of_world == number).tolist()]
        )
    )
    delay = [place.radio_maps["toa"].values[..., *near] for place, near in zip(places, nearest, strict=True)]
    return Ensemble.of(places[0].tile, places[0].deployment, np.array(delay), levels, count)


def _nearest_open(place: MappedPlace) -> tuple[Int[np.ndarray, "y x"], Int[np.ndarray, "y x"]]:
    """Row and column of the nearest ground of R's grid that is not built over, of each."""
    outdoor = place.geometry_maps["footprint"].values.ravel() == 0
    cell = place.tile.index(grid_of(place.geometry_maps).centres[outdoor])
    return nearest_where(np.bincount(cell, minlength=place.tile.count**2).reshape(place.tile.shape) > 0)


def stratified_worlds(
    deployment: Deployment, law: WorldLaw, count: int, places: int, generator: np.random.Generator
) -> list[World]:
    """Worlds of the law: materials, antenna azimuth and downtilt, unmodelled scattering; one a place at severity 0.

    Antenna errors and scattering are stratified: over the worlds, each cell's errors are evenly spread
    quantiles of their law. No antenna points anywhere: a few dozen worlds hold too few that do. Worlds that follow
    each other share one of `MATERIAL_DRAWS` draws of materials, of each place one at least.
    """
    if law.severity == 0:
        return [sample_world(deployment, law, generator)] * places
    drawn = [sample_world(deployment, replace(law, turned_share=0.0), generator) for _ in range(count)]
    cells = len(deployment.cells)
    widening, width_spread = law.log_beamwidth_law
    azimuth, downtilt, log_beamwidth = (
        scale * norm.ppf(_strata(count, cells, generator))
        for scale in (law.severity * law.azimuth_error, law.severity * law.downtilt_error, width_spread)
    )
    least, most = law.back_lobe_loss_range
    floor_loss = least + (most - least) * _strata(count, cells, generator)
    low, high = law.scatter_gain_db
    gain = low + (high - low) * _strata(count, 1, generator)[:, 0] + 10 * np.log10(law.severity)
    of_materials = np.arange(count) * min(max(places, MATERIAL_DRAWS), count) // count
    return [
        replace(
            drawn[int(of_materials[index])],
            azimuth_error=azimuth[index],
            downtilt_error=downtilt[index],
            beamwidth_factor=np.exp(widening + log_beamwidth[index]),
            back_lobe_loss_db=floor_loss[index],
            scatter_gain_db=float(gain[index]),
        )
        for index in range(count)
    ]


def _strata(count: int, columns: int, generator: np.random.Generator) -> Float[np.ndarray, "count column"]:
    """Numbers within (0, 1), in every column one in each of `count` equal parts."""
    order = np.argsort(generator.random((count, columns)), axis=0, kind="stable")
    return (order + generator.uniform(0.02, 0.98, (count, columns))) / count


def atlas_physics(
    place: MappedPlace, worlds: Sequence[World]
) -> Iterator[Float[np.ndarray, "cell beam y x"]]:
    """`Physics` of a `TracedPlace`, from its atlas: as `propagation.maps.world_maps` before levels and residual.

    Worlds of the same materials, one after the other, share the fields of the paths: nine tenths of the work.
    """
    assert isinstance(place, TracedPlace)
    rows, deployment = GridRows.whole(place.atlas.grid), place.deployment
    formula = formula_powers(place)
    channels: list[SiteChannel] = []
    before: int | None = None
    for world in worlds:
        if world.building_seed != before:
            channels = site_channels(place.atlas, deployment, true_materials(place.atlas, world), rows)
            before = world.building_seed
        yield beam_levels_in(world, channels, turned_deployment(deployment, world), formula, rows)
