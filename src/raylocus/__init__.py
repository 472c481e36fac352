"""raylocus: where is the phone, and how sure can we be?

The names below are looked up when first used, so that `import raylocus` loads neither torch nor Sionna:

    place = raylocus.open_place("places/etoile")
    fixes = raylocus.Locator.load("runs/demo/locator.ckpt").fixes(reports, place)
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

#: Where each public name lives; docs/api.md says what each one does.
_HOMES = {
    "AreaLocator": "raylocus.inference.area_locator",
    "Client": "raylocus.service.client",
    "Locator": "raylocus.inference.locator",
    "MapErrorLaw": "raylocus.scenes.map_errors.law",
    "SceneConfiguration": "raylocus.scenes.configuration",
    "TraceConfiguration": "raylocus.propagation.tracing.trace_configuration",
    "WorldChannel": "raylocus.network.channel.world_channel",
    "WorldLaw": "raylocus.scenes.world",
    "build_dataset": "raylocus.datasets.build",
    "build_place": "raylocus.scenes.build",
    "evaluate": "raylocus.evaluation.evaluation",
    "load_reports": "raylocus.network.reports.report_files",
    "network": "raylocus.network",
    "observe": "raylocus.network.observe",
    "open_place": "raylocus.propagation.maps.traced_place",
    "open_report_dataset": "raylocus.datasets.store",
    "perturb_place": "raylocus.scenes.map_errors.perturb",
    "propagation": "raylocus.propagation",
    "sample_trajectories": "raylocus.network.movement.mobility",
    "sample_world": "raylocus.scenes.world",
    "scenes": "raylocus.scenes",
    "trace_place": "raylocus.propagation.tracing.trace_folders",
    "world_radio_maps": "raylocus.propagation.maps.world_maps",
}

__all__ = [
    "AreaLocator",
    "Client",
    "Locator",
    "MapErrorLaw",
    "SceneConfiguration",
    "TraceConfiguration",
    "WorldChannel",
    "WorldLaw",
    "build_dataset",
    "build_place",
    "evaluate",
    "load_reports",
    "network",
    "observe",
    "open_place",
    "open_report_dataset",
    "perturb_place",
    "propagation",
    "sample_trajectories",
    "sample_world",
    "scenes",
    "trace_place",
    "world_radio_maps",
]


def __getattr__(name: str) -> Any:
    """Imports a public name's home when the name is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'raylocus' has no attribute {name!r}")
    home = import_module(_HOMES[name])
    return home if _HOMES[name] == f"raylocus.{name}" else getattr(home, name)


def __dir__() -> list[str]:
    """Public names, so that they complete at a prompt before they are first used."""
    return sorted({*globals(), *__all__})
