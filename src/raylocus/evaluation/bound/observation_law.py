"""What the bound reads of a network's configuration: the one place that knows its names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from raylocus.network.configuration import NetworkConfiguration
from raylocus.scenes.sites import Deployment


@dataclass(frozen=True)
class ObservationLaw:
    """The part of a network's configuration that the likelihood depends on, at the severity of the world."""

    receiver_noise_db: float
    """Standard deviation of a cell's level in one report, before the L3 filter [dB]."""
    beam_noise_db: float
    """Standard deviation of a beam's L1-RSRP relative to its cell's level [dB]."""
    device_bias_db: float
    """Standard deviation of a UE's own level error [dB]."""
    timing_noise: float
    """Standard deviation of the one-way delay behind T_A [s]."""
    neighbour_dropout: float
    """Probability that a detected neighbour goes unreported."""
    detection_rsrp: float
    """A cell below this RSRP is not detected [dBm]."""
    detection_sinr: float
    """A cell below this SS-SINR is not detected [dB]."""
    load: float
    """Share of its resource elements that a cell transmits on."""
    noise_figure_db: float
    """Noise figure of the UE [dB]."""
    filter_coefficient: int
    """k of the L3 filter."""
    most_neighbours: int
    """Neighbours that a report names at most."""
    site_of_cell: Int[Tensor, "cell"]
    """Site of each cell of the place."""

    @classmethod
    def of(cls, network: NetworkConfiguration, deployment: Deployment) -> ObservationLaw:
        """Reads a network's configuration at the severity of the world."""
        return cls(
            receiver_noise_db=network.receiver_noise_db,
            beam_noise_db=network.beam_noise_db,
            device_bias_db=network.device_bias_db,
            timing_noise=network.timing_noise,
            neighbour_dropout=network.neighbour_dropout,
            detection_rsrp=network.detection_rsrp,
            detection_sinr=network.detection_sinr,
            load=network.load,
            noise_figure_db=network.noise_figure_db,
            filter_coefficient=network.filter_coefficient,
            most_neighbours=network.most_neighbours,
            site_of_cell=torch.from_numpy(np.asarray(deployment.site_of_cell)),
        )
