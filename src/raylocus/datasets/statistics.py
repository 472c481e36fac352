"""Mean and spread of every report feature of the training split, in one pass over its shards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class FeatureStatistics:
    """What features are standardised with; columns are the reports' `feature_names`."""

    mean: Float[np.ndarray, " feature"]
    """Mean over the tokens that have the feature; NaN where none has."""
    standard_deviation: Float[np.ndarray, " feature"]
    """Standard deviation over the same tokens."""


@dataclass(frozen=True)
class FeatureMoments:
    """Count, mean and sum of squared deviations of every feature: all that a pass must remember."""

    count: Int[np.ndarray, " feature"]
    """Tokens that have the feature."""
    mean: Float[np.ndarray, " feature"]
    """Their mean; 0 where there are none."""
    deviation: Float[np.ndarray, " feature"]
    """Their sum of squared deviations from the mean."""

    @classmethod
    def of(cls, features: Float[np.ndarray, "token feature"]) -> FeatureMoments:
        """The moments of some tokens, in float64; NaN is missing."""
        present = ~np.isnan(features)
        count = present.sum(axis=0)
        values = np.where(present, features, 0).astype(np.float64)
        mean = values.sum(axis=0) / np.maximum(count, 1)
        deviation = (np.where(present, values - mean, 0) ** 2).sum(axis=0)
        return cls(count, mean, deviation)

    def merged(self, other: FeatureMoments) -> FeatureMoments:
        """The moments of both sets of tokens together (Chan, Golub and LeVeque 1983, eq. 2.1)."""
        count = self.count + other.count
        step = other.mean - self.mean
        share = other.count / np.maximum(count, 1)
        deviation = self.deviation + other.deviation + step**2 * self.count * share
        return FeatureMoments(count, self.mean + step * share, deviation)

    @property
    def statistics(self) -> FeatureStatistics:
        """Mean and standard deviation (of the population); NaN where no token has the feature."""
        known = np.where(self.count > 0, self.count, np.nan)
        return FeatureStatistics(np.where(self.count > 0, self.mean, np.nan), np.sqrt(self.deviation / known))
