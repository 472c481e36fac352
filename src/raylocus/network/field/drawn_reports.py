"""A drawn network as a user has it: a deployment, and the reports of phones with their true positions."""

from __future__ import annotations

import numpy as np

from raylocus.network.field.heard import HeardNetwork
from raylocus.network.field.simulate import SimulatedNetwork
from raylocus.network.reports.features import CRITICAL
from raylocus.network.reports.reports import Reports
from raylocus.ragged import Rows
from raylocus.scenes.cell_names.channels import NR
from raylocus.scenes.sites import ISOTROPIC, UE_HEIGHT, Carrier, Cell, Deployment, ElementPattern, Site
from raylocus.units import SPEED_OF_LIGHT

#: Height of sites, which nothing here looks at [m], and the least time of arrival [s].
SITE_HEIGHT, LEAST_ARRIVAL = 25.0, 0.004


def drawn_deployment(heard: HeardNetwork) -> Deployment:
    """The listed cells, each with a PCI and an identity of its own; listed powers and deviations are left out."""
    cells = heard.cells
    sites = tuple(
        Site(f"site-{number}", (*position, SITE_HEIGHT))
        for number, position in enumerate(cells.sites.tolist())
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


def drawn_reports(drawn: SimulatedNetwork) -> Reports:
    """The reports of each phone as a sequence; advances are left out."""
    heard = drawn.heard
    count, tokens = len(heard), len(heard.cell)
    features = np.full((tokens, len(CRITICAL) + 1), np.nan)
    features[:, 0] = heard.level
    features[:, -1] = LEAST_ARRIVAL + heard.arrival / SPEED_OF_LIGHT
    return Reports(
        report_offsets=Rows.of(np.unique(drawn.phone, return_counts=True)[1]).offsets,
        token_offsets=heard.rows.offsets,
        time=drawn.time,
        position=np.column_stack([drawn.position, np.full(count, UE_HEIGHT)]),
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
