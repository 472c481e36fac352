"""The physics loss by each of its variants: cost in CPU time, and its gradient beside differences of its own values.

python benchmarks/physics_loss.py places/etoile runs/demo/reports.zarr runs/demo/locator.ckpt
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import get_args

import numpy as np
import torch

from raylocus.models.checkpoint import load_network
from raylocus.models.evidence.deviations import FeatureDeviations, feature_deviations
from raylocus.models.inputs.maps import PlaceMaps, place_maps
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.inputs.tensors import SequenceTensors
from raylocus.models.physics.expected import FeatureField
from raylocus.models.physics.residuals import feature_residuals, huber_sums
from raylocus.models.physics.variants import PhysicsVariant, feature_field
from raylocus.network.reports.report_store import load_reports
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import known_reports
from raylocus.propagation.maps.traced_place import open_place

#: Positions are predicted this far off the truth [m].
ERROR = 6.0
#: Step of the differences that gradients are compared with [m].
STEP = 0.1


def sums(
    field: FeatureField,
    point: torch.Tensor,
    sequences: SequenceTensors,
    maps: PlaceMaps,
    law: FeatureDeviations,
) -> torch.Tensor:
    """Sum of the Huber losses of each sequence."""
    return huber_sums(feature_residuals(field.at(point), sequences, maps.site_of_cell, law))[0]


def main() -> None:
    """Prints one line a variant."""
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("place", type=Path)
    parser.add_argument("reports", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--sequences", type=int, default=16)
    given = parser.parse_args()
    place = open_place(given.place)
    reports: Reports = known_reports(load_reports(given.reports), place.deployment).reports
    reports = reports.select(np.arange(min(given.sequences, len(reports))))
    maps, sequences = place_maps(place), sequence_tensors(reports, place.deployment)
    law = feature_deviations(load_network(given.model).network.evidence)
    wrong = torch.randn(sequences.target.shape, generator=torch.Generator().manual_seed(1)) * ERROR
    point = sequences.target + wrong
    print(f"{'variant':12} CPU ms/sequence  first call s  slope off by (median, 90 %)  loss")
    for variant in get_args(PhysicsVariant):
        field = feature_field(variant, maps, place)
        start = time.process_time()
        sums(field, point, sequences, maps, law)
        first = time.process_time() - start
        at, start = point.clone().requires_grad_(), time.process_time()
        loss = sums(field, at, sequences, maps, law)
        loss.sum().backward()
        cost = (time.process_time() - start) / len(point) * 1e3
        assert at.grad is not None
        steps = torch.eye(2) * STEP
        with torch.no_grad():
            slope = torch.stack(
                [
                    (sums(field, point + step, sequences, maps, law) - sums(field, point - step, sequences, maps, law))
                    / (2 * STEP)
                    for step in steps
                ],
                1,
            )  # fmt: skip
        off = ((at.grad - slope).norm(dim=1) / slope.norm(dim=1).clamp(min=1e-3)).numpy()
        print(
            f"{variant:12} {cost:15.2f} {first:13.2f} {np.median(off):16.2%} {np.quantile(off, 0.9):8.2%}"
            f" {float(loss.mean()):9.2f}"
        )


if __name__ == "__main__":
    main()
