"""The path atlas: for every site and ground cell the list of propagation paths; and whole rows of its grid."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.geo import Grid
from raylocus.propagation.geometry.surfaces import Wedges
from raylocus.propagation.materials.materials import RadioMaterials

#: Path types of `PathAtlas.kind`.
SPECULAR, OVER_ROOFTOP, DIFFRACTED, REFRACTED, SCATTERED = 0, 1, 2, 3, 4


@dataclass(frozen=True)
class GridRows:
    """Rows `start` to `stop` (exclusive) of a grid, from the south; arrays over them are [y, x]."""

    grid: Grid
    start: int
    stop: int

    @classmethod
    def whole(cls, grid: Grid) -> GridRows:
        """All rows."""
        return cls(grid, 0, grid.count)

    @property
    def shape(self) -> tuple[int, int]:
        """(y, x) shape of arrays over the rows."""
        return self.stop - self.start, self.grid.count

    @property
    def count(self) -> int:
        """Ground cells in the rows."""
        return (self.stop - self.start) * self.grid.count

    @property
    def first(self) -> int:
        """Flat index, in the whole grid, of the first ground cell."""
        return self.start * self.grid.count

    @property
    def y(self) -> Float[np.ndarray, " row"]:
        """Cell-centre northings of the rows [m]."""
        return self.grid.y_coordinates[self.start : self.stop]


@dataclass(frozen=True)
class PathAtlas:
    """Paths between every site and every ground cell's centre, at the UE surface.

    Geometry only: fields follow from it for any materials and frequency (`propagation.atlas.atlas.fields`),
    antennas come last (`propagation.antennas.antennas`). Paths are sorted by site, then ground cell.
    """

    grid: Grid
    """Ground cells; `ground_cell` indexes it in flat [y, x] order."""
    materials: RadioMaterials
    """Nominal materials at the carrier."""
    site: Int[np.ndarray, " path"]
    ground_cell: Int[np.ndarray, " path"]
    kind: Int[np.ndarray, " path"]
    """SPECULAR (line of sight and wall or ground reflections), OVER_ROOFTOP, DIFFRACTED (over one edge),
    REFRACTED (straight through walls and roofs) or SCATTERED (off one rough wall)."""
    length: Float[np.ndarray, " path"]
    """Length [m]: delay times the speed of light."""
    departure: Float[np.ndarray, "path 3"]
    """Unit vector from the site along the path's first segment."""
    arrival: Float[np.ndarray, "path 3"]
    """Unit propagation vector at the UE; the path is seen from the opposite direction."""
    visible: Float[np.ndarray, " path"]
    """Share of the ground cell that the path reaches, 0..1."""
    at_centre: Bool[np.ndarray, " path"]
    """Whether the path reaches the ground cell's centre itself."""
    excess_loss_db: Float[np.ndarray, " path"]
    """Loss over free space that geometry alone causes [dB]: diffraction over the roofs, the spreading off a rough
    wall, trees before the UE; 0 for the others."""
    normals: Float[np.ndarray, "path depth 3"]
    """Unit normal of each surface that reflects, scatters or is passed, in order; zero past the last."""
    material: Int[np.ndarray, "path depth"]
    """Index into MATERIALS of each such surface; −1 past the last."""
    building: Int[np.ndarray, "path depth"]
    """Index into `buildings` of the one that each such surface belongs to; −1 for the ground, and past the last."""
    wedge: Int[np.ndarray, " path"]
    """Index into `wedges` of the edge that a diffracted path goes over; −1 for the others."""
    before_edge: Int[np.ndarray, " path"]
    """How many of a diffracted path's surfaces come before its edge; 0 for the others."""
    first_leg: Float[np.ndarray, " path"]
    """Distance from the site to that edge, or to the rough wall [m]; 0 for the others."""
    wedges: Wedges
    """The scene's edges, the same for all sites."""
    buildings: Int[np.ndarray, " building"]
    """Lasting name of each of the scene's buildings, see `Triangles.building`."""
    ue_height: float
    """Height of the UE surface over the terrain [m]: where paths end."""

    @property
    def interactions(self) -> Int[np.ndarray, " path"]:
        """Number of surfaces that each path touches."""
        return (self.material >= 0).sum(axis=1)

    @property
    def line_of_sight(self) -> Bool[np.ndarray, " path"]:
        """True for direct paths."""
        return (self.kind == SPECULAR) & (self.interactions == 0)


#: PathAtlas columns, with their dimensions and units.
COLUMNS = {
    "site": (("path",), "1"),
    "ground_cell": (("path",), "1"),
    "kind": (("path",), "1"),
    "length": (("path",), "m"),
    "departure": (("path", "xyz"), "1"),
    "arrival": (("path", "xyz"), "1"),
    "visible": (("path",), "1"),
    "at_centre": (("path",), "1"),
    "excess_loss_db": (("path",), "dB"),
    "normals": (("path", "depth", "xyz"), "1"),
    "material": (("path", "depth"), "1"),
    "building": (("path", "depth"), "1"),
    "wedge": (("path",), "1"),
    "before_edge": (("path",), "1"),
    "first_leg": (("path",), "m"),
}


#: Columns of the wedge table.
WEDGE_COLUMNS = {
    "origin": (("edge", "xyz"), "m"),
    "direction": (("edge", "xyz"), "1"),
    "length": (("edge",), "m"),
    "normals": (("edge", "face", "xyz"), "1"),
    "material": (("edge",), "1"),
    "building": (("edge",), "1"),
}


def concatenate(atlases: list[PathAtlas]) -> PathAtlas:
    """One atlas of several sites' atlases, in their order; depths are padded to the largest."""
    depth = max(atlas.material.shape[1] for atlas in atlases)
    columns: dict[str, Any] = {}
    for name in COLUMNS:
        parts = [getattr(atlas, name) for atlas in atlases]
        if name in ("normals", "material", "building"):
            fill = 0 if name == "normals" else -1
            parts = [_pad_depth(part, depth, fill) for part in parts]
        columns[name] = np.concatenate(parts)
    return dataclasses.replace(atlases[0], **columns)


def reorder(atlas: PathAtlas, order: Int[np.ndarray, " path"] | slice) -> PathAtlas:
    """The same paths in another order, or some of them; a slice copies nothing."""
    return dataclasses.replace(atlas, **{name: getattr(atlas, name)[order] for name in COLUMNS})


def _pad_depth(part: np.ndarray, depth: int, fill: int) -> np.ndarray:
    missing = depth - part.shape[1]
    return np.pad(part, [(0, 0), (0, missing)] + [(0, 0)] * (part.ndim - 2), constant_values=fill)
