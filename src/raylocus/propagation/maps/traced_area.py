"""An area whose windows are traced: any square of it, stitched from the tiles that it touches."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.errors import PlaceError
from raylocus.geo import GeoFrame, Grid
from raylocus.propagation.maps.radio_maps import RADIO_SCHEMA
from raylocus.propagation.maps.traced_place import RADIO_STORE, TracedPlace, open_place
from raylocus.scenes.area import Area, AreaTile, open_area
from raylocus.scenes.deployment import part_of_deployment
from raylocus.scenes.geometry_maps import GEOMETRY_SCHEMA
from raylocus.scenes.sites import Deployment
from raylocus.storage import MANIFEST, readable
from raylocus.xarray_store import open_dataset

#: Largest difference of a window from the ground cells of the tiles [m].
ASKEW = 1e-3
#: Opened stores that are kept.
STORES = 64


@dataclass(frozen=True)
class Piece:
    """What a tile gives to a window."""

    place: TracedPlace
    cells: tuple[int, ...]
    """Index in the area of each cell of the tile."""
    sites: tuple[int, ...]
    """Index in the area of each site of the tile."""
    here: tuple[slice, slice]
    """Rows and columns of the window."""
    there: tuple[slice, slice]
    """The same ground cells in the tile."""

    def read(self, store: str, schema: str) -> xr.Dataset:
        """The ground cells of a store of the tile.

        Raises:
            StoreError: it is missing or broken.
        """
        return _part(self.place.folder / store, schema, *self.there).load()


@dataclass(frozen=True)
class AreaWindow:
    """A square of an area as a place in a frame centred on it: its sites, G and R, read when first asked for."""

    tile: Grid
    """Size and resolution; its centre is the frame's origin."""
    centre: tuple[float, float]
    """Where that is in the area's frame [m]."""
    frame: GeoFrame
    deployment: Deployment
    """The cells that are heard in a tile it touches."""
    cells: tuple[int, ...]
    """Index in the area of each of them."""
    sites: tuple[int, ...]
    """Index in the area of each site."""
    pieces: tuple[Piece, ...]

    @cached_property
    def geometry_maps(self) -> xr.Dataset:
        """G, see `scenes.geometry_maps`. Raises StoreError where a tile's is missing or broken."""
        return self._stitched("geometry.zarr", GEOMETRY_SCHEMA)

    @cached_property
    def radio_maps(self) -> xr.Dataset:
        """R, see `radio_maps.LAYERS`; NaN where a cell is not heard. Raises StoreError where a tile's is missing."""
        return self._stitched("radio.zarr", RADIO_SCHEMA)

    def _stitched(self, store: str, schema: str) -> xr.Dataset:
        parts = [piece.read(store, schema) for piece in self.pieces]
        variables = {name: self._joined(str(name), parts) for name in parts[0].data_vars}
        axes = {"y": self.tile.y_coordinates, "x": self.tile.x_coordinates}
        coordinates = {name: (name, axis, {"units": "m"}) for name, axis in axes.items()}
        return xr.Dataset(variables, coordinates, parts[0].attrs)

    def _joined(self, name: str, parts: Sequence[xr.Dataset]) -> xr.Variable:
        """One layer over the window; what a tile does not have of it stays NaN."""
        layer = parts[0][name]
        axes = [str(axis) for axis in layer.dims]
        lengths = {axis: max(part[name].sizes[axis] for part in parts) for axis in axes}
        lengths |= {
            "site": len(self.sites),
            "cell": len(self.cells),
            "y": self.tile.count,
            "x": self.tile.count,
        }
        missing = np.nan if layer.dtype.kind == "f" else -1
        whole = np.full([lengths[axis] for axis in axes], missing, layer.dtype)
        for piece, part in zip(self.pieces, parts, strict=True):
            at = {axis: np.arange(part[name].sizes[axis]) for axis in axes}
            at |= {
                "cell": np.searchsorted(self.cells, piece.cells),
                "site": np.searchsorted(self.sites, piece.sites),
                "y": np.arange(self.tile.count)[piece.here[0]],
                "x": np.arange(self.tile.count)[piece.here[1]],
            }
            whole[np.ix_(*(at[axis] for axis in axes))] = part[name].values
        return xr.Variable(layer.dims, whole, layer.attrs)


@dataclass(frozen=True)
class TracedArea(Area):
    """An area of which windows can be read."""

    def place(self, tile: AreaTile) -> TracedPlace:
        """The place of a tile, with its own frame.

        Raises:
            PlaceError: its folder is gone or broken.
        """
        return open_place(self.folder / tile.folder)

    @cached_property
    def tile(self) -> Grid:
        """Size and resolution of the tiles.

        Raises:
            PlaceError: the area has none.
        """
        if not self.tiles:
            raise PlaceError(
                f"{self.folder} has no map, so no window of it can be read; it locates by the formula"
            )
        return self.place(self.tiles[0]).tile

    @property
    def traced(self) -> bool:
        """Whether there are tiles, and all have their R."""
        return bool(self.tiles) and all(
            (self.folder / tile.folder / RADIO_STORE).exists() for tile in self.tiles
        )

    def window_at(self, point: tuple[float, float], size: float) -> Grid:
        """The window nearest to one about a point that lies in the area and on the tiles' ground cells.

        Args:
            point: (x, y) [m].
            size: side of the window [m]; of a smaller area its shorter side.
        """
        tile, extent = self.tile, self.extent
        step = tile.resolution
        side = np.floor(min(size, *extent.size) / step) * step
        corner = np.array(point) - side / 2
        lowest = np.array([extent.west, extent.south])
        steps = np.clip(
            np.round((corner - lowest) / step), 0, np.round((np.array(extent.size) - side) / step)
        )
        centre = lowest + steps * step + side / 2
        return Grid(float(side), step, (float(centre[0]), float(centre[1])))

    def window(self, grid: Grid) -> AreaWindow:
        """Any square of the area as a place, read from the tiles that it touches.

        Args:
            grid: the square, on the tiles' ground cells; see `window_at`.

        Raises:
            PlaceError: the area has no tiles, or the square is not on their ground cells or lies outside them.
        """
        pieces = [piece for tile in self.tiles if (piece := self._piece(tile, grid)) is not None]
        covered = sum((here[0].stop - here[0].start) * (here[1].stop - here[1].start) for here in
                      (piece.here for piece in pieces))  # fmt: skip
        if covered < grid.count**2:
            raise PlaceError(
                f"the window of {grid.size:g} m at x,y = {grid.centre[0]:.1f},{grid.centre[1]:.1f} m lies partly "
                f"outside the tiles of {self.folder}; move it inside"
            )
        cells = tuple(sorted({cell for piece in pieces for cell in piece.cells}))
        return AreaWindow(
            tile=Grid(grid.size, grid.resolution),
            centre=grid.centre,
            frame=self.frame.moved(*grid.centre),
            deployment=part_of_deployment(self.deployment, cells, grid.centre),
            cells=cells,
            sites=self._sites(cells),
            pieces=tuple(pieces),
        )

    def levels_at(self, position: Float[np.ndarray, "2"]) -> Float[np.ndarray, " cell"]:
        """RSRP of each cell in the ground cell of a position [dBm]; NaN where no tile has any.

        Raises:
            StoreError: R of the tile is broken.
        """
        levels = np.full(len(self.deployment.cells), np.nan)
        for tile in self.tiles:
            store = self.folder / tile.folder / RADIO_STORE
            square = dataclasses.replace(self.tile, centre=tile.centre)
            ground = int(square.index(position))
            if ground >= 0 and store.exists():
                row, column = divmod(ground, square.count)
                levels[list(tile.cells)] = _part(store, RADIO_SCHEMA, row, column)["rsrp"].values
        return levels

    def _sites(self, cells: Sequence[int]) -> tuple[int, ...]:
        return tuple(sorted({self.deployment.cells[cell].site for cell in cells}))

    def _piece(self, tile: AreaTile, grid: Grid) -> Piece | None:
        """What a tile gives to a window; None where they do not touch."""
        slices = []
        for low, own in zip(grid.bounds[:2], tile.centre, strict=True):
            start = (low - (own - self.tile.size / 2)) / grid.resolution
            if grid.resolution != self.tile.resolution or abs(start - round(start)) * grid.resolution > ASKEW:
                raise PlaceError(
                    f"a window of {self.folder} lies on its ground cells of {self.tile.resolution:g} m; take "
                    "area.window_at(point, size)"
                )
            first, past = max(round(start), 0), min(round(start) + grid.count, self.tile.count)
            if first >= past:
                return None
            slices.append((slice(first - round(start), past - round(start)), slice(first, past)))
        (here_x, there_x), (here_y, there_y) = slices
        place = self.place(tile)
        return Piece(place, tile.cells, self._sites(tile.cells), (here_y, here_x), (there_y, there_x))


def open_traced_area(folder: Path | str) -> TracedArea:
    """Opens an area folder; maps are read window by window when first asked for.

    Raises:
        PlaceError: there is no area in the folder, or it is of another schema version.
    """
    area = open_area(Path(folder))
    return TracedArea(**{field.name: getattr(area, field.name) for field in fields(Area)})


def _part(path: Path, schema: str, rows: slice | int, columns: slice | int) -> xr.Dataset:
    """Some ground cells of a store that is kept open. Raises StoreError where it is missing or broken."""
    with readable(path):
        content = (path / MANIFEST).read_text() if path.exists() else ""
        return _stored(path, schema, content).isel(y=rows, x=columns)


@lru_cache(maxsize=STORES)
def _stored(path: Path, schema: str, content: str) -> xr.Dataset:
    """A store, opened and kept; of another content it is another store."""
    return open_dataset(path, schema)
