"""xarray datasets as whole zarr v3 stores of a named schema."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xarray as xr
import zarr
from zarr.abc.buffer import Buffer
from zarr.storage import MemoryStore

from raylocus.errors import StoreError
from raylocus.storage import check_whole, readable, schema_fault, write_manifest, written_whole


@contextmanager
def consolidating() -> Generator[None, None, None]:
    """Without the warning that consolidated metadata is not yet in zarr's specification; zarr and xarray read it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Consolidated metadata")
        yield


def save_dataset(dataset: xr.Dataset, path: Path, schema: str) -> None:
    """Writes an xarray dataset as a whole zarr v3 store of a named schema.

    Raises:
        StorageFullError: the disk filled up.
    """
    with written_whole(path) as aside:
        write_arrays(dataset.assign_attrs(schema=schema), aside, consolidated=True)
        write_manifest(aside)


def write_arrays(dataset: xr.Dataset, folder: Path, **options: Any) -> None:
    """Writes an xarray dataset as a zarr v3 group, which is packed in memory.

    Args:
        dataset: what to write.
        folder: the group's, new or empty.
        options: of `xarray.Dataset.to_zarr`.
    """
    # zarr writes a file at a time through a thread each, which costs more than packing small arrays does.
    files: dict[str, Buffer] = {}
    with consolidating():
        dataset.to_zarr(MemoryStore(files), mode="w", zarr_format=3, **options)
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.to_bytes())


def save_dataset_by_rows(pieces: Iterable[xr.Dataset], path: Path, schema: str, chunk: int) -> None:
    """Writes consecutive pieces along y as one store, with the same bytes however they are cut.

    Args:
        pieces: datasets of the same variables and attributes, from the south.
        path: name of the store.
        schema: goes into its attributes.
        chunk: rows of one chunk.

    Raises:
        StorageFullError: the disk filled up.
    """
    rows = _by_chunks(pieces, chunk)
    with written_whole(path) as aside:
        first = next(rows).assign_attrs(schema=schema)
        write_arrays(first, aside, consolidated=True, encoding=_chunks_of_rows(first, chunk))
        grown = False
        for piece in rows:
            piece.assign_attrs(schema=schema).to_zarr(
                aside, mode="a", append_dim="y", zarr_format=3, consolidated=False
            )
            grown = True
        if grown:
            with consolidating():
                zarr.consolidate_metadata(aside)
        write_manifest(aside)


def _by_chunks(pieces: Iterable[xr.Dataset], chunk: int) -> Iterator[xr.Dataset]:
    """The pieces, small ones joined until they fill a chunk: for each that is appended zarr opens all arrays again."""
    waiting: list[xr.Dataset] = []
    for piece in pieces:
        waiting.append(piece)
        if sum(each.sizes["y"] for each in waiting) >= chunk:
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)


def _joined(pieces: list[xr.Dataset]) -> xr.Dataset:
    """Consecutive pieces as one."""
    return xr.concat(pieces, "y", data_vars="minimal", coords="minimal", compat="override", join="exact")


def _chunks_of_rows(piece: xr.Dataset, chunk: int) -> dict[Any, dict[str, Any]]:
    return {
        name: {"chunks": tuple(chunk if axis == "y" else size for axis, size in variable.sizes.items())}
        for name, variable in piece.variables.items()
        if "y" in variable.dims
    }


def load_dataset(path: Path, schema: str) -> xr.Dataset:
    """Reads a store that `save_dataset` wrote into memory.

    Raises:
        StoreError: the store is absent, truncated, unreadable, or of another schema.
    """
    with readable(path):
        return open_dataset(path, schema).load()


def open_dataset(path: Path, schema: str) -> xr.Dataset:
    """Opens a store that `save_dataset` wrote, lazily.

    Raises:
        StoreError: the store is absent, truncated, unreadable, or of another schema.
    """
    check_whole(path)
    try:
        dataset = xr.open_zarr(path, consolidated=True, chunks=None)
    except Exception as error:  # zarr and xarray raise many kinds for a broken store
        raise StoreError(
            f"{path} is not a readable zarr store ({type(error).__name__}); build it again"
        ) from error
    fault = schema_fault(dataset.attrs.get("schema"), schema)
    if fault is not None:
        raise StoreError(f"{path} {fault[0]}; {fault[1]}")
    return dataset
