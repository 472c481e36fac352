"""Which area a question is of: by how surely its cells are found there, and not by accident."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from raylocus.network.formats.cell_resolution import Known
from raylocus.network.reports.report_checks import HIGHEST_PCI
from raylocus.service.answers import Why
from raylocus.service.known_cells import FoundCells
from raylocus.service.questions import AskedReports

#: What a cell counts, by `Known`: unknown, by its PCI alone, by channel and PCI, by its identity.
WEIGHTS = np.array([0.0, 1.0, 100.0, 10_000.0])
#: Found by PCI alone, cells are refused if phones anywhere else would name as many with this probability.
LARGEST_ACCIDENT = 1e-3
#: Found by channel and PCI, they are located all the same, but not trusted, above this probability.
DOUBTFUL_ACCIDENT = 1e-2


@dataclass(frozen=True)
class Choice:
    """The area that a question is of."""

    area: int
    doubtful: bool
    """Whether the cells may well be of another place."""


def choices_of(asked: AskedReports, found: Sequence[FoundCells], pcis: Sequence[int]) -> list[Choice | Why]:
    """The area of each question, or why there is none.

    Args:
        asked: the questions.
        found: their cells in each area.
        pcis: number of different PCIs in each area.
    """
    reports = asked.reports
    question = reports.sequence_of_report[reports.report_of_token]
    whole = reports.beam < 0
    heard = np.bincount(question[whole], minlength=len(reports))
    by_area = [
        np.bincount(4 * question[whole] + each.known[whole], minlength=4 * len(reports)).reshape(-1, 4)
        for each in found
    ]
    return [
        _choice(int(heard[number]), np.stack([area[number] for area in by_area]), pcis)
        for number in range(len(reports))
    ]


def _choice(heard: int, counts: np.ndarray, pcis: Sequence[int]) -> Choice | Why:
    """The area for which most speaks, of the number of cells found in each by `Known`."""
    if not heard:
        return Why.NO_CELLS
    scores = counts @ WEIGHTS
    best = int(np.argmax(scores))
    if scores[best] == 0:
        return Why.UNKNOWN_CELLS
    accident = accident_probability(heard, int(counts[best, 1:].sum()), pcis[best] / (HIGHEST_PCI + 1))
    if counts[best, Known.IDENTITY]:
        accident = 0.0
    elif not counts[best, Known.CHANNEL] and accident > LARGEST_ACCIDENT:
        return Why.PCI_ALONE
    if np.count_nonzero(scores == scores[best]) > 1:
        return Why.SEVERAL_AREAS
    return Choice(best, accident > DOUBTFUL_ACCIDENT)


def accident_probability(heard: int, found: int, share: float) -> float:
    """Probability that at least so many of the heard cells have PCIs of an area that they are not of.

    Args:
        heard: number of cells that were heard.
        found: number of them whose PCI the area has.
        share: of all PCIs, how many the area has.
    """
    return sum(
        math.comb(heard, count) * share**count * (1 - share) ** (heard - count)
        for count in range(found, heard + 1)
    )
