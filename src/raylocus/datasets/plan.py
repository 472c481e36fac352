"""The plan of a dataset: which worlds are observed where, from which seeds, and the split of every sequence."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Bool, Float, Int8

from raylocus.datasets.configuration import DatasetConfiguration
from raylocus.datasets.splits import (
    NO_SPLIT,
    SPLITS,
    AreaBlockSplits,
    Split,
    SplitRule,
    ThresholdSplits,
    split_of_place,
)
from raylocus.geo import Grid
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.network_law import draw_network
from raylocus.network.reports.reports import Reports
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
    severities = configuration.severities or (configuration.world_law.severity,)
    laws = [dataclasses.replace(configuration.world_law, severity=severity) for severity in severities]
    records = []
    for index, place in enumerate(configuration.places):
        whole = split_of_place(configuration.splits, place)
        splits: list[Split | None] = [whole] * configuration.size_of(whole).worlds
        if whole == "train":  # which has some further worlds for validation
            splits.extend("validation" for _ in range(configuration.validation.worlds))
        for number, split in enumerate(splits):
            size = configuration.size_of(split)
            law = laws[number % len(laws)]
            records.append(WorldRecord(index, number, split, size.sequences, configuration.seed, law))
    return tuple(records)


def redraw_world(deployment: Deployment, record: WorldRecord) -> World:
    """The world of a record, drawn again for the deployment of its place."""
    generator, _, _ = record.generators()
    return sample_world(deployment, record.law, generator)


TRAIN, VALIDATION, TEST = range(len(SPLITS))
#: Seconds of a day, the unit of splits by time.
DAY = 86400.0
#: Keys that keep the draws of start times and of blocks apart from that of worlds.
_TIME_KEY, _BLOCK_KEY = 101, 102


def start_times(world: WorldRecord, count: int) -> Float[np.ndarray, " sample"]:
    """When each of a world's sequences starts [s], after the dataset's first midnight.

    The worlds of a place are its days: world n is what was true on day n, and its sequences start at
    any time of that day.
    """
    generator = np.random.default_rng([world.seed, world.place_index, world.number, _TIME_KEY])
    return (world.number + generator.random(count)) * DAY


def assign_splits(
    rule: SplitRule,
    world: WorldRecord,
    tile: Grid,
    reports: Reports,
    start_time: Float[np.ndarray, " sample"],
) -> Int8[np.ndarray, " sample"]:
    """The split of every sequence of one world: an index into SPLITS, or NO_SPLIT.

    The world's split is that of its sequences where it has one; `start_time` [s] is when each starts, see
    `start_times`.
    """
    if isinstance(rule, AreaBlockSplits):
        return _by_area(block_splits(rule, world, tile), rule, tile, reports)
    if isinstance(rule, ThresholdSplits):
        severity = np.full(len(reports), world.law.severity)
        days = start_time / DAY, (start_time + reports.time[reports.last_report]) / DAY
        return _by_threshold(rule, *((severity, severity) if rule.kind == "severity" else days))
    return np.full(len(reports), SPLITS.index(str(world.split)), np.int8)


def block_splits(rule: AreaBlockSplits, world: WorldRecord, tile: Grid) -> Int8[np.ndarray, "row column"]:
    """The split of every block of a place, the same for all its worlds.

    Blocks start at the tile's south-west corner; the tile's other edges may cut some off.
    """
    side = int(np.ceil(tile.size / rule.block))
    order = np.random.default_rng([world.seed, world.place_index, _BLOCK_KEY]).permutation(side**2)
    test, validation = (round(share * side**2) for share in (rule.test, rule.validation))
    splits = np.full(side**2, TRAIN, np.int8)
    splits[order[:test]] = TEST
    splits[order[test : test + validation]] = VALIDATION
    return splits.reshape(side, side)


def _by_threshold(
    rule: ThresholdSplits, first: Float[np.ndarray, " sample"], last: Float[np.ndarray, " sample"]
) -> Int8[np.ndarray, " sample"]:
    """Splits by a quantity that runs from `first` to `last` in each sequence; none where they differ."""
    validation = rule.test_from if rule.validation_from is None else rule.validation_from
    # The number of bounds that are reached is the split: none is training, both are the test.
    bounds = [validation, rule.test_from]
    begins, ends = (np.searchsorted(bounds, values, side="right") for values in (first, last))
    return np.where(begins == ends, begins, NO_SPLIT).astype(np.int8)


def _by_area(
    blocks: Int8[np.ndarray, "row column"], rule: AreaBlockSplits, tile: Grid, reports: Reports
) -> Int8[np.ndarray, " sample"]:
    split, clear = _splits_of_points(blocks, rule, reports.position[:, :2] + tile.size / 2)
    first = reports.report_offsets[:-1]
    same = np.minimum.reduceat(split, first) == np.maximum.reduceat(split, first)
    whole = same & np.logical_and.reduceat(clear, first)
    return np.where(whole, split[first], NO_SPLIT).astype(np.int8)


def _splits_of_points(
    blocks: Int8[np.ndarray, "row column"], rule: AreaBlockSplits, corner: Float[np.ndarray, "report 2"]
) -> tuple[Int8[np.ndarray, " report"], Bool[np.ndarray, " report"]]:
    """The split at points (x, y) [m] from the corner, and whether they are clear of any other split's blocks.

    Clear is half the guard: a straight line between two splits leaves one and then enters the other,
    so two clear points of different splits are a whole guard apart.
    """
    side = len(blocks)
    block = np.clip((corner // rule.block).astype(int), 0, side - 1)
    split = blocks[block[:, 1], block[:, 0]]
    inside = corner - block * rule.block
    clear = np.ones(len(corner), bool)
    for step in product((-1, 0, 1), repeat=2):
        neighbour = block + step
        exists = np.all((neighbour >= 0) & (neighbour < side), axis=1)
        column, row = np.clip(neighbour, 0, side - 1).T
        gap = np.where(np.array(step) < 0, inside, np.where(np.array(step) > 0, rule.block - inside, 0.0))
        other = exists & (blocks[row, column] != split)
        clear &= ~(other & (np.hypot(*gap.T) < rule.guard / 2))
    return split, clear
