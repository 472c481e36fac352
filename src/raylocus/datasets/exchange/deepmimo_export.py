"""A traced place as a DeepMIMO 4 scenario: the paths from every site to points of the tile."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, Shaped

from raylocus.datasets.exchange.scenario import (
    DIFFRACTION,
    PARAMETERS,
    REFLECTION,
    SCATTERING,
    TRANSMISSION,
    TransmitterPaths,
    write_paths,
)
from raylocus.datasets.exchange.scenario_parameters import scenario_parameters, write_scene
from raylocus.errors import InputError
from raylocus.propagation.antennas.antennas import zenith_and_azimuth
from raylocus.propagation.antennas.panels import Panel
from raylocus.propagation.atlas.atlas import (
    DIFFRACTED,
    OVER_ROOFTOP,
    REFRACTED,
    SCATTERED,
    SPECULAR,
    PathAtlas,
)
from raylocus.propagation.atlas.channel_response import impulse_response, interaction_points
from raylocus.propagation.atlas.ue_paths import UePaths, ground_cell_points, paths_at
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.ragged import Rows
from raylocus.storage import written_whole
from raylocus.units import SPEED_OF_LIGHT, to_decibel

#: What each kind of path meets, as a digit; over the roofs it is one edge or several, written as one.
_DIGITS = {
    SPECULAR: REFLECTION,
    OVER_ROOFTOP: DIFFRACTION,
    DIFFRACTED: DIFFRACTION,
    REFRACTED: TRANSMISSION,
    SCATTERED: SCATTERING,
}


def export_scenario(place: TracedPlace, receivers: Float[np.ndarray, "receiver 3"], folder: Path) -> None:
    """Writes the paths from every site of a place to receivers as a scenario folder.

    Antennas at both ends are vertical and isotropic, as DeepMIMO puts its own arrays and patterns on top;
    cells stand in `params.json` under `raylocus`. Set 0 holds the sites, set 1 the receivers.

    Receivers are UE antennas [m] in the place's frame. DeepMIMO lowers names, so the folder should have no
    capitals.

    Raises:
        InputError: there is no receiver, or one outside the tile.
        StorageFullError: the disk filled up.
    """
    if not len(receivers):
        raise InputError(f"no receivers to export at {place.name}; give at least one position")
    terrain = place.geometry_maps["terrain"].values
    points = ground_cell_points(place.atlas.grid, terrain, place.atlas.ue_height)
    active = np.zeros(len(receivers), bool)
    with written_whole(folder) as aside:
        aside.mkdir()
        for site, position in enumerate(place.deployment.site_positions):
            found = paths_at(place.atlas, site, receivers, points)
            write_paths(transmitter_paths(found, position, receivers), aside, site)
            active[found.ue] = True
        scene = write_scene(place.scene_file, aside)
        document = scenario_parameters(place, len(receivers), int(active.sum())) | {"scene": scene}
        (aside / PARAMETERS).write_text(json.dumps(document, indent=2))


def transmitter_paths(
    found: UePaths, site: Float[np.ndarray, "3"], receivers: Float[np.ndarray, "receiver 3"]
) -> TransmitterPaths:
    """The paths from one site to receivers as DeepMIMO's matrices, strongest first.

    Site and receivers are antenna centres [m]; there are as many receivers as UEs in the paths.
    """
    amplitude = impulse_response(found, Panel(), Panel()).amplitude[:, 0, 0]
    power = to_decibel(np.abs(amplitude) ** 2)
    order = np.lexsort((-power, found.ue))  # of each UE the strongest path first
    rank = Rows.of(np.bincount(found.ue, minlength=len(receivers))).rank
    paths = found.paths

    def matrix(values: Shaped[np.ndarray, " path *rest"]) -> Float[np.ndarray, "receiver slot *rest"]:
        dense = np.full((len(receivers), int(rank.max(initial=-1)) + 1, *values.shape[1:]), np.nan)
        dense[found.ue[order], rank] = values[order]
        return dense

    aoa_el, aoa_az = np.rad2deg(zenith_and_azimuth(-paths.arrival))
    aod_el, aod_az = np.rad2deg(zenith_and_azimuth(paths.departure))
    return TransmitterPaths(
        tx_pos=site[None],
        rx_pos=receivers,
        power=matrix(power),
        phase=matrix(np.rad2deg(np.angle(amplitude))),
        delay=matrix(paths.length / SPEED_OF_LIGHT),
        aoa_az=matrix(aoa_az),
        aoa_el=matrix(aoa_el),
        aod_az=matrix(aod_az),
        aod_el=matrix(aod_el),
        inter=matrix(_interaction_digits(paths)),
        inter_pos=matrix(interaction_points(found, site, receivers)),
    )


def _interaction_digits(paths: PathAtlas) -> Float[np.ndarray, " path"]:
    """The kind's digit, once for every surface that the path meets; 0 in line of sight, 2 for an edge.

    A diffracted path's reflections stand before and after the edge's digit in their order.
    """
    digit = np.array([_DIGITS[kind] for kind in sorted(_DIGITS)])[paths.kind]
    single = np.isin(paths.kind, (OVER_ROOFTOP, SCATTERED))
    alike = digit * _ones(np.where(single, 1, paths.interactions))
    after = paths.interactions - paths.before_edge
    over_edge = _ones(paths.interactions + 1) + (DIFFRACTION - REFLECTION) * 10.0**after
    return np.where(paths.kind == DIFFRACTED, over_edge, alike)


def _ones(count: Int[np.ndarray, " path"]) -> Float[np.ndarray, " path"]:
    """The number that is written with so many ones."""
    return (10.0**count - 1) / 9
