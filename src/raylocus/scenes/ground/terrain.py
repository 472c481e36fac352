"""Ground height: from elevation files by rasterio, or flat and recorded as unknown."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter, map_coordinates, percentile_filter

from raylocus.errors import InputError
from raylocus.geo import GeoFrame, Grid
from raylocus.nearest import nearest_where
from raylocus.scenes.vector_map import Terrain

#: Source of a ground that nobody measured.
FLAT = "flat (unknown)"
SURFACE_MODEL, TERRAIN_MODEL = "surface model, smoothed", "terrain model"
#: Parts of the names of files that hold surface models, roofs and canopies included.
SURFACE_NAMES = (
    "srtm",
    ".hgt",
    "aster",
    "cop30",
    "cop-30",
    "copernicus",
    "glo30",
    "glo-30",
    "aw3d",
    "dsm",
    "tandem",
)
#: Side of the terrain's cells [m].
TERRAIN_RESOLUTION = 16.0
#: A surface model's low side within this radius is taken for the ground, then smoothed as far [m].
SMOOTHING_RADIUS = 90.0
#: Percentile of the heights within the radius that is taken for the ground.
GROUND_PERCENTILE = 25


def flat_terrain(size: float) -> Terrain:
    """Ground at height 0 over a square of the side `size` [m], for places whose ground is unknown."""
    return Terrain(Grid(size, size), np.zeros((1, 1)), FLAT)


def terrain_height(terrain: Terrain, xy: Float[np.ndarray, "point 2"]) -> Float[np.ndarray, " point"]:
    """Ground height [m] at local points: bilinear between cell centres, constant beyond the outermost."""
    first = np.array([terrain.grid.x_coordinates[0], terrain.grid.y_coordinates[0]])
    return _sample(terrain.height, (xy - first) / terrain.grid.resolution)


def cut_terrain(terrain: Terrain, centre: tuple[float, float], size: float) -> Terrain:
    """The terrain of a square of the side `size` [m] around a point, which becomes the origin."""
    if terrain.source == FLAT:
        return flat_terrain(size)
    step = terrain.grid.resolution
    grid = Grid((np.ceil(size / step) + 2) * step, step)
    return Terrain(
        grid, terrain_height(terrain, grid.centres + np.array(centre)).reshape(grid.shape), terrain.source
    )


def read_terrain(path: Path, frame: GeoFrame, size: float) -> Terrain:
    """Ground over a square of the side `size` [m] around the frame's origin.

    Files whose name says that it is a surface model (SRTM, HGT, ASTER, Copernicus …) hold roofs and trees; their
    low side is taken and smoothed. Voids are filled from the nearest measured cell.

    Raises:
        InputError: the file cannot be read, has no CRS, or does not cover the square.
    """
    step = TERRAIN_RESOLUTION
    grid = Grid((np.ceil(size / step) + 2) * step, step)
    height = _heights(path, frame, grid)
    if not any(name in path.name.lower() for name in SURFACE_NAMES):
        return Terrain(grid, height, TERRAIN_MODEL)
    reach = round(SMOOTHING_RADIUS / step)
    low = percentile_filter(height, GROUND_PERCENTILE, size=2 * reach + 1, mode="nearest")
    return Terrain(grid, gaussian_filter(low, reach / 2, mode="nearest"), SURFACE_MODEL)


def _heights(path: Path, frame: GeoFrame, grid: Grid) -> Float[np.ndarray, "y x"]:
    import rasterio
    from rasterio.errors import RasterioError

    if not path.is_file():
        raise InputError(f"there is no terrain file {path}; give a GeoTIFF or HGT file")
    try:
        with rasterio.open(_readable(path)) as file:
            if file.crs is None:
                raise InputError(
                    f"{path} has no coordinate reference system; assign one, e.g. with gdal_edit -a_srs"
                )
            pixel = _pixels(file, frame, grid)
            band = file.read(1, masked=True)
    except RasterioError as error:
        raise InputError(
            f"{path} is not a readable elevation file ({error}); give a GeoTIFF or HGT file"
        ) from error
    outside = np.any((pixel < -1) | (pixel > np.array(band.shape[::-1])), axis=1)
    if outside.any():
        raise InputError(
            f"{path} covers only {1 - outside.mean():.0%} of the place; give one that covers it all"
        )
    return _sample(_filled(band), pixel).reshape(grid.shape)


def _readable(path: Path) -> str:
    """The path that GDAL opens: of the only elevation file where it is a zip archive."""
    if not zipfile.is_zipfile(path):
        return str(path)
    with zipfile.ZipFile(path) as archive:
        inside = [name for name in archive.namelist() if name.lower().endswith((".hgt", ".tif", ".tiff"))]
    if len(inside) != 1:
        raise InputError(f"{path} holds {len(inside)} elevation files where one is needed; unpack it")
    return f"/vsizip/{path.resolve()}/{inside[0]}"


def _pixels(file: Any, frame: GeoFrame, grid: Grid) -> Float[np.ndarray, "point 2"]:
    """(column, row) of each cell centre, counted from the centre of the first pixel."""
    from pyproj import Transformer

    latitude, longitude = frame.to_wgs84(grid.centres)
    transform: Callable[..., Any] = Transformer.from_crs("EPSG:4326", file.crs, always_xy=True).transform
    column, row = ~file.transform @ np.array(transform(longitude, latitude))
    return np.stack([column, row], axis=-1) - 0.5


def _filled(band: Any) -> Float[np.ndarray, "y x"]:
    """The band with its voids filled from the nearest measured pixel."""
    void = np.ma.getmaskarray(band) | ~np.isfinite(band.data.astype(np.float64))
    values = band.data.astype(np.float64)
    if void.all():
        raise InputError("the terrain file holds nothing but voids; give another")
    return values[nearest_where(~void)]


def _sample(
    values: Float[np.ndarray, "y x"], pixel: Float[np.ndarray, "point 2"]
) -> Float[np.ndarray, " point"]:
    return map_coordinates(values, pixel[:, ::-1].T, order=1, mode="nearest")
