"""Layers of R for other tools: azimuths in compass degrees, one GeoTIFF a layer."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from raylocus.errors import InputError
from raylocus.geo import compass_from_azimuth
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.scenes.export import Band, write_geotiff
from raylocus.scenes.sites import Deployment

#: Layers that hold an azimuth [rad], counter-clockwise from east.
AZIMUTH_LAYERS = ("aoa_azimuth", "aod_azimuth")


def with_compass(layer: xr.DataArray) -> xr.DataArray:
    """The layer with azimuths in degrees clockwise from (grid) north; other layers as they are."""
    if layer.name not in AZIMUTH_LAYERS:
        return layer
    degrees, known = np.full(layer.shape, np.nan, np.float32), np.isfinite(layer.values)
    degrees[known] = [compass_from_azimuth(float(azimuth)) for azimuth in layer.values[known]]
    return layer.copy(data=degrees).assign_attrs(units="degree clockwise from north")


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
    over = [str(axis) for axis in layer.dims if axis not in ("y", "x")]
    names = list(_band_names(over, [layer.sizes[axis] for axis in over], place.deployment))
    values = layer.values.reshape(len(names), *layer.shape[-2:])
    tags = {
        "layer": str(layer.name),
        "meaning": layer.attrs.get("long_name", ""),
        "place": place.name,
        "attribution": place.attribution,
        "provenance": place.radio_maps.attrs.get("provenance", ""),
    }
    bands = [Band(name, layer.attrs["units"], each) for name, each in zip(names, values, strict=True)]
    write_geotiff(bands, place.frame, place.tile.size, tags, path)


def _band_names(over: list[str], sizes: list[int], deployment: Deployment) -> Iterator[str]:
    for index in itertools.product(*map(range, sizes)):
        words = [f"{axis} {value}" for axis, value in zip(over, index, strict=True)]
        if over and over[0] == "cell":
            words[0] += f" (PCI {deployment.cells[index[0]].pci})"
        yield ", ".join(words) or "whole network"
