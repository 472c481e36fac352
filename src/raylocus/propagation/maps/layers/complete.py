"""Every layer of a place's own R; worlds, which need few layers and many maps, use `radio_maps` alone."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from raylocus.errors import InputError
from raylocus.propagation.antennas.panels import UeAntenna
from raylocus.propagation.atlas.atlas import GridRows, PathAtlas
from raylocus.propagation.link_abstraction.link_quality import DEFAULT_CQI_TABLE
from raylocus.propagation.link_abstraction.modulation_tables import CQI_TABLES, MCS_TABLES, table_of
from raylocus.propagation.maps.layers import channel, csi, measurements, system, turned
from raylocus.propagation.maps.layers.csi import CoherentChannel
from raylocus.propagation.maps.radio_maps import (
    LAYERS,
    LOAD,
    NOISE_FIGURE_DB,
    Layer,
    radio_maps_of,
    site_channels,
)
from raylocus.scenes.sites import Deployment

#: Groups of layers that can be added to `radio_maps.LAYERS`, and what they hold.
GROUPS: dict[str, tuple[Layer, ...]] = {
    "channel": channel.LAYERS,
    "turned": turned.LAYERS,
    "measurements": measurements.LAYERS,
    "csi": csi.LAYERS,
    "system": system.LAYERS,
}
ALL_GROUPS = tuple(GROUPS)
#: All layers that a place's own R can have.
ALL_LAYERS = LAYERS + tuple(layer for layers in GROUPS.values() for layer in layers)


@dataclass(frozen=True)
class RadioMapConfiguration:
    """What R of a place holds; another choice costs no trace."""

    layers: tuple[str, ...] = ALL_GROUPS
    """Groups of layers in addition to those that worlds have, see `GROUPS`."""
    ue: UeAntenna = UeAntenna()
    """The UE's antenna behind the csi and system layers."""
    cqi_table: int = DEFAULT_CQI_TABLE
    """CQI table of the network, 1 to 3 (TS 38.214 §5.2.2.1), of the cqi layer as of the reports' CQI; MCSs are of the
    table of the same number."""

    def __post_init__(self) -> None:
        unknown = [group for group in self.layers if group not in GROUPS]
        if unknown:
            raise InputError(f"there is no group of layers {unknown[0]!r}; choose from {', '.join(GROUPS)}")
        if self.cqi_table not in MCS_TABLES:
            raise InputError(f"cqi_table is one of {', '.join(map(str, MCS_TABLES))}, not {self.cqi_table}")


def complete_radio_maps(
    atlas: PathAtlas,
    deployment: Deployment,
    configuration: RadioMapConfiguration = RadioMapConfiguration(),
    rows: GridRows | None = None,
) -> xr.Dataset:
    """R with chosen groups of layers.

    Args:
        atlas: paths of every site to the ground cells of the rows.
        deployment: sites and cells.
        configuration: what R holds.
        rows: a piece of the tile; all of it where left out.

    Returns:
        Dataset over site, cell, beam, stream, y and x; what the numbers assume is in its attributes.
    """
    rows, groups, panel = rows or GridRows.whole(atlas.grid), configuration.layers, configuration.ue.panel()
    sites = site_channels(atlas, deployment, atlas.materials, rows)
    maps = radio_maps_of(sites, deployment, rows)
    parts = [maps]
    if "channel" in groups:
        parts.append(channel.channel_layers(sites, rows))
    if "turned" in groups:
        parts.append(turned.turned_layers(sites, deployment, rows))
    if "measurements" in groups:
        parts.append(measurements.measurement_layers(maps, deployment, rows))
    coherent = [CoherentChannel(site, panel) for site in sites] if {"csi", "system"} & set(groups) else []
    if "csi" in groups:
        parts.append(csi.csi_layers(coherent, deployment, rows))
    if "system" in groups:
        parts.append(system.system_layers(maps, coherent, deployment, rows, configuration.cqi_table))
    return xr.merge(parts).assign_attrs(_assumptions(atlas, deployment, configuration))


def _assumptions(
    atlas: PathAtlas, deployment: Deployment, configuration: RadioMapConfiguration
) -> dict[str, float | str | list[str]]:
    return {
        "frequency": deployment.carrier.frequency,
        "ue_height": atlas.ue_height,
        "load": LOAD,
        "noise_figure_db": NOISE_FIGURE_DB,
        "cqi_table": configuration.cqi_table,
        "target_error_rate": table_of(CQI_TABLES, configuration.cqi_table).bler_target,
        "receiver": str(configuration.ue),
        "material_substitutions": list(atlas.materials.substitutions),
    }
