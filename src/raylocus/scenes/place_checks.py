"""Whether what a place's files say can be: types and ranges of place.json, sizes of its maps."""

from __future__ import annotations

import functools
import math
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import xarray as xr

from raylocus.errors import PlaceError, StoreError
from raylocus.geo import Grid
from raylocus.scenes.cell_names.channels import TECHNOLOGIES
from raylocus.scenes.sites import Carrier, Cell, Deployment, ElementPattern

#: Largest PCI (TS 38.211 §7.4.2.1), and numerology (TS 38.211 §4.2).
LARGEST_PCI, LARGEST_NUMEROLOGY = 1007, 6
#: Largest NR-ARFCN (TS 38.104 Table 5.4.2.1-1); EARFCNs are smaller. Bits of an NR cell identity (TS 23.003 §19.6A).
LARGEST_CHANNEL, IDENTITY_BITS = 3_279_165, 36
#: Most elements and beams of an array along an axis.
MOST_ELEMENTS = 1024


def plain_record(kind: type, record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of JSON as the fields of a dataclass, each of the type that the field is of.

    Raises:
        TypeError: a value is of another type, or a number is not finite.
    """
    hints = _hints(kind)
    for name, value in record.items():
        if name in hints and not _fits(value, hints[name]):
            raise TypeError(f"{kind.__name__.lower()} has the {name} {value!r}")
    return dict(record)


_hints = functools.cache(get_type_hints)


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is types.UnionType:
        return any(_fits(value, each) for each in get_args(hint))
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is tuple:
        if get_args(hint)[1:] == (...,):
            return isinstance(value, tuple | list) and all(_fits(each, get_args(hint)[0]) for each in value)
        return len(value) == len(get_args(hint)) and all(map(_fits, value, get_args(hint)))
    if get_origin(hint) is dict:
        return isinstance(value, dict)
    return isinstance(value, hint)


def check_deployment(deployment: Deployment) -> None:
    """Refuses a network whose numbers cannot be.

    Raises:
        PlaceError: a cell is of no site, or a number is out of its range.
    """
    for carrier in deployment.carriers:
        _check_carrier(carrier)
    if any(site.deviation < 0 for site in deployment.sites):
        raise PlaceError("no site has a negative deviation of its position; build the place again")
    for cell in deployment.cells:
        _check_cell(cell, deployment)


def _check_cell(cell: Cell, deployment: Deployment) -> None:
    array = cell.array
    if not (0 <= cell.pci <= LARGEST_PCI and 0 <= cell.site < len(deployment.sites)):
        raise PlaceError(f"no cell has PCI {cell.pci} at site {cell.site}; build the place again")
    if not all(1 <= count <= MOST_ELEMENTS for count in (array.rows, array.columns, array.beams)):
        raise PlaceError(f"the cell of PCI {cell.pci} cannot have {array}; build the place again")
    if not 0 <= cell.carrier < len(deployment.carriers):
        raise PlaceError(f"the cell of PCI {cell.pci} is on no carrier of the place; build the place again")
    if not _is_pattern(cell.pattern):
        raise PlaceError(f"the cell of PCI {cell.pci} cannot have {cell.pattern}; build the place again")
    if cell.identity is not None and not 0 <= cell.identity < 2**IDENTITY_BITS:
        raise PlaceError(f"no cell has the identity {cell.identity}; build the place again")


def _check_carrier(carrier: Carrier) -> None:
    if not (0 < carrier.frequency < 1e12 and 0 < carrier.resource_blocks <= 1e4):
        raise PlaceError(f"no carrier is {carrier}; build the place again")
    if not 0 <= carrier.numerology <= LARGEST_NUMEROLOGY:
        raise PlaceError(f"no carrier has the numerology {carrier.numerology}; build the place again")
    if carrier.technology not in TECHNOLOGIES[1:]:
        raise PlaceError(f"no carrier has the technology {carrier.technology!r}; build the place again")
    if carrier.channel is not None and not 0 <= carrier.channel <= LARGEST_CHANNEL:
        raise PlaceError(f"no carrier has the channel {carrier.channel}; build the place again")


def _is_pattern(pattern: ElementPattern) -> bool:
    widths = (pattern.beamwidth_azimuth, pattern.beamwidth_elevation)
    floors = (pattern.side_lobe_floor, pattern.back_lobe_floor)
    cuts = () if pattern.cuts is None else (pattern.cuts.azimuth, pattern.cuts.elevation)
    if not all(len(cut) > 0 and min(cut) >= 0 for cut in cuts):
        return False
    return all(0 < width <= 360 for width in widths) and all(0 <= floor <= 100 for floor in floors)


def check_maps(
    maps: xr.Dataset, path: Path, tile: Grid, sizes: Mapping[str, int], needed: Sequence[str]
) -> None:
    """Refuses maps that are not of their place.

    Args:
        maps: layers, all over y and x last.
        path: where they are.
        tile: grid of the place.
        sizes: lengths of other dimensions.
        needed: layers that must be there.

    Raises:
        StoreError: a layer is missing, of another shape, or no numbers; the coordinates are not the tile's.
    """
    lacking = [name for name in needed if name not in maps]
    if lacking:
        raise StoreError(f"{path} has no layer {lacking[0]!r}; delete it and build it again")
    expected = {**sizes, "y": tile.count, "x": tile.count}
    for name, layer in maps.variables.items():
        wrong = {axis for axis, size in layer.sizes.items() if expected.get(str(axis), size) != size}
        if wrong or layer.dtype.kind not in "fiub" or (layer.ndim > 1 and layer.dims[-2:] != ("y", "x")):
            raise StoreError(
                f"{path} has {name} as {layer.dtype} over {dict(layer.sizes)}, which is not of its place; "
                "delete it and build it again"
            )
    for axis, centres in (("y", tile.y_coordinates), ("x", tile.x_coordinates)):
        if axis in maps.coords and not np.allclose(maps[axis].values, centres, atol=1e-3):
            raise StoreError(f"{path} lies elsewhere than its tile; delete it and build it again")
