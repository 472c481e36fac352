"""MAC, RLC and system features of the serving cell's bearer in a batch of reports."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from raylocus.network.chance import Chance
from raylocus.network.mac.buffer_status import (
    LONG_LEVELS,
    buffer_size_index,
    buffered,
    scheduling_request_rate,
)
from raylocus.network.mac.harq import negative_share, residual_error_rate, transmission_error_rates
from raylocus.network.mac.power_headroom import downlink_path_loss, power_headroom
from raylocus.network.report_tables import POWER_HEADROOM
from raylocus.network.rlc.acknowledged_mode import deliver
from raylocus.network.rlc.queue import jitter, latency
from raylocus.network.stack.configuration import StackConfiguration
from raylocus.network.system.link_adaptation import link_quality
from raylocus.network.system.modulation_tables import MCS_TABLES
from raylocus.scenes.sites import Carrier

#: Packets of a bearer that are followed before each report, and their size [bit].
PACKETS, PACKET_BITS = 16, 12_000
#: Transport blocks that the share of NACKs is counted over.
BLOCKS = 32
#: Margin of the outer loop of link adaptation [dB]; with the mismatch's 1 dB it leaves about 10 % of NACKs.
OUTER_LOOP_BACKOFF_DB = 1.3
#: Load that a bearer offers to its share of the cell.
OFFERED_LOAD = 0.6


@dataclass(frozen=True)
class BearerReport:
    """Features of the bearer; NaN where the UE is out of range."""

    power_headroom: Float[np.ndarray, "report"]
    buffer_status: Float[np.ndarray, "report"]
    scheduling_requests: Float[np.ndarray, "report"]
    harq_nack: Float[np.ndarray, "report"]
    mcs: Float[np.ndarray, "report"]
    bler: Float[np.ndarray, "report"]
    throughput: Float[np.ndarray, "report"]
    rlc_retransmissions: Float[np.ndarray, "report"]
    round_trip: Float[np.ndarray, "report"]
    latency: Float[np.ndarray, "report"]
    jitter: Float[np.ndarray, "report"]


def bearer_report(
    rsrp: Float[np.ndarray, "report"],
    energy_dbm: Float[np.ndarray, "report"],
    layer_sinr_db: Float[np.ndarray, "report"],
    layers: Float[np.ndarray, "report"],
    carrier: Carrier,
    configuration: StackConfiguration,
    chance: Chance,
) -> BearerReport:
    """The bearer at every report.

    Args:
        rsrp: L3-filtered RSRP of the serving cell [dBm].
        energy_dbm: its EPRE [dBm].
        layer_sinr_db: SINR per layer [dB]; NaN where unknown.
        layers: number of layers.
        carrier: of the deployment.
        configuration: power control, traffic, RLC.
        chance: source of all chance.
    """
    count = len(rsrp)
    # The channel moves on by about a decibel after it was reported; the outer loop backs off by as much.
    mismatch = chance.standard_normal((count,))
    share = 0.05 + 0.45 * chance.random((count,))
    quality = link_quality(
        layer_sinr_db - OUTER_LOOP_BACKOFF_DB, layers, share, carrier.resource_blocks, carrier.numerology
    )
    usable = np.nan_to_num(quality.mcs, nan=-1.0) >= 0
    mcs = np.where(usable, np.nan_to_num(quality.mcs), 0).astype(np.int64)
    errors = transmission_error_rates(np.nan_to_num(layer_sinr_db) + mismatch, mcs, MCS_TABLES[1])
    blank = np.where(usable, 0.0, np.nan)
    residual = residual_error_rate(errors)
    delivery = deliver(np.repeat(residual[:, None], PACKETS, axis=1), 0.01, configuration.bearer, chance)
    rate = np.where(usable, np.maximum(quality.throughput, 1e4), 1e9)[:, None]
    service = np.full((count, PACKETS), PACKET_BITS) / rate
    gap = -np.log1p(-chance.random((count, PACKETS))) * PACKET_BITS / (OFFERED_LOAD * rate)
    delay = latency(service, gap, np.nan_to_num(delivery.delay, nan=configuration.bearer.poll_retransmit))
    uplink = np.where(usable, 0.1 * quality.throughput, np.nan)
    waiting = buffered(count, uplink, configuration.traffic, chance)
    loss = downlink_path_loss(rsrp, energy_dbm)
    blocks = max(carrier.resource_blocks // 10, 1)
    headroom = power_headroom(loss, blocks, carrier.numerology, configuration.power_control)
    traffic = configuration.traffic
    busy = np.minimum(traffic.bursts_per_second * traffic.mean_burst * 8 / np.maximum(uplink, 1.0), 0.98)
    retransmissions = delivery.retransmissions.mean(axis=1)
    return BearerReport(
        power_headroom=POWER_HEADROOM.reported(headroom)[0],
        buffer_status=buffer_size_index(np.nan_to_num(waiting), LONG_LEVELS) + blank,
        scheduling_requests=scheduling_request_rate(traffic, busy),
        harq_nack=negative_share(errors[:, 0] + blank, BLOCKS, chance),
        mcs=np.where(usable, quality.mcs, np.nan),
        bler=errors[:, 0] + blank,
        throughput=quality.throughput,
        rlc_retransmissions=retransmissions + blank,
        round_trip=configuration.bearer.round_trip * (1 + retransmissions) + blank,
        latency=delay.mean(axis=1) + blank,
        jitter=jitter(delay) + blank,
    )
