"""R of several carriers as one dataset: layers over cells are joined, those over sites are the first carrier's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from raylocus.propagation.maps.layers.system import best_server
from raylocus.scenes.sites import Deployment


def joined_layers(parts: Sequence[xr.Dataset], deployment: Deployment) -> xr.Dataset:
    """R of a deployment from the R of each of its layers.

    Every cell's layers are those of its own carrier: its interference is that carrier's, and so is the RSSI of its
    RSRQ. A cell with fewer beams or streams than another has NaN past its last. `best_server` is over all cells, the
    layer `rssi` the first carrier's.

    Args:
        parts: R of `deployment.layers()`, over the same rows.
        deployment: the whole.
    """
    if len(parts) == 1:
        return parts[0]
    names = [name for name, layer in parts[0].data_vars.items() if "cell" in layer.dims]
    most = {
        axis: max(part.sizes[axis] for part in parts) for axis in ("beam", "stream") if axis in parts[0].sizes
    }
    padded = [
        part[names].pad({axis: (0, size - part.sizes[axis]) for axis, size in most.items()}) for part in parts
    ]
    order = np.argsort(np.concatenate([layer.cells for layer in deployment.layers()]), kind="stable")
    joined = xr.concat(padded, "cell").isel(cell=order)
    maps = parts[0].drop_vars(names).merge(joined)
    if "best_server" in maps:
        best = best_server(maps["rsrp"].values).astype(np.float32)
        maps = maps.assign(best_server=maps["best_server"].copy(data=best))
    return maps.assign_attrs(parts[0].attrs, frequency=[*deployment.frequencies])
