"""Materials from measurements: known ground is found, and lies inside its interval."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from calibration_fixtures import CLEAN, observed, turned_world
from network_fixtures import TILE
from raylocus.calibration.labelled_calibration import CalibrationLaw, calibrate_labelled
from raylocus.calibration.materials_fit import MaterialEstimates, fit_materials
from raylocus.calibration.measured import measured_at
from raylocus.propagation.atlas.atlas import PathAtlas
from raylocus.propagation.maps.radio_maps import radio_maps
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.scenes.geometry_maps import MATERIALS
from stack_fixtures import free_space_place

GROUND = MATERIALS.index("ground")
#: Errors of half a decibel; of materials only what all ground has in common errs.
LAW = dataclasses.replace(
    CLEAN,
    log_permittivity=0.3,
    log_conductivity=0.7,
    building_share=0.0,
    azimuth_error=0.0,
    downtilt_error=0.0,
)


def bounced(atlas: PathAtlas, sites: np.ndarray, terrain: np.ndarray) -> PathAtlas:
    """Every direct path sent by way of flat ground at height 0 instead."""
    points = np.column_stack([TILE.centres, terrain.ravel() + atlas.ue_height])[atlas.ground_cell]
    ray = points - sites[atlas.site] * np.array([1.0, 1.0, -1.0])
    length = np.linalg.norm(ray, axis=1)
    arrival = (ray / length[:, None]).astype(np.float32)
    normals = np.zeros_like(atlas.normals)
    normals[:, 0, 2] = 1
    return dataclasses.replace(
        atlas,
        length=length,
        arrival=arrival,
        departure=arrival * np.array([1, 1, -1], np.float32),
        normals=normals,
        material=np.full_like(atlas.material, GROUND),
    )


def ground_place() -> TracedPlace:
    """Two sites that are heard by way of the ground alone."""
    place = free_space_place(2)
    atlas = bounced(place.atlas, place.deployment.site_positions, place.geometry_maps["terrain"].values)
    made = dataclasses.replace(place)
    made.__dict__.update(
        geometry_maps=place.geometry_maps, atlas=atlas, radio_maps=radio_maps(atlas, place.deployment)
    )
    return made


def estimated(residual_db: float) -> MaterialEstimates:
    """The ground's materials by fifty reports of a world in which its permittivity is 1.6 times the listed one."""
    place, law = ground_place(), CalibrationLaw(world=dataclasses.replace(LAW, residual_db=residual_db))
    world = turned_world(place, 4, law.world)
    world = dataclasses.replace(world, permittivity_factor=np.full(len(MATERIALS), 1.6))
    found = calibrate_labelled(measured_at(observed(place, world, 50, 3), place), place, law)
    return fit_materials(found, place, law)


@pytest.mark.parametrize("residual_db", [0.5, 11.0])
def test_the_ground_is_found(residual_db: float) -> None:
    made = estimated(residual_db)
    assert made.names == ("ground",)
    assert abs(made.permittivity[0] - np.log(1.6)) < 1.645 * made.permittivity_deviation[0]
    assert made.permittivity_deviation[0] < 0.6 * LAW.log_permittivity
