"""The plan of a dataset: which worlds are observed where, and from which seeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raylocus.datasets.configuration import DatasetConfiguration
from raylocus.datasets.splits import PlaceChoice
from raylocus.scenes.sites import Deployment
from raylocus.scenes.world import World, WorldLaw, sample_world


@dataclass(frozen=True)
class WorldRecord:
    """One world of a dataset: what it takes to draw it again, exactly."""

    place_index: int
    """Index into the dataset's places."""
    number: int
    """Number of the world at its place."""
    split: str
    """What its reports are for."""
    sequences: int
    """UEs observed in it."""
    seed: int
    """The dataset's seed."""
    law: WorldLaw
    """The law it is drawn from."""

    def generators(self) -> tuple[np.random.Generator, np.random.Generator, np.random.Generator]:
        """Independent sources of chance for the world, the trajectories and the observation."""
        sequence = np.random.SeedSequence([self.seed, self.place_index, self.number])
        world, trajectories, observation = map(np.random.default_rng, sequence.spawn(3))
        return world, trajectories, observation


def plan_worlds(configuration: DatasetConfiguration) -> tuple[WorldRecord, ...]:
    """All worlds of a dataset, place by place: the order of its sequences."""
    records = []
    for index, place in enumerate(configuration.places):
        for number, split in enumerate(_splits_of_worlds(place, configuration)):
            size = getattr(configuration, split)
            law = configuration.world_law
            records.append(WorldRecord(index, number, split, size.sequences, configuration.seed, law))
    return tuple(records)


def _splits_of_worlds(place: PlaceChoice, configuration: DatasetConfiguration) -> list[str]:
    """The split of each world of a place: a train place has some further worlds for validation."""
    worlds = [place.split] * getattr(configuration, place.split).worlds
    if place.split == "train":
        worlds += ["validation"] * configuration.validation.worlds
    return list(worlds)


def redraw_world(deployment: Deployment, record: WorldRecord) -> World:
    """The world of a record, drawn again for the deployment of its place."""
    generator, _, _ = record.generators()
    return sample_world(deployment, record.law, generator)
