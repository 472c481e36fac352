"""Sequences in groups that name cells near each other, so that few cells of a large place matter to a group."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from raylocus.network.reports.reports import Reports
from raylocus.scenes.sites import Deployment

#: Sequences of a group at most.
GROUP = 8


def neighbours(
    reports: Reports, cell: Int[np.ndarray, " token"], deployment: Deployment
) -> list[Int[np.ndarray, " _"]]:
    """Groups of sequences, each halved across where its cells stand until it is small.

    Args:
        reports: of a place.
        cell: cell of each token.
        deployment: of the place.
    """
    site = deployment.site_positions[deployment.site_of_cell[cell], :2]
    sequence = reports.sequence_of_report[reports.report_of_token]
    count = np.maximum(np.bincount(sequence, minlength=len(reports)), 1)
    middle = [np.bincount(sequence, axis, len(reports)) / count for axis in site.T]
    return _halved(np.arange(len(reports)), np.stack(middle, axis=1))


def _halved(
    members: Int[np.ndarray, " member"], middle: Float[np.ndarray, "sequence 2"]
) -> list[Int[np.ndarray, " _"]]:
    if len(members) <= GROUP:
        return [members] if len(members) else []
    own = middle[members]
    order = np.argsort(own[:, int(np.ptp(own, axis=0).argmax())], kind="stable")
    half = len(members) // 2
    return [group for part in (order[:half], order[half:]) for group in _halved(members[part], middle)]
