"""Layers as they leave raylocus: azimuths become compass degrees."""

from __future__ import annotations

import numpy as np
import xarray as xr

from raylocus.geo import compass_from_azimuth

#: Layers that hold an azimuth [rad], counter-clockwise from east.
AZIMUTH_LAYERS = ("aoa_azimuth", "aod_azimuth")


def with_compass(layer: xr.DataArray) -> xr.DataArray:
    """The layer with azimuths in degrees clockwise from (grid) north; other layers as they are."""
    if layer.name not in AZIMUTH_LAYERS:
        return layer
    degrees, known = np.full(layer.shape, np.nan, np.float32), np.isfinite(layer.values)
    degrees[known] = [compass_from_azimuth(float(azimuth)) for azimuth in layer.values[known]]
    return layer.copy(data=degrees).assign_attrs(units="degree clockwise from north")
