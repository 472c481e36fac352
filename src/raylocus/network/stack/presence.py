"""Which features each report has: by set-up, by what its protocol renewed since the last report, and by chance."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from raylocus.network.availability import absent_features, occurred
from raylocus.network.chance import Chance
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.features import SCHEMA, Feature
from raylocus.network.mobility import Trajectories
from raylocus.scenes.sites import Deployment
from raylocus.units import slot_duration

#: What renews features between two reports, in the order of `occasion_periods`.
OCCASIONS = ("csi", "prs", "srs", "phr", "bsr")


def occasion_periods(configuration: NetworkConfiguration, numerology: int) -> Float[np.ndarray, "occasion"]:
    """Period [s] of each of `OCCASIONS`: CSI and SRS are configured in slots, PRS in 2^μ slots, timers in seconds."""
    slot, subframe = slot_duration(numerology), slot_duration(0)
    return np.array(
        [
            configuration.report.csi_period * slot,
            configuration.positioning_signal.period * subframe,
            configuration.sounding_signal.period * slot,
            configuration.headroom_period,
            configuration.buffer_status_period,
        ]
    )


def present_features(
    features: tuple[Feature, ...],
    trajectories: Trajectories,
    deployment: Deployment,
    configuration: NetworkConfiguration,
    chance: Chance,
) -> Bool[np.ndarray, "report feature"]:
    """Which of the features each report has.

    A feature is gone for good where band, antennas or UE cannot give it; it is missing from a report
    where its occasion (CSI, PRS or SRS period, PHR or BSR timer) did not come since the last one, and from
    the others but for its availability. What one occasion gives comes and goes together: whatever has the
    smaller availability comes only with what has the larger.
    """
    # As many numbers whatever the features, so that a larger set changes nothing of a smaller one.
    uniform = chance.random((len(trajectories.time), 2 * len(OCCASIONS) + len(SCHEMA)))
    periods = occasion_periods(configuration, deployment.carrier.numerology)
    absent = {each.name for each in absent_features(features, deployment, configuration.capability)}
    renewed: dict[str, Bool[np.ndarray, "report"]] = {}
    present = np.zeros((len(uniform), len(features)), bool)
    for index, feature in enumerate(features):
        if feature.name in absent:
            continue
        drawn = uniform[:, _draw_of(feature)]
        present[:, index] = drawn < configuration.availability_of(feature)
        if feature.occasion:
            number = OCCASIONS.index(feature.occasion)
            if feature.occasion not in renewed:
                offsets, phase = trajectories.report_offsets, uniform[:, len(OCCASIONS) + number]
                renewed[feature.occasion] = occurred(
                    trajectories.time, offsets, float(periods[number]), phase
                )
            present[:, index] &= renewed[feature.occasion]
    return present


def _draw_of(feature: Feature) -> int:
    """Column of the uniform numbers that decide on a feature: one for all of an occasion, or its own."""
    return (
        OCCASIONS.index(feature.occasion) if feature.occasion else 2 * len(OCCASIONS) + SCHEMA.index(feature)
    )
