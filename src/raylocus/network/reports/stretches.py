"""Reports of a phone within a short time as one report: what one of them missed, another may have heard."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.network.reports.reports import REPORT_FIELDS, TOKEN_FIELDS, Reports, cell_names
from raylocus.ragged import Rows


def in_stretches(reports: Reports, length: float) -> Reports:
    """Sequences whose reports are each of a stretch of time, the last of which ends with the last report.

    A report of several has the whole cells that any of them names, each with its mean RSRP and its newest other
    features; serving cell, time and position are those of the newest. Where no sequence has two reports in one stretch
    they stay as they are.

    Stretches have this `length` [s].
    """
    end = reports.time[reports.last_report][reports.sequence_of_report]
    age = np.floor((end - reports.time) / length).astype(np.int64)
    # Reports of a sequence follow each other in time, so that those of a stretch do.
    of_report = np.cumsum(_changes(np.stack([reports.sequence_of_report, age]))) - 1
    if len(of_report) == 0 or of_report[-1] + 1 == len(of_report):
        return reports
    newest = np.flatnonzero(np.diff(of_report, append=len(of_report)))
    return _joined(reports.select_tokens(reports.beam < 0), of_report, newest)


def _joined(
    reports: Reports, of_report: Int[np.ndarray, " report"], newest: Int[np.ndarray, " stretch"]
) -> Reports:
    token_report = reports.report_of_token
    names = np.concatenate([of_report[token_report][None], cell_names(reports)])
    alike = np.lexsort(names)
    changes = _changes(names[:, alike])
    first = alike[changes]
    # In the order in which they are first named.
    rank = np.argsort(np.argsort(first, kind="stable"), kind="stable")
    of_token, last = np.empty(len(alike), np.int64), np.zeros(len(first), np.int64)
    of_token[alike] = rank[np.cumsum(changes) - 1]
    last[of_token] = np.arange(len(of_token))  # of several that are put at one place the last one stays
    stretch = of_report[token_report[last]]
    lengths = np.bincount(reports.sequence_of_report[newest], minlength=len(reports))
    columns = {name: getattr(reports, name)[newest] for name in REPORT_FIELDS}
    columns |= {name: getattr(reports, name)[last] for name in TOKEN_FIELDS}
    columns["serving"] &= token_report[last] == newest[stretch]
    columns["features"] = _features(reports, of_token, len(first))
    return dataclasses.replace(
        reports,
        report_offsets=Rows.of(lengths).offsets,
        token_offsets=Rows.of(np.bincount(stretch, minlength=len(newest))).offsets,
        **columns,
    )


def _changes(names: Int[np.ndarray, "name element"]) -> Bool[np.ndarray, " element"]:
    """Whether elements are the first, or named unlike the one before."""
    return np.append(True, (names[:, 1:] != names[:, :-1]).any(axis=0))[: names.shape[1]]


def _features(
    reports: Reports, of_token: Int[np.ndarray, " token"], count: int
) -> Float[np.ndarray, "joined feature"]:
    found = np.full((count, reports.features.shape[1]), np.nan)
    for column, values in enumerate(reports.features.T):
        present = np.flatnonzero(~np.isnan(values))
        found[of_token[present], column] = values[present]
    level = reports.feature_names.index("rsrp")
    present = np.flatnonzero(~np.isnan(reports.features[:, level]))
    number = np.bincount(of_token[present], minlength=count)
    total = np.bincount(of_token[present], reports.features[present, level], count)
    found[number > 0, level] = total[number > 0] / number[number > 0]
    return found
