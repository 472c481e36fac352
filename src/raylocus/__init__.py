"""raylocus: where is the phone, and how sure can we be?

The names below are looked up when first used, so that `import raylocus` loads neither torch nor Sionna:

    place = raylocus.open_place("places/etoile")
    fixes = raylocus.Locator.load("runs/demo/locator.ckpt").fixes(reports, place)
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

#: Where each public name lives.
_HOMES = {
    "Locator": "raylocus.inference.locator",
    "open_place": "raylocus.propagation.maps.traced_place",
    "load_reports": "raylocus.network.reports.report_store",
    "scenes": "raylocus.scenes",
    "propagation": "raylocus.propagation",
    "network": "raylocus.network",
}

__all__ = ["Locator", "load_reports", "network", "open_place", "propagation", "scenes"]


def __getattr__(name: str) -> Any:
    """Imports a public name's home when the name is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'raylocus' has no attribute {name!r}")
    home = import_module(_HOMES[name])
    return home if _HOMES[name] == f"raylocus.{name}" else getattr(home, name)
