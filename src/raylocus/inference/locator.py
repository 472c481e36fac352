"""The locator: a trained network and the places it has already encoded."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from raylocus.errors import InputError
from raylocus.inference.fix import Fix, fixes_of
from raylocus.models.checkpoint import TrainedNetwork, load_network
from raylocus.models.density import estimate, fine_density
from raylocus.models.inputs.maps import place_maps
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.inputs.tensors import SequenceTensors
from raylocus.models.map_encoder import EncodedPlace
from raylocus.models.posterior import Posterior, posterior_of
from raylocus.network.reports.known_cells import known_reports
from raylocus.network.reports.reports import Reports

#: Sequences that go through the network together: few enough for the processor's cache.
BATCH = 8
#: Places whose encoding is kept, the most recently used ones.
KEPT_PLACES = 8


@dataclass(frozen=True)
class Locator:
    """Answers where phones are; any number of places, each encoded once."""

    trained: TrainedNetwork
    name: str = "raylocus"
    _encoded: OrderedDict[int, tuple[MappedPlace, EncodedPlace]] = field(
        default_factory=OrderedDict, repr=False
    )

    @classmethod
    def load(cls, path: Path | str) -> Locator:
        """A locator from a checkpoint file.

        Raises:
            CheckpointError: there is no such file, or it is foreign, or of another schema version.
        """
        return cls(load_network(Path(path)))

    @torch.inference_mode()
    def posterior(self, reports: Reports, place: MappedPlace) -> Posterior:
        """The posterior of each sequence's position at its last report, on the grid of the place.

        Cells that the place does not have are passed over.

        Raises:
            InputError: the reports have none of the features that the model was trained on.
            PlaceError: the place has none of the reports' cells.
        """
        self._require_any_feature(reports)
        encoded, reports = self._encode(place), known_reports(reports, place.deployment).reports
        batches = (
            reports.select(np.arange(start, min(start + BATCH, len(reports))))
            for start in range(0, len(reports), BATCH)
        )
        parts = [self._density(sequence_tensors(batch, place.deployment), encoded) for batch in batches]
        if not parts:
            return posterior_of(
                place.tile, np.zeros((0, *place.tile.shape), np.float32), np.zeros((0, 2), np.float32)
            )
        densities, means = zip(*parts, strict=True)
        return posterior_of(place.tile, torch.cat(densities).numpy(), torch.cat(means).numpy())

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """The same as `posterior`: what evaluation asks of every method."""
        return self.posterior(reports, place)

    def fixes(self, reports: Reports, place: MappedPlace) -> list[Fix]:
        """One fix a sequence; cells that the place does not have are passed over.

        Raises:
            PlaceError: the place has none of the reports' cells.
        """
        return fixes_of(self.posterior(reports, place), getattr(place, "frame", None))

    def _require_any_feature(self, reports: Reports) -> None:
        read = self.trained.network.radio_encoder.reads()
        columns = [index for index, name in enumerate(reports.feature_names) if name in read]
        if len(reports) and np.isnan(reports.features[:, columns]).all():
            raise InputError(
                "the reports have none of the features that the model was trained on: "
                f"{', '.join(read)}; import at least one of these columns"
            )

    def _density(self, sequences: SequenceTensors, place: EncodedPlace) -> tuple[torch.Tensor, torch.Tensor]:
        prediction = self.trained.network(sequences, place).prediction
        calibration = self.trained.calibration
        density = fine_density(prediction, place.maps, calibration.temperature)
        return density, estimate(density, place.maps, calibration.estimator)

    def _encode(self, place: MappedPlace) -> EncodedPlace:
        # The place itself is kept together with its encoding, so that its id cannot be given to another.
        if id(place) not in self._encoded:
            self._encoded[id(place)] = (place, self.trained.network.encode_place(place_maps(place)))
        self._encoded.move_to_end(id(place))
        while len(self._encoded) > KEPT_PLACES:
            self._encoded.popitem(last=False)
        return self._encoded[id(place)][1]
