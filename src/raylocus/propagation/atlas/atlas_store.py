"""atlas.zarr: what all sites share, and one part a site, so that no reader needs them all at once.

The store is a zarr group of groups: `scene` (materials, edges) and `site-0`, `site-1`, … (paths sorted
by ground cell). Parts are written one by one into a folder of their own, which becomes the store when
the last is whole: a killed trace goes on where it stood, and no part is copied.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr
import zarr
from jaxtyping import Int

from raylocus.errors import StoreError
from raylocus.geo import Grid
from raylocus.propagation.atlas.atlas import COLUMNS, WEDGE_COLUMNS, GridRows, PathAtlas, concatenate, reorder
from raylocus.propagation.geometry.surfaces import Wedges
from raylocus.propagation.materials.materials import RadioMaterials
from raylocus.provenance import Provenance
from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.storage import check_whole, publish_store, readable, schema_fault
from raylocus.xarray_store import load_dataset, open_dataset, save_dataset

#: Version of atlas.zarr.
ATLAS_SCHEMA = "raylocus.atlas.v6"
#: Versions of the parts.
_SITE_SCHEMA, _SCENE_SCHEMA = f"{ATLAS_SCHEMA}.site", f"{ATLAS_SCHEMA}.scene"
#: Paths of one chunk: what is read for a few ground cells, about a megabyte of the widest column.
CHUNK = 1 << 15


def site_part(folder: Path, site: int) -> Path:
    """Where the paths of a site are."""
    return folder / f"site-{site}"


def save_site(atlas: PathAtlas, folder: Path, site: int) -> None:
    """Writes one site's paths into a folder of parts.

    Raises:
        StorageFullError: the disk filled up.
    """
    _save_scene(atlas, folder / "scene")
    variables = {}
    for name, (dimensions, units) in COLUMNS.items():
        values = getattr(atlas, name)
        variable = xr.Variable(dimensions, values, {"units": units})
        variable.encoding["chunks"] = (max(min(CHUNK, len(values)), 1), *values.shape[1:])
        variables[name] = variable
    save_dataset(xr.Dataset(variables), site_part(folder, site), _SITE_SCHEMA)


def _save_scene(atlas: PathAtlas, path: Path) -> None:
    if path.exists():
        return
    try:
        save_dataset(_scene_dataset(atlas), path, _SCENE_SCHEMA)
    except OSError:
        # Whoever traces another site of the place at the same time has written the same.
        if not path.exists():
            raise


def finish_atlas(folder: Path, path: Path, sites: int, provenance: Provenance) -> None:
    """Makes a folder that holds the part of every site the store at `path`."""
    attributes = {"schema": ATLAS_SCHEMA, "sites": sites, "provenance": provenance.to_json()}
    # A trace that was killed right here has left one.
    (folder / "zarr.json").unlink(missing_ok=True)
    zarr.create_group(folder, attributes=attributes)
    publish_store(folder, path)


def save_atlas(atlas: PathAtlas, path: Path, provenance: Provenance) -> None:
    """Writes atlas.zarr of an atlas in memory.

    Raises:
        StorageFullError: the disk filled up.
    """
    folder, sites = path.with_name(f".{path.name}.parts"), int(atlas.site.max(initial=-1)) + 1
    shutil.rmtree(folder, ignore_errors=True)
    for site in range(sites):
        save_site(reorder(atlas, np.flatnonzero(atlas.site == site)), folder, site)
    finish_atlas(folder, path, sites, provenance)


@dataclass(frozen=True)
class StoredAtlas:
    """An atlas on disk, of which rows of the tile can be read."""

    path: Path
    sites: int
    provenance: str
    """See `Provenance.to_json`."""

    @classmethod
    def open(cls, path: Path) -> StoredAtlas:
        """Opens atlas.zarr.

        Raises:
            StoreError: the store is absent, truncated or of another schema.
        """
        check_whole(path)
        with readable(path):
            attributes = dict(zarr.open_group(path, mode="r").attrs)
        fault = schema_fault(attributes.get("schema"), ATLAS_SCHEMA)
        if fault is not None:
            raise StoreError(f"{path} {fault[0]}; {fault[1]}")
        with readable(path):
            return cls(path, int(str(attributes["sites"])), str(attributes["provenance"]))

    def ground_cells(self, site: int) -> Int[np.ndarray, " path"]:
        """Ground cell of every path of a site, ascending."""
        with readable(self.path):
            cells: Int[np.ndarray, " path"] = self._parts[site]["ground_cell"].values
        return cells

    def rows(self, rows: GridRows) -> PathAtlas:
        """The paths of all sites to the ground cells of some rows, sorted by site, then ground cell."""
        bounds = [rows.first, rows.first + rows.count]
        return self._joined(
            [slice(*np.searchsorted(self.ground_cells(site), bounds)) for site in range(self.sites)]
        )

    def whole(self) -> PathAtlas:
        """Every path."""
        return self._joined([slice(None)] * self.sites)

    @cached_property
    def _parts(self) -> list[xr.Dataset]:
        """The paths of each site, opened once: R is made in pieces, and each asks all of them."""
        return [open_dataset(site_part(self.path, site), _SITE_SCHEMA) for site in range(self.sites)]

    def _joined(self, of_site: list[slice]) -> PathAtlas:
        with readable(self.path):
            grid, materials, wedges, buildings, ue_height = _read_scene(self.path)
            atlases = []
            for site, paths in enumerate(of_site):
                part = self._parts[site].isel(path=paths).load()
                columns = {name: part[name].values for name in COLUMNS}
                atlas = PathAtlas(
                    grid, materials, **columns, wedges=wedges, buildings=buildings, ue_height=ue_height
                )
                _check(atlas, part, self.path)
                atlases.append(atlas)
            return concatenate(atlases)


def _check(atlas: PathAtlas, part: xr.Dataset, path: Path) -> None:
    """Refuses columns that are over other dimensions, no numbers, or lead out of their tables, with StoreError."""
    for name, (dimensions, _) in COLUMNS.items():
        if part[name].dims != dimensions or part[name].dtype.kind not in "fiub":
            raise StoreError(
                f"{path} has {name} as {part[name].dtype} over {part[name].dims}; build it again"
            )
    lengths = {
        "ground_cell": atlas.grid.count**2,
        "wedge": len(atlas.wedges.length),
        "material": len(MATERIALS),
        "building": len(atlas.buildings),
    }
    for name, length in lengths.items():
        index = getattr(atlas, name)
        if index.size and not -1 <= index.min() <= index.max() < length:
            raise StoreError(f"{path} has a {name} out of 0 to {length - 1}; build it again")


def load_atlas(path: Path) -> PathAtlas:
    """Reads atlas.zarr into memory.

    Raises:
        StoreError: the store is absent, truncated or of another schema.
    """
    return StoredAtlas.open(path).whole()


def _scene_dataset(atlas: PathAtlas) -> xr.Dataset:
    variables = {
        f"wedge_{name}": (dimensions, getattr(atlas.wedges, name), {"units": units})
        for name, (dimensions, units) in WEDGE_COLUMNS.items()
    }
    variables["building_key"] = (("building",), atlas.buildings, {"units": "1"})
    variables["permittivity"] = (("class",), atlas.materials.permittivity, {"units": "1"})
    variables["conductivity"] = (("class",), atlas.materials.conductivity, {"units": "S/m"})
    thickness = np.broadcast_to(np.asarray(atlas.materials.thickness, float), len(MATERIALS))
    variables["thickness"] = (("class",), thickness, {"units": "m"})
    attributes = {
        "tile_size": atlas.grid.size,
        "resolution": atlas.grid.resolution,
        "frequency": atlas.materials.frequency,
        "ue_height": atlas.ue_height,
        "scattering": atlas.materials.scattering,
        "material_substitutions": list(atlas.materials.substitutions),
    }
    return xr.Dataset(variables, attrs=attributes)


def _read_scene(path: Path) -> tuple[Grid, RadioMaterials, Wedges, Int[np.ndarray, " building"], float]:
    """What the paths of all sites have in common; the last is the UE's height [m]."""
    stored = load_dataset(path / "scene", _SCENE_SCHEMA)
    attributes = stored.attrs
    materials = RadioMaterials(
        attributes["frequency"],
        stored.permittivity.values,
        stored.conductivity.values,
        stored.thickness.values,
        tuple(attributes["material_substitutions"]),
        attributes["scattering"],
    )
    wedges = Wedges(**{name: stored[f"wedge_{name}"].values for name in WEDGE_COLUMNS})
    grid = Grid(attributes["tile_size"], attributes["resolution"])
    return grid, materials, wedges, stored.building_key.values, float(attributes["ue_height"])
