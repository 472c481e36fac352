"""Places inside a dataset: G, R and the sites, once each, so that a dataset can be trained on anywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.abc.buffer import Buffer
from zarr.buffer import default_buffer_prototype
from zarr.storage import MemoryStore

from raylocus.datasets.columns import Encoding, compressor
from raylocus.datasets.folders import Folder
from raylocus.errors import RaylocusError
from raylocus.json_text import parse_json
from raylocus.scenes.place import Place, place_of_record, place_record
from raylocus.storage import MANIFEST, parse_manifest
from raylocus.xarray_store import write_arrays

#: Step that layers are stored in, by their unit: far below what a report can resolve.
LAYER_STEPS = {"dB": 0.01, "dBm": 0.01, "rad": 1e-4, "s": 1e-11, "m": 0.01, "Hz s/m": 1e-3, "1": 1e-4}
_GEOMETRY, _RADIO = "geometry", "radio"


@dataclass(frozen=True, kw_only=True)
class StoredPlace(Place):
    """A place as a dataset holds it: what place.json said, and maps that are read when first asked for.

    Its folder is that of its group in the store, such as places/munich-0.
    """

    store: Folder

    @cached_property
    def geometry_maps(self) -> xr.Dataset:
        """G, see `scenes.geometry_maps`."""
        return _read_maps(self.store, f"{self.folder}/{_GEOMETRY}")

    @cached_property
    def radio_maps(self) -> xr.Dataset:
        """R, see `propagation.maps.radio_maps.LAYERS`."""
        return _read_maps(self.store, f"{self.folder}/{_RADIO}")


def group_names(folders: Sequence[Path]) -> list[str]:
    """The group of each place: its folder's name, and its number where two folders have the same name."""
    names = [folder.name for folder in folders]
    return [
        f"places/{name}" if names.count(name) == 1 else f"places/{name}.{index}"
        for index, name in enumerate(names)
    ]


def write_stored_place(place: Place, radio_maps: xr.Dataset, folder: Path, group: str) -> None:
    """Writes a place's maps and its record into a dataset's folder."""
    _write_maps(place.geometry_maps, folder, f"{group}/{_GEOMETRY}")
    _write_maps(radio_maps, folder, f"{group}/{_RADIO}")
    attributes = {"place": json.dumps(place_record(place), sort_keys=True), "attribution": place.attribution}
    zarr.open_group(folder, path=group, mode="a").attrs.update(attributes)


def stored_place(store: Folder, group: str, attributes: dict[str, Any]) -> StoredPlace:
    """The place of a group, by its attributes.

    Raises:
        PlaceError: it is of another schema version.
    """
    try:
        record = parse_json(attributes["place"])
    except (KeyError, TypeError, ValueError) as error:
        raise store.unreadable(error) from error
    return StoredPlace(store=store, **vars(place_of_record(record, Path(group))))


def _write_maps(maps: xr.Dataset, folder: Path, group: str) -> None:
    encodings = {str(name): _layer_encoding(layer) for name, layer in maps.data_vars.items()}
    encoded = {
        name: (maps[name].dims, each.encode(maps[name].values), maps[name].attrs | each.attributes)
        for name, each in encodings.items()
    }
    stored = xr.Dataset(encoded, coords=maps.coords, attrs=maps.attrs)
    chunks = {name: {"compressors": (compressor(),)} | _chunks(maps[name]) for name in encodings}
    # What all groups hold is consolidated once, when the dataset is whole.
    write_arrays(stored, folder / group, consolidated=False, encoding=chunks)


def _chunks(layer: xr.DataArray) -> dict[str, Any]:
    """One chunk a map, all maps of a layer in one shard."""
    if layer.ndim < 2:
        return {}
    return {"chunks": (*(1,) * (layer.ndim - 2), *layer.shape[-2:]), "shards": layer.shape}


def _layer_encoding(layer: xr.DataArray) -> Encoding:
    """Codes of the unit's step where all values fit into 16 or 32 bits; whole numbers as such; else as it is."""
    values = layer.values
    if not np.issubdtype(values.dtype, np.floating):
        return Encoding(str(values.dtype))
    known = values[~np.isnan(values)].astype(np.float64)
    step = LAYER_STEPS.get(str(layer.attrs.get("units", "")))
    if known.size and np.isfinite(known).all() and np.all(known == np.rint(known)):
        step = 1.0
    if step is None or not np.isfinite(known).all():
        return Encoding(str(values.dtype))
    largest = float(np.abs(known).max() / step) if known.size else 0.0
    for dtype, missing in (("int16", -(2**15)), ("int32", -(2**31))):
        if largest < -missing - 1:
            error = np.abs(np.rint(known / step) * step - known).max() if known.size else 0.0
            return Encoding(dtype, step, 0.0, missing, float(error))
    return Encoding(str(values.dtype))


def _read_maps(store: Folder, group: str) -> xr.Dataset:
    """The maps of a group. Raises StoreError where they cannot be read."""
    try:
        maps = xr.open_zarr(MemoryStore(_files_of(store, group)), chunks=None, consolidated=False).load()
    except RaylocusError:
        raise
    except Exception as error:  # each codec has its own
        raise store.unreadable(error) from error
    # Codes are decoded to float64; maps are float32 everywhere else.
    narrow = {
        name: maps[name].astype(np.float32) for name in maps.data_vars if maps[name].dtype == np.float64
    }
    return maps.assign(narrow)


def _files_of(store: Folder, group: str) -> dict[str, Buffer]:
    """All files of a group, by their names in it.

    zarr would read what is consolidated, of all places, once for each, and every map of a shard through a thread or a
    request of its own.
    """
    listed = parse_manifest((store.read(MANIFEST) or b"").decode())
    names = [name.removeprefix(f"{group}/") for name in listed if name.startswith(f"{group}/")]
    buffer = default_buffer_prototype().buffer
    return {name: buffer.from_bytes(store.read(f"{group}/{name}") or b"") for name in names}
