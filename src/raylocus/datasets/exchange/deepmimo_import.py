"""A DeepMIMO 4 scenario as reports: what a network of its transmitters observes at its receivers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from raylocus.datasets.exchange.scenario import (
    PARAMETERS,
    PointSet,
    TransmitterPaths,
    point_sets,
    read_parameters,
    read_paths,
)
from raylocus.errors import InputError, StoreError
from raylocus.network.channel.links import ChannelState
from raylocus.network.channel.world_channel import KnownChannel
from raylocus.network.configuration import MapTiming, NetworkConfiguration
from raylocus.network.movement.trajectories import Trajectories
from raylocus.network.observe import observe
from raylocus.network.reports.features import FEATURES
from raylocus.network.reports.reports import Reports
from raylocus.propagation.antennas.antennas import cell_gains
from raylocus.propagation.maps.path_loss import cell_energy
from raylocus.provenance import Provenance, hash_file
from raylocus.scenes.place import place_of_record
from raylocus.scenes.sites import ISOTROPIC, AntennaArray, Carrier, Cell, Deployment, Site
from raylocus.units import from_decibel, to_decibel

#: Observation that adds nothing to the paths: no noise, no bias, and every report complete.
PLAIN = NetworkConfiguration(
    receiver_noise_db=0.0,
    beam_noise_db=0.0,
    device_bias_db=0.0,
    neighbour_dropout=0.0,
    timing=MapTiming(noise=0.0),
    availability={feature.name: 1.0 for feature in FEATURES},
)
#: Radiated power of a cell that the scenario says nothing of [dBm].
POWER_DBM = 46.0


@dataclass(frozen=True)
class ImportedScenario:
    """The reports of a scenario and the network that they are of."""

    reports: Reports
    """One sequence of one report for every receiver that finds a cell; positions are the scenario's."""
    deployment: Deployment
    """Sites are the scenario's transmitters."""
    isotropic: bool
    """Whether nothing is known of the antennas, so that each site is one cell that radiates evenly."""


def import_scenario(
    folder: Path, observation: NetworkConfiguration = PLAIN, seed: int = 0
) -> ImportedScenario:
    """Observes a scenario through the network's own functions.

    A scenario that raylocus exported keeps its cells, with their antennas and beams. In any other, each
    transmitter is a site of one cell that radiates `POWER_DBM` evenly; its PCI is its number.

    Raises:
        StoreError: the folder holds no whole static scenario of DeepMIMO 4.
        InputError: no receiver finds a cell.
    """
    parameters = read_parameters(folder)
    try:
        sets = list(point_sets(parameters))
        transmitters = [(each, number) for each in sets if each.transmits for number in range(each.points)]
        receiving = [each for each in sets if each.receives and not each.transmits]
        deployment, isotropic = _deployment(parameters, folder, transmitters, receiving)
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"{folder} has a params.json without {error}; convert it with DeepMIMO 4 again"
        ) from error
    parts: list[Reports] = []
    for receivers in receiving:
        channels = [read_paths(folder, *each, receivers) for each in transmitters[: len(deployment.sites)]]
        channel, position = KnownChannel(channel_of(channels, deployment), deployment), channels[0].rx_pos
        # Every receiver is a UE that reports once.
        standing = Trajectories(np.arange(len(position) + 1), np.zeros(len(position)), position)
        parts.append(observe(channel, standing, observation, seed + len(parts)))
    if not sum(map(len, parts)):
        raise InputError(f"no receiver of {folder} finds a cell; nothing can be imported")
    return ImportedScenario(Reports.concatenate(parts), deployment, isotropic)


def scenario_provenance(
    folder: Path, found: ImportedScenario, observation: NetworkConfiguration, seed: int
) -> Provenance:
    """Where the reports of a scenario come from: its parameters, the law of observation and the sites."""
    configuration = {"scenario": folder.name, "observation": observation, "deployment": found.deployment}
    return Provenance.collect(configuration, seed, {PARAMETERS: hash_file(folder / PARAMETERS)})


def channel_of(channels: list[TransmitterPaths], deployment: Deployment) -> ChannelState:
    """What the channel from every cell is at the receivers, from the paths of every site.

    Powers of paths add up, as they do over a bandwidth and a few wavelengths of movement.
    """
    level = np.full((len(channels[0].power), len(deployment.cells), deployment.beam_count), np.nan)
    energy = cell_energy(deployment)
    for index, cell in enumerate(deployment.cells):
        gain = _gains(channels[cell.site], cell)
        power = np.nansum(from_decibel(channels[cell.site].power)[..., None] * gain, axis=1)
        lit = np.isfinite(channels[cell.site].power).any(axis=1)
        level[lit, index, : power.shape[1]] = energy[index] + to_decibel(power[lit])
    with np.errstate(invalid="ignore"):
        delay = np.stack([np.fmin.reduce(each.delay, axis=1, initial=np.nan) for each in channels], axis=1)
        direct = np.stack([(paths.inter == 0).any(axis=1) for paths in channels], axis=1)
    return ChannelState(level, delay, direct.astype(float))


def _gains(paths: TransmitterPaths, cell: Cell) -> Float[np.ndarray, "receiver path beam"]:
    """Power gain of each beam towards each departure; NaN where there is no path."""
    azimuth, zenith = np.deg2rad(paths.aod_az), np.deg2rad(paths.aod_el)
    flat = np.sin(zenith)
    direction = np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), np.cos(zenith)], axis=-1)
    gains = np.full((*paths.power.shape, cell.array.beams), np.nan)
    known = np.isfinite(direction).all(axis=-1)
    gains[known] = cell_gains(direction[known], cell)
    return gains


def _deployment(
    parameters: dict[str, Any],
    folder: Path,
    transmitters: list[tuple[PointSet, int]],
    receiving: list[PointSet],
) -> tuple[Deployment, bool]:
    """The network of a scenario, and whether nothing is known of its antennas."""
    record = parameters.get("raylocus", {}).get("place")
    if record:
        return place_of_record(record, folder).deployment, False
    if not receiving:
        raise StoreError(f"{folder} has no set of receivers; convert it with one")
    sites = []
    cells = []
    for number, each in enumerate(transmitters):
        x, y, z = map(float, read_paths(folder, *each, receiving[0]).tx_pos[0])
        sites.append(Site(f"transmitter {number}", (x, y, z)))
        cells.append(Cell(number, number, 0.0, 0.0, POWER_DBM, AntennaArray(1, 1, 1), pattern=ISOTROPIC))
    carrier = Carrier(frequency=float(parameters["rt_params"]["frequency"]))
    return Deployment((carrier,), tuple(sites), tuple(cells)), True
