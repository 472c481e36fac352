"""A small area of a generated town, and how it is built and traced."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from raylocus.execution.task import Engine, ThisProcess
from raylocus.propagation.maps.layers.complete import RadioMapConfiguration
from raylocus.propagation.maps.path_loss import heard_cells
from raylocus.propagation.maps.traced_area import TracedArea
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.propagation.tracing.trace_folders import trace_area
from raylocus.scenes.area import Area
from raylocus.scenes.build import build_source
from raylocus.scenes.configuration import AreaConfiguration, SceneConfiguration
from raylocus.scenes.deployment import DeploymentConfiguration
from raylocus.scenes.place import Place
from raylocus.scenes.siting.macro import MacroLayout

TOWN = "procedural:perimeter-blocks"
NETWORK = DeploymentConfiguration(macro=MacroLayout(site_distance=190.0), edge_distance=5.0)
SCENE = SceneConfiguration(tile_size=128.0, resolution=4.0, seed=3, deployment=NETWORK)
AREA = AreaConfiguration(reach=160.0, near=64.0, side=256.0)
TRACE = TraceConfiguration(depth=1, rays_per_cell=2.0, diffraction=False)


def build_town(
    folder: Path, progress: Callable[[Place], None] = lambda place: None, **changes: object
) -> Area:
    """2 × 2 tiles of 128 m; changes are of the scene's configuration."""
    scene = dataclasses.replace(SCENE, **changes)
    built = build_source(TOWN, folder, (scene, AREA), heard_cells, progress)
    assert isinstance(built, Area)
    return built


def trace_town(folder: Path, engine: Engine | None = None) -> TracedArea:
    """All of its windows, without the layers that only a place's own R has."""
    silent = (lambda done, total: None, lambda done, total: None)
    return trace_area(folder, TRACE, RadioMapConfiguration(layers=()), engine or ThisProcess(), silent)
