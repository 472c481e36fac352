"""The reference lines of a table: the bound and the true maps of one test place."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int

from raylocus.datasets.configuration import DatasetConfiguration
from raylocus.datasets.plan import redraw_world
from raylocus.datasets.store import ReportDataset
from raylocus.evaluation.bound.bound import Bound, BoundRefused, KnownLaw
from raylocus.evaluation.bound.ensemble import atlas_physics
from raylocus.evaluation.bound.movement import Movement
from raylocus.evaluation.bound.self_check import SEQUENCES, WORLDS, SelfCheck, self_check
from raylocus.evaluation.bound.true_maps import TrueMaps
from raylocus.evaluation.evaluation import Method
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.models.posterior import Posterior
from raylocus.network.observe import needs_paths
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.maps.world_maps import world_radio_maps

#: Names that tables use.
BOUND_NAME, TRUE_MAPS_NAME = "bound", "true maps"
#: Seed of the bound's ensemble and ways.
BOUND_SEED = 0
#: Dead band of the timing advance [steps] up to which it is that of every report, rounded.
ROUNDED_ONLY = 0.5


@dataclass(frozen=True)
class MethodByGroup:
    """A method that is given what holds in the world of each sequence, and so is another one for every group."""

    name: str
    group: Int[np.ndarray, " sample"]
    """Group of each of the sequences that will be located, in their order."""
    method_of: Callable[[int], Method]

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """The posterior of each sequence's last position."""
        members = [np.flatnonzero(self.group == group) for group in np.unique(self.group)]
        posteriors = [
            self.method_of(int(self.group[own[0]])).locate(reports.select(own), place) for own in members
        ]
        order = np.argsort(np.concatenate(members), kind="stable")
        density, mean, covariance = (
            np.concatenate([getattr(posterior, name) for posterior in posteriors])[order]
            for name in ("density", "mean", "covariance")
        )
        return Posterior(posteriors[0].grid, density, mean, covariance)


@dataclass(frozen=True, eq=False)
class References:
    """The bound and the true maps for test sequences of one place; ways and ensembles are made once for all uses."""

    test: ReportDataset
    place: TracedPlace
    """Nominal for the bound; the place that the sequences were observed in for the true maps."""
    true_places: tuple[TracedPlace, ...] = ()
    """The place as it may truly stand, for the bound, where the map errs: draws of the law of map errors."""

    @cached_property
    def movement(self) -> Movement:
        """Ways through the place by the dataset's law of mobility."""
        generator = np.random.default_rng(BOUND_SEED)
        return Movement.of(self.place, self.test.configuration.mobility, generator, self.true_places)

    def bound(self) -> MethodByGroup:
        """The bound under the laws that each sequence was drawn from; severities are known to it.

        Raises:
            BoundRefused: the dataset's law has something that the bound does not model.
        """
        return MethodByGroup(BOUND_NAME, self._severity_of_sample, self._bounds.__getitem__)

    def check_law(self, drawn: bool) -> None:
        """Refuses, with BoundRefused, a law that the bound does not model; `drawn`: with draws of what may stand."""
        configuration = self.test.configuration
        map_error = max(configuration.places[index].map_error for index in np.unique(self.test.place_index))
        self._refuse(BOUND_NAME, unmodelled_worlds(configuration, map_error, drawn))

    def self_checks(self) -> dict[float, SelfCheck]:
        """The bound's self-check by severity, with equal shares of the draws. Raises BoundRefused as `bound`."""
        present = np.unique(self._severity_of_sample)
        # Four times what is tested at most, so that of few sequences the check is not the longest part.
        drawn = min(WORLDS, 4 * len(self._severity_of_sample) // SEQUENCES)
        worlds = max(drawn // len(present), 2)
        return {
            float(self._severities[0][each]): self_check(self._bounds[int(each)], worlds) for each in present
        }

    def true_maps(self) -> MethodByGroup:
        """The posterior on the true maps of each sequence's world. Raises BoundRefused as `bound`."""
        self._refuse(TRUE_MAPS_NAME, {})
        return MethodByGroup(TRUE_MAPS_NAME, self.test.world_index, self._true_maps_in)

    def _refuse(self, name: str, unmodelled: dict[str, bool]) -> None:
        carriers = len(self.place.deployment.carriers)
        for reason, is_so in (unmodelled | unmodelled_reports(self.test.configuration, carriers)).items():
            if is_so:
                raise BoundRefused(f"there is no line “{name}” here, for it does not model {reason}")

    @cached_property
    def _severities(self) -> tuple[np.ndarray, np.ndarray]:
        return np.unique([world.law.severity for world in self.test.worlds], return_inverse=True)

    @cached_property
    def _severity_of_sample(self) -> Int[np.ndarray, " sample"]:
        return self._severities[1][self.test.world_index]

    @cached_property
    def _bounds(self) -> list[Bound]:
        """The bound of each severity, which makes its ensemble when it is first used."""
        self.check_law(bool(self.true_places))
        return [self._bound_at(float(severity)) for severity in self._severities[0]]

    def _bound_at(self, severity: float) -> Bound:
        configuration = self.test.configuration
        known = KnownLaw(
            place=self.place,
            world_law=dataclasses.replace(configuration.world_law, severity=severity),
            network=configuration.network.at_severity(severity),
            mobility=configuration.mobility,
            movement=self.movement,
            physics=atlas_physics,
            true_places=self.true_places,
        )
        return Bound(known, BOUND_SEED, name=BOUND_NAME)

    def _true_maps_in(self, world: int) -> TrueMaps:
        record = self.test.worlds[world]
        truth = world_radio_maps(self.place, redraw_world(self.place.deployment, record))
        network = record.network(self.test.configuration)
        return TrueMaps(truth, network, self.movement, name=TRUE_MAPS_NAME)


def unmodelled_worlds(configuration: DatasetConfiguration, map_error: float, drawn: bool) -> dict[str, bool]:
    """Whether worlds differ by what the bound does not model, by sentence; `drawn`: it has draws of what may stand."""
    return {
        f"maps that are outdated (map_error {map_error:g}) without draws of what may stand there, each traced; ask "
        "for them with --true-places 9, or evaluate where map_error is 0": map_error > 0 and not drawn,
        "angles of arrival where maps are outdated; evaluate a dataset with network.feature_set critical": (
            map_error > 0 and needs_paths(configuration.network)
        ),
        "networks that differ from world to world; evaluate a dataset without a network_law": (
            configuration.network_law is not None
        ),
    }


def unmodelled_reports(configuration: DatasetConfiguration, carriers: int) -> dict[str, bool]:
    """Whether reports have what the likelihood of the bound and the true maps does not model, by sentence."""
    network, mobility, law = configuration.network, configuration.mobility, configuration.network_law
    unnamed = law is not None and law.never_reported.get("rsrp", 0.0) > 0
    return {
        "several carriers; evaluate a dataset of places with one": carriers > 1,
        "UEs indoors; evaluate a dataset with mobility.indoor_share 0": mobility.indoor_share > 0,
        "coherent fading; evaluate a dataset with network.fading.kind statistical": (
            network.fading.kind != "statistical"
        ),
        "detected first paths; evaluate a dataset with network.timing.kind map": network.timing.kind != "map",
        "a timing advance that waits for a command; evaluate a dataset with network.timing_loop.dead_band_steps "
        "0.5 or less": network.timing_loop.dead_band_steps > ROUNDED_ONLY,
        "cells that are wrongly named; evaluate a dataset with network.identities all 0": (
            network.identities.wrong > 0 or network.identities.missing > 0
        ),
        "cells without their RSRP; evaluate a dataset with network.availability.rsrp 1": (
            unnamed or network.availability.get("rsrp", 1.0) < 1
        ),
        f"the features of the set {network.feature_set!r} beyond the critical and positioning ones; evaluate a "
        "dataset with network.feature_set critical or positioning": (
            network.feature_set not in ("critical", "positioning")
        ),
        "reports that an event triggers; evaluate a dataset of periodic reports": network.trigger is not None,
    }
