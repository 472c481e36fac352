"""The locator: a trained network and the places it has already encoded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int

from raylocus.errors import CheckpointError, InputError
from raylocus.inference.area_locator import AreaLocator
from raylocus.inference.corrected_levels import corrected
from raylocus.inference.fix import Fix, fixes_of
from raylocus.inference.neighbours import neighbours
from raylocus.inference.opinion_of_sites import OpinionOfSites
from raylocus.inference.opinions import shares, with_sites
from raylocus.inference.refinement import Refinement
from raylocus.models.checkpoint import TrainedNetwork, load_network
from raylocus.models.density import (
    displaced_density,
    estimate,
    fine_density,
    ranged_densities,
)
from raylocus.models.evidence.deviations import feature_deviations
from raylocus.models.evidence.ranging import ranging_likelihood
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.map_encoder import EncodedPlace
from raylocus.models.misfit import Judgement
from raylocus.models.part_of_place import cells_that_matter, part_of_place
from raylocus.models.physics.live import PhysicsVariant
from raylocus.models.posterior import Posterior, posterior_of
from raylocus.models.regions import Regions, with_circles
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import known_reports, token_cells
from raylocus.scenes.area import deployment_digest
from raylocus.scenes.deployment import part_of_deployment
from raylocus.scenes.sites import Deployment

#: Sequences that go through the network together: few enough for the processor's cache.
BATCH = 16
#: Places whose encoding is kept, the most recently used ones.
KEPT_PLACES = 8
#: Share of the maps that are thought to be wrong before anything was measured: it is better to be wide than wrong.
WRONG_MAPS = 0.3
#: What circles hold of phones that are located alone, fitted to validation phones and their own maps
#: (benchmarks/service_radius.py --fit): they are too wide, since one phone hardly shows that its map is right.
CIRCLES_ALONE = Regions((0.414, 0.822, 0.880))
#: For the same reason more is asked for until an answer is trusted: what was 90 %, and a better fit.
NEAR_ALONE, PLAUSIBLE_FIT_ALONE = 0.96, 0.4
#: Of some sequences: densities by the maps but for ranges, statistics of the misfit, log-likelihoods of the ranges.
Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Locator:
    """Answers where phones are; any number of places, each encoded once."""

    trained: TrainedNetwork
    name: str = "raylocus"
    without_maps: OpinionOfSites = field(default_factory=AreaLocator.pretrained, repr=False)
    """Whose opinion is pooled with the maps', and believed as far as they are wrong."""
    refine: PhysicsVariant | None = None
    """What estimates are refined by, see `inference.refinement`; None leaves them where the network has them."""
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

    @classmethod
    def pretrained(cls) -> Locator:
        """The locator that comes with raylocus, for any place that was traced: see docs/model_card.md."""
        weights = resources.files("raylocus.inference").joinpath("weights", "pretrained.ckpt")
        with resources.as_file(weights) as path:
            return cls(load_network(path), "pretrained")

    def posterior(self, reports: Reports, place: MappedPlace) -> Posterior:
        """The posterior of each sequence's position at its last report, on the grid of the place.

        Cells that the place does not have are passed over. Whether the map fits is judged by all sequences together.

        Raises:
            InputError: the reports have none of the features that the model was trained on.
            PlaceError: the place has none of the reports' cells.
        """
        return self._answered(reports, place, np.zeros(len(reports), np.int64))[0]

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """The same as `posterior`: what evaluation asks of every method."""
        return self.posterior(reports, place)

    def fixes(self, reports: Reports, place: MappedPlace) -> list[Fix]:
        """One fix a sequence; cells that the place does not have are passed over.

        Whether the map fits is judged by all sequences together, so give those of one network at one time together.

        Raises:
            InputError, PlaceError: as `posterior`.
        """
        return fixes_of(
            *self._answered(reports, place, np.zeros(len(reports), np.int64)), getattr(place, "frame", None)
        )

    def separate_fixes(self, reports: Reports, place: MappedPlace) -> list[Fix]:
        """The same, where whether the map fits each sequence is judged by that one alone, and more is asked of it.

        Raises:
            InputError, PlaceError: as `posterior`.
        """
        posterior, fits = self._answered(reports, place, np.arange(len(reports)))
        fixes = fixes_of(with_circles(posterior, CIRCLES_ALONE), fits, getattr(place, "frame", None))
        return [replace(fix, near=NEAR_ALONE, plausible_fit=PLAUSIBLE_FIT_ALONE) for fix in fixes]

    @torch.inference_mode()
    def on_maps(self, reports: Reports, place: MappedPlace) -> tuple[torch.Tensor, torch.Tensor]:
        """What the maps alone say of each sequence: densities (sample y x), and statistics of the misfit for `judge`.

        Of the place's cells those count that any report names or should, see `models.part_of_place`.

        Args:
            reports: with tokens of the place's cells only.
            place: the place.

        Raises:
            InputError: as `posterior`.
        """
        self._require_known(reports, place.deployment)
        encoded, deployment = self.encoded(place), place.deployment
        reports = corrected(reports, deployment, self.trained.calibration.levels)
        cell = token_cells(reports, deployment)
        sequence = reports.sequence_of_report[reports.report_of_token]
        groups = neighbours(reports, cell, deployment)
        parts = [
            self._of_part(reports.select(members), cell[np.isin(sequence, members)], encoded, deployment)
            for members in groups
        ]
        order = np.argsort(np.concatenate(groups), kind="stable")
        density, statistics, ranging = (torch.cat(each)[order] for each in zip(*parts, strict=True))
        (ranged,) = ranged_densities(ranging, density)
        return ranged, statistics

    def _of_part(
        self, reports: Reports, named: Int[np.ndarray, " token"], place: EncodedPlace, deployment: Deployment
    ) -> Batch:
        """At most `BATCH` sequences by the cells that matter to them."""
        cells = cells_that_matter(place, torch.from_numpy(np.unique(named)))
        own = part_of_deployment(deployment, cells.tolist(), (0.0, 0.0))
        (found,) = self._batches(reports, part_of_place(place, cells), own)
        return found

    def judge(self, statistics: torch.Tensor) -> Judgement:
        """What is thought of the maps that phones were located on together, from their statistics of the misfit."""
        return self.trained.calibration.misfit.judge(statistics, WRONG_MAPS)

    def known(self, reports: Reports, deployment: Deployment) -> Reports:
        """What reports say of the network's cells, at corrected levels: what they are located by."""
        heard = known_reports(reports, deployment).reports
        return corrected(heard, deployment, self.trained.calibration.levels)

    def _answered(
        self, reports: Reports, place: MappedPlace, stream: Int[np.ndarray, " sample"]
    ) -> tuple[Posterior, list[float]]:
        """The posterior, refined where that is asked for, and how well map and measurements fit."""
        posterior, fits = self._inferred(reports, place, stream)
        if self.refine is None:
            return posterior, fits
        refinement = Refinement(self.refine, feature_deviations(self.trained.network.evidence))
        known, maps = self.known(reports, place.deployment), self.encoded(place).maps
        return refinement.refined(posterior, known, place, maps), fits

    @torch.inference_mode()
    def _inferred(
        self, reports: Reports, place: MappedPlace, stream: Int[np.ndarray, " sample"]
    ) -> tuple[Posterior, list[float]]:
        """The posterior, and how well map and measurements fit; phones of a stream are judged together."""
        self._require_known(reports, place.deployment)
        encoded, reports = self.encoded(place), self.known(reports, place.deployment)
        parts = list(self._batches(reports, encoded, place.deployment))
        if not parts:
            return posterior_of(place.tile, np.zeros((0, *place.tile.shape)), np.zeros((0, 2))), []
        densities, statistics, ranging = (torch.cat(each) for each in zip(*parts, strict=True))
        sites = torch.from_numpy(self.without_maps.on_grid(reports, place.deployment, place.tile, stream))
        # Sites know nothing of walls; phones that maps say are outdoors are outdoors for both.
        each, stream = np.unique(stream, return_inverse=True)
        judgements = [self.judge(statistics[stream == number]) for number in range(len(each))]
        by_sites, sharpening = shares(sites * encoded.outdoors), self.trained.calibration.sharpening
        densities, middle = with_sites(densities, by_sites, judgements, stream, ranging, sharpening)
        means = estimate(middle, encoded.maps, self.trained.calibration.estimator)
        flat = densities.flatten(1)
        held = self.trained.calibration.regions.restated(flat, flat).reshape(densities.shape)
        fits = [judgements[number].fit for number in stream]
        return posterior_of(place.tile, held.numpy(), means.numpy()), fits

    def _require_known(self, reports: Reports, deployment: Deployment) -> None:
        """Refuses a network that the checkpoint was not adapted to, and reports without any feature that it reads."""
        own = self.trained.calibration.network
        if own and own != deployment_digest(deployment):
            raise CheckpointError(
                "the checkpoint was adapted to a network of other sites, cells or antennas; locate in that one, or "
                "adapt it to this one with: raylocus train adapt"
            )
        read = self.trained.network.radio_encoder.reads()
        columns = [index for index, name in enumerate(reports.feature_names) if name in read]
        if len(reports) and np.isnan(reports.features[:, columns]).all():
            raise InputError(
                "the reports have none of the features that the model was trained on: "
                f"{', '.join(read)}; import at least one of these columns"
            )

    def _batches(self, reports: Reports, place: EncodedPlace, deployment: Deployment) -> Iterator[Batch]:
        """What maps say of a few sequences at a time."""
        for start in range(0, len(reports), BATCH):
            batch = reports.select(np.arange(start, min(start + BATCH, len(reports))))
            sequences = sequence_tensors(batch, deployment)
            output = self.trained.network(sequences, place)
            density = fine_density(output.prediction, place.maps, self.trained.calibration.temperature)
            yield (
                displaced_density(density, place.maps.size),
                self.trained.network.misfit(output, place),
                ranging_likelihood(sequences, place.maps),
            )

    def encoded(self, place: MappedPlace) -> EncodedPlace:
        """A place as the network needs it, made once and kept."""
        # The place itself is kept together with its encoding, so that its id cannot be given to another.
        if id(place) not in self._encoded:
            with torch.inference_mode(False):  # refinement walks gradients through the maps
                maps = self.trained.network.maps_of(place)
            self._encoded[id(place)] = (place, self.trained.network.encode_place(maps))
        self._encoded.move_to_end(id(place))
        while len(self._encoded) > KEPT_PLACES:
            self._encoded.popitem(last=False)
        return self._encoded[id(place)][1]
