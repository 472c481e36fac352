"""The UE's height is one setting: that of the trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from raylocus.datasets.building.world_tasks import observe_world
from raylocus.datasets.configuration import DatasetConfiguration
from raylocus.datasets.plan import plan_worlds
from raylocus.datasets.splits import PlaceChoice
from raylocus.network.configuration import MapTiming, NetworkConfiguration
from raylocus.network.reports.token_cells import token_cells
from raylocus.propagation.maps.path_loss import isotropic_levels
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.propagation.tracing.trace_folders import trace_place
from raylocus.scenes.build import build_place
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.scenes.deployment import DeploymentConfiguration
from raylocus.scenes.siting.macro import MacroLayout
from raylocus.scenes.world import WorldLaw
from raylocus.units import SPEED_OF_LIGHT, timing_advance_step
from stack_fixtures import ALWAYS, free_space_place

HEIGHT = 9.0
SCENE = SceneConfiguration(
    tile_size=128.0,
    resolution=8.0,
    seed=3,
    deployment=DeploymentConfiguration(macro=MacroLayout(site_distance=60.0), edge_distance=10.0),
)


def test_positions_delays_and_timing_advance_agree_at_another_height(tmp_path: Path) -> None:
    build_place("etoile", tmp_path / "etoile", SCENE)
    trace = TraceConfiguration(depth=1, diffraction=False, ue_height=HEIGHT)
    place = trace_place(tmp_path / "etoile", trace)
    assert place.atlas.ue_height == place.radio_maps.attrs["ue_height"] == HEIGHT
    calm = NetworkConfiguration(availability=ALWAYS, timing=MapTiming(noise=0.0))
    configuration = DatasetConfiguration(
        (PlaceChoice(place.folder, "train"),), seed=1, world_law=WorldLaw(severity=0.0), network=calm
    )
    reports = observe_world(place, plan_worlds(configuration)[0], configuration)
    terrain, cell = place.geometry_maps["terrain"].values.ravel(), place.tile.index(reports.position)
    centre = np.column_stack([place.tile.centres[cell], terrain[cell] + HEIGHT])
    # A terrain that is read between ground cells differs from theirs by less than a metre here.
    assert np.abs(reports.position[:, 2] - centre[:, 2]).max() < 1.0
    serving = reports.serving & (reports.beam < 0)
    site = place.deployment.site_of_cell[token_cells(reports, place.deployment)[serving]]
    straight = np.linalg.norm(place.deployment.site_positions[site] - centre, axis=1)
    direct = (
        place.radio_maps["line_of_sight"].values.reshape(len(place.deployment.sites), -1)[site, cell] == 1
    )
    first = (
        SPEED_OF_LIGHT * place.radio_maps["toa"].values.reshape(len(place.deployment.sites), -1)[site, cell]
    )
    assert direct.sum() > 50
    np.testing.assert_allclose(first[direct], straight[direct], atol=1e-3)
    advance = reports.features[serving, reports.feature_names.index("timing_advance")]
    step = timing_advance_step(place.deployment.carrier.numerology)
    assert (advance == np.round(2 * straight / SPEED_OF_LIGHT / step))[direct].all()


def test_the_height_of_the_formula_is_that_of_the_place() -> None:
    low, high = (free_space_place(1, height) for height in (1.5, HEIGHT))
    assert high.radio_maps.attrs["ue_height"] == HEIGHT
    terrain = low.geometry_maps["terrain"].values
    levels = [
        isotropic_levels(each.deployment, each.tile, terrain, each.atlas.ue_height) for each in (low, high)
    ]
    # 0.3 dB a metre (TR 38.901), and the shorter way under the mast.
    far = np.hypot(*(low.tile.centres - low.deployment.site_positions[0, :2]).T) > 150
    gained = (levels[1] - levels[0]).reshape(len(levels[0]), -1)[:, far]
    assert gained == pytest.approx(0.3 * (HEIGHT - 1.5), abs=0.3)
