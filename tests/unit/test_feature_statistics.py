"""Training statistics in one pass: as numpy computes them on the whole, whatever the shards."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raylocus.datasets.schema import FeatureMoments


@settings(max_examples=50, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 400), max_size=8),
    seed=st.integers(0, 99),
    offset=st.sampled_from([0.0, -90.0, 1e9]),
)
def test_shards_have_the_statistics_of_the_whole(cuts: list[int], seed: int, offset: float) -> None:
    generator = np.random.default_rng(seed)
    features = offset + generator.normal(size=(400, 3)) * [1.0, 30.0, 1e-3]
    features[generator.random(features.shape) < 0.4] = np.nan
    shards = np.split(features, sorted(cuts))
    moments = FeatureMoments.of(shards[0])
    for shard in shards[1:]:
        moments = moments.merged(FeatureMoments.of(shard))
    found = moments.statistics
    np.testing.assert_allclose(found.mean, np.nanmean(features, axis=0), rtol=1e-12)
    # At 10⁹ the values themselves are only known to 10⁻⁷.
    np.testing.assert_allclose(
        found.standard_deviation, np.nanstd(features, axis=0), rtol=1e-9, atol=1e-7 * (offset > 1)
    )


def test_a_feature_that_no_token_has_has_no_statistics() -> None:
    features = np.array([[1.0, np.nan], [3.0, np.nan]])
    found = FeatureMoments.of(features).merged(FeatureMoments.of(features[:0])).statistics
    assert found.mean[0] == 2.0 and found.standard_deviation[0] == 1.0
    assert np.isnan(found.mean[1]) and np.isnan(found.standard_deviation[1])


def test_single_precision_shards_are_summed_in_double() -> None:
    features = np.full((200_000, 1), 16777217.0 / 3, np.float32)
    found = FeatureMoments.of(features).statistics
    assert (
        found.mean[0] == pytest.approx(float(features[0, 0]), rel=1e-14)
        and found.standard_deviation[0] < 1e-6
    )
