"""What the viewer's page holds, of a place or an area alike."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from raylocus.geo import GeoFrame, Grid
from raylocus.scenes.sites import Deployment
from raylocus.viz.viewer.layers import PackedLayer
from raylocus.viz.viewer.packing import PackedMesh
from raylocus.viz.viewer.paths import PathLines
from raylocus.viz.viewer.tracks import Track

#: Largest page [byte].
LIMIT = 12_000_000
#: What the page needs in addition to layers and meshes: its program and paths, and for each track [byte].
RESERVED, RESERVED_A_TRACK = 2_000_000, 100_000


@dataclass(frozen=True)
class ViewerContent:
    """Everything that a page shows."""

    name: str
    attribution: str
    """Licence notice of the map; empty where there is none."""
    frame: GeoFrame
    grid: Grid
    """Of all layers."""
    deployment: Deployment
    ground: xr.Dataset
    """`terrain` and `surface` [m] over the grid."""
    meshes: tuple[PackedMesh, ...]
    layers: tuple[PackedLayer, ...]
    paths: PathLines | None
    """None where nothing was traced."""
    tracks: tuple[Track, ...]
    notes: tuple[str, ...]
    """What was left out."""


def room_for(tracks: int) -> int:
    """What layers and meshes of a page with so many tracks may take [byte]."""
    return LIMIT - RESERVED - RESERVED_A_TRACK * tracks
