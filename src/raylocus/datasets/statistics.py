"""Mean and spread of every report feature, from the training split only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from raylocus.network.reports import Reports


@dataclass(frozen=True)
class FeatureStatistics:
    """What features are standardised with; columns are `network.features.FEATURES`."""

    mean: Float[np.ndarray, "feature"]
    """Mean over the tokens that have the feature; NaN where none has."""
    standard_deviation: Float[np.ndarray, "feature"]
    """Standard deviation over the same tokens."""


def feature_statistics(training: Reports) -> FeatureStatistics:
    """The statistics of the reports of a training split."""
    present = ~np.isnan(training.features)
    count = present.sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean = np.where(present, training.features, 0).sum(axis=0) / count
        deviation = np.where(present, training.features - mean, 0)
        return FeatureStatistics(mean, np.sqrt((deviation**2).sum(axis=0) / count))
