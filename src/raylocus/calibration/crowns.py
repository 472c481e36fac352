"""What trees cost, as measurements say: one factor on the loss of the crowns before the UE, no path traced again."""

from __future__ import annotations

import dataclasses
from functools import cached_property

import numpy as np
from jaxtyping import Float

from raylocus.propagation.atlas.atlas import PathAtlas
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.search.passed_through import Canopy, vegetation_loss


class Crowns:
    """The crowns of a place."""

    def __init__(self, place: TracedPlace) -> None:
        self._maps, self._tile, self._height = place.geometry_maps, place.tile, place.atlas.ue_height

    @cached_property
    def _canopy(self) -> Canopy:
        vegetation, terrain, surface = (
            self._maps[name].values.astype(float) for name in ("vegetation", "terrain", "surface")
        )
        return Canopy(vegetation, terrain, surface, self._tile)

    @cached_property
    def _point(self) -> Float[np.ndarray, "ground_cell 3"]:
        terrain = self._maps["terrain"].values.astype(float)
        return np.column_stack([self._tile.centres, terrain.ravel() + self._height])

    def loss(self, paths: PathAtlas) -> Float[np.ndarray, " path"]:
        """Loss of each path in the crowns before the UE by ITU-R P.833 [dB], of which a trace has its part already."""
        if "vegetation" not in self._maps or not (self._maps["vegetation"].values > 0).any():
            return np.zeros(len(paths.site))
        start = self._point[paths.ground_cell]
        depth = self._canopy.depth(start, -paths.arrival.astype(float), paths.length.astype(float))
        return vegetation_loss(depth, paths.materials.frequency)

    def changed(self, paths: PathAtlas, share: float) -> PathAtlas:
        """Paths with so large a share of that loss added; −1 takes it away."""
        loss = paths.excess_loss_db + max(share, -1.0) * self.loss(paths)
        return dataclasses.replace(paths, excess_loss_db=loss.astype(np.float32))
