"""Batches: everything once, few places at a time, little padding, generator passed in."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from raylocus.models.inputs.place_batches import (
    GROUP_SIZE,
    MapGroupedBatches,
    ordered_batches,
    sequence_groups,
)


def groups_of(counts: list[int], seed: int = 0):
    place = np.repeat(np.arange(len(counts)), counts)
    lengths = np.random.default_rng(seed).integers(1, 21, len(place))
    return sequence_groups(np.arange(len(place)) * 3, place, lengths)


def named(batches, groups) -> list[int]:
    return [int(groups[part.group].samples[row]) for batch in batches for part in batch for row in part.rows]


def padding(batches, groups) -> float:
    lengths = [np.concatenate([groups[p.group].lengths[list(p.rows)] for p in batch]) for batch in batches]
    return 1 - sum(each.sum() for each in lengths) / sum(len(each) * each.max() for each in lengths)


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(1, 70), min_size=1, max_size=9),
    batch_size=st.integers(1, 24),
    data=st.data(),
)
def test_every_sequence_once_an_epoch_whatever_the_sizes(counts, batch_size, data):
    places_per_batch = data.draw(st.integers(1, min(4, batch_size)))
    at_hand = data.draw(st.integers(1, 5))
    groups = groups_of(counts)
    generator = np.random.default_rng(1)
    sampler = MapGroupedBatches(groups, batch_size, generator, places_per_batch, at_hand)
    batches = list(sampler)
    everything = sorted(3 * np.arange(sum(counts)))
    assert sorted(named(batches, groups)) == everything
    assert sorted(named(ordered_batches(groups, batch_size), groups)) == everything
    assert len(batches) == len(sampler)
    for batch in batches:
        assert sum(len(part.rows) for part in batch) <= batch_size
        assert len({part.group for part in batch}) == len(batch) <= places_per_batch


def test_no_more_groups_are_mixed_than_are_at_hand():
    groups = groups_of([40] * 12)
    batches = list(MapGroupedBatches(groups, 8, np.random.default_rng(2), at_hand=3))
    seen = [batch[0].group for batch in batches]
    spans = [(seen.index(group), len(seen) - 1 - seen[::-1].index(group)) for group in range(12)]
    assert max(sum(start <= step <= end for start, end in spans) for step in range(len(seen))) == 3
    assert sum(one != other for one, other in pairwise(seen)) > 12


def test_sequences_of_a_batch_are_about_equally_long():
    groups = groups_of([960] * 2)
    bucketed = padding(list(MapGroupedBatches(groups, 16, np.random.default_rng(3))), groups)
    stored = padding(ordered_batches(groups, 16), groups)
    assert bucketed < 0.12 < 0.35 < stored


def test_an_epoch_is_another_order_and_a_seed_is_the_same_order():
    groups = groups_of([50, 30])
    sampler = MapGroupedBatches(groups, 8, np.random.default_rng(4))
    again = MapGroupedBatches(groups, 8, np.random.default_rng(4))
    first, second = list(sampler), list(sampler)
    assert first == list(again)
    assert first != second and set(first[0]) != set(second[0])


def test_a_large_place_is_read_in_several_groups():
    groups = groups_of([2 * GROUP_SIZE + 5, 7])
    assert [len(group.samples) for group in groups] == [GROUP_SIZE, GROUP_SIZE, 5, 7]
    assert [group.place for group in groups] == [0, 0, 0, 1]
