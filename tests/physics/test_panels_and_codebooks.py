"""Panels, polarisations and codebooks against Sionna's own arrays and closed forms."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raylocus.errors import InputError
from raylocus.propagation.antennas.antennas import beam_gains
from raylocus.propagation.antennas.panels import (
    SLANTS,
    Panel,
    array_phases,
    codebook_gains,
    dft_codebook,
    element_positions,
    polarization_responses,
    port_responses,
    sector_element,
    sector_panel,
    ssb_codebook,
)
from raylocus.propagation.runtime.runtime import activate
from raylocus.scenes.sites import AntennaArray, Cell


def directions(count: int, seed: int = 0) -> np.ndarray:
    vector = np.random.default_rng(seed).normal(size=(count, 3))
    return vector / np.linalg.norm(vector, axis=1, keepdims=True)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 3), (4, 8)])
def test_elements_lie_where_sionnas_planar_array_has_them(rows: int, columns: int) -> None:
    activate()
    import sionna.rt as rt

    theirs = rt.PlanarArray(
        num_rows=rows, num_cols=columns, pattern="iso", polarization="V"
    ).normalized_positions
    np.testing.assert_allclose(element_positions(Panel(rows, columns)), theirs.numpy()[1:].T, atol=1e-6)


@pytest.mark.parametrize("polarization", list(SLANTS))
def test_element_pattern_is_sionnas_tr38901(polarization: str) -> None:
    activate()
    import mitsuba as mi
    import sionna.rt as rt

    array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="tr38901", polarization=polarization)
    towards = directions(50)
    zenith, azimuth = np.arccos(towards[:, 2]), np.arctan2(towards[:, 1], towards[:, 0])
    ours = polarization_responses(Panel(polarization=polarization, element=sector_element), towards)
    for port, pattern in enumerate(array.antenna_pattern.patterns):
        theirs = pattern(mi.Float(zenith.astype(np.float32)), mi.Float(azimuth.astype(np.float32)))
        for part in range(2):
            np.testing.assert_allclose(ours[:, port, part], theirs[part].real.numpy(), atol=1e-4)


@given(azimuth=st.floats(-3, 3), downtilt=st.floats(-1, 1))
def test_turning_a_panel_turns_its_field_and_keeps_its_power(azimuth: float, downtilt: float) -> None:
    # The field vector of the turned panel is the turned field vector of the one at rest.
    towards = directions(30)
    turned = polarization_responses(Panel(polarization="cross", azimuth=azimuth, downtilt=downtilt), towards)
    np.testing.assert_allclose((turned**2).sum(axis=-1), 1, atol=1e-9)
    ca, sa, cd, sd = np.cos(azimuth), np.sin(azimuth), np.cos(downtilt), np.sin(downtilt)
    rotation = np.array([[ca, -sa, 0], [sa, ca, 0], [0, 0, 1]]) @ np.array(
        [[cd, 0, sd], [0, 1, 0], [-sd, 0, cd]]
    )
    resting = vectors(
        polarization_responses(Panel(polarization="cross"), towards @ rotation), towards @ rotation
    )
    np.testing.assert_allclose(vectors(turned, towards), resting @ rotation.T, atol=1e-6)


def vectors(field: np.ndarray, towards: np.ndarray) -> np.ndarray:
    zenith, azimuth = np.arccos(towards[:, 2]), np.arctan2(towards[:, 1], towards[:, 0])
    theta = np.stack(
        [np.cos(zenith) * np.cos(azimuth), np.cos(zenith) * np.sin(azimuth), -np.sin(zenith)], axis=1
    )
    phi = np.stack([-np.sin(azimuth), np.cos(azimuth), np.zeros(len(azimuth))], axis=1)
    return np.einsum("pob,pbi->poi", field, np.stack([theta, phi], axis=1))


@pytest.mark.parametrize("height", [1.0, -1.0])
def test_straight_up_and_down_an_isotropic_element_still_radiates(height: float) -> None:
    for downtilt in (0.0, 0.3):
        field = polarization_responses(
            Panel(polarization="VH", downtilt=downtilt), np.array([[0.0, 0.0, height]])
        )
        np.testing.assert_allclose((field**2).sum(axis=-1), 1)
        np.testing.assert_allclose(field[0] @ field[0].T, np.eye(2), atol=1e-12)


def test_ports_are_all_elements_of_one_slant_after_the_other() -> None:
    panel, towards = Panel(2, 3, "VH", azimuth=0.3), directions(5)
    ports = port_responses(panel, towards)
    assert ports.shape == (5, panel.port_count, 2)
    phases, field = array_phases(panel, towards), polarization_responses(panel, towards)
    np.testing.assert_allclose(ports[:, 7], phases[:, 1, None] * field[:, 1])


def test_ssb_codebook_has_the_gains_of_the_ssb_beams() -> None:
    # Without tilt the polarisation does not turn, and the two ways to a gain are the same.
    cell, towards = Cell(1, 0, azimuth=0.8, downtilt=0.15, array=AntennaArray(4, 8, 8)), directions(200)
    # R's beams are summed in single precision.
    expected = beam_gains(towards, cell.azimuth, cell.downtilt, cell.array)
    np.testing.assert_allclose(
        codebook_gains(sector_panel(cell), ssb_codebook(cell.array), towards), expected, rtol=1e-4, atol=1e-4
    )
    crossed = dataclasses.replace(cell, array=AntennaArray(4, 8, 8, "cross"))
    np.testing.assert_allclose(
        codebook_gains(sector_panel(crossed), ssb_codebook(cell.array), towards),
        expected,
        rtol=1e-4,
        atol=1e-4,
    )


@given(rows=st.integers(1, 4), columns=st.integers(1, 8), over=st.integers(1, 4))
def test_dft_beams_have_unit_norm_and_are_orthogonal_without_oversampling(
    rows: int, columns: int, over: int
) -> None:
    book = dft_codebook(rows, columns, over, over)
    assert book.shape == (rows * columns * over**2, rows * columns)
    np.testing.assert_allclose(np.linalg.norm(book, axis=1), 1)
    critical = dft_codebook(rows, columns)
    np.testing.assert_allclose(np.abs(critical @ critical.conj().T), np.eye(rows * columns), atol=1e-9)


def test_a_dft_codebook_keeps_the_power_of_the_panel() -> None:
    # Orthogonal beams share out the elements' power, whatever the direction (Parseval).
    panel, towards = Panel(4, 8, element=sector_element, azimuth=-1.0, downtilt=0.1), directions(100)
    gains = codebook_gains(panel, dft_codebook(4, 8), towards)
    element = codebook_gains(
        Panel(element=sector_element, azimuth=-1.0, downtilt=0.1), np.ones((1, 1), complex), towards
    )
    np.testing.assert_allclose(gains.sum(axis=1), 32 * element[:, 0], rtol=1e-9)


def test_an_oversampled_beam_points_where_its_phase_says() -> None:
    # Beam l of N·O leans so that π sin φ = −2πl/(N·O): l = 4 of 8·4 is sin φ = −1/4.
    bearing = np.linspace(-np.pi / 3, np.pi / 3, 2001)
    towards = np.stack([np.cos(bearing), np.sin(bearing), np.zeros(2001)], axis=1)
    gains = codebook_gains(Panel(1, 8), dft_codebook(1, 8, 1, 4), towards)
    assert np.sin(bearing[gains[:, 4].argmax()]) == pytest.approx(-0.25, abs=2e-3)
    assert gains[:, 4].max() == pytest.approx(8, rel=1e-5)


def test_an_unknown_polarisation_is_named() -> None:
    with pytest.raises(InputError, match=r"no polarisation 'circular'; choose one of V, H, VH, cross"):
        Panel(polarization="circular")
