"""LocUNet as a method: trained, with the spread of its errors for a density, and stored as one file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from raylocus.errors import StoreError
from raylocus.evaluation.baselines.locunet.network import LocUNet, PlacePictures, last_levels, place_pictures
from raylocus.evaluation.baselines.locunet.training import LocUNetTraining, trained
from raylocus.evaluation.baselines.masses import gaussian_masses, posterior_of_masses
from raylocus.evaluation.method import TrainingPlaces
from raylocus.models.inputs.nominal_maps import MappedPlace, nominal_maps
from raylocus.models.posterior import Posterior
from raylocus.network.reports.reports import Reports
from raylocus.provenance import hash_configuration
from raylocus.storage import written_whole

#: Version of the file, and its name in a folder of results.
LOCUNET_SCHEMA, LOCUNET_FILE = "raylocus.locunet.v1", "locunet.pt"
#: Sequences that go through the network together.
BATCH = 4


@dataclass(frozen=True, eq=False)
class LocUNetMethod:
    """A trained LocUNet; its density is a Gaussian about its answer, as wide as its errors were when it was fitted."""

    network: LocUNet
    side: int
    """Pixels of a side of its pictures."""
    spread: float
    """Standard deviation an axis [m]."""
    name: str = "LocUNet"

    @torch.inference_mode()
    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """Posterior from the last report, the estimate being the network's. Raises PlaceError for an unknown PCI."""
        maps = nominal_maps(place)
        pictures, rsrp = place_pictures(maps, self.side), last_levels(reports, maps)
        parts = [
            self._positions(rsrp[start : start + BATCH], pictures) for start in range(0, len(rsrp), BATCH)
        ]
        edge = maps.tile.size / 2
        position = np.clip(np.concatenate([np.zeros((0, 2)), *parts]), -edge, edge)
        covariance = np.broadcast_to(np.eye(2) * self.spread**2, (len(position), 2, 2))
        return posterior_of_masses(maps.tile, gaussian_masses(position, covariance, maps), position)

    def _positions(
        self, rsrp: Float[np.ndarray, "sample cell"], pictures: PlacePictures
    ) -> Float[np.ndarray, "sample 2"]:
        pixels = self.network(pictures.planes(rsrp)).numpy().astype(np.float64)
        return (pixels + 0.5) * pictures.pixel - pictures.size / 2


def locunet_for(
    training: TrainingPlaces,
    digest: str,
    stored: Path,
    settings: LocUNetTraining,
    report: Callable[[str], None],
) -> LocUNetMethod:
    """LocUNet trained on training places, or what an earlier call left of the same data and settings.

    Args:
        training: reports and their places.
        digest: of the dataset that they are from.
        stored: file that it is kept in.
        settings: how it is trained.
        report: called with a line as training goes on.

    Raises:
        InputError: there are no training sequences, or a loss is no number.
        StorageFullError: the disk filled up.
    """
    made_from = hash_configuration([digest, dataclasses.asdict(settings)])
    if stored.is_file() and (found := _load(stored, made_from)) is not None:
        return found
    pairs = [(reports, nominal_maps(place)) for reports, place in training]
    network, spread = trained(pairs, settings, report)
    content = {"schema": LOCUNET_SCHEMA, "made_from": made_from, "side": settings.side, "spread": spread}
    with written_whole(stored) as aside:
        torch.save({**content, "weights": network.state_dict()}, aside)
    return LocUNetMethod(network.eval(), settings.side, spread)


def _load(stored: Path, made_from: str) -> LocUNetMethod | None:
    """What is stored; None where it is of other data or settings. Raises StoreError where it is damaged."""
    try:
        content = torch.load(stored, map_location="cpu", weights_only=True)
        if (content["schema"], content["made_from"]) != (LOCUNET_SCHEMA, made_from):
            return None
        network = LocUNet()
        network.load_state_dict(content["weights"])
        return LocUNetMethod(network.eval(), int(content["side"]), float(content["spread"]))
    except Exception as error:  # a broken pickle raises whatever its instructions lead to
        raise StoreError(f"{stored} is damaged; delete it, and it is trained again") from error
