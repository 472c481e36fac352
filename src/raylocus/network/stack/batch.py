"""A batch of reports that are sent; each layer is computed when first asked for, by random streams of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from jaxtyping import Complex, Float, Int

from raylocus.network.channel.links import ChannelState
from raylocus.network.channel.world_channel import Channel
from raylocus.network.configuration import MapTiming, NetworkConfiguration
from raylocus.network.impairments.availability import frequency_range
from raylocus.network.movement.trajectories import Trajectories
from raylocus.network.positioning.timing_measurements import carrier_phase, reported_angle
from raylocus.network.random_streams import RandomSource, ReportStreams
from raylocus.network.reports.features import feature_values
from raylocus.network.reports.report_mapping import reported_beam_sinr
from raylocus.network.rrc.events import MEASUREMENT_PERIODS, l3_filter
from raylocus.network.rrc.handover import HandoverHistory, handover_history
from raylocus.network.stack.bearers import downlink_bearer, uplink_bearer
from raylocus.network.stack.cell_levels import CellMeasurements, strongest_beams
from raylocus.network.stack.csi_report import csi_report, with_estimation_errors
from raylocus.network.stack.downlink import Downlink, Paths, level_shift_db
from raylocus.network.stack.heard_cells import (
    HeardCells,
    ReferenceSignals,
    best_amplitudes,
    detected_delay,
    heard_cells,
    named_cells,
)
from raylocus.network.stack.positioning_report import neighbours_only, positioning_report, uplink_angles
from raylocus.network.stack.serving_cell import (
    advance_report,
    delay_profile,
    departure_azimuths,
    session_report,
)
from raylocus.propagation.maps.path_loss import cell_energy
from raylocus.scenes.sites import Deployment


@dataclass(frozen=True)
class Batch:
    """Reports that were sent, the truth behind them, and the layers that measure it."""

    channel: Channel
    configuration: NetworkConfiguration
    state: ChannelState
    downlink: Downlink
    velocity: Float[np.ndarray, "report 3"]
    """Of the UE [m/s]."""
    bias: Float[np.ndarray, " report"]
    """Level error of the UE [dB]."""
    trajectories: Trajectories
    clock_offset: Float[np.ndarray, " site"]
    random: ReportStreams
    """Of what every feature set has, drawn in the order of `observe_batch`; the other layers have their own."""

    @property
    def deployment(self) -> Deployment:
        """Sites and cells as the operator lists them."""
        return self.channel.deployment

    @cached_property
    def levels(self) -> CellMeasurements:
        """L3-filtered levels of all cells."""
        period = MEASUREMENT_PERIODS[frequency_range(self.deployment.carrier.frequency)]
        walked, coefficient = self.trajectories, self.configuration.report.filter_coefficient
        measured = self.downlink.measured
        layers = np.concatenate([measured.rsrp, measured.rsrq, measured.sinr], axis=1)
        smooth = l3_filter(layers, walked.time, walked.report_offsets, coefficient, period)
        return CellMeasurements(*np.split(smooth, 3, axis=1))

    @cached_property
    def history(self) -> HandoverHistory:
        """Serving cells."""
        walked, law = self.trajectories, self.configuration.handover
        return handover_history(self.levels.rsrp, walked.time, walked.report_offsets, law)

    @cached_property
    def cells(self) -> Int[np.ndarray, "report slot"]:
        """The serving cell and the neighbours that are reported; −1 where there is none."""
        return named_cells(self.levels.rsrp, self.history, self.configuration, self.random)

    @property
    def serving(self) -> tuple[Int[np.ndarray, " report"], Int[np.ndarray, " report"]]:
        """Index of the serving cell in arrays over (report, cell)."""
        return np.arange(len(self.cells)), self.cells[:, 0]

    @cached_property
    def beams(self) -> tuple[Int[np.ndarray, "report reported"], Float[np.ndarray, "report reported"]]:
        """SSB indices of the reported beams of the serving cell, and their L1-RSRP, the UE's bias apart [dBm]."""
        level = self.downlink.rsrp_beam[self.serving] + self.downlink.error[self.serving][:, None]
        most = min(self.configuration.report.most_beams, self.deployment.beam_count)
        return strongest_beams(level, most, self.configuration.beam_noise_db, self.random)

    @cached_property
    def uplink_delay(self) -> Float[np.ndarray, "report slot"]:
        """Delay of the UE's SRS as each cell measures it [s]."""
        return self._delay("srs", self.random)

    @cached_property
    def advance(self) -> xr.Dataset:
        """Timing advance of the serving cell."""
        walked, loop = self.trajectories, self.configuration.timing_loop
        return advance_report(self.uplink_delay[:, 0], self.history, walked, self.deployment.carrier, loop)

    @cached_property
    def session(self) -> xr.Dataset:
        """Events and handovers."""
        return session_report(self.levels.rsrp, self.history, self.trajectories, self.configuration.events)

    @cached_property
    def paths(self) -> Paths:
        """Paths of all sites and their amplitudes."""
        return self.downlink.paths or Paths.of(
            self.channel.links(self.trajectories.position), self.channel.antennas
        )

    @cached_property
    def heard(self) -> HeardCells:
        """Levels of the reported cells in both directions."""
        return heard_cells(
            self.cells,
            self.state.rsrp_beam,
            self.downlink.rsrp_beam + self.bias[:, None, None],
            self.levels,
            self.deployment,
            self.configuration,
            self.random.of("heard"),
        )

    @cached_property
    def amplitude(self) -> Complex[np.ndarray, "report slot path"]:
        """Path amplitudes of each reported cell's best beam."""
        return best_amplitudes(self.paths.amplitude, self.cells)

    @cached_property
    def slot_delay(self) -> Float[np.ndarray, "report slot path"]:
        """Delays of the paths of the reported cells [s]."""
        site = self.channel.antennas.site_of_cell[np.maximum(self.cells, 0)]
        delay = np.take_along_axis(self.paths.links.delay, site[..., None], axis=1)
        return np.where((self.cells >= 0)[..., None], delay, np.nan)

    @cached_property
    def signals(self) -> ReferenceSignals:
        """PRS and SRS as they are received."""
        carrier, delay = self.deployment.carrier, self.slot_delay
        return ReferenceSignals(delay, self.amplitude, self.heard, carrier, self.configuration, self.random)

    @cached_property
    def downlink_delay(self) -> Float[np.ndarray, "report slot"]:
        """Delay of each cell's PRS as the UE measures it [s]."""
        return self._delay("prs", self.random.of("downlink_delay"))

    def _delay(self, signal: str, random: RandomSource) -> Float[np.ndarray, "report slot"]:
        timing = self.configuration.timing
        if not isinstance(timing, MapTiming):
            return detected_delay(getattr(self.signals, signal), timing.detector)
        site = self.deployment.site_of_cell[np.maximum(self.cells, 0)]
        delay = np.where(self.cells >= 0, np.take_along_axis(self.state.delay, site, axis=1), np.nan)
        return delay + timing.noise * random.standard_normal(delay.shape)

    @cached_property
    def positioning(self) -> xr.Dataset:
        """Measurements of all reported cells for positioning."""
        clock = self.clock_offset[self.deployment.site_of_cell[np.maximum(self.cells, 0)]]
        prs, links, antennas = self.signals.prs, self.paths.links, self.channel.antennas
        phase = carrier_phase(prs.response, prs.frequencies, self.downlink_delay)
        report = positioning_report(
            (self.downlink_delay, self.uplink_delay),
            self.heard,
            clock,
            self.trajectories,
            self.deployment.carrier.numerology,
            self.configuration,
            self.random.of("positioning"),
        )
        angles = feature_values(
            ul_aoa=uplink_angles(links, self.heard, antennas, self.random.of("uplink_angles")),
            carrier_phase=neighbours_only(reported_angle(phase - phase[:, :1], 0.0)),
        )
        return report.assign(angles)

    @cached_property
    def interference_dbm(self) -> Float[np.ndarray, " report"]:
        """Interference and noise in one resource element on the serving cell [dBm]."""
        return self.levels.rsrp[self.serving] - self.levels.sinr[self.serving]

    @cached_property
    def csi(self) -> xr.Dataset:
        """CSI of the serving cell."""
        antennas, serving = self.channel.antennas, self.cells[:, 0]
        shift = level_shift_db(self.state, self.paths.amplitude, antennas)[self.serving]
        report = csi_report(
            self.paths.links,
            serving,
            self.velocity,
            cell_energy(antennas)[serving] + shift - self.interference_dbm,
            antennas,
            self.channel.cqi_table,
            self.configuration.capability,
        )
        return with_estimation_errors(report, self.configuration.spread_error, self.random.of("csi"))

    @cached_property
    def bearer(self) -> xr.Dataset:
        """Downlink of the serving cell."""
        csi, carrier, table = self.csi, self.deployment.carrier, self.channel.cqi_table
        layers, random = np.nan_to_num(csi["ri"].values, nan=1.0), self.random.of("bearer")
        return downlink_bearer(
            csi["layer_sinr_db"].values, layers, self.trajectories, carrier, table, self.configuration, random
        )

    @cached_property
    def uplink(self) -> xr.Dataset:
        """Uplink of the serving cell."""
        rsrp, energy = self.levels.rsrp[self.serving], cell_energy(self.deployment)[self.cells[:, 0]]
        walked, carrier, random = self.trajectories, self.deployment.carrier, self.random.of("uplink")
        throughput, configuration = self.bearer["throughput"].values, self.configuration
        return uplink_bearer(rsrp + self.bias, energy, throughput, walked, carrier, configuration, random)

    @cached_property
    def beam_quality(self) -> xr.Dataset:
        """What is read off the serving cell's beams."""
        beams, level = self.beams
        return feature_values(
            l1_sinr=reported_beam_sinr(level - self.interference_dbm[:, None]),
            snr=self.heard.measured_snr_db[:, 0],
            dl_aod=departure_azimuths(beams, level, self.cells[:, 0], self.deployment),
        )

    @cached_property
    def profile(self) -> xr.Dataset:
        """Power delay profile of the serving cell."""
        return delay_profile(
            self.slot_delay[:, 0],
            self.amplitude[:, 0],
            self.uplink_delay[:, 0],
            self.heard.uplink_snr_db[:, 0],
            self.deployment.carrier.numerology,
            self.configuration,
            self.random.of("profile"),
        )
