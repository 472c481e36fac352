"""Which features each report has: by set-up, by what its protocol renewed since the last report, and at random."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.impairments.availability import absent_features, occurred
from raylocus.network.movement.mobility import Trajectories
from raylocus.network.random_streams import ReportStreams
from raylocus.network.reports.features import Feature
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
    random: ReportStreams,
) -> Bool[np.ndarray, "report feature"]:
    """Which of the features each report has.

    A feature is gone for good where band, antennas or UE cannot give it; it is missing from a report
    where its occasion (CSI, PRS or SRS period, PHR or BSR timer) did not come since the last one, and from
    the others but for its availability. What one occasion gives comes and goes together: whatever has the
    smaller availability comes only with what has the larger.
    """
    time, offsets = trajectories.time, trajectories.report_offsets
    periods = dict(
        zip(OCCASIONS, occasion_periods(configuration, deployment.carrier.numerology), strict=True)
    )
    absent = {each.name for each in absent_features(features, deployment, configuration.capability)}
    present = np.zeros((len(time), len(features)), bool)
    for index, feature in enumerate(features):
        if feature.name in absent:
            continue
        drawn = random.of(f"presence {feature.occasion or feature.name}").random(time.shape)
        present[:, index] = drawn < configuration.availability_of(feature)
        if feature.occasion:
            phase = random.of(f"phase {feature.occasion}").random(time.shape)
            present[:, index] &= occurred(time, offsets, float(periods[feature.occasion]), phase)
    return present
