"""R as files: computed and written to its store in pieces of whole rows, so that its size costs no memory; as GeoTIFF.

Every layer at a ground cell follows from the paths to that ground cell, of whatever site.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from jaxtyping import Float, Shaped

from raylocus.errors import InputError
from raylocus.execution.side_by_side import side_by_side, worker_count
from raylocus.geo import Grid, compass_from_azimuth
from raylocus.propagation.atlas.atlas import GridRows, PathAtlas
from raylocus.propagation.atlas.atlas_store import StoredAtlas
from raylocus.propagation.maps.layers.complete import RadioMapConfiguration, complete_radio_maps
from raylocus.propagation.maps.radio_maps import RADIO_SCHEMA
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.maps.world_maps import joined_layers
from raylocus.propagation.rays.pieces import piece_length
from raylocus.propagation.search.far_sites import treatments_of
from raylocus.provenance import Provenance
from raylocus.scenes.geotiff import Band, frame_crs, frame_origin, write_geotiff
from raylocus.scenes.sites import Deployment
from raylocus.xarray_store import save_dataset_by_rows

#: What the layers take of memory: a path of the atlas with its fields and phases, and a ground cell of R [byte].
BYTES_PER_PATH, BYTES_PER_BEAM = 2500, 64
#: Rows of one chunk of radio.zarr, whatever the pieces.
CHUNK_ROWS = 64


def save_radio_maps(
    place: TracedPlace, configuration: RadioMapConfiguration, provenance: Provenance, budget: float
) -> None:
    """Writes radio.zarr of a place whose atlas is there.

    Args:
        place: a place with atlas.zarr.
        configuration: what R holds.
        provenance: goes into its attributes, with the CRS.
        budget: memory for a piece [GiB].

    Raises:
        MemoryBudgetError: a row does not fit into the budget.
        StorageFullError: the disk filled up.
    """
    layers = place.layers()
    atlases = [StoredAtlas.open(layer.atlas_file) for layer in layers]
    attributes = {
        "provenance": provenance.to_json(),
        "crs": frame_crs(place.frame),
        "crs_origin": list(frame_origin(place.frame)),
        "site_treatment": list(treatments_of(place)),
    }

    def piece(paths: tuple[GridRows, list[PathAtlas]]) -> xr.Dataset:
        rows, parts = paths
        found = [
            complete_radio_maps(part, layer.deployment, configuration, rows)
            for part, layer in zip(parts, layers, strict=True)
        ]
        return joined_layers(found, place.deployment).assign_attrs(attributes)

    counts = np.sum([paths_of_rows(atlas, place) for atlas in atlases], axis=0)
    sizes = bytes_of_rows(counts, place.deployment)
    parts = (
        (rows, [atlas.rows(rows) for atlas in atlases]) for rows in row_pieces(place.tile, sizes, budget)
    )
    save_dataset_by_rows(side_by_side(piece, parts), place.radio_file, RADIO_SCHEMA, CHUNK_ROWS)


def row_pieces(grid: Grid, sizes: Float[np.ndarray, " y"], budget: float) -> Iterator[GridRows]:
    """Pieces of a tile that fit into the budget, as many as there are processors or more, and equally large.

    Args:
        grid: the tile's grid.
        sizes: what each row takes [byte].
        budget: memory for the pieces that are worked on at once [GiB].

    Raises:
        MemoryBudgetError: a row does not fit into the budget.
    """
    fullest = float(sizes.max())
    room = min(
        fullest * piece_length(budget, fullest, "one row of the tile"), sizes.sum() / worker_count() + fullest
    )
    filled, start = np.append(0.0, np.cumsum(sizes)), 0
    while start < grid.count:
        stop = int(np.searchsorted(filled, filled[start] + room, side="right")) - 1
        yield GridRows(grid, start, max(stop, start + 1))
        start = max(stop, start + 1)


def bytes_of_rows(paths: Shaped[np.ndarray, " y"], deployment: Deployment) -> Float[np.ndarray, " y"]:
    """What the layers of the rows of a square tile take, from how many paths lead to each."""
    beams = len(deployment.cells) * deployment.beam_count
    return paths * float(BYTES_PER_PATH) + len(paths) * beams * BYTES_PER_BEAM


def paths_of_rows(atlas: StoredAtlas, place: TracedPlace) -> Float[np.ndarray, " y"]:
    """Number of paths of all sites to each row of the tile."""
    rows, columns = place.tile.shape
    paths = np.zeros(rows)
    for site in range(atlas.sites):
        paths += np.bincount(atlas.ground_cells(site) // columns, minlength=rows)
    return paths


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
