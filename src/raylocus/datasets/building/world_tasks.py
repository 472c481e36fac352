"""Observing the phones of one world of a place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from raylocus.datasets.building.place_tasks import installed_solver
from raylocus.datasets.configuration import DatasetConfiguration
from raylocus.datasets.folders import Folder
from raylocus.datasets.plan import WorldRecord, redraw_world
from raylocus.errors import InputError, StoreError
from raylocus.network.channel.world_channel import WorldChannel
from raylocus.network.movement.mobility import sample_trajectories
from raylocus.network.observe_carriers import observe_carriers
from raylocus.network.reports.reports import REPORT_FIELDS, TOKEN_FIELDS, Reports
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.propagation.maps.world_maps import world_radio_maps
from raylocus.provenance import Provenance, hash_configuration
from raylocus.storage import packed, unpacked

#: Version of a unit's file.
UNIT_SCHEMA = "raylocus.unit.v2"
_ARRAYS = ("report_offsets", "token_offsets", *REPORT_FIELDS, *TOKEN_FIELDS)


def pack_reports(reports: Reports) -> bytes:
    """The bytes of reports; equal reports have equal bytes."""
    document = {"schema": UNIT_SCHEMA, "features": reports.feature_names, "absent": reports.absent}
    arrays = {name: getattr(reports, name) for name in _ARRAYS}
    return packed(document, arrays)


def unpack_reports(content: bytes, name: str) -> Reports:
    """The reports of a unit's bytes.

    Raises:
        StoreError: they were cut short, damaged or are of another schema; the message has `name`.
    """
    try:
        document, arrays = unpacked(content, _ARRAYS)
    except ValueError as error:
        raise StoreError(f"the unit {name} is damaged") from error
    if document["schema"] != UNIT_SCHEMA:
        raise StoreError(f"the unit {name} has schema {document['schema']!r}, not {UNIT_SCHEMA!r}")
    absent = tuple((str(feature), str(why)) for feature, why in document["absent"])
    return Reports(**arrays, feature_names=tuple(document["features"]), absent=absent)


@dataclass(frozen=True)
class WorldTask:
    """Writes the reports of one world, as one file named by everything that decides its content."""

    record: WorldRecord
    configuration: DatasetConfiguration
    digest: str
    """Of what the reports are made from."""
    place_digest: str
    """Of what the place holds."""
    folder: Folder
    """Where units are kept."""

    @classmethod
    def planned(
        cls,
        record: WorldRecord,
        configuration: DatasetConfiguration,
        inputs: dict[str, str],
        folder: Folder,
    ) -> WorldTask:
        """The task of a world whose place has these input hashes."""
        decisive = {
            "schema": UNIT_SCHEMA,
            "solver": installed_solver(),
            "world": [record.place_index, record.number],
            "sequences": record.sequences,
            "world_law": record.law,
            "mobility": configuration.mobility,
            "network": record.network(configuration),
        }
        provenance = Provenance.collect(decisive, record.seed, inputs)
        place = hash_configuration(inputs)
        return cls(record, configuration, provenance.digest, place, folder)

    @property
    def name(self) -> str:
        """Its place and number."""
        place = self.configuration.places[self.record.place_index]
        return f"world {self.record.number} of {place.folder}"

    @property
    def place_index(self) -> int:
        """The place it is a world of."""
        return self.record.place_index

    @property
    def file(self) -> str:
        """Name of its file among the units."""
        return f"{self.digest[:24]}.npz"

    def perform(self) -> None:
        """Observes the world and writes its reports.

        Raises:
            InputError: the network cannot be run, or no UE detects a cell anywhere.
            StorageFullError: the disk filled up.
            StoreUnreachableError: the store behind a URL does not answer.
        """
        place = _opened(self.configuration.places[self.place_index].true_folder, self.place_digest)
        self.folder.write(self.file, pack_reports(observe_world(place, self.record, self.configuration)))


def observe_world(place: TracedPlace, record: WorldRecord, configuration: DatasetConfiguration) -> Reports:
    """The reports of one world: UEs move, and the network observes them in the world's own maps."""
    _, walking, observing = record.generators()
    world = redraw_world(place.deployment, record)
    maps = world_radio_maps(place, world)
    trajectories = sample_trajectories(
        place.geometry_maps,
        record.sequences,
        configuration.mobility,
        walking,
        ue_height=float(maps.attrs["ue_height"]),
    )
    network = record.network(configuration)
    layers = zip(place.layers(), place.deployment.layers(), strict=True)
    channels = [WorldChannel(each, each.of_layer(maps), world.of_cells(own.cells)) for each, own in layers]
    reports = observe_carriers(channels, trajectories, network, int(observing.integers(2**31)))
    if not len(reports):
        raise InputError(
            f"no report is ever sent in world {record.number} of {place.name}, for no UE detects a cell or the "
            "trigger never fires; check the deployment's power, the detection thresholds and the trigger"
        )
    return reports


@lru_cache(maxsize=2)
def _opened(folder: Path, content: str) -> TracedPlace:
    """A place, kept for the next world; worlds come place by place. Another content is another place."""
    return open_place(folder)
