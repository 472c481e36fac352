"""Every layer of a place's own R; worlds, which need few layers and many maps, use `radio_maps` alone."""

from __future__ import annotations

import xarray as xr

from raylocus.errors import InputError
from raylocus.propagation.atlas import PathAtlas
from raylocus.propagation.link_abstraction import TARGET_ERROR_RATE
from raylocus.propagation.radio_layers import channel, csi, measurements, system
from raylocus.propagation.radio_layers.coherent import CoherentChannel
from raylocus.propagation.radio_maps import LAYERS, LOAD, NOISE_FIGURE_DB, Layer, radio_maps_of, site_channels
from raylocus.scenes.sites import Deployment

#: Groups of layers that can be added to `radio_maps.LAYERS`, and what they hold.
GROUPS: dict[str, tuple[Layer, ...]] = {
    "channel": channel.LAYERS,
    "measurements": measurements.LAYERS,
    "csi": csi.LAYERS,
    "system": system.LAYERS,
}
ALL_GROUPS = tuple(GROUPS)
#: All layers that a place's own R can have.
ALL_LAYERS = LAYERS + tuple(layer for layers in GROUPS.values() for layer in layers)


def complete_radio_maps(
    atlas: PathAtlas, deployment: Deployment, groups: tuple[str, ...] = ALL_GROUPS
) -> xr.Dataset:
    """R with chosen groups of layers.

    Args:
        atlas: paths of every site.
        deployment: sites and cells.
        groups: of `GROUPS`, beside the layers that are always there.

    Returns:
        Dataset over site, cell, beam, stream, y and x; what the numbers assume is in its attributes.

    Raises:
        InputError: there is no such group.
    """
    check_groups(groups)
    sites = site_channels(atlas, deployment, atlas.materials)
    maps = radio_maps_of(sites, deployment, atlas.grid)
    grid, parts = atlas.grid, [maps]
    if "channel" in groups:
        parts.append(channel.channel_layers(sites, grid))
    if "measurements" in groups:
        parts.append(measurements.measurement_layers(maps, deployment.carrier, grid))
    coherent = (
        [CoherentChannel(site, csi.HANDSET) for site in sites] if {"csi", "system"} & set(groups) else []
    )
    if "csi" in groups:
        parts.append(csi.csi_layers(coherent, deployment, grid))
    if "system" in groups:
        parts.append(system.system_layers(maps, coherent, deployment, grid))
    return xr.merge(parts).assign_attrs(_assumptions(atlas, deployment))


def check_groups(groups: tuple[str, ...]) -> None:
    """Refuses names that are no group of layers, before anything long is begun.

    Raises:
        InputError: there is no such group.
    """
    unknown = [group for group in groups if group not in GROUPS]
    if unknown:
        raise InputError(f"there is no group of layers {unknown[0]!r}; choose from {', '.join(GROUPS)}")


def _assumptions(atlas: PathAtlas, deployment: Deployment) -> dict[str, float | str | list[str]]:
    handset = csi.HANDSET
    return {
        "frequency": deployment.carrier.frequency,
        "load": LOAD,
        "noise_figure_db": NOISE_FIGURE_DB,
        "target_error_rate": TARGET_ERROR_RATE,
        "receiver": f"{handset.rows}x{handset.columns} isotropic elements, {handset.polarization}, facing east",
        "material_substitutions": list(atlas.materials.substitutions),
    }
