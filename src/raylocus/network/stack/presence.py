"""Which features each report has: by set-up, by what its protocol renewed since the last report, and by chance."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from raylocus.network.availability import absent_features, occurred
from raylocus.network.chance import Chance
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.features import Feature
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
    where its occasion (CSI, PRS or SRS period, PHR or BSR timer) did not come since the last one, or was
    lost. Whatever one occasion gives comes and goes together.
    """
    count = len(trajectories.time)
    renewed = np.stack(
        [
            occurred(trajectories.time, trajectories.report_offsets, float(period), chance)
            for period in occasion_periods(configuration, deployment.carrier.numerology)
        ],
        axis=1,
    )
    share = np.array([configuration.availability_of(feature) for feature in features])
    present = chance.random((count, len(features))) < share
    absent = {each.name for each in absent_features(features, deployment, configuration.capability)}
    for index, feature in enumerate(features):
        if feature.name in absent:
            present[:, index] = False
        elif feature.occasion:
            present[:, index] &= renewed[:, OCCASIONS.index(feature.occasion)]
    return present
