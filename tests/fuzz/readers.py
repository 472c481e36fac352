"""Every reader of foreign files: its seed, what breaks it, and the command that reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow
import torch
from pyarrow import parquet

from fuzz import seeds
from fuzz.mutations import (
    Generator,
    Mutation,
    bytes_changed,
    file_removed,
    in_folder,
    json_changed,
    lines_changed,
    listed_again,
    value_changed,
    words_changed,
)
from raylocus.cli.main import DONE, main
from raylocus.datasets.store import open_report_dataset
from raylocus.propagation.atlas.atlas_store import load_atlas

#: Reads an input, with the whole inputs next to it, to an output; the exit code.
Read = Callable[[Path, Path, Path], int]


@dataclass(frozen=True)
class Reader:
    """One kind of input."""

    name: str
    seed: Callable[[Path], Path]
    """Makes a whole input in a folder."""
    read: Read
    mutations: tuple[Mutation, ...]
    """Chosen from evenly."""
    output: str = "out"
    """Name of what is written."""
    others: tuple[Callable[[Path], Path], ...] = ()
    """Makers of the whole inputs that the command needs in addition."""


def table_changed(path: Path, generator: Generator) -> None:
    """A Parquet file whose columns are of another type, constant, empty, missing or out of range."""
    table = parquet.read_table(path)
    index = int(generator.integers(table.num_columns))
    name, values = table.column_names[index], table.column(index).to_pylist()
    kind = int(generator.integers(8))
    row = int(generator.integers(max(len(values), 1)))
    if kind == 0:
        table = table.drop_columns([name])
    elif kind == 1:
        table = table.slice(row, int(generator.integers(len(values) + 1)))
    elif kind == 2:
        table = table.replace_schema_metadata(_metadata(table, generator))
    elif kind == 3:
        table = table.rename_columns([f"{each}x" if each == name else each for each in table.column_names])
    elif kind == 4:
        table = table.take(generator.permutation(table.num_rows))
    else:
        table = table.set_column(index, name, _column(values, row, kind, generator))
    parquet.write_table(table, path)


def _metadata(table: pyarrow.Table, generator: Generator) -> dict[bytes, bytes]:
    kept = dict(table.schema.metadata or {})
    if not kept:
        return {}
    key = list(kept)[int(generator.integers(len(kept)))]
    content = bytearray(kept[key])
    if generator.random() < 0.3 or not content:
        return {name: value for name, value in kept.items() if name != key}
    content[int(generator.integers(len(content)))] = int(generator.integers(32, 127))
    return {**kept, key: bytes(content)}


def _column(values: list[object], row: int, kind: int, generator: Generator) -> pyarrow.Array:
    if kind == 5:
        return pyarrow.array([str(each) for each in values])
    if kind == 6:
        return pyarrow.nulls(len(values))
    changed = [None if isinstance(each, bool) else each for each in values]
    changed[row] = None
    if all(isinstance(each, int | float | None) for each in values) and generator.random() < 0.7:
        extreme = (np.nan, np.inf, -1.0, 1e300, 2.0**63)[int(generator.integers(5))]
        changed = [None if each is None else float(each) for each in values]
        changed[row] = extreme
    return pyarrow.array(changed)


def matrix_changed(path: Path, generator: Generator) -> None:
    """A compressed numpy file whose array is of another shape, type or content."""
    with np.load(path) as archive:
        ((name, values),) = archive.items()
    kind = int(generator.integers(7))
    if kind == 0:
        values = values.ravel()
    elif kind == 1:
        values = values[..., :0]
    elif kind == 2:
        values = np.full_like(values, (np.nan, np.inf, -1e30, 0)[int(generator.integers(4))])
    elif kind == 3:
        values = values.astype(object)
    elif kind == 4:
        values = values.astype("U8")
    elif kind == 5:
        values = np.concatenate([values, values], axis=int(generator.integers(values.ndim)))
    else:
        name = f"{name}x"
    np.savez_compressed(path, **{name: values})


def state_changed(path: Path, generator: Generator) -> None:
    """A checkpoint with other values, shapes or types."""
    content = torch.load(path, weights_only=True)
    part = content["raylocus"]
    weights = part["weights"]
    key = list(weights)[int(generator.integers(len(weights)))]
    kind = int(generator.integers(6))
    if kind == 0:
        weights[key] = weights[key].flatten()[:1]
    elif kind == 1:
        weights[key] = torch.full_like(weights[key], float("nan") if weights[key].is_floating_point() else 1)
    elif kind == 2:
        weights[key] = value_changed(0, generator)
    else:
        name = ("network", "calibration", "provenance", "schema")[int(generator.integers(4))]
        part[name] = value_changed(part[name], generator)
    torch.save(content, path)


def _build(path: Path, out: Path, others: Path, sites: bool = False) -> int:
    source = others / "village.osm" if sites else path / "buildings.shp" if path.is_dir() else path
    words = ["scene", "build", str(source), "--out", str(out), "--tile", "0,0"]
    given = ["--sites", str(path)] if sites else ["--layout", "micro"]
    return main([*words, "--scene.tile_size", "128", "--scene.resolution", "8", "--seed", "1", *given])


def _import(path: Path, out: Path, others: Path) -> int:
    return main(["dataset", "import", str(path), "--out", str(out)])


def _locate(path: Path, out: Path, others: Path, mutated: str) -> int:
    whole = {"reports": "reports.zarr", "place": "place", "model": "locator.ckpt"}
    given = {name: str(path if name == mutated else others / file) for name, file in whole.items()}
    words = ["locate", given["reports"], "--place", given["place"], "--model", given["model"]]
    return main([*words, "--out", str(out)])


def _atlas(path: Path, out: Path, others: Path) -> int:
    load_atlas(path)
    return DONE


def _dataset(path: Path, out: Path, others: Path) -> int:
    found = open_report_dataset(path)
    _ = found.reports, found.place(0).geometry_maps, found.place(0).radio_maps
    return DONE


TEXT = (bytes_changed, words_changed, lines_changed)
STORE = (
    in_folder(bytes_changed),
    listed_again(in_folder(bytes_changed)),
    listed_again(in_folder(json_changed, "*.json")),
    listed_again(in_folder(json_changed, "zarr.json")),
    file_removed,
    listed_again(file_removed),
)
READERS = (
    Reader("osm xml", seeds.osm_xml, _build, TEXT),
    Reader("osm pbf", seeds.osm_pbf, _build, (bytes_changed,)),
    Reader("overpass json", seeds.overpass_json, _build, (*TEXT, json_changed)),
    Reader("geojson", seeds.geojson, _build, (*TEXT, json_changed)),
    Reader("shapefile", seeds.shapefile, _build, (in_folder(bytes_changed), file_removed)),
    Reader("geoparquet", seeds.geoparquet, _build, (bytes_changed, table_changed)),
    Reader("site csv", seeds.sites_csv, partial(_build, sites=True), TEXT, others=(seeds.osm_xml,)),
    Reader("reports table", seeds.reports_table, _import, (bytes_changed, table_changed, table_changed), "out.zarr"),
    Reader(
        "deepmimo",
        seeds.scenario,
        _import,
        (
            in_folder(bytes_changed),
            in_folder(matrix_changed, "*.npz"),
            in_folder(json_changed, "*.json"),
            file_removed,
        ),
        "out.zarr",
    ),
    Reader(
        "reports store", seeds.reports_store, partial(_locate, mutated="reports"), STORE, "fixes.json",
        (seeds.place, seeds.checkpoint),
    ),
    Reader(
        "place", seeds.place, partial(_locate, mutated="place"), (*STORE, in_folder(json_changed, "place.json")),
        "fixes.json", (seeds.reports_store, seeds.checkpoint),
    ),
    Reader("atlas", seeds.atlas, _atlas, STORE),
    Reader("dataset", seeds.dataset, _dataset, STORE),
    Reader(
        "checkpoint", seeds.checkpoint, partial(_locate, mutated="model"), (bytes_changed, state_changed),
        "fixes.json", (seeds.reports_store, seeds.place),
    ),
)  # fmt: skip
