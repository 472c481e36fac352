"""Reflection and antennas against closed forms and Sionna's own functions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from propagation_fixtures import CONCRETE, FREQUENCY, METAL, materials
from raylocus.errors import InputError
from raylocus.propagation.antennas.antennas import (
    beam_azimuths,
    beam_gains,
    element_gain_db,
    in_antenna_frame,
)
from raylocus.propagation.materials.materials import itu_materials, slab_reflection
from raylocus.propagation.runtime.runtime import activate
from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.radio_properties import ITU_TYPE, MaterialProperties, SceneMaterials
from raylocus.scenes.sites import ISOTROPIC, AntennaArray, ElementPattern

WAVELENGTH = materials().wavelength


def test_metal_reflects_everything() -> None:
    cosine = np.linspace(0.01, 1, 50)
    eta = np.full(50, materials().complex_permittivity[METAL])
    electric, magnetic = slab_reflection(cosine, eta, 0.1, WAVELENGTH)
    np.testing.assert_allclose(np.abs(electric), 1, atol=1e-3)
    np.testing.assert_allclose(np.abs(magnetic), 1, atol=2e-2)


def test_brewster_angle_passes_the_parallel_wave() -> None:
    # A thick lossy slab reflects like a half space; at tan θ_B = √ε the TM wave is not reflected.
    eta = np.array([5.24 - 0.05j])
    cosine = np.array([1 / np.sqrt(1 + 5.24)])
    electric, magnetic = slab_reflection(cosine, eta, 50.0, WAVELENGTH)
    assert abs(magnetic[0]) < 5e-3
    assert abs(electric[0]) > 0.5


def test_how_many_coefficients_are_asked_changes_no_byte() -> None:
    # Long arrays are worked on in place by numpy, with the factors of a product swapped where it may.
    generator = np.random.default_rng(0)
    cosine, eta = generator.random(1 << 16), 5 - 0.3j * generator.random(1 << 16)
    for whole, part in zip(
        slab_reflection(cosine, eta, 0.2, WAVELENGTH),
        slab_reflection(cosine[:999], eta[:999], 0.2, WAVELENGTH),
        strict=True,
    ):
        assert whole[:999].tobytes() == part.tobytes()


@given(
    cosine=st.floats(0.01, 1),
    permittivity=st.floats(1, 15),
    loss=st.floats(0, 5),
    thickness=st.floats(1e-3, 1),
)
def test_no_slab_reflects_more_than_it_gets(
    cosine: float, permittivity: float, loss: float, thickness: float
) -> None:
    eta = np.array([permittivity - 1j * loss])
    for coefficient in slab_reflection(np.array([cosine]), eta, thickness, WAVELENGTH):
        assert abs(coefficient[0]) <= 1 + 1e-9


def test_slab_agrees_with_sionna() -> None:
    nominal = itu_materials(FREQUENCY)
    activate()
    import mitsuba as mi
    from sionna.rt.utils import complex_relative_permittivity, itu_coefficients_single_layer_slab

    cosine = np.linspace(0.02, 1, 40)
    for index in (CONCRETE, METAL):
        eta = complex_relative_permittivity(
            mi.Float(nominal.permittivity[index]), mi.Float(nominal.conductivity[index]),
            mi.Float(2 * np.pi * FREQUENCY),
        )  # fmt: skip
        theirs = itu_coefficients_single_layer_slab(
            mi.Float(cosine.astype(np.float32)), eta, mi.Float(0.1), mi.Float(WAVELENGTH)
        )[:2]
        ours = slab_reflection(cosine, np.full(40, nominal.complex_permittivity[index]), 0.1, WAVELENGTH)
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(mine, other.real.numpy() + 1j * other.imag.numpy(), atol=2e-3)


@pytest.mark.parametrize("frequency", [7e8, 3.5e9, 28e9])
def test_every_band_has_materials(frequency: float) -> None:
    nominal = itu_materials(frequency)
    assert np.all(nominal.permittivity >= 1)
    assert np.all(nominal.conductivity > 0)


@pytest.mark.parametrize("frequency", [1e9, 3.5e9, 9.9e9, 28e9, 100e9])
def test_the_table_is_sionnas(frequency: float) -> None:
    activate()
    from sionna.rt.radio_materials.itu import itu_material

    for name, ours in zip(MATERIALS, SceneMaterials().at(frequency), strict=True):
        if ours.table_frequency == frequency:
            theirs = itu_material(ITU_TYPE[name], frequency)
            np.testing.assert_allclose((ours.permittivity, ours.conductivity), theirs, rtol=1e-6)


def test_what_a_place_sets_replaces_the_itus_values() -> None:
    given = SceneMaterials(
        brick=MaterialProperties(thickness=0.3), glass=MaterialProperties(permittivity=5.0)
    )
    changed, nominal = itu_materials(FREQUENCY, given), itu_materials(FREQUENCY)
    brick, glass = MATERIALS.index("brick"), MATERIALS.index("glass")
    eta, thickness, _ = changed.slab(np.array([brick, glass]), np.array([-1, -1]))
    assert thickness.tolist() == [0.3, 0.1]
    assert eta[0] == nominal.complex_permittivity[brick] and eta[1].real == 5.0
    assert changed.conductivity[glass] == nominal.conductivity[glass]
    with pytest.raises(InputError, match="thickness is at least"):
        MaterialProperties(thickness=-1.0)


def test_element_is_table_7_3_1() -> None:
    boresight = np.pi / 2
    assert element_gain_db(np.array([boresight]), np.array([0.0]))[0] == pytest.approx(8.0)
    # 3 dB down at half the 65° beamwidth in either plane, 30 dB down at the back.
    half = np.deg2rad(32.5)
    assert element_gain_db(np.array([boresight]), np.array([half]))[0] == pytest.approx(5.0)
    assert element_gain_db(np.array([boresight + half]), np.array([0.0]))[0] == pytest.approx(5.0)
    assert element_gain_db(np.array([boresight]), np.array([np.pi]))[0] == pytest.approx(-22.0)


def test_a_pattern_has_its_own_widths_floors_and_gain() -> None:
    """3 dB down at half of its beam width in each plane, the floors behind and below, TR 38.901 Table 7.3-1."""
    pattern = ElementPattern(90.0, 10.0, side_lobe_floor=20.0, back_lobe_floor=25.0, gain=15.0)
    level, zero = np.array([np.pi / 2]), np.zeros(1)
    assert element_gain_db(level, zero, pattern)[0] == pytest.approx(15.0)
    assert element_gain_db(level, np.deg2rad([45.0]), pattern)[0] == pytest.approx(12.0)
    assert element_gain_db(level + np.deg2rad(5.0), zero, pattern)[0] == pytest.approx(12.0)
    assert element_gain_db(np.zeros(1), zero, pattern)[0] == pytest.approx(15.0 - 20.0)
    assert element_gain_db(level, np.array([np.pi]), pattern)[0] == pytest.approx(15.0 - 25.0)
    assert element_gain_db(np.zeros(1), np.array([np.pi]), pattern)[0] == pytest.approx(15.0 - 25.0)


def test_an_isotropic_pattern_has_one_gain_everywhere() -> None:
    zenith, azimuth = np.linspace(0, np.pi, 50), np.linspace(-np.pi, np.pi, 50)
    np.testing.assert_array_equal(element_gain_db(zenith, azimuth, ISOTROPIC), 0.0)


def test_array_gain_is_the_number_of_elements() -> None:
    array = AntennaArray(rows=4, columns=8, beams=1)
    boresight = np.array([[1.0, 0.0, 0.0]])
    gain = beam_gains(boresight, 0.0, 0.0, array)
    assert 10 * np.log10(gain[0, 0]) == pytest.approx(8 + 10 * np.log10(32), abs=1e-6)


@given(azimuth=st.floats(-3, 3), beam=st.integers(0, 7))
def test_each_beam_is_strongest_where_it_points(azimuth: float, beam: int) -> None:
    array = AntennaArray()
    bearing = azimuth + beam_azimuths(array)[beam]
    towards = np.array([[np.cos(bearing), np.sin(bearing), 0.0]])
    assert beam_gains(towards, azimuth, 0.0, array)[0].argmax() == beam


def test_downtilt_points_the_boresight_down() -> None:
    tilt = 0.15
    down = np.array([[np.cos(tilt), 0.0, -np.sin(tilt)]])
    np.testing.assert_allclose(in_antenna_frame(down, 0.0, tilt), [[1.0, 0.0, 0.0]], atol=1e-12)
