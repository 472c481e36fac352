"""The plan of a dataset: which worlds are observed where, and from which seeds."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from raylocus.datasets.configuration import DatasetConfiguration
from raylocus.datasets.splits import PlaceChoice, Split, split_of_place
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.network_law import draw_network
from raylocus.scenes.sites import Deployment
from raylocus.scenes.world import World, WorldLaw, sample_world


@dataclass(frozen=True)
class WorldRecord:
    """One world of a dataset: what it takes to draw it again, exactly."""

    place_index: int
    """Index into the dataset's places."""
    number: int
    """Number of the world at its place."""
    split: Split | None
    """What its reports are for; None where `split_assignment` divides them."""
    sequences: int
    """UEs observed in it."""
    seed: int
    """The dataset's seed."""
    law: WorldLaw
    """The law it is drawn from."""

    def generators(self) -> tuple[np.random.Generator, np.random.Generator, np.random.Generator]:
        """Independent random streams for the world, the trajectories and the observation."""
        sequence = np.random.SeedSequence([self.seed, self.place_index, self.number])
        world, trajectories, observation = map(np.random.default_rng, sequence.spawn(3))
        return world, trajectories, observation

    def network(self, configuration: DatasetConfiguration) -> NetworkConfiguration:
        """The network that observes it, at its severity: drawn again, exactly, where networks have a law."""
        usual = configuration.network
        if configuration.network_law is not None:
            # The fourth stream, after those of `generators`.
            sequence = np.random.SeedSequence([self.seed, self.place_index, self.number]).spawn(4)[3]
            usual = draw_network(usual, configuration.network_law, np.random.default_rng(sequence))
        return usual.at_severity(self.law.severity)


def plan_worlds(configuration: DatasetConfiguration) -> tuple[WorldRecord, ...]:
    """All worlds of a dataset, place by place: the order of its sequences."""
    records = []
    for index, place in enumerate(configuration.places):
        for number, split in enumerate(_splits_of_worlds(place, configuration)):
            size = configuration.size_of(split)
            law = _law_of(configuration, number)
            records.append(WorldRecord(index, number, split, size.sequences, configuration.seed, law))
    return tuple(records)


def _splits_of_worlds(place: PlaceChoice, configuration: DatasetConfiguration) -> list[Split | None]:
    """The split of each world of a place: a train place has some further worlds for validation."""
    split = split_of_place(configuration.splits, place)
    worlds = [split] * configuration.size_of(split).worlds
    if split == "train":
        worlds += ["validation"] * configuration.validation.worlds
    return worlds


def _law_of(configuration: DatasetConfiguration, number: int) -> WorldLaw:
    severities = configuration.severities or (configuration.world_law.severity,)
    return dataclasses.replace(configuration.world_law, severity=severities[number % len(severities)])


def redraw_world(deployment: Deployment, record: WorldRecord) -> World:
    """The world of a record, drawn again for the deployment of its place."""
    generator, _, _ = record.generators()
    return sample_world(deployment, record.law, generator)
