"""Why a phone is thought to be where it is: what was measured of each cell, and what the map has there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from raylocus.inference.fix import Fix
from raylocus.inference.locator import Locator
from raylocus.models.evidence.deviations import feature_deviations
from raylocus.models.inputs.maps import place_maps
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.physics.live import feature_field
from raylocus.models.physics.residuals import FeatureResidual, feature_residuals
from raylocus.network.reports.reports import Reports


@dataclass(frozen=True)
class CellResidual:
    """One feature of one cell, or of one of its beams, in the last report of a sequence."""

    sequence: int
    pci: int
    beam: int | None
    feature: str
    unit: str
    measured: float
    expected: float
    """Of R at the position, with the error common to all cells, or to a cell's beams; NaN without a path."""
    deviations: float
    """Measured less expected, in standard deviations of the feature; NaN without a path."""


@torch.no_grad()
def explained(
    locator: Locator, reports: Reports, place: MappedPlace, fixes: Sequence[Fix]
) -> list[CellResidual]:
    """The residuals at the fixes, sequence by sequence.

    Args:
        locator: whose law of errors is taken.
        reports: with cells of the place alone.
        place: where they were located.
        fixes: one a sequence.
    """
    maps = place_maps(place)
    position = torch.from_numpy(np.stack([fix.position for fix in fixes])).float()
    expected = feature_field("bilinear", maps, None).at(position)
    sequences = sequence_tensors(reports, place.deployment)
    law = feature_deviations(locator.trained.network.evidence)
    features = feature_residuals(expected, sequences, maps.site_of_cell, law)
    pcis = [int(pci) for pci in place.deployment.pcis]
    found = [each for feature in features for each in _cells(feature, pcis)]
    return sorted(found, key=lambda each: each.sequence)


def _cells(feature: FeatureResidual, pcis: Sequence[int]) -> Iterator[CellResidual]:
    standard = feature.standard
    for index in (~feature.measured.isnan()).nonzero().tolist():
        sequence, cell, *beam = index
        yield CellResidual(
            sequence,
            pcis[cell],
            beam[0] if beam else None,
            feature.name,
            feature.unit,
            *(float(each[tuple(index)]) for each in (feature.measured, feature.expected, standard)),
        )
