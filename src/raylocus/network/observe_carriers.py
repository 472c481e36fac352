"""`observe_carriers`: a network of several carriers, each observed by itself and joined report by report.

Every carrier's cells are measured as by a UE that works on it alone. In each report one carrier serves; the others'
serving cells become inter-frequency neighbours, without what only a serving cell has. The serving carrier follows
event A3 between the carriers' serving cells, with each carrier's offsetMO (TS 38.331 §5.5.4.4). Measurement gaps are
not modelled: another frequency is measured as often as the own one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from raylocus.errors import InputError
from raylocus.network.channel.world_channel import Channel
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.impairments.report_errors import time_stamps
from raylocus.network.movement.trajectories import Trajectories, keep_reports
from raylocus.network.observe import NumberedReports, observe, observe_numbered
from raylocus.network.random_streams import ReportStreams
from raylocus.network.reports.features import features_named
from raylocus.network.reports.reports import TOKEN_FIELDS, Reports
from raylocus.network.rrc.handover import handover_history
from raylocus.ragged import Rows


def observe_carriers(
    channels: Sequence[Channel],
    trajectories: Trajectories,
    configuration: NetworkConfiguration,
    seed: int,
) -> Reports:
    """The reports that a network has of UEs, of one carrier or of several.

    Channels are of one world, one for each of `Deployment.layers`; the configuration is at the world's severity.

    Raises:
        InputError: as `observe`; or reports of several carriers are to be event-triggered.
    """
    if len(channels) == 1:
        return observe(channels[0], trajectories, configuration, seed)
    if configuration.trigger is not None:
        raise InputError("reports of several carriers are periodic; leave network.trigger out")
    parts = [
        observe_numbered(channel, trajectories, configuration, seed, carrier=f"carrier {number}")
        for number, channel in enumerate(channels)
    ]
    return join_carriers(parts, trajectories, configuration, seed)


def join_carriers(
    parts: Sequence[NumberedReports],
    trajectories: Trajectories,
    configuration: NetworkConfiguration,
    seed: int,
) -> Reports:
    """The reports of several carriers as those of one network.

    A report is there where any carrier has one. Order in it: the serving carrier's cells, the other carriers', the
    serving cell's beams. The configuration's handover and offsets choose the serving carrier; the seed is that of the
    time stamps' errors.
    """
    numbers = np.unique(np.concatenate([part.numbers for part in parts]))
    walked = keep_reports(trajectories, numbers)
    tokens = _Tokens.of(parts, numbers)
    serving = _serving_carrier(tokens, walked, configuration, len(parts))
    tokens = tokens.arranged(serving)
    stamps = time_stamps(walked.time, configuration.clocks, ReportStreams(seed, numbers, "stamps"))
    first = Rows(walked.report_offsets).first
    return Reports(
        report_offsets=walked.report_offsets,
        token_offsets=Rows.of(np.bincount(tokens.report, minlength=len(numbers))).offsets,
        time=np.maximum(stamps - stamps[first], 0.0),
        position=walked.position,
        line_of_sight=_line_of_sight(parts, numbers, serving),
        **{name: getattr(tokens.reports, name) for name in TOKEN_FIELDS},
        feature_names=tokens.reports.feature_names,
        absent=_absent(parts),
    )


@dataclasses.dataclass(frozen=True)
class _Tokens:
    """Tokens of all carriers."""

    reports: Reports
    """The columns over tokens count; those over reports are of the parts."""
    report: Int[np.ndarray, " token"]
    """Report that each is to be part of."""
    carrier: Int[np.ndarray, " token"]

    @classmethod
    def of(cls, parts: Sequence[NumberedReports], numbers: Int[np.ndarray, " report"]) -> _Tokens:
        reports = Reports.concatenate([part.reports for part in parts])
        report = np.concatenate(
            [np.searchsorted(numbers, part.numbers[part.reports.report_of_token]) for part in parts]
        )
        carrier = np.repeat(np.arange(len(parts)), [len(part.reports.pci) for part in parts])
        return cls(reports, report, carrier)

    def arranged(self, serving: Int[np.ndarray, " report"]) -> _Tokens:
        """The tokens in the order of reports, without what only the serving carrier's have."""
        own = self.carrier == serving[self.report]
        beams = self.reports.beam >= 0
        order = np.lexsort((np.where(beams, 2, ~own), self.report))
        order = order[(own | ~beams)[order]]
        columns = {name: getattr(self.reports, name)[order] for name in TOKEN_FIELDS}
        other, features = ~own[order], features_named(self.reports.feature_names)
        lost = np.ix_(other, [each.token == "serving" for each in features])
        columns["serving"][other], columns["identity"][other] = False, -1
        columns["features"][lost], columns["censored"][lost] = np.nan, 0
        return _Tokens(dataclasses.replace(self.reports, **columns), self.report[order], self.carrier[order])


def _serving_carrier(
    tokens: _Tokens, walked: Trajectories, configuration: NetworkConfiguration, carriers: int
) -> Int[np.ndarray, " report"]:
    """The carrier that serves each report."""
    level = np.full((len(walked.time), carriers), np.nan)
    mine = np.flatnonzero(tokens.reports.serving & (tokens.reports.beam < 0))
    column = tokens.reports.feature_names.index("rsrp")
    # A serving cell whose level is not in the report serves all the same.
    known = np.nan_to_num(tokens.reports.features[mine, column], nan=configuration.detection_rsrp)
    level[tokens.report[mine], tokens.carrier[mine]] = known
    given = configuration.frequency_offsets_db[:carriers]
    offsets = np.array([*given, *(0.0,) * (carriers - len(given))])
    history = handover_history(level + offsets, walked.time, walked.report_offsets, configuration.handover)
    return history.serving


def _line_of_sight(
    parts: Sequence[NumberedReports], numbers: Int[np.ndarray, " report"], serving: Int[np.ndarray, " report"]
) -> Float[np.ndarray, " report"]:
    """That of the serving cell's site."""
    sight = np.full((len(parts), len(numbers)), np.nan)
    for carrier, part in enumerate(parts):
        sight[carrier, np.searchsorted(numbers, part.numbers)] = part.reports.line_of_sight
    return sight[serving, np.arange(len(numbers))]


def _absent(parts: Sequence[NumberedReports]) -> tuple[tuple[str, str], ...]:
    """Features that no carrier can give, with the first one's reasons."""
    lacking = [{name for name, _ in part.reports.absent} for part in parts]
    return tuple(pair for pair in parts[0].reports.absent if all(pair[0] in names for names in lacking))
