"""`observe_stack`: complete reports of every layer, batch by batch, the same whatever the batch size."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from raylocus.errors import InputError
from raylocus.network.availability import absent_features, check_deployment, check_signals
from raylocus.network.chance import SequenceChance
from raylocus.network.channel import ChannelState, channel_at
from raylocus.network.features import feature_set
from raylocus.network.indoors import behind_walls, sequence_loss_db, shelter_of
from raylocus.network.mobility import Trajectories
from raylocus.network.observe import keep_reports
from raylocus.network.positioning.timing_measurements import synchronisation_errors
from raylocus.network.reports import Reports
from raylocus.network.stack.batch import Batch
from raylocus.network.stack.configuration import StackConfiguration
from raylocus.network.stack.downlink import receive
from raylocus.network.stack.links import Links, links_at
from raylocus.network.stack.observe_batch import observe_batch
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.maps.world_maps import true_materials, turned_deployment
from raylocus.propagation.materials.materials import RadioMaterials
from raylocus.scenes.sites import Deployment
from raylocus.scenes.world import World


@dataclass(frozen=True)
class Observed:
    """A world and how it is observed."""

    place: TracedPlace
    maps: xr.Dataset
    """Radio maps of the world, see `propagation.maps.world_maps.world_radio_maps`."""
    configuration: StackConfiguration
    antennas: Deployment
    """The deployment with the antennas as they really are."""
    materials: RadioMaterials


def observe_stack(
    place: TracedPlace,
    world_maps: xr.Dataset,
    trajectories: Trajectories,
    configuration: StackConfiguration,
    seed: int,
    batch: int = 16,
    world: World | None = None,
) -> Reports:
    """The complete reports that a network has of UEs.

    Levels are those of the world's maps, delays, angles and fading those of the atlas's paths, each with
    its protocol's noise, limits, steps and gaps. Chance comes from one stream a sequence (and one for
    the sites' clocks), so the batch size changes memory and speed only. A report in which no cell is
    found is never sent, and a sequence without any is left out.

    Args:
        place: a traced place.
        world_maps: the truth.
        trajectories: where the UEs are and when they report.
        configuration: the network.
        seed: of all chance.
        batch: sequences that are worked on together.
        world: the world of the maps, whose materials and antennas then act on the paths too; as the place
            says where left out.

    Raises:
        InputError: a UE is outside the tile, the deployment cannot be run, or the batch is empty.
    """
    if batch < 1 or not len(trajectories):
        raise InputError(
            "there is nothing to observe; give at least one trajectory and a batch of one or more"
        )
    deployment, features = place.deployment, feature_set(configuration.feature_set)
    check_deployment(deployment, configuration.capability)
    check_signals(deployment.carrier, configuration.positioning_signal, configuration.sounding_signal)
    clocks = np.random.default_rng([seed, 1])
    offsets = synchronisation_errors(len(deployment.sites), configuration.timing, clocks)
    observed = Observed(place, world_maps, configuration, *_as_it_is(place, world))
    parts = []
    for start in range(0, len(trajectories), batch):
        chosen = np.arange(start, min(start + batch, len(trajectories)))
        part = _observe_part(observed, select_sequences(trajectories, chosen), chosen, offsets, seed)
        if part is not None and len(part):
            parts.append(part)
    if not parts:
        raise InputError(
            "no report is ever sent, for no UE hears a cell or the trigger never fires; check the "
            "deployment's power, the detection thresholds and the trigger"
        )
    absent = absent_features(features, deployment, configuration.capability)
    reasons = tuple((each.name, each.reason) for each in absent)
    return dataclasses.replace(Reports.concatenate(parts), absent=reasons)


def _as_it_is(place: TracedPlace, world: World | None) -> tuple[Deployment, RadioMaterials]:
    """Antennas and materials of a world."""
    if world is None:
        return place.deployment, place.atlas.materials
    return turned_deployment(place.deployment, world), true_materials(place.atlas, world)


def select_sequences(trajectories: Trajectories, chosen: Int[np.ndarray, "selected"]) -> Trajectories:
    """The trajectories of consecutive sequences."""
    first, end = trajectories.report_offsets[chosen[0]], trajectories.report_offsets[chosen[-1] + 1]
    offsets = trajectories.report_offsets[chosen[0] : chosen[-1] + 2] - first
    return Trajectories(offsets, trajectories.time[first:end], trajectories.position[first:end])


def velocities(trajectories: Trajectories) -> Float[np.ndarray, "report 3"]:
    """Velocity of the UE at each report [m/s]: from the last position, and at the first towards the next."""
    step = np.diff(trajectories.position, axis=0)
    elapsed = np.maximum(np.diff(trajectories.time), 1e-3)[:, None]
    speed = np.zeros_like(trajectories.position)
    speed[1:] = step / elapsed
    starts = trajectories.report_offsets[:-1][np.diff(trajectories.report_offsets) > 0]
    alone = np.isin(starts + 1, trajectories.report_offsets)
    speed[starts] = np.where(alone[:, None], 0.0, speed[np.minimum(starts + 1, len(speed) - 1)])
    return speed


def _observe_part(
    observed: Observed,
    trajectories: Trajectories,
    sequences: Int[np.ndarray, "sample"],
    clock_offset: Float[np.ndarray, "site"],
    seed: int,
) -> Reports | None:
    """Reports of one batch; None where no UE hears a cell."""
    configuration, offsets = observed.configuration, trajectories.report_offsets
    chance = SequenceChance.of(seed, sequences, np.diff(offsets))
    state, links = _channel(observed, trajectories, chance)
    velocity = velocities(trajectories)
    first = np.repeat(offsets[:-1], np.diff(offsets))
    bias = configuration.observation.device_bias_db * chance.standard_normal((len(first),))[first]
    downlink = receive(links, state, velocity, observed.antennas, configuration, chance)
    sent = np.flatnonzero(downlink.heard)
    if not len(sent):
        return None
    sequence = np.repeat(np.arange(len(sequences)), np.diff(offsets))[sent]
    chance = chance.keeping(np.bincount(sequence, minlength=len(sequences)))
    part = Batch(
        links.select(sent),
        state.select(sent),
        downlink.select(sent),
        velocity[sent],
        bias[sent],
        keep_reports(trajectories, sent),
        clock_offset,
        observed.antennas,
    )
    return observe_batch(part, observed.place.deployment, configuration, chance)


def _channel(
    observed: Observed, trajectories: Trajectories, chance: SequenceChance
) -> tuple[ChannelState, Links]:
    """Levels and paths of a batch; those of UEs indoors are behind their walls."""
    place, position = observed.place, trajectories.position
    shelter = shelter_of(place.geometry_maps, position)
    frequency, law = place.deployment.carrier.frequency, observed.configuration.observation.building_loss
    loss = sequence_loss_db(shelter, trajectories.report_offsets, frequency, law, chance)
    state = behind_walls(channel_at(observed.maps, shelter.outdoors), shelter, loss)
    return state, links_at(place, shelter.outdoors, observed.materials).later(shelter.depth)
