"""How networks differ from each other: a law that each world's network is drawn from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np

from raylocus.errors import InputError
from raylocus.network.configuration import MapTiming, NetworkConfiguration
from raylocus.network.reports.features import feature_set

#: Features that whole networks go without, and the share of those that do: chosen, for every mix to be seen. Of the
#: logs that docs/logs.md lists none has beams and most have no timing advance.
NEVER_REPORTED = {"rsrq": 0.3, "sinr": 0.5, "l1_rsrp": 0.7, "timing_advance": 0.6}


@dataclass(frozen=True)
class NetworkLaw:
    """Ranges that a network's settings are drawn from; what it does not name stays as it is.

    Where no source is named they are chosen; docs/conventions.md says what was measured of real networks.
    """

    never_reported: dict[str, float] = field(default_factory=lambda: dict(NEVER_REPORTED))
    """Probability that a network never reports a feature, by its name."""
    without_positioning: float = 0.5
    """Probability that a network reports no feature of positioning at all, where the feature set has them; chosen."""
    positioning_never_reported: float = 0.4
    """Probability that one of the others never reports a feature of positioning, each by itself; chosen."""
    most_neighbours: tuple[int, int] = (1, 8)
    """Range of maxReportCells, uniform in the logarithm: of a campus network about two cells are heard in a report."""
    neighbour_dropout: tuple[float, float] = (0.0, 0.8)
    """Range of the probability that a detected neighbour goes unreported, at severity 1, as `FieldLaw`'s: on the
    campus it hurt to take an unreported cell for an unheard one."""
    detection_rsrp: tuple[float, float] = (-128.0, -108.0)
    """Range of the lowest RSRP that is detected [dBm]."""
    detection_sinr: tuple[float, float] = (-12.0, -4.0)
    """Range of the lowest SS-SINR that is detected [dB]."""
    load: tuple[float, float] = (0.1, 0.9)
    """Range of the cells' load."""
    receiver_noise_db: tuple[float, float] = (0.7, 3.0)
    """Range of the standard deviation of a level in one report [dB]."""
    device_bias_db: tuple[float, float] = (1.0, 8.0)
    """Range of the standard deviation of the UEs' level errors, at severity 1 [dB]; device, hand and car, see
    `FieldLaw.device`."""
    timing_noise: tuple[float, float] = (10e-9, 80e-9)
    """Range of the standard deviation of a delay, where delays are `MapTiming`'s [s]."""
    filter_coefficients: tuple[int, ...] = (0, 2, 4, 8)
    """Values of the L3 filter's coefficient k."""
    most_beams: tuple[int, int] = (1, 4)
    """Range of the beams in an L1-RSRP report."""
    hysteresis_db: tuple[float, float] = (0.0, 4.0)
    """Range of the handover's hysteresis [dB], in steps of 0.5."""
    times_to_trigger: tuple[float, ...] = (0.04, 0.16, 0.32, 0.64, 1.28)
    """Values of the handover's time-to-trigger [s]."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            ranged = isinstance(value, tuple) and name not in ("filter_coefficients", "times_to_trigger")
            if ranged and value[0] > value[1]:
                raise InputError(f"network_law.{name} runs from its lowest to its highest value, not {value}")
        shares = (*self.never_reported.values(), self.without_positioning, self.positioning_never_reported)
        if not all(0 <= share <= 1 for share in shares):
            raise InputError("shares of networks lie between 0 and 1")


def draw_network(
    usual: NetworkConfiguration, law: NetworkLaw, generator: np.random.Generator
) -> NetworkConfiguration:
    """One network by the law, at severity 1, with the usual settings where the law names none.

    Equal laws and generators give equal networks.
    """

    def between(limits: tuple[float, float]) -> float:
        return float(generator.uniform(*limits))

    def log_whole(limits: tuple[int, int]) -> int:
        return int(np.exp(generator.uniform(np.log(limits[0]), np.log(limits[1] + 1))))

    never = [name for name, share in law.never_reported.items() if generator.random() < share]
    timing = (
        MapTiming(noise=between(law.timing_noise)) if isinstance(usual.timing, MapTiming) else usual.timing
    )
    drawn = dataclasses.replace(
        usual,
        neighbour_dropout=between(law.neighbour_dropout),
        detection_rsrp=between(law.detection_rsrp),
        detection_sinr=between(law.detection_sinr),
        load=between(law.load),
        receiver_noise_db=between(law.receiver_noise_db),
        device_bias_db=between(law.device_bias_db),
        timing=timing,
        report=dataclasses.replace(
            usual.report,
            most_neighbours=log_whole(law.most_neighbours),
            most_beams=int(generator.integers(*law.most_beams, endpoint=True)),
            filter_coefficient=int(generator.choice(law.filter_coefficients)),
        ),
        handover=dataclasses.replace(
            usual.handover,
            hysteresis=round(2 * between(law.hysteresis_db)) / 2,
            time_to_trigger=float(generator.choice(law.times_to_trigger)),
        ),
    )
    # Last, so that networks without these features are what they were before there were any.
    never += _positioning_never_reported(usual, law, generator)
    return dataclasses.replace(drawn, availability={**usual.availability, **dict.fromkeys(never, 0.0)})


def _positioning_never_reported(
    usual: NetworkConfiguration, law: NetworkLaw, generator: np.random.Generator
) -> list[str]:
    """Features of positioning (RSTD, Rx−Tx, RTOA, angles, levels of PRS and SRS) that a network goes without."""
    names = [each.name for each in feature_set(usual.feature_set) if each.layer == "positioning"]
    if generator.random() < law.without_positioning:
        return names
    return [name for name in names if generator.random() < law.positioning_never_reported]
