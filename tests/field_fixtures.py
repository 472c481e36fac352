"""Drawn networks as a user would have them: reports and a deployment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from raylocus.network.field.drawn_reports import drawn_deployment as deployment_of
from raylocus.network.field.drawn_reports import drawn_reports as reports_of
from raylocus.network.field.law import USUAL, FieldLaw
from raylocus.network.field.simulate import SimulatedNetwork, simulate_network

__all__ = ["CALM", "deployment_of", "network", "reports_of"]

#: A calm network: levels fall with distance and nothing else happens to them.
CALM = replace(
    USUAL, spacing=(400.0, 500.0), sites=(18.0, 20.0), deviation=(5.0, 5.1), pull=(0.0, 0.0), shadowing=(0.1, 0.2),
    device=(0.0, 0.0), cell_offset=(0.0, 0.0), line_of_sight_gain=(0.0, 0.0), indoor_loss=(0.0, 0.1), heard=(6.0, 8.0),
    dropout=(0.0, 0.0), unlisted=(0.0, 0.0), silent=(0.0, 0.0), misread=(0.0, 0.0), measurement=(0.1, 0.2),
    cell_detection=(0.0, 0.0), arrival_noise=(1.0, 2.0), detour=(0.1, 0.2), clock=(900.0, 1000.0),
)  # fmt: skip


def network(seed: int, law: FieldLaw = USUAL, reports: int = 40) -> SimulatedNetwork:
    return simulate_network(law, reports, np.random.default_rng(seed))
