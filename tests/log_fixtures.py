"""A small georeferenced place on flat ground, and logs made in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from raylocus.geo import GeoFrame, Grid
from raylocus.provenance import Provenance
from raylocus.scenes.geometry_maps import GEOMETRY_SCHEMA
from raylocus.scenes.place import Place, load_place, save_place
from raylocus.scenes.sites import Carrier, Cell, Deployment, Site
from raylocus.xarray_store import save_dataset

#: Height of the flat ground [m].
GROUND = 12.0
#: LTE at 806 MHz (EARFCN 6300, band 20: 791 + 0.1 · (6300 − 6150) MHz), 10 MHz wide.
LTE = Carrier(806e6, 0, 50, "LTE")
#: NR at 3500.01 MHz (NR-ARFCN 633334: 3000 + 0.015 · (633334 − 600000) MHz), 40 MHz wide.
NR = Carrier(3500.01e6, 1, 106)


def flat_place(
    folder: Path,
    cells: Sequence[tuple[str, float, float, int]],
    carrier: Carrier = LTE,
    frame: GeoFrame = GeoFrame(59.92, 10.74),
    size: float = 1024.0,
) -> Place:
    """A place of cells given as (site's name, x, y, PCI); cells of one name share a site."""
    names = list(dict.fromkeys(name for name, *_ in cells))
    where = {name: (x, y, GROUND + 25.0) for name, x, y, _ in reversed(cells)}
    deployment = Deployment(
        (carrier,),
        tuple(Site(name, where[name]) for name in names),
        tuple(Cell(pci, names.index(name), 0.0, 0.1) for name, _, _, pci in cells),
    )
    tile = Grid(size, 32.0)
    folder.mkdir(parents=True, exist_ok=True)
    flat = (("y", "x"), np.full(tile.shape, GROUND, np.float32), {"units": "m"})
    zero = (("y", "x"), np.zeros(tile.shape, np.float32), {"units": "m"})
    axes = {"y": tile.y_coordinates, "x": tile.x_coordinates}
    maps = xr.Dataset({"terrain": flat, "surface": flat, "height": zero}, coords=axes)
    save_dataset(maps, folder / "geometry.zarr", GEOMETRY_SCHEMA)
    save_place(Place(folder, folder.name, frame, tile, deployment, Provenance.collect({})))
    return load_place(folder)
