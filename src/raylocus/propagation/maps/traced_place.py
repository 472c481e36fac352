"""A place together with what was traced of it, opened lazily and without Sionna."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import xarray as xr

from raylocus.propagation.atlas.atlas import PathAtlas
from raylocus.propagation.atlas.atlas_store import load_atlas
from raylocus.propagation.maps.radio_maps import RADIO_SCHEMA
from raylocus.scenes.place import Place, load_place
from raylocus.scenes.place_checks import check_maps
from raylocus.xarray_store import load_dataset


@dataclass(frozen=True)
class TracedPlace(Place):
    """A place whose path atlas and radio maps can be read."""

    @property
    def atlas_file(self) -> Path:
        """Where the path atlas is."""
        return self.folder / "atlas.zarr"

    @property
    def radio_file(self) -> Path:
        """Where R is."""
        return self.folder / "radio.zarr"

    @cached_property
    def atlas(self) -> PathAtlas:
        """The path atlas. Raises StoreError where it is missing or broken."""
        return load_atlas(self.atlas_file)

    @cached_property
    def radio_maps(self) -> xr.Dataset:
        """R, see `propagation.maps.radio_maps.LAYERS`. Raises StoreError where it is missing or broken."""
        maps = load_dataset(self.radio_file, RADIO_SCHEMA)
        sizes = {"site": len(self.deployment.sites), "cell": len(self.deployment.cells)}
        check_maps(maps, self.radio_file, self.tile, sizes, ())
        return maps


def open_place(folder: Path | str) -> TracedPlace:
    """Opens a place folder; maps are read when first asked for.

    Raises:
        PlaceError: there is no place in the folder, or it is of another schema version.
    """
    place = load_place(Path(folder))
    return TracedPlace(**{field.name: getattr(place, field.name) for field in fields(Place)})
