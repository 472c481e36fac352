"""A service over small synthetic places with latitude and longitude, and requests of phones in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model_fixtures import SyntheticPlace
from raylocus.geo import GeoFrame
from raylocus.models.checkpoint import PosteriorCalibration, TrainedNetwork, save_network
from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.location_network import LocationNetwork
from raylocus.propagation.maps.traced_place import open_place
from raylocus.provenance import Provenance
from raylocus.scenes.area import Area, extent_of, save_area
from raylocus.scenes.place import load_place, save_place
from raylocus.service.area_engine import AreaEngine
from training_fixtures import save_synthetic_place, small_place

#: Where the first place lies; the next ones lie a tenth of a degree east of each other.
ORIGIN = GeoFrame(50.0, 8.0)
#: NR-ARFCN of 3.5 GHz, which the synthetic places transmit at.
CHANNEL = 633333


@dataclass(frozen=True)
class Served:
    """Places on disk, and a network that was never trained: its answers are wide, and honest about it."""

    folders: tuple[Path, ...]
    places: tuple[SyntheticPlace, ...]
    checkpoint: Path

    def engine(self, memory: float = 1e12) -> AreaEngine:
        return AreaEngine.load(self.folders, self.checkpoint, memory)


def area_of(place: Served, folder: Path) -> Path:
    """The first place's network as an area without maps."""
    first = load_place(place.folders[0])
    extent = extent_of(first)
    area = Area(folder, folder.name, first.frame, extent, first.deployment, first.provenance)
    folder.mkdir()
    save_area(area, folder)
    return folder


def served(folder: Path, seeds: Sequence[int] = (1,)) -> Served:
    places = tuple(small_place(seed) for seed in seeds)
    folders = tuple(folder / f"town-{seed}" for seed in seeds)
    for number, (place, where) in enumerate(zip(places, folders, strict=True)):
        save_synthetic_place(place, where)
        frame = GeoFrame(50.0, 8.0 + 0.1 * number)
        save_place(replace(open_place(where), frame=frame))
    torch.manual_seed(0)
    network = LocationNetwork(LocationNetworkConfiguration())
    checkpoint = folder / "untrained.ckpt"
    save_network(TrainedNetwork(network, PosteriorCalibration(), Provenance.collect({})), checkpoint)
    return Served(folders, places, checkpoint)


def levels_at(place: SyntheticPlace, x: float, y: float) -> dict[int, float]:
    """RSRP of every PCI of a place at a point, rounded to steps."""
    index = int(place.tile.index(np.array([x, y])))
    levels = place.radio_maps["rsrp"].values.reshape(len(place.deployment.cells), -1)[:, index]
    found = zip(place.deployment.pcis.tolist(), levels.tolist(), strict=True)
    return {pci: round(level) for pci, level in found if np.isfinite(level)}


def towers(levels: dict[int, float]) -> list[dict[str, Any]]:
    """ichnaea's towers; the strongest serves."""
    order = sorted(levels, key=lambda pci: -levels[pci])
    return [
        {
            "radioType": "nr",
            "arfcn": CHANNEL,
            "psc": pci,
            "signalStrength": levels[pci],
            "serving": int(not rank),
        }
        for rank, pci in enumerate(order)
    ]


def nr_scan(levels: dict[int, float], time: float | None = None) -> dict[str, Any]:
    """A report of `/v2/locate`; the strongest cell serves."""
    order = sorted(levels, key=lambda pci: -levels[pci])
    local = [{"pci": pci, "nrarfcn": CHANNEL, "ss": {"rsrp": levels[pci]}} for pci in order[1:]]
    serving = {
        "localId": {"pci": order[0], "nrarfcn": CHANNEL},
        "ss": {"rsrp": levels[order[0]], "rsrq": -11, "sinr": 8},
        "ta": 1,
        "scs": 30,
        "beams": [{"ssb": 0, "rsrp": levels[order[0]]}, {"ssb": 2, "rsrp": levels[order[0]] - 6}],
        "nmr": local,
    }
    return {"nr": [serving]} | ({} if time is None else {"time": time})
