"""Building a dataset: plan, observe, finalise.

Every planned world is one unit: a reports file named by the hash of everything that decides its
content, written aside and renamed when whole. A build that was killed finds the units that are
there, makes the others, and ends with the same bytes as one that was not.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from raylocus.datasets.configuration import DatasetConfiguration
from raylocus.datasets.plan import WorldRecord, plan_worlds, redraw_world
from raylocus.datasets.schema import DATASET_SCHEMA
from raylocus.datasets.store_writing import save_report_dataset
from raylocus.errors import PlaceError, StoreError
from raylocus.network.channel import channel_at
from raylocus.network.mobility import sample_trajectories
from raylocus.network.observe import observe
from raylocus.network.report_store import REPORTS_SCHEMA, load_reports, save_reports
from raylocus.network.reports import Reports
from raylocus.propagation.traced_place import TracedPlace, open_place
from raylocus.propagation.world_maps import world_radio_maps
from raylocus.provenance import Provenance, hash_file
from raylocus.storage import MANIFEST, open_dataset

#: Stores of a place that its reports depend on.
PLACE_STORES = ("geometry.zarr", "atlas.zarr", "radio.zarr")

#: Called with the number of worlds observed and of worlds in all.
Progress = Callable[[int, int], None]


def build_dataset(
    configuration: DatasetConfiguration, out: Path, progress: Progress | None = None, workers: int = 2
) -> None:
    """Builds the dataset at `out`, or does nothing where it is whole already.

    Units are kept beside it in `<out>.units/`. One build at a time may write a dataset.

    Args:
        configuration: what to build.
        out: where to.
        progress: told of every world that is observed.
        workers: threads that observe worlds side by side; the result does not depend on them.

    Raises:
        PlaceError: a place is absent or not traced.
        StorageFullError: the disk filled up.
    """
    inputs = [place_hashes(place.folder) for place in configuration.places]
    provenance = Provenance.collect(configuration, configuration.seed, _named(configuration, inputs))
    if dataset_is_whole(out, provenance):
        return
    folder = out.with_name(f"{out.name}.units")
    _remove_partial(folder)
    units = [
        Unit.planned(record, configuration, inputs[record.place_index], folder)
        for record in plan_worlds(configuration)
    ]
    # Units come place by place, so that only the places at hand are held in memory.
    opened = lru_cache(maxsize=2)(open_place)
    with ThreadPoolExecutor(workers) as pool:
        observed = pool.map(lambda unit: _missing_reports(unit, configuration, opened), units)
        for done, (unit, reports) in enumerate(zip(units, observed, strict=True), start=1):
            if reports is not None:
                save_reports(reports, unit.path, unit.provenance)
            if progress:
                progress(done, len(units))
    save_report_dataset([load_reports(unit.path) for unit in units], configuration, provenance, out)


@dataclass(frozen=True)
class Unit:
    """The reports of one world: what they are made from, and where they are kept."""

    record: WorldRecord
    provenance: Provenance
    """What decides the content, and nothing else."""
    path: Path

    @classmethod
    def planned(
        cls, record: WorldRecord, configuration: DatasetConfiguration, inputs: dict[str, str], folder: Path
    ) -> Unit:
        """The unit of a world whose place has these input hashes."""
        decisive = {
            "schema": REPORTS_SCHEMA,
            "world": [record.place_index, record.number],
            "sequences": record.sequences,
            "world_law": record.law,
            "mobility": configuration.mobility,
            "observation": configuration.observation.at_severity(record.law.severity),
        }
        provenance = Provenance.collect(decisive, record.seed, inputs)
        return cls(record, provenance, folder / f"{provenance.digest[:20]}.zarr")


def _missing_reports(
    unit: Unit, configuration: DatasetConfiguration, opened: Callable[[Path], TracedPlace]
) -> Reports | None:
    """Observes a unit's world; None where its reports are there and whole."""
    if _is_reports(unit.path):
        return None
    place = opened(configuration.places[unit.record.place_index].folder)
    return observe_world(place, unit.record, configuration)


def observe_world(place: TracedPlace, record: WorldRecord, configuration: DatasetConfiguration) -> Reports:
    """The reports of one world: UEs move, and the network observes them in the world's own maps."""
    _, walking, observing = record.generators()
    maps = world_radio_maps(place, redraw_world(place.deployment, record))
    trajectories = sample_trajectories(place.geometry_maps, record.sequences, configuration.mobility, walking)
    state = channel_at(maps, trajectories.position)
    observation = configuration.observation.at_severity(record.law.severity)
    return observe(state, trajectories, place.deployment, observation, observing)


def dataset_is_whole(out: Path, provenance: Provenance) -> bool:
    """Whether the dataset of this provenance stands whole at `out`."""
    try:
        found = open_dataset(out, DATASET_SCHEMA).attrs.get("provenance", "")
    except StoreError:
        return False
    return bool(found) and Provenance.from_json(found).digest == provenance.digest


def place_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of what the reports of a place depend on, by file name.

    A store is known by its manifest and its root's metadata, which carries its provenance.

    Raises:
        PlaceError: the place is absent or not traced.
    """
    if not (folder / "place.json").is_file():
        raise PlaceError(f"no place at {folder}; make one with: raylocus scene build SOURCE --out {folder}")
    hashes = {"place.json": hash_file(folder / "place.json")}
    for name in PLACE_STORES:
        try:
            parts = [hash_file(folder / name / MANIFEST), hash_file(folder / name / "zarr.json")]
        except OSError as error:
            raise PlaceError(f"{folder} has no whole {name}; run: raylocus maps trace {folder}") from error
        hashes[name] = hashlib.sha256("".join(parts).encode()).hexdigest()
    return hashes


def _named(configuration: DatasetConfiguration, inputs: Sequence[dict[str, str]]) -> dict[str, str]:
    return {
        f"{place.folder}/{name}": digest
        for place, hashes in zip(configuration.places, inputs, strict=True)
        for name, digest in hashes.items()
    }


def _is_reports(unit: Path) -> bool:
    try:
        open_dataset(unit, REPORTS_SCHEMA)
    except StoreError:
        return False
    return True


def _remove_partial(units: Path) -> None:
    """Removes what a killed build left half-written."""
    for left in units.glob(".*.partial"):
        shutil.rmtree(left)
