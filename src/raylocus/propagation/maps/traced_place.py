"""A place together with what was traced of it, opened lazily and without Sionna."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.propagation.atlas.atlas import PathAtlas
from raylocus.propagation.atlas.atlas_store import load_atlas
from raylocus.propagation.maps.radio_maps import RADIO_SCHEMA
from raylocus.scenes.place import Place, load_place
from raylocus.scenes.place_checks import check_maps
from raylocus.xarray_store import load_dataset

#: Name of the store that makes a place traced.
RADIO_STORE = "radio.zarr"


@dataclass(frozen=True)
class TracedPlace(Place):
    """A place whose path atlas and radio maps can be read."""

    whole: TracedPlace | None = None
    """The place of all carriers, where this is one of its layers."""
    cells: tuple[int, ...] = ()
    """Index in the whole of each of a layer's cells."""

    @property
    def atlas_files(self) -> tuple[Path, ...]:
        """Where the path atlas of each of the deployment's frequencies is."""
        frequencies = (self.whole or self).deployment.frequencies
        files = [self.folder / atlas_name(band) for band in range(len(frequencies))]
        return tuple(files[frequencies.index(each)] for each in self.deployment.frequencies)

    @property
    def atlas_file(self) -> Path:
        """Where the path atlas of the only carrier is.

        Raises:
            PlaceError: there are several; see `layers`.
        """
        return self.atlas_files[self.deployment.frequencies.index(self.deployment.carrier.frequency)]

    @property
    def traced(self) -> bool:
        """Whether it has its R."""
        return self.radio_file.exists()

    @property
    def radio_file(self) -> Path:
        """Where R is."""
        return self.folder / RADIO_STORE

    @cached_property
    def atlas(self) -> PathAtlas:
        """The path atlas. Raises StoreError where it is missing or broken."""
        return load_atlas(self.atlas_file)

    @cached_property
    def radio_maps(self) -> xr.Dataset:
        """R, see `propagation.maps.radio_maps.LAYERS`. Raises StoreError where it is missing or broken."""
        if self.whole is not None:
            return self.of_layer(self.whole.radio_maps)
        maps = load_dataset(self.radio_file, RADIO_SCHEMA)
        sizes = {"site": len(self.deployment.sites), "cell": len(self.deployment.cells)}
        check_maps(maps, self.radio_file, self.tile, sizes, ())
        return maps

    def levels_at(self, position: Float[np.ndarray, "2"]) -> Float[np.ndarray, " cell"]:
        """RSRP of each cell in the ground cell of a position [dBm]; NaN where R has none.

        Raises:
            StoreError: as `radio_maps`.
        """
        ground = int(self.tile.index(position)) if self.traced else -1
        if ground < 0:
            return np.full(len(self.deployment.cells), np.nan)
        row, column = divmod(ground, self.tile.count)
        return self._levels[:, row, column].astype(float)

    @cached_property
    def _levels(self) -> Float[np.ndarray, "cell y x"]:
        return np.asarray(self.radio_maps["rsrp"].values)

    def of_layer(self, maps: xr.Dataset) -> xr.Dataset:
        """The cells of this layer of maps of the whole, with as many beams as they have."""
        if self.whole is None:
            return maps
        return maps.isel(cell=list(self.cells), beam=slice(self.deployment.beam_count))

    def layers(self) -> tuple[TracedPlace, ...]:
        """The place as each of its carriers has it: its cells, its atlas, and their layers of R.

        R's layers over sites are the first carrier's in all of them.
        """
        return (self,) if len(self.deployment.carriers) == 1 else self._layers

    @cached_property
    def _layers(self) -> tuple[TracedPlace, ...]:
        return tuple(
            replace(self, deployment=layer.deployment, whole=self, cells=tuple(layer.cells.tolist()))
            for layer in self.deployment.layers()
        )


def atlas_name(band: int) -> str:
    """Name of the store of the atlas of a place's first, second, … frequency."""
    return f"atlas-{band + 1}.zarr" if band else "atlas.zarr"


def open_place(folder: Path | str) -> TracedPlace:
    """Opens a place folder; maps are read when first asked for.

    Raises:
        PlaceError: there is no place in the folder, or it is of another schema version.
    """
    place = load_place(Path(folder))
    return TracedPlace(**{field.name: getattr(place, field.name) for field in fields(Place)})
