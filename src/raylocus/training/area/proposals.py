"""Points that a report's truth is to be distinguished from, drawn from a law of known density about its anchors.

The truth x* among points x_j from a density q is found by a softmax of log f(x) − log q(x). The optimum of that
cross-entropy is f ∝ p(x* | report), for any number of points (arXiv:1807.03748; Gutmann and Hyvärinen 2010).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from raylocus.models.area.area_network import AreaBatch
from raylocus.models.area.tokens import HEARD, SILENT

#: Scales of the laws about the weighted centroid, the strongest cell, the position by arrivals and each heard cell.
CENTROID, STRONGEST, TIMED, ANY = (0.06, 0.2, 0.6, 1.5, 5.0), (0.07, 0.25, 0.7), (0.03, 0.1, 0.3), (0.4,)
#: Their shares.
SHARES = (0.45, 0.2, 0.2, 0.15)


def component_laws(batch: AreaBatch) -> tuple[Float[Tensor, "report component ..."], ...]:
    """Centre, scale and share of each law; 2-D Student laws of two degrees of freedom."""
    middle = batch.position[:, HEARD + SILENT : HEARD + SILENT + 1]
    strongest, timed = batch.position[:, :1], batch.position[:, -1:]
    heard, count = batch.position[:, :HEARD], len(batch.position)
    centres = [
        middle.expand(-1, len(CENTROID), 2),
        strongest.expand(-1, len(STRONGEST), 2),
        timed.expand(-1, len(TIMED), 2),
        heard,
    ]
    scales = torch.tensor([*CENTROID, *STRONGEST, *TIMED, *ANY * HEARD]).expand(count, -1)
    there = batch.present[:, :HEARD].float()
    shares = torch.cat([
        torch.full((count, len(CENTROID)), SHARES[0] / len(CENTROID)),
        torch.full((count, len(STRONGEST)), SHARES[1] / len(STRONGEST)),
        batch.present[:, -1:].float().expand(-1, len(TIMED)) * (SHARES[2] / len(TIMED)),
        there * (SHARES[3] / there.sum(1, keepdim=True)),
    ], dim=1)  # fmt: skip
    return torch.cat(centres, dim=1), scales, shares / shares.sum(1, keepdim=True)


def draw_points(batch: AreaBatch, count: int, generator: torch.Generator) -> Float[Tensor, "report point 2"]:
    """Points of the mixture."""
    centre, scale, share = component_laws(batch)
    chosen = torch.multinomial(share, count, replacement=True, generator=generator)
    uniform = torch.rand((2, *chosen.shape), generator=generator)
    radius = scale.gather(1, chosen) * torch.sqrt(2 * (1 / (1 - 0.9999 * uniform[0]) - 1))
    angle = 2 * torch.pi * uniform[1]
    step = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=-1)
    return centre.gather(1, chosen[..., None].expand(-1, -1, 2)) + step


def log_proposal(batch: AreaBatch, points: Float[Tensor, "report point 2"]) -> Float[Tensor, "report point"]:
    """Log density of the mixture at points."""
    centre, scale, share = component_laws(batch)
    square = (points[:, :, None] - centre[:, None]).square().sum(-1) / (2 * scale[:, None].square())
    log_law = -2 * torch.log1p(square) - torch.log(2 * torch.pi * scale.square())[:, None]
    return torch.logsumexp(log_law + torch.log(share + 1e-12)[:, None], dim=-1)
