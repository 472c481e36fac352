"""Layers of R as GeoTIFF files that open at the right place."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from raylocus.errors import InputError
from raylocus.geo import GeoFrame
from raylocus.propagation.maps.layers.compass import with_compass
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.scenes.sites import Deployment
from raylocus.storage import written_whole

#: Engineering CRS (WKT 1, as GeoTIFF has it) of a place that is not georeferenced.
LOCAL_CRS = 'LOCAL_CS["local east-north frame",UNIT["metre",1],AXIS["Easting",EAST],AXIS["Northing",NORTH]]'


def frame_crs(frame: GeoFrame) -> str:
    """The CRS that a place's maps lie in: `EPSG:` and its UTM zone's code, or `LOCAL_CRS`."""
    return f"EPSG:{frame.crs.to_epsg()}" if frame.georeferenced else LOCAL_CRS


def frame_origin(frame: GeoFrame) -> tuple[float, float]:
    """(easting, northing) of x = y = 0 in `frame_crs` [m]."""
    return frame.origin_projected if frame.georeferenced else (0.0, 0.0)


def export_geotiff(place: TracedPlace, folder: Path, names: Sequence[str] = ()) -> list[Path]:
    """Writes one GeoTIFF a layer, `NAME.tif`, with a band for every site, cell, beam or stream.

    North is up, missing is NaN, azimuths are compass degrees; each band says what it is of.

    Args:
        place: a traced place.
        folder: where the files go; files of the same name are replaced.
        names: layers of R; all of them where left out.

    Returns:
        The files.

    Raises:
        InputError: there is no such layer.
        StorageFullError: the disk filled up.
    """
    maps = place.radio_maps
    unknown = [name for name in names if name not in maps.data_vars]
    if unknown:
        known = ", ".join(map(str, maps.data_vars))
        raise InputError(f"there is no layer {unknown[0]!r}; {place.folder} has {known}")
    files = []
    for name in names or [str(name) for name in maps.data_vars]:
        files.append(folder / f"{name}.tif")
        _write(place, with_compass(maps[name]), files[-1])
    return files


def _write(place: TracedPlace, layer: xr.DataArray, path: Path) -> None:
    import rasterio
    from rasterio.transform import from_origin

    easting, northing = frame_origin(place.frame)
    half, step = place.tile.size / 2, place.tile.size / layer.sizes["x"]
    over = [str(axis) for axis in layer.dims if axis not in ("y", "x")]
    names = list(_band_names(over, [layer.sizes[axis] for axis in over], place.deployment))
    # Rasters count rows from the north, raylocus from the south.
    bands = layer.values.reshape(len(names), *layer.shape[-2:])[:, ::-1]
    profile = {
        "driver": "GTiff",
        "width": layer.sizes["x"],
        "height": layer.sizes["y"],
        "count": len(names),
        "dtype": "float32",
        "crs": frame_crs(place.frame),
        "transform": from_origin(easting - half, northing + half, step, step),
        "nodata": float("nan"),
        "compress": "deflate",
    }
    with written_whole(path) as aside, rasterio.open(aside, "w", **profile) as file:
        file.write(bands.astype(np.float32))
        file.update_tags(layer=layer.name, meaning=layer.attrs.get("long_name", ""), place=place.name)
        file.update_tags(
            attribution=place.attribution, provenance=place.radio_maps.attrs.get("provenance", "")
        )
        for band, name in enumerate(names, 1):
            file.set_band_description(band, name)
            file.set_band_unit(band, layer.attrs["units"])


def _band_names(over: list[str], sizes: list[int], deployment: Deployment) -> Iterator[str]:
    for index in itertools.product(*map(range, sizes)):
        words = [f"{axis} {value}" for axis, value in zip(over, index, strict=True)]
        if over and over[0] == "cell":
            words[0] += f" (PCI {deployment.cells[index[0]].pci})"
        yield ", ".join(words) or "whole network"
