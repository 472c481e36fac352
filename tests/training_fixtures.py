"""A synthetic place and dataset on disk, small enough to train on in seconds."""

from __future__ import annotations

from pathlib import Path

from model_fixtures import SyntheticPlace, synthetic_place, synthetic_reports
from raylocus.datasets.configuration import DatasetConfiguration, SplitSize
from raylocus.datasets.plan import plan_worlds
from raylocus.datasets.splits import PlaceChoice
from raylocus.datasets.store_writing import save_report_dataset
from raylocus.geo import GeoFrame
from raylocus.propagation.maps.radio_maps import RADIO_SCHEMA
from raylocus.provenance import Provenance
from raylocus.scenes.geometry_maps import GEOMETRY_SCHEMA
from raylocus.scenes.place import Place, save_place
from raylocus.xarray_store import save_dataset


def small_place(seed: int) -> SyntheticPlace:
    return synthetic_place(seed, size=128.0, resolution=4.0, sites=2, beams=4)


def save_synthetic_place(place: SyntheticPlace, folder: Path) -> None:
    save_dataset(place.geometry_maps, folder / "geometry.zarr", GEOMETRY_SCHEMA)
    save_dataset(place.radio_maps, folder / "radio.zarr", RADIO_SCHEMA)
    provenance = Provenance.collect({"synthetic": place.seed}, place.seed)
    save_place(Place(folder, folder.name, GeoFrame(), place.tile, place.deployment, provenance))


def save_synthetic_dataset(folder: Path) -> Path:
    """Two places, one to train on and one to test on, and the dataset of their reports."""
    places = {"north": ("train", small_place(1)), "south": ("test", small_place(2))}
    for name, (_, place) in places.items():
        save_synthetic_place(place, folder / name)
    configuration = DatasetConfiguration(
        places=tuple(PlaceChoice(folder / name, split) for name, (split, _) in places.items()),
        seed=1,
        train=SplitSize(1, 8),
        validation=SplitSize(1, 6),
        test=SplitSize(1, 6),
    )
    parts = [
        synthetic_reports(list(places.values())[record.place_index][1], record.sequences, 50 + number)
        for number, record in enumerate(plan_worlds(configuration))
    ]
    path = folder / "reports.zarr"
    save_report_dataset(parts, configuration, Provenance.collect(configuration, 1), path)
    return path
