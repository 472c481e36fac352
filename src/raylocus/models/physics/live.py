"""Features at any point without a grid, by exact images of the atlas or by Sionna's `PathSolver`; all ways by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from raylocus.errors import InputError
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.physics.expected import (
    Expected,
    FeatureField,
    MapLookup,
    by_drjit,
    by_torch,
    differentiable,
)
from raylocus.models.physics.rays import Rays, expected_of
from raylocus.propagation.atlas.atlas import reorder
from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.atlas.ue_paths import UePaths, ground_cell_points, moved_paths, paths_at
from raylocus.propagation.differentiable import SolverSettings, differentiable_solver
from raylocus.propagation.maps.traced_place import TracedPlace, open_place

#: Step of the differences over the ground [m].
GROUND_STEP = 0.05
#: Points are kept this far inside the tile [m].
EDGE = 0.1


@dataclass(frozen=True, eq=False)
class LiveFeatures:
    """Features of a traced place, carrier by carrier, by one way of finding paths."""

    place: TracedPlace
    rays: Callable[[TracedPlace, Float[Tensor, "point 2"], Float[np.ndarray, " point"]], Rays]
    """Of a carrier of the place, to points (x, y) at heights [m]."""

    def at(self, point: Float[Tensor, "point 2"]) -> Expected:
        """In double precision inside; a point beyond the tile counts as one at its edge."""
        half = self.place.tile.size / 2 - EDGE
        exact = point.double().clamp(-half, half)
        index = self.place.tile.index(exact.numpy(force=True))
        height = self._ends[index, 2]
        parts = [
            (layer, expected_of(self.rays(layer, exact, height), layer.deployment, len(point)))
            for layer in self.place.layers()
        ]
        first = parts[0][1]
        if len(parts) == 1:
            return Expected(*(getattr(first, each.name).to(point) for each in dataclasses.fields(Expected)))
        cells, beams = len(self.place.deployment.cells), self.place.deployment.beam_count
        level, relative = (
            first.level.new_full((len(point), cells), torch.nan),
            first.level.new_full((len(point), cells, beams), torch.nan),
        )
        for layer, each in parts:
            own = list(layer.cells)
            level[:, own] = each.level
            relative[:, own, : layer.deployment.beam_count] = each.beam_relative
        return Expected(
            level.to(point), relative.to(point), first.length.to(point), first.departure.to(point)
        )

    @cached_property
    def _ends(self) -> Float[np.ndarray, "ground_cell 3"]:
        terrain = self.place.geometry_maps["terrain"].values
        return ground_cell_points(self.place.tile, terrain, float(self.place.radio_maps.attrs["ue_height"]))


def image_rays(
    layer: TracedPlace, point: Float[Tensor, "point 2"], height: Float[np.ndarray, " point"]
) -> Rays:
    """The atlas's paths, followed to the points by their images; those of a point stay the same over a step."""
    terrain = layer.geometry_maps["terrain"].values
    ends = ground_cell_points(layer.atlas.grid, terrain, layer.atlas.ue_height)
    position = np.column_stack([point.numpy(force=True), height])
    parts = [
        _followed(paths_at(layer.atlas, site, position, ends), position, point, site)
        for site in range(len(layer.deployment.sites))
    ]
    columns = zip(
        *((each.point, each.site, each.power, each.length, each.departure) for each in parts), strict=True
    )
    return Rays(*(torch.cat(column) for column in columns))


def _followed(
    found: UePaths, position: Float[np.ndarray, "point 3"], point: Float[Tensor, "point 2"], site: int
) -> Rays:
    ue, paths = found.ue, found.paths

    def moved(ground: Float[np.ndarray, "step path 2"]) -> Float[np.ndarray, "step path 6"]:
        steps, count = ground.shape[:2]
        again = np.tile(np.arange(count), steps)
        # A step is a site of its own, lest paths of one step be taken for another's at a shadow boundary.
        several = dataclasses.replace(reorder(paths, again), site=np.repeat(np.arange(steps), count))
        ends = position[ue[again]]
        there = moved_paths(several, ends, np.column_stack([ground.reshape(-1, 2), ends[:, 2]]))
        power = (np.abs(path_fields(there, there.materials).astype(complex)) ** 2).sum(axis=1)
        values = np.column_stack([power * there.visible[:, None], there.length, there.departure])
        return values.reshape(steps, count, 6)

    index = torch.from_numpy(ue)
    values = differentiable(point[index], moved, GROUND_STEP)
    return Rays(index, torch.full_like(index, site), values[:, :2], values[:, 2], values[:, 3:])


@dataclass(eq=False)
class SolverRays:
    """Paths by `PathSolver`, with the gradient that Dr.Jit has of them, through `dr.wrap`."""

    settings: SolverSettings = SolverSettings()
    _solvers: dict[int, tuple[TracedPlace, Callable[[Tensor], tuple[Tensor, ...]]]] = field(
        default_factory=dict, repr=False
    )

    def __call__(
        self, layer: TracedPlace, point: Float[Tensor, "point 2"], height: Float[np.ndarray, " point"]
    ) -> Rays:
        """Paths to points, traced now: a ray launch of all sites.

        Raises:
            RuntimeUnavailableError: nothing traces here.
        """
        if id(layer) not in self._solvers:
            self._solvers[id(layer)] = (
                layer,
                differentiable_solver(layer.scene_file, layer.deployment, self.settings),
            )
        position = torch.cat([point, torch.from_numpy(height)[:, None].to(point)], 1).float()
        real, imaginary, delay, vertices, interactions = self._solvers[id(layer)][1](position)
        found, site, path = (delay.detach() >= 0).nonzero(as_tuple=True)
        power = (real.double() ** 2 + imaginary.double() ** 2)[found, :, site, :, path].sum(1)
        source = torch.from_numpy(layer.deployment.site_positions[site.numpy(force=True)]).to(power)
        met = vertices.detach().double()[:, found, site, path]
        touched = interactions.detach()[:, found, site, path] > 0
        length, departure = _followed_back(source, met, touched, position.double()[found])
        return Rays(found, site, power, length, departure)


def _followed_back(
    source: Float[Tensor, "path 3"],
    met: Float[Tensor, "depth path 3"],
    touched: Bool[Tensor, "depth path"],
    position: Float[Tensor, "path 3"],
) -> tuple[Float[Tensor, " path"], Float[Tensor, "path 3"]]:
    """Length and departure of reflected paths, differentiable in their ends, which Dr.Jit's directions are not.

    The mirrors are where the paths turn; seen in them the site is an image that stays where it is.
    """
    end, image, before = position.detach(), source, source
    normals = []
    for depth in range(len(met)):
        here = torch.where(touched[depth, :, None], met[depth], end)
        last = depth + 1 == len(met)
        after = end if last else torch.where(touched[depth + 1, :, None], met[depth + 1], end)
        turn = functional.normalize(here - before, dim=1) - functional.normalize(after - here, dim=1)
        normal = functional.normalize(turn, dim=1) * touched[depth, :, None]
        image = image - 2 * ((image - here) * normal).sum(1, keepdim=True) * normal
        normals.append(normal)
        before = torch.where(touched[depth, :, None], here, before)
    length = (position - image).norm(dim=1)
    departure = (position - image) / length[:, None]
    for normal in reversed(normals):
        departure = departure - 2 * (departure * normal).sum(1, keepdim=True) * normal
    return length, departure


#: `bilinear` and `drjit` look R up; `images` follows the atlas's paths; `path_solver` traces again.
PhysicsVariant = Literal["bilinear", "drjit", "images", "path_solver"]


def feature_field(variant: PhysicsVariant, maps: PlaceMaps, place: TracedPlace | Path | None) -> FeatureField:
    """The expected features of a place.

    Args:
        variant: how.
        maps: of the place.
        place: the place itself or its folder, which `images` and `path_solver` need with its atlas and scene.

    Raises:
        InputError: it needs a place, and none is given.
        PlaceError: there is no place in the folder.
    """
    if variant in ("bilinear", "drjit"):
        return MapLookup(maps, by_torch if variant == "bilinear" else by_drjit)
    if place is None:
        raise InputError(
            f"physics by {variant} follows paths, so it needs the folder of a traced place; take bilinear"
        )
    traced = open_place(place) if isinstance(place, Path) else place
    return LiveFeatures(traced, image_rays if variant == "images" else SolverRays())
