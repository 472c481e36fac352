"""`observe`: from the channel at UEs to the reports that a network has of them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.errors import InputError
from raylocus.network.channel.world_channel import Channel
from raylocus.network.configuration import CoherentFading, DetectedTiming, NetworkConfiguration
from raylocus.network.impairments.availability import (
    SSB_BLOCKS,
    absent_features,
    check_deployment,
    check_signals,
)
from raylocus.network.impairments.report_errors import (
    time_stamps,
    with_missing_identities,
    with_wrong_identities,
)
from raylocus.network.movement.trajectories import Trajectories, keep_reports, select_sequences, velocities
from raylocus.network.positioning.timing_measurements import synchronisation_errors
from raylocus.network.random_streams import ReportStreams
from raylocus.network.reports.features import CRITICAL, ReportFeature, feature_set
from raylocus.network.reports.reports import Reports
from raylocus.network.rrc.measurement_configuration import sent_reports
from raylocus.network.stack.batch import Batch
from raylocus.network.stack.cell_levels import CellMeasurements
from raylocus.network.stack.columns import (
    PATH_LAYERS,
    SOURCES,
    ReportContent,
    complete_reports,
    present_features,
)
from raylocus.network.stack.downlink import Paths, receive
from raylocus.network.stack.serving_cell import fired
from raylocus.ragged import Rows

#: Sequences that are worked on together, with their paths and without.
BATCH_WITH_PATHS, BATCH = 16, 1024


def observe(
    channel: Channel,
    trajectories: Trajectories,
    configuration: NetworkConfiguration,
    seed: int,
    batch: int | None = None,
) -> Reports:
    """The reports that a network of one carrier has of UEs; see `observe_carriers` for several.

    Levels and first delays are those of the channel's state, further delays, angles and coherent fading those
    of its paths, each with its protocol's noise, limits, steps and gaps; only what the feature set needs is
    computed. Random numbers come from streams of each sequence (and one for the sites' clocks), so the batch size
    changes memory and speed only. A report in which no cell is found is never sent, and a sequence without
    any is left out, so there may be fewer of both than in the trajectories, or none.

    Args:
        channel: of one world.
        trajectories: where the UEs are and when they report.
        configuration: the network, at the world's severity.
        seed: of all random numbers.
        batch: sequences that are worked on together.

    Raises:
        InputError: a UE is outside the tile, the deployment cannot be run, the channel lacks the paths that the
            features need, or the batch is empty.
    """
    return observe_numbered(channel, trajectories, configuration, seed, batch).reports


@dataclass(frozen=True)
class NumberedReports:
    """Reports of one carrier, and where they come from."""

    reports: Reports
    numbers: Int[np.ndarray, " report"]
    """Number of each among all reports of the trajectories, ascending."""


def observe_numbered(
    channel: Channel,
    trajectories: Trajectories,
    configuration: NetworkConfiguration,
    seed: int,
    batch: int | None = None,
    carrier: str = "",
) -> NumberedReports:
    """`observe`, with the numbers of the reports.

    `carrier` names whose measurements these are: those of another have other random numbers, while the walls around
    a UE and its own level error are common to all. Raises as `observe` does.
    """
    size = batch if batch is not None else BATCH_WITH_PATHS if needs_paths(configuration) else BATCH
    if size < 1 or not len(trajectories):
        raise InputError(
            "there is nothing to observe; give at least one trajectory and a batch of one or more"
        )
    deployment, features = channel.deployment, feature_set(configuration.feature_set)
    check_deployment(deployment, configuration.capability)
    check_signals(deployment.carrier, _signals(features, configuration))
    clocks = np.random.default_rng([seed, 1])
    offsets = synchronisation_errors(len(deployment.sites), configuration.timing_errors, clocks)
    parts: list[NumberedReports] = []
    for start in range(0, len(trajectories), size):
        chosen = np.arange(start, min(start + size, len(trajectories)))
        part = _observe_part(channel, trajectories, chosen, configuration, offsets, seed, carrier)
        if part is not None and len(part.reports):
            parts.append(part)
    absent = absent_features(features, deployment, configuration.capability)
    found = [part.reports for part in parts]
    whole = Reports.concatenate(found) if found else Reports.empty(tuple(each.name for each in features))
    numbers = np.concatenate([np.zeros(0, np.int64), *(part.numbers for part in parts)])
    return NumberedReports(dataclasses.replace(whole, absent=absent), numbers)


def _signals(features: tuple[ReportFeature, ...], configuration: NetworkConfiguration) -> dict[str, int]:
    """Resource blocks of the reference signals that are measured."""
    occasions, signals = {feature.occasion for feature in features}, {"an SSB": SSB_BLOCKS}
    if "prs" in occasions:
        signals["PRS"] = configuration.positioning_signal.resource_blocks
    if "srs" in occasions or isinstance(configuration.timing, DetectedTiming):
        signals["SRS"] = configuration.sounding_signal.resource_blocks
    return signals


def needs_paths(configuration: NetworkConfiguration) -> bool:
    """Whether a configuration asks for anything that follows from single paths."""
    chosen = isinstance(configuration.fading, CoherentFading) or isinstance(
        configuration.timing, DetectedTiming
    )
    names = (feature.name for feature in feature_set(configuration.feature_set))
    return chosen or any(SOURCES[name] in PATH_LAYERS for name in names)


def _observe_part(
    channel: Channel,
    trajectories: Trajectories,
    sequences: Int[np.ndarray, " sample"],
    configuration: NetworkConfiguration,
    clock_offset: Float[np.ndarray, " site"],
    seed: int,
    carrier: str,
) -> NumberedReports | None:
    """Reports of one batch; None where no UE hears a cell."""
    walked, rows = select_sequences(trajectories, sequences)
    random = ReportStreams(seed, np.arange(rows.start, rows.stop))
    state = channel.state(walked, rows, configuration.building_loss, random)
    first = Rows(walked.report_offsets).first
    bias = configuration.device_bias_db * random.standard_normal((len(first),))[first]
    random = random.of(carrier) if carrier else random
    paths = None
    if isinstance(configuration.fading, CoherentFading):
        paths = Paths.of(channel.links(walked.position), channel.antennas)
    velocity = velocities(walked)
    downlink = receive(state, paths, velocity, channel.deployment, configuration, random)
    sent = np.flatnonzero(downlink.heard)
    if not len(sent):
        return None
    part = Batch(
        channel,
        configuration,
        state.select(sent),
        downlink.select(sent),
        velocity[sent],
        bias[sent],
        keep_reports(walked, sent),
        clock_offset,
        random.select(sent),
    )
    found, kept = observe_batch(part)
    return NumberedReports(found, rows.start + sent[kept])


def observe_batch(batch: Batch) -> tuple[Reports, Int[np.ndarray, " kept"]]:
    """The complete reports of a batch, those that are never sent left out, and which of the batch's they are."""
    configuration, walked = batch.configuration, batch.trajectories
    features = feature_set(configuration.feature_set)
    # The content draws first: all that is common to every feature set comes from one stream a sequence, in order.
    content = _content(batch)
    present = present_features(features, walked, batch.deployment, configuration, batch.random)
    content = content.where(present[:, : len(CRITICAL)])
    reports = _impaired(complete_reports(content, batch, features, present), batch)
    if configuration.trigger is None:
        return reports, np.arange(len(reports.time))
    due = fired(batch.levels.rsrp, batch.history, walked, configuration.trigger)
    sent = sent_reports(due, walked.time, walked.report_offsets, configuration.report)
    kept = np.flatnonzero(sent)
    return reports.select_reports(kept), kept


def _content(batch: Batch) -> ReportContent:
    """The critical features of every report, biased by the UE."""
    cells, (beams, level) = batch.cells, batch.beams
    site = batch.deployment.site_of_cell[cells[:, 0]]
    sight = batch.state.line_of_sight[np.arange(len(site)), site]
    levels, bias = batch.levels, batch.bias[:, None]
    return ReportContent(
        cells=cells,
        measured=CellMeasurements(levels.rsrp + bias, levels.rsrq, levels.sinr),
        timing_advance=batch.advance["timing_advance"].values,
        beams=beams,
        l1_rsrp=level + bias,
        line_of_sight=(sight >= 0.5).astype(np.float64),
    )


def _impaired(reports: Reports, batch: Batch) -> Reports:
    """Time stamps that are late, and identities that are wrong or missing."""
    configuration, random = batch.configuration, batch.random
    stamps = time_stamps(reports.time, configuration.clocks, random)
    first = Rows(reports.report_offsets).first
    reports = dataclasses.replace(reports, time=np.maximum(stamps - stamps[first], 0.0))
    errors = configuration.identities
    if errors.missing:
        reports = with_missing_identities(reports, errors.missing, random)
    if errors.wrong:
        reports = with_wrong_identities(reports, errors.wrong, batch.deployment.pcis, random)
    return reports
