"""The maps of one place as the model's tensors, made once a place and shared by all its sequences."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from raylocus.geo import Grid
from raylocus.models.inputs.between_turns import with_halfway
from raylocus.models.inputs.block_means import block_mean
from raylocus.models.inputs.cell_poses import cell_poses
from raylocus.models.inputs.delay_spread import mapped_log_spread
from raylocus.models.inputs.map_layers import MapLayers, map_layers
from raylocus.models.inputs.nominal_maps import MappedPlace, NominalMaps, nominal_maps
from raylocus.network.movement.walking import PAVEMENT_WIDTH, known_layer

#: Side of the coarse ground cells that the heatmap and all evidence live on [m].
COARSE_RESOLUTION = 8.0
#: Side of the sharp ground cells [m], on which mapped levels are compared with reported ones: over a coarse cell, parts
#: of which lie in a shadow, a mean level is that of none of them.
SHARP_RESOLUTION = 4.0
#: Open ground on which there are more people than elsewhere or fewer; the first that applies.
GROUND_KINDS = ("water", "road", "roadside", "vegetation")


@dataclass(frozen=True, eq=False)
class PlaceMaps:
    """`NominalMaps` over a coarse, a sharp and the native grid, (y, x), (sharp_y, sharp_x) and (fine_y, fine_x).

    Two of them are the same only where they are one object: what is made of a place is kept by it.
    """

    level: Float[Tensor, "cell y x"]
    """RSRP of the best beam [dBm], summed in power with unmodelled scattering: never missing."""
    covered: Float[Tensor, "cell y x"]
    """Share of the ground cell to which ray tracing found a path."""
    formula: Float[Tensor, "cell y x"]
    """RSRP [dBm] by TR 38.901 UMi NLOS and the sector's pattern: a second opinion without buildings."""
    isotropic: Float[Tensor, "cell y x"]
    """RSRP [dBm] by the same formula without antennas: distance alone, a third opinion."""
    sinr: Float[Tensor, "cell y x"]
    """SS-SINR [dB] by `level`: never missing."""
    departure: Float[Tensor, "site 2 y x"]
    """Direction (x, y) at the site of the strongest path; of the straight line where there is none."""
    beam_relative: Float[Tensor, "cell beam y x"]
    """RSRP of each beam over the cell's best [dB], scattering included, not below `BEAM_FLOOR`."""
    distance: Float[Tensor, "site y x"]
    """Length of the first path [m]; the straight line where there is none."""
    log_delay_spread: Float[Tensor, "site y x"]
    """RMS delay spread, see `mapped_log_spread`; NaN where there is no path."""
    line_of_sight: Float[Tensor, "site y x"]
    """Share of the ground cell in line of sight; 0 without a path."""
    geometry: Float[Tensor, "layer y x"]
    """Height / 20 m, share of buildings, terrain over its median / 20 m."""
    outdoor: Float[Tensor, "y x"]
    """Share of the ground cell outside buildings."""
    sharp_level: Float[Tensor, "sharp_cell sharp_y sharp_x"]
    """`level` of the sharp ground cells [dBm]. Sharp maps are large, so cells that are taken or ordered stay there."""
    sharp_covered: Float[Tensor, "sharp_cell sharp_y sharp_x"]
    """`covered` of the sharp ground cells."""
    sharp_beams: Float[Tensor, "sharp_cell beam turn sharp_y sharp_x"]
    """`beam_relative` of the sharp ground cells were the antenna turned by each of `turns` [dB], in half precision."""
    sharp_cell: Int[Tensor, " cell"]
    """Index of each cell in the sharp maps and in `fine_level`."""
    sharp_outdoor: Float[Tensor, "sharp_y sharp_x"]
    """Share of each sharp ground cell outside buildings."""
    sharp_ground: Float[Tensor, "kind sharp_y sharp_x"]
    """Share of each sharp ground cell that is outdoors and of each of `GROUND_KINDS`; 0 where the map knows none."""
    fine_level: Float[Tensor, "sharp_cell fine_y fine_x"]
    """RSRP of the best beam [dBm] on the native grid; NaN without a path. Its cells stay as those of sharp maps do."""
    fine_distance: Float[Tensor, "site fine_y fine_x"]
    """`distance` on the native grid."""
    fine_outdoor: Float[Tensor, "fine_y fine_x"]
    """1 outside buildings, 0 inside, on the native grid."""
    poses: Float[Tensor, "cell pose"]
    """What a newcomer can know of a cell, see `inputs.cell_poses`."""
    site_of_cell: Int[Tensor, " cell"]
    """Site index of each cell."""
    beams_of_cell: Int[Tensor, " cell"]
    """Number of SSB beams of each cell, in ascending azimuth; beam axes are as long as the largest."""
    cqi_sinr: Float[Tensor, "cell step"]
    """SINR [dB] from which on each cell's UEs report CQI 1 to 15."""
    turns: Float[Tensor, " turn"]
    """How far off its listed azimuth a cell points in `sharp_beams`, ascending [rad]; 0 alone where R has no more."""
    size: float
    """Side of the tile [m]."""
    layers: MapLayers | None = None
    """All layers of R and G over the coarse grid, for networks that see them."""

    @cached_property
    def log_outdoor(self) -> Float[Tensor, "y x"]:
        """What the outdoor share of the coarse ground adds to a log-density; 9 nats less where there is none."""
        return _log_share(self.outdoor)

    @cached_property
    def log_sharp_outdoor(self) -> Float[Tensor, "sharp_y sharp_x"]:
        """The same of the sharp ground."""
        return _log_share(self.sharp_outdoor)

    @property
    def as_listed(self) -> PlaceMaps:
        """The same place with antennas that point where they are listed to."""
        listed = int(self.turns.abs().argmin())
        return dataclasses.replace(
            self,
            sharp_beams=self.sharp_beams[:, :, listed, None],
            turns=self.turns[listed, None],
            layers=self.layers and self.layers.without({"turned"}),
        )

    def map_rasters(self, function: Callable[[Tensor], Tensor]) -> PlaceMaps:
        """The same place with a function applied to every field that is a raster."""
        rasters: dict[str, Any] = {
            field.name: function(getattr(self, field.name))
            for field in dataclasses.fields(self)
            if field.name not in _NO_RASTERS
        }
        return dataclasses.replace(self, **rasters, layers=self.layers and self.layers.map_rasters(function))

    def to(self, device: torch.device) -> PlaceMaps:
        """The same place on a device."""
        moved: dict[str, Any] = {
            field.name: getattr(self, field.name).to(device)
            for field in dataclasses.fields(self)
            if field.name not in ("size", "layers")
        }
        layers = self.layers and self.layers.map_rasters(lambda raster: raster.to(device))
        return dataclasses.replace(self, **moved, layers=layers)


#: Fields of `PlaceMaps` that are no rasters themselves.
_NO_RASTERS = ("poses", "site_of_cell", "beams_of_cell", "sharp_cell", "cqi_sinr", "turns", "size", "layers")


def _log_share(share: Float[Tensor, "rows columns"]) -> Float[Tensor, "rows columns"]:
    with torch.inference_mode(False):  # training may take it next
        return torch.log(share + 1e-4)


def place_maps(place: MappedPlace) -> PlaceMaps:
    """The tensors of a place, without `layers`.

    Raises:
        InputError: the place's grid does not divide into cells of `COARSE_RESOLUTION`.
        PlaceError: R is on another grid than G.
    """
    maps = nominal_maps(place)
    deployment, grid = maps.deployment, maps.tile
    factor = _coarse_factor(grid)
    sharp_factor = _sharp_factor(factor, grid.resolution)

    def sharp(values: Float[np.ndarray, "... y x"]) -> Tensor:
        return torch.from_numpy(block_mean(np.asarray(values, np.float32), sharp_factor))

    def coarse(values: Float[np.ndarray, "... y x"]) -> Tensor:
        return torch.from_numpy(block_mean(np.asarray(values, np.float32), factor))

    ground = float(np.median(maps.terrain))
    turned = [with_halfway(sharp(beams), torch.from_numpy(maps.turns)) for beams in maps.turned_beam_relative]
    traced = np.isfinite(maps.traced_level).astype(np.float32)
    return PlaceMaps(
        level=coarse(maps.level),
        covered=coarse(traced),
        formula=coarse(maps.formula_level),
        isotropic=coarse(maps.isotropic_level),
        sinr=coarse(maps.sinr),
        departure=functional.normalize(
            coarse(np.stack([np.cos(maps.departure_azimuth), np.sin(maps.departure_azimuth)], 1))
        ),
        beam_relative=coarse(maps.beam_relative),
        distance=coarse(maps.path_length),
        log_delay_spread=mapped_log_spread(maps.delay_spread, coarse),
        line_of_sight=coarse(maps.line_of_sight),
        geometry=coarse(_geometry(maps, ground)),
        outdoor=coarse(maps.outdoor),
        sharp_level=sharp(maps.level),
        sharp_covered=sharp(traced),
        sharp_beams=torch.stack([beams.half() for beams, _ in turned]),
        sharp_cell=torch.arange(len(maps.level)),
        sharp_outdoor=sharp(maps.outdoor),
        sharp_ground=sharp(_ground_kinds(maps.geometry_maps)),
        fine_level=torch.from_numpy(maps.traced_level),
        fine_distance=torch.from_numpy(np.asarray(maps.path_length, np.float32)),
        fine_outdoor=torch.from_numpy(maps.outdoor),
        poses=torch.from_numpy(cell_poses(deployment, ground)),
        site_of_cell=torch.from_numpy(np.asarray(deployment.site_of_cell, np.int64)),
        beams_of_cell=torch.tensor([cell.array.beams for cell in deployment.cells]),
        cqi_sinr=torch.from_numpy(maps.cqi_sinr),
        turns=turned[0][1],
        size=float(grid.size),
    )


def complete_place_maps(place: MappedPlace) -> PlaceMaps:
    """The tensors of a place with all its layers.

    Raises:
        InputError, PlaceError: as `place_maps`.
    """
    maps = nominal_maps(place)
    return dataclasses.replace(place_maps(maps), layers=map_layers(maps, _coarse_factor(maps.tile)))


def _geometry(maps: NominalMaps, ground: float) -> Float[np.ndarray, "layer y x"]:
    """`PlaceMaps.geometry` on the native grid."""
    height = maps.geometry_maps["height"].values
    return np.stack([height / 20, 1 - maps.outdoor, (maps.terrain - ground) / 20])


def _ground_kinds(geometry_maps: xr.Dataset) -> Float[np.ndarray, "kind y x"]:
    """1 where outdoor ground is of each of `GROUND_KINDS`."""
    near = known_layer(geometry_maps, "road_distance") <= PAVEMENT_WIDTH
    left = geometry_maps["footprint"].values == 0
    found = []
    for kind in GROUND_KINDS:
        held = left & (near if kind == "roadside" else known_layer(geometry_maps, kind) == 1)
        found.append(held)
        left = left & ~held
    return np.stack(found).astype(np.float32)


def _coarse_factor(grid: Grid) -> int:
    """Native cells along the side of a coarse one."""
    return round(grid.coarsen(max(COARSE_RESOLUTION, grid.resolution)).resolution / grid.resolution)


def _sharp_factor(coarse: int, resolution: float) -> int:
    """Native cells along the side of a sharp one, of which a coarse one has a whole number."""
    fitting = [
        each for each in range(1, coarse + 1) if coarse % each == 0 and each * resolution <= SHARP_RESOLUTION
    ]
    return max(fitting, default=1)
