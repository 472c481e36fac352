"""Rasters as GeoTIFF: over a place's square, or over any grid that has a CRS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from raylocus.geo import GeoFrame
from raylocus.storage import written_whole

#: Engineering CRS (WKT 1, as GeoTIFF has it) of a place that is not georeferenced.
LOCAL_CRS = 'LOCAL_CS["local east-north frame",UNIT["metre",1],AXIS["Easting",EAST],AXIS["Northing",NORTH]]'


def frame_crs(frame: GeoFrame) -> str:
    """The CRS that a place's maps lie in: `EPSG:` and its UTM zone's code, or `LOCAL_CRS`."""
    return f"EPSG:{frame.crs.to_epsg()}" if frame.georeferenced else LOCAL_CRS


def frame_origin(frame: GeoFrame) -> tuple[float, float]:
    """(easting, northing) of x = y = 0 in `frame_crs` [m]."""
    return frame.origin_projected if frame.georeferenced else (0.0, 0.0)


@dataclass(frozen=True)
class Band:
    """One band of a GeoTIFF."""

    name: str
    """What it shows."""
    unit: str
    values: Shaped[np.ndarray, "y x"]
    """y ascending; NaN where missing."""


def write_geotiff(
    bands: Sequence[Band], frame: GeoFrame, size: float, tags: Mapping[str, str], path: Path
) -> None:
    """Writes bands over one square about the frame's origin: north up, float32, missing is NaN.

    Args:
        bands: all of one shape.
        frame: where the square lies; without a georeference the file has `LOCAL_CRS`.
        size: side of the square [m].
        tags: what the file says of itself.
        path: name of the file.

    Raises:
        StorageFullError: the disk filled up.
    """
    from rasterio.transform import from_origin

    easting, northing = frame_origin(frame)
    height, width = bands[0].values.shape
    transform = from_origin(easting - size / 2, northing + size / 2, size / width, size / height)
    write_bands(bands, frame_crs(frame), transform, tags, path)


def write_bands(bands: Sequence[Band], crs: str, transform: Any, tags: Mapping[str, str], path: Path) -> None:
    """Writes bands over any grid: north up, float32, missing is NaN.

    Args:
        bands: all of one shape.
        crs: of the grid, such as EPSG:4326.
        transform: from columns and rows, counted from the north-west corner, to the CRS (rasterio's `Affine`).
        tags: what the file says of itself.
        path: name of the file.

    Raises:
        StorageFullError: the disk filled up.
    """
    import rasterio

    height, width = bands[0].values.shape
    profile = {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": len(bands),
        "dtype": "float32",
        "crs": crs,
        "transform": transform,
        "nodata": float("nan"),
        "compress": "deflate",
    }
    with written_whole(path) as aside, rasterio.open(aside, "w", **profile) as file:
        file.update_tags(**tags)
        for number, band in enumerate(bands, 1):
            # Rasters count rows from the north, raylocus from the south.
            file.write(band.values[::-1].astype(np.float32), number)
            file.set_band_description(number, band.name)
            file.set_band_unit(number, band.unit)
