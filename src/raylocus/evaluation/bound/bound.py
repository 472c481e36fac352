"""The bound: the posterior of someone given what the locator is given, who knows the law of worlds; and that law."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.errors import InputError
from raylocus.evaluation.bound.angles import AngleLaw
from raylocus.evaluation.bound.calibration import Calibration, bound_calibration, kind_of_reports
from raylocus.evaluation.bound.ensemble import MATERIAL_DRAWS, Physics, ensemble_of, stratified_worlds
from raylocus.evaluation.bound.likelihood import SequenceLikelihood
from raylocus.evaluation.bound.movement import Movement
from raylocus.evaluation.bound.search import Found, Search
from raylocus.evaluation.bound.tokens import all_tokens, positioning_of
from raylocus.evaluation.observations import observations
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.models.posterior import Posterior
from raylocus.network.channel.links import channel_at
from raylocus.network.channel.world_channel import Channel, KnownChannel, WorldChannel
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.movement.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.movement.trajectories import Trajectories
from raylocus.network.observe import needs_paths, observe
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.scenes.world import World, WorldLaw, residual_field, sample_world


@dataclass(frozen=True, eq=False)
class KnownLaw:
    """The law that worlds, ways and reports of a place are drawn from; the place is the nominal one."""

    place: MappedPlace
    world_law: WorldLaw
    """At the severity of the worlds, which is known."""
    network: NetworkConfiguration
    """At the same severity, see `NetworkConfiguration.at_severity`."""
    mobility: MobilityConfiguration
    movement: Movement
    """Ways through the place by the law of mobility."""
    physics: Physics
    """Beams of some worlds of the place: `ensemble.atlas_physics`."""
    true_places: tuple[MappedPlace, ...] = ()
    """What may truly stand there, draws of the law of map errors, each as likely; none where the map is right."""

    @property
    def places(self) -> tuple[MappedPlace, ...]:
        """What may stand there."""
        return self.true_places or (self.place,)

    @property
    def calibration(self) -> Calibration:
        """What was fitted for the severity and what is reported, or for maps that are outdated."""
        kind = "outdated" if self.true_places else kind_of_reports(self.network)
        return bound_calibration(self.world_law.severity, kind)

    def held_out(self) -> Iterator[tuple[KnownLaw, KnownLaw]]:
        """The law of each place that may stand there, and that of who knows the others only; a right map is known."""
        if not self.true_places:
            yield self, self
        for number, each in enumerate(self.true_places):
            others = self.true_places[:number] + self.true_places[number + 1 :]
            movement = Movement.of(self.place, self.mobility, np.random.default_rng(0), others)
            yield (
                replace(self, place=each, true_places=()),
                replace(self, true_places=others, movement=movement),
            )

    def draw(
        self, worlds: int, sequences: int, generator: np.random.Generator
    ) -> list[tuple[xr.Dataset, Reports]]:
        """Maps of some worlds of a place that is as mapped, and the reports of so many UEs in each, as a dataset's.

        Materials are drawn `MATERIAL_DRAWS` times for all worlds; everything else is each world's own.
        """
        place = self.place
        drawn = [sample_world(place.deployment, self.world_law, generator) for _ in range(worlds)]
        materials = np.arange(worlds) * min(MATERIAL_DRAWS, worlds) // worlds
        drawn = [
            _of_materials(world, drawn[int(index)]) for world, index in zip(drawn, materials, strict=True)
        ]
        found = []
        for world, beams in zip(drawn, self.physics(place, drawn), strict=True):
            maps = _observed_maps(place, world, beams)
            ways = sample_trajectories(
                place.geometry_maps, sequences, self.mobility, generator, ue_height=maps.attrs["ue_height"]
            )
            seed = int(generator.integers(2**31))
            found.append((maps, observe(self._channel(maps, world, ways), ways, self.network, seed)))
        return found

    def _channel(self, maps: xr.Dataset, world: World, ways: Trajectories) -> Channel:
        if not needs_paths(self.network):
            return KnownChannel(channel_at(maps, ways.position), self.place.deployment)
        assert isinstance(self.place, TracedPlace), "angles are those of the paths of an atlas"
        return WorldChannel(self.place, maps, world)


def _of_materials(world: World, other: World) -> World:
    return replace(
        world,
        permittivity_factor=other.permittivity_factor,
        conductivity_factor=other.conductivity_factor,
        building_seed=other.building_seed,
    )


def _observed_maps(place: MappedPlace, world: World, beams: Float[np.ndarray, "cell beam y x"]) -> xr.Dataset:
    """R with the beams of a world, its levels and its residual."""
    shift = world.level_error_db[:, None, None] + residual_field(world, place.deployment, place.tile)
    level = (beams + shift[:, None]).astype(np.float32)
    radio = place.radio_maps
    return radio.assign(
        rsrp_beam=(radio["rsrp_beam"].dims, level),
        rsrp=(radio["rsrp"].dims, np.fmax.reduce(level, axis=1)),
    )


#: Lasting error of a beam relative to the nearest world's, as a share of what the worlds differ by, and the same where
#: they stand in a few draws of what may stand there, of which none is near.
NEAREST_WORLD, NEAREST_DRAW = 0.4, 1.0


class BoundRefused(InputError):
    """The bound does not model the law that the reports were drawn from; the sentence says what."""


@dataclass(frozen=True)
class Bound:
    """An approximation of the Bayes posterior given nominal R and G and the whole sequence, under the true laws.

    It knows what the locator is given, the law of worlds at their severity, the network's configuration and
    the law of mobility. Neither true maps nor a true place enter; where the map errs, it knows the law of its errors,
    as a few places drawn by it, whose worlds the ensemble is then of.

    Integrated exactly, up to sampling: T_A's bins and noise; the level common to a world and a device
    (quadrature); clocks, group delays and the UE's frame behind times of arrival; the L3 filter, which is undone;
    each cell's level error in the margins of the residual; where UEs start, speeds, turns, stops and roads (ways
    drawn by the code of `network.movement.mobility`).

    Approximated: what materials, antennas and scattering do, by an ensemble of worlds; the copula's correlation; turned
    antennas; silence, and levels at an end of their range, in the last report only; the importance sampling of ways.
    docs/evaluation.md has part by part how each is treated, and what of the reports is not used.

    Each of these loses information or, where it claims too much, is paid for by `calibration`: three numbers
    fitted on draws of this law, for each kind of reports. So the bound is calibrated on its own law (see
    `self_check`) and a little above the true Bayes error: a ratio to it is a ratio to what is reached
    by someone who knows the law, not a proof that nobody can do better.
    """

    known: KnownLaw
    seed: int = 0
    worlds: int = 32
    """Size of the ensemble."""
    motions: int = 32
    """Draws of speed and stops."""
    ways: int = 40
    """Ways of each motion, in each round."""
    calibration: Calibration | None = None
    """What corrects the result; where None, what was fitted for the law."""
    name: str = "bound"

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """The posterior of each sequence's last position.

        The place is not looked at: the bound knows its own nominal place.

        Raises:
            PlaceError: a PCI is unknown there.
        """
        calibration = self.calibration or self.known.calibration
        return calibration.posterior(self.found(reports), self.known.movement.grid)

    def found(self, reports: Reports) -> list[Found]:
        """The posterior of each sequence before calibration. Raises PlaceError for an unknown PCI."""
        known, deployment = self.known, self.known.place.deployment
        observed, positioning = observations(reports, deployment), positioning_of(reports, deployment)
        sequences = all_tokens(observed, deployment, known.network, positioning)
        return Search(self.likelihood, known.movement, self.motions, self.ways).all(sequences, self.seed)

    @cached_property
    def likelihood(self) -> SequenceLikelihood:
        """The law of reports, with an ensemble of worlds."""
        known, deployment = self.known, self.known.place.deployment
        generator = np.random.default_rng(self.seed)
        worlds = stratified_worlds(deployment, known.world_law, self.worlds, len(known.places), generator)
        ensemble = ensemble_of(known.places, worlds, known.physics)
        differences = ensemble.beam_spread(known.movement.start, np.random.default_rng(self.seed))
        return SequenceLikelihood.of(
            ensemble,
            known.world_law,
            known.network,
            (NEAREST_DRAW if known.true_places else NEAREST_WORLD) * differences,
            deployment.carrier,
            self._angles(worlds) if needs_paths(known.network) else None,
        )

    def _angles(self, worlds: Sequence[World]) -> AngleLaw:
        assert isinstance(self.known.place, TracedPlace), "angles are those of the paths of an atlas"
        return AngleLaw.of(self.known.place, np.array([world.azimuth_error for world in worlds]))
