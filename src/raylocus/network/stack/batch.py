"""A batch of reports that are sent, and the truth behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from raylocus.network.channel import ChannelState
from raylocus.network.mobility import Trajectories
from raylocus.network.stack.downlink import Downlink
from raylocus.network.stack.links import Links
from raylocus.scenes.sites import Deployment


@dataclass(frozen=True)
class Batch:
    """Reports that were sent, and the truth behind them."""

    links: Links
    state: ChannelState
    downlink: Downlink
    velocity: Float[np.ndarray, "report 3"]
    bias: Float[np.ndarray, "report"]
    """Level error of the UE [dB]."""
    trajectories: Trajectories
    clock_offset: Float[np.ndarray, "site"]
    antennas: Deployment
    """The deployment with the antennas as they really are."""
