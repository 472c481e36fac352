"""Power headroom, buffer status and scheduling requests of the serving cell's uplink in a batch of reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.mac.buffer_status import LONG_LEVELS, buffer_size_index
from raylocus.network.mac.power_headroom import downlink_path_loss, power_headroom
from raylocus.network.mac.traffic import buffered, scheduling_request_rate
from raylocus.network.movement.mobility import Trajectories
from raylocus.network.random_streams import RandomSource
from raylocus.network.reports.report_tables import POWER_HEADROOM
from raylocus.scenes.sites import Carrier

#: Rate of the uplink beside the downlink's: less power, fewer layers, fewer slots; an engineering choice.
UPLINK_SHARE = 0.1
#: Share of the carrier's resource blocks that a PUSCH has.
PUSCH_SHARE = 0.1


@dataclass(frozen=True)
class UplinkBearer:
    """Features of the uplink; the buffer's are NaN where the UE is out of range."""

    ROWS: ClassVar = ("power_headroom", "buffer_status", "scheduling_requests")

    power_headroom: Float[np.ndarray, "report"]
    buffer_status: Float[np.ndarray, "report"]
    scheduling_requests: Float[np.ndarray, "report"]


def uplink_bearer(
    rsrp: Float[np.ndarray, "report"],
    energy_dbm: Float[np.ndarray, "report"],
    throughput: Float[np.ndarray, "report"],
    trajectories: Trajectories,
    carrier: Carrier,
    configuration: NetworkConfiguration,
    random: RandomSource,
) -> UplinkBearer:
    """The uplink at every report.

    Args:
        rsrp: L3-filtered RSRP of the serving cell as the UE measures it [dBm].
        energy_dbm: its EPRE [dBm].
        throughput: of the downlink [bit/s]; NaN where there is none.
        trajectories: times of the reports.
        carrier: of the deployment.
        configuration: power control and traffic.
        random: source of all random numbers.
    """
    rate = UPLINK_SHARE * throughput
    waiting = buffered(rate, trajectories.time, trajectories.report_offsets, configuration.traffic, random)
    index = buffer_size_index(np.nan_to_num(waiting), LONG_LEVELS)
    blocks = max(round(PUSCH_SHARE * carrier.resource_blocks), 1)
    loss = downlink_path_loss(rsrp, energy_dbm)
    headroom = power_headroom(loss, blocks, carrier.numerology, configuration.power_control)
    return UplinkBearer(
        power_headroom=POWER_HEADROOM.reported(headroom)[0],
        buffer_status=np.where(np.isnan(waiting), np.nan, index),
        scheduling_requests=scheduling_request_rate(rate, configuration.traffic),
    )
