"""Drawn networks as a user would have them: reports and a deployment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from raylocus.network.field.heard import HeardNetwork
from raylocus.network.field.law import USUAL, FieldLaw
from raylocus.network.field.simulate import SimulatedNetwork, simulate_network
from raylocus.network.reports.features import CRITICAL
from raylocus.network.reports.reports import Reports
from raylocus.scenes.cell_names.channels import NR
from raylocus.scenes.sites import ISOTROPIC, Carrier, Cell, Deployment, ElementPattern, Site

#: A calm network: levels fall with distance and nothing else happens to them.
CALM = replace(
    USUAL, spacing=(400.0, 500.0), sites=(18.0, 20.0), deviation=(5.0, 5.1), pull=(0.0, 0.0), shadowing=(0.1, 0.2),
    device=(0.0, 0.0), cell_offset=(0.0, 0.0), line_of_sight_gain=(0.0, 0.0), indoor_loss=(0.0, 0.1), heard=(6.0, 8.0),
    dropout=(0.0, 0.0), unlisted=(0.0, 0.0), silent=(0.0, 0.0), misread=(0.0, 0.0), measurement=(0.1, 0.2),
    cell_detection=(0.0, 0.0), arrival_noise=(1.0, 2.0), detour=(0.1, 0.2), clock=(900.0, 1000.0),
)  # fmt: skip


def network(seed: int, law: FieldLaw = USUAL, reports: int = 40) -> SimulatedNetwork:
    return simulate_network(law, reports, np.random.default_rng(seed))


def deployment_of(heard: HeardNetwork) -> Deployment:
    """The listed cells, each with a PCI and an identity of its own."""
    cells = heard.cells
    sites = tuple(
        Site(f"site-{number}", (*position, 25.0)) for number, position in enumerate(cells.sites.tolist())
    )
    known = np.isfinite(cells.azimuth)
    made = tuple(
        Cell(
            number % 1008, int(cells.site[number]), float(np.nan_to_num(cells.azimuth[number])), 0.1,
            pattern=ElementPattern() if known[number] else ISOTROPIC, identity=number,
        )
        for number in range(len(cells.site))
    )  # fmt: skip
    return Deployment((Carrier(),), sites, made)


def reports_of(drawn: SimulatedNetwork) -> Reports:
    """Each report as a sequence of its own, its true position with it."""
    heard = drawn.heard
    count, tokens = len(heard), len(heard.cell)
    features = np.full((tokens, len(CRITICAL) + 1), np.nan)
    features[:, 0] = heard.level
    features[:, -1] = 0.004 + heard.arrival / 299792458.0
    return Reports(
        report_offsets=np.arange(count + 1),
        token_offsets=heard.rows.offsets,
        time=np.zeros(count),
        position=np.column_stack([drawn.position, np.full(count, 1.5)]),
        line_of_sight=np.full(count, np.nan),
        pci=heard.cell % 1008,
        technology=np.full(tokens, NR, np.int8),
        channel=np.full(tokens, -1),
        identity=heard.cell.astype(np.int64),
        serving=heard.serving,
        beam=np.full(tokens, -1),
        features=features,
        censored=np.zeros(features.shape, np.int8),
        feature_names=(*CRITICAL, "time_of_arrival"),
    )
