"""The physics loss by each of its variants: cost in CPU time, and its gradient next to differences of its own values.

python benchmarks/physics_loss.py places/etoile runs/demo/reports.zarr runs/demo/locator.ckpt
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from raylocus.models.checkpoint import load_network
from raylocus.models.evidence.deviations import feature_deviations
from raylocus.models.inputs.maps import place_maps
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.physics.expected import FeatureField
from raylocus.models.physics.live import PhysicsVariant, feature_field
from raylocus.models.physics.residuals import feature_residuals, huber_sums
from raylocus.network.reports.report_files import load_reports
from raylocus.network.reports.token_cells import known_reports
from raylocus.propagation.maps.traced_place import open_place

#: Positions are predicted this far off the truth [m].
ERROR = 6.0
#: Step of the differences that gradients are compared with [m].
STEP = 0.1

#: Sum of the Huber losses of each sequence, of the predicted positions.
Losses = Callable[[Tensor], Tensor]


def gradient(losses: Losses, point: Tensor) -> tuple[Tensor, float]:
    """Of each sequence, and the CPU time of losses and gradient [s]."""
    at, start = point.clone().requires_grad_(), time.process_time()
    (found,) = torch.autograd.grad(losses(at).sum(), at)
    return found, time.process_time() - start


@torch.no_grad()
def differences(losses: Losses, point: Tensor) -> Tensor:
    """Central differences over the ground."""
    slopes = [(losses(point + step) - losses(point - step)) / (2 * STEP) for step in torch.eye(2) * STEP]
    return torch.stack(slopes, 1)


def printed(variant: str, losses: Losses, point: Tensor, repeats: int) -> None:
    """One line; the first call, in which Dr.Jit compiles, is counted apart."""
    _, first = gradient(losses, point)
    found, cost = zip(*(gradient(losses, point) for _ in range(repeats)), strict=True)
    slope = differences(losses, point)
    off = ((found[0] - slope).norm(dim=1) / slope.norm(dim=1).clamp(min=1e-3)).numpy()
    milliseconds = float(np.median(cost)) / len(point) * 1e3
    print(
        f"{variant:12} {milliseconds:15.2f} {first:13.2f} {np.median(off):16.2%} {np.quantile(off, 0.9):8.2%}"
        f" {float(losses(point).mean()):9.2f}",
        flush=True,
    )


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
    reports = known_reports(load_reports(given.reports), place.deployment).reports
    reports = reports.select(np.arange(min(given.sequences, len(reports))))
    maps, sequences = place_maps(place), sequence_tensors(reports, place.deployment)
    law = feature_deviations(load_network(given.model).network.evidence)
    wrong = torch.randn(sequences.target.shape, generator=torch.Generator().manual_seed(1)) * ERROR
    print(f"{len(reports)} sequences in one batch")
    print(f"{'variant':12} CPU ms/sequence  first call s  slope off by (median, 90 %)  loss")
    for variant in get_args(PhysicsVariant):
        field = feature_field(variant, maps, place)

        def losses(point: Tensor, field: FeatureField = field) -> Tensor:
            return huber_sums(feature_residuals(field.at(point), sequences, maps.site_of_cell, law))[0]

        printed(variant, losses, sequences.target + wrong, 1 if variant == "path_solver" else 5)


if __name__ == "__main__":
    main()
