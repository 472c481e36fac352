"""A folder with a network of known sites: an area, or a place."""

from __future__ import annotations

import hashlib
from pathlib import Path

from raylocus.geo import Extent
from raylocus.scenes.area import Area, is_area, open_area
from raylocus.scenes.place import Place, load_place
from raylocus.scenes.sites import Deployment


def open_network(folder: Path) -> Area | Place:
    """Opens the area or the place in a folder, without anything that was traced in it.

    Raises:
        PlaceError: there is neither.
    """
    return open_area(folder) if is_area(folder) else load_place(folder)


def deployment_digest(deployment: Deployment) -> str:
    """What a network is known by, all that is listed of it: sites, cells, antennas, powers."""
    return hashlib.sha256(repr(deployment).encode()).hexdigest()[:16]


def extent_of(network: Area | Place) -> Extent:
    """Where phones may be: the extent of an area, the tile of a place."""
    return network.extent if isinstance(network, Area) else Extent(*network.tile.bounds)
