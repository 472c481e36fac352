"""Heads: from the features of every coarse cell to the heatmap and the mixtures."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from raylocus.models.configuration import NetworkConfiguration
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.prediction import Prediction, coarse_centres

#: Numbers of one component: weight, offset x and y, log-scale x and y, correlation.
COMPONENT_WIDTH = 6
#: Smallest and largest standard deviation of a component before correlation [m].
SPREAD_RANGE = (1.5, 10.0)


class LocationHeads(nn.Module):
    """The heatmap is the evidence plus a correction that starts at zero."""

    def __init__(self, configuration: NetworkConfiguration) -> None:
        super().__init__()
        self.coarse_cells, self.components = configuration.coarse_cells, configuration.components
        self.correction = nn.Linear(configuration.fusion_width, 1)
        nn.init.zeros_(self.correction.weight)
        nn.init.zeros_(self.correction.bias)
        self.mixture = nn.Linear(configuration.fusion_width, COMPONENT_WIDTH * configuration.components)

    def forward(
        self,
        features: Float[Tensor, "batch width y x"],
        evidence: Float[Tensor, "batch y x"],
        maps: PlaceMaps,
    ) -> Prediction:
        """The prediction of each sequence.

        Args:
            features: fused features of every coarse cell.
            evidence: unnormalised log-posterior of the evidence stream.
            maps: the place.
        """
        flat = features.flatten(2).transpose(1, 2)
        logits = evidence.flatten(1) + self.correction(flat)[..., 0]
        log_mass = logits.log_softmax(-1)
        top = log_mass.topk(min(self.coarse_cells, log_mass.shape[1]), dim=1).indices
        chosen = flat.gather(1, top[..., None].expand(-1, -1, flat.shape[-1]))
        raw = self.mixture(chosen).unflatten(-1, (self.components, COMPONENT_WIDTH))
        resolution = maps.size / maps.outdoor.shape[-1]
        mean = coarse_centres(maps)[top][:, :, None] + resolution * torch.tanh(raw[..., 1:3])
        return Prediction(
            log_mass=log_mass.reshape(evidence.shape),
            top=top,
            log_weight=raw[..., 0].log_softmax(-1),
            mean=mean,
            cholesky=_cholesky(raw[..., 3:]),
            resolution=resolution,
            size=maps.size,
        )


def _cholesky(raw: Float[Tensor, "*cells 3"]) -> Float[Tensor, "*cells 3"]:
    smallest, largest = SPREAD_RANGE
    spread = smallest + (largest - smallest) * torch.sigmoid(raw[..., :2] - 0.5)
    correlation = 0.95 * torch.tanh(raw[..., 2])
    return torch.stack(
        [spread[..., 0], correlation * spread[..., 1], torch.sqrt(1 - correlation**2) * spread[..., 1]], -1
    )
