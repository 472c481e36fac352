"""The bearers of the serving cell: downlink throughput and errors, uplink headroom and buffers."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.mac.link_adaptation import (
    adapt,
    frame_error_rate,
    resource_elements_per_second,
    retransmission_delay,
    scheduled_share,
    transmission_error_rates,
)
from raylocus.network.mac.uplink import (
    LONG_LEVELS,
    buffer_size_index,
    buffered,
    needed_power,
    scheduling_request_rate,
)
from raylocus.network.movement.trajectories import Trajectories
from raylocus.network.random_streams import RandomSource, correlated_normal
from raylocus.network.reports.features import feature_values
from raylocus.network.reports.report_mapping import POWER_HEADROOM, reported
from raylocus.network.rlc import (
    bearer_throughput,
    deliver,
    jitter,
    relaxation_time,
    stationary_wait,
    waiting_times,
)
from raylocus.network.rrc.events import reports_by_step
from raylocus.propagation.link_abstraction.modulation_tables import MCS_TABLES, table_of
from raylocus.scenes.sites import Carrier

#: Packets of a bearer that are followed before each report, and their size [bit].
PACKETS, PACKET_BITS = 16, 12_000
#: Transport blocks of a frame of the application.
FRAME_BLOCKS = 4
#: Load that a bearer offers to its share of the cell.
OFFERED_LOAD = 0.6
#: Least rate that a bearer is worked with [bit/s]; below it, its queue would never empty.
LEAST_RATE = 1e4
#: Share of the status reports that are lost.
STATUS_LOSS = 0.01


def downlink_bearer(
    layer_sinr_db: Float[np.ndarray, " report"],
    layers: Float[np.ndarray, " report"],
    trajectories: Trajectories,
    carrier: Carrier,
    cqi_table: int,
    configuration: NetworkConfiguration,
    random: RandomSource,
) -> xr.Dataset:
    """The bearer at every report; NaN where the UE is out of range.

    SINR per layer is as the UE reported it [dB], NaN where unknown; the MCS table has the number of the CQI table.
    """
    time, offsets = trajectories.time, trajectories.report_offsets
    moved = configuration.feedback_error_db * correlated_normal(
        time, offsets, configuration.feedback_memory, random
    )
    true_sinr, table = layer_sinr_db + moved, table_of(MCS_TABLES, cqi_table)
    link = adapt(layer_sinr_db, true_sinr, offsets, table, configuration.outer_loop, random)
    mcs, bler = link["mcs"].values, link["bler"].values
    sent = ~np.isnan(bler)
    index = np.where(sent, np.nan_to_num(mcs), 0).astype(np.int64)
    efficiency = np.where(sent, layers * table.efficiency[index] * (1 - bler), np.nan)
    share = scheduled_share(time, offsets, configuration.scheduler, random)
    throughput = (
        efficiency * share * resource_elements_per_second(carrier.resource_blocks, carrier.numerology)
    )
    errors = transmission_error_rates(np.nan_to_num(true_sinr), index, table)
    residual = errors.prod(axis=-1)  # every transmission fails, and RLC must help
    again, air = deliver(
        np.repeat(residual[:, None], PACKETS, axis=1), STATUS_LOSS, configuration.bearer, random
    )
    delay, gap = _packet_delays(throughput, air, trajectories, configuration, random)
    delay = delay + retransmission_delay(errors, carrier.numerology)[:, None]
    blank = np.where(sent, 0.0, np.nan)
    retransmissions = again.mean(axis=1) + blank
    found = feature_values(
        mcs=np.where(sent, mcs, np.nan),
        spectral_efficiency=efficiency,
        throughput=throughput,
        frame_error_rate=frame_error_rate(residual, FRAME_BLOCKS) + blank,
        bearer_throughput=bearer_throughput(np.full(delay.shape, float(PACKET_BITS)), gap, delay) + blank,
        rlc_retransmissions=retransmissions,
        round_trip=configuration.bearer.round_trip * (1 + retransmissions),
        latency=delay.mean(axis=1) + blank,
        jitter=jitter(delay) + blank,
    )
    return link.assign(found)


def _packet_delays(
    throughput: Float[np.ndarray, " report"],
    air: Float[np.ndarray, "report packet"],
    trajectories: Trajectories,
    configuration: NetworkConfiguration,
    random: RandomSource,
) -> tuple[Float[np.ndarray, "report packet"], Float[np.ndarray, "report packet"]]:
    """From each packet's arrival to its delivery, and the gaps between arrivals [s].

    The first packet before a report waits for what the last one before the report in front left, unless
    the queue has had time to forget it. `air` is the time over the air [s], NaN where the link failed.
    """
    rate = np.where(np.isnan(throughput), 1e9, np.maximum(throughput, LEAST_RATE))[:, None]
    service = np.repeat(PACKET_BITS / rate, PACKETS, axis=1)
    uniform = random.random((len(rate), PACKETS + 3))
    gap = -np.log1p(-uniform[:, :PACKETS]) * service / OFFERED_LOAD
    first = stationary_wait(uniform[:, PACKETS : PACKETS + 2], service[:, 0], OFFERED_LOAD)
    forgets = relaxation_time(service[:, 0], OFFERED_LOAD)
    for now in reports_by_step(trajectories.report_offsets):
        before = now - 1
        elapsed = trajectories.time[now] - trajectories.time[before]
        remembered = uniform[now, -1] < np.exp(-elapsed / forgets[now])
        last = waiting_times(service[before], gap[before], first[before])[:, -1]
        first[now] = np.where(remembered, last, first[now])
    served = waiting_times(service, gap, first) + service
    return served + np.nan_to_num(air, nan=configuration.bearer.poll_retransmit), gap


#: Rate of the uplink relative to the downlink's: less power, fewer layers, fewer slots; an engineering choice.
UPLINK_SHARE = 0.1
#: Share of the carrier's resource blocks that a PUSCH has.
PUSCH_SHARE = 0.1


def uplink_bearer(
    rsrp: Float[np.ndarray, " report"],
    energy_dbm: Float[np.ndarray, " report"],
    throughput: Float[np.ndarray, " report"],
    trajectories: Trajectories,
    carrier: Carrier,
    configuration: NetworkConfiguration,
    random: RandomSource,
) -> xr.Dataset:
    """The uplink at every report; the buffer's features are NaN where the UE is out of range.

    RSRP is L3-filtered, as the UE measures it, `energy_dbm` the serving cell's EPRE [dBm]; throughput [bit/s] is
    the downlink's.
    """
    rate = UPLINK_SHARE * throughput
    waiting = buffered(rate, trajectories.time, trajectories.report_offsets, configuration.traffic, random)
    index = buffer_size_index(np.nan_to_num(waiting), LONG_LEVELS)
    blocks = max(round(PUSCH_SHARE * carrier.resource_blocks), 1)
    control = configuration.power_control
    power = needed_power(energy_dbm - rsrp, blocks, carrier.numerology, control)
    return feature_values(
        power_headroom=reported(control.maximum_dbm - power, POWER_HEADROOM)[0],
        buffer_status=np.where(np.isnan(waiting), np.nan, index),
        scheduling_requests=scheduling_request_rate(rate, configuration.traffic),
    )
