"""ITU-R P.526 and P.1411 against the ITU's own validation examples, the Fresnel integral and a public code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.special import fresnel

from raylocus.propagation.materials.knife_edge import (
    cascaded_knife_edge_loss,
    fresnel_parameter,
    knife_edge_loss,
)
from raylocus.propagation.oracles.delta_bullington import (
    EFFECTIVE_EARTH_RADIUS,
    TerrainProfile,
    bullington_loss,
    delta_bullington_loss,
    effective_heights,
    spherical_earth_loss,
)
from raylocus.propagation.oracles.rooftop_formula import BuildingRows, over_rooftop_formula

PROFILE = Path(__file__).parent / "data" / "itu_delta_bullington_path_3.csv"


@pytest.mark.parametrize(("nu", "loss"), [(-1.0, 0.0), (0.0, 6.03), (1.0, 13.9), (2.4, 20.6), (10.0, 32.9)])
def test_knife_edge_is_the_fresnel_integral(nu: float, loss: float) -> None:
    # The exact Fresnel integral, 20·log10 of |(1+j)/2 ∫_ν^∞ exp(−jπt²/2) dt|; P.526 eq. 31 is within 0.5 dB.
    sine, cosine = fresnel(nu)
    exact = -20 * np.log10(np.abs((0.5 - cosine) - 1j * (0.5 - sine)) / np.sqrt(2))
    ours = float(knife_edge_loss(np.array([nu]))[0])
    assert ours == pytest.approx(loss, abs=0.15)
    if nu >= 0:
        assert ours == pytest.approx(exact, abs=0.5)


def test_two_edges_are_the_double_edge_of_p526() -> None:
    # §4.3: each edge between its neighbours, and 10·log10[(a + b)(b + c)/(b(a + b + c))].
    a, b, c, wavelength = 100.0, 50.0, 80.0, 0.0857
    along = np.array([[0, a, a + b, a + b + c], [0, a, a + b + c, np.nan]])
    height = np.array([[10.0, 20.0, 22.0, 1.5], [10.0, 20.0, 1.5, np.nan]])
    first = 20 - (10 * b + 22 * a) / (a + b)
    second = 22 - (20 * c + 1.5 * b) / (b + c)
    edges = [
        float(knife_edge_loss(np.array(fresnel_parameter(*edge, wavelength))))
        for edge in ((first, a, b), (second, b, c), (20 - (10 * 130 + 1.5 * 100) / 230, 100.0, 130.0))
    ]
    losses = cascaded_knife_edge_loss(along, height, wavelength)
    correction = 10 * np.log10((a + b) * (b + c) / (b * (a + b + c)))
    assert losses[0] == pytest.approx(edges[0] + edges[1] + correction)
    assert losses[1] == pytest.approx(edges[2])  # one edge needs no correction


#: ITU-R Study Group 3, "Validation examples for the delta Bullington diffraction prediction method", path 3:
#: antenna heights [m], MHz, heights over the smooth surface [m], Bullington, spherical earth, complete [dB].
VALIDATION = [
    (30, 30, 1000, 110.1894677, 30.0, 17.62040631, 0.0, 17.62040631),
    (50, 10, 2500, 132.6734925, 11.9416848, 25.1016907, 0.0, 25.1016907),
    (20, 20, 600, 102.8893122, 22.52524312, 20.25488733, 0.0, 20.25488733),
    (40, 50, 200, 118.7202148, 50.0, 10.1899085, 0.0, 10.1899085),
    (70, 5, 150, 152.2011247, 5.664441408, 16.27593106, 10.63765222, 20.73949248),
]


@pytest.mark.parametrize("case", VALIDATION)
def test_delta_bullington_gives_the_validation_examples(case: tuple[float, ...]) -> None:
    transmitter, receiver, megahertz, smooth_t, smooth_r, actual, spherical, complete = case
    along, height = np.loadtxt(PROFILE, delimiter=",").T
    profile = TerrainProfile(along * 1000, height, transmitter + height[0], receiver + height[-1])
    wavelength = 300.0 / megahertz  # the examples take 3·10⁸ m/s
    assert effective_heights(profile) == pytest.approx((smooth_t, smooth_r), abs=1e-6)
    assert bullington_loss(profile, wavelength) == pytest.approx(actual, abs=0.01)
    over_earth = spherical_earth_loss(
        profile.distance, smooth_t, smooth_r, wavelength, EFFECTIVE_EARTH_RADIUS
    )
    assert over_earth == pytest.approx(spherical, abs=0.01)
    assert delta_bullington_loss(profile, wavelength) == pytest.approx(complete, abs=0.01)


#: P.1411 by the flow of crc-covlib's `SiteSpecificOverRoofTopsUrban` (Communications Research Centre Canada):
#: GHz, m, site, roof, separation, street width [m], street angle [°], dB.
ROOFTOP_FORMULA = [
    (3.5, 200.0, 24.0, 20.0, 50.0, 20.0, 90.0, 128.768),
    (3.5, 1000.0, 24.0, 20.0, 50.0, 20.0, 90.0, 153.705),
    (2.0, 2000.0, 30.0, 15.0, 30.0, 15.0, 45.0, 154.499),
    (0.9, 500.0, 25.0, 25.5, 40.0, 20.0, 30.0, 143.959),
    (10.0, 300.0, 15.0, 20.0, 50.0, 20.0, 90.0, 177.882),
]


@pytest.mark.parametrize("case", ROOFTOP_FORMULA)
def test_rooftop_formula_agrees_with_a_public_implementation(case: tuple[float, ...]) -> None:
    gigahertz, distance, site, roof, separation, width, angle, expected = case
    rows = BuildingRows(roof, separation, width, angle)
    loss = over_rooftop_formula(np.array([distance]), site, rows, gigahertz * 1e9)
    assert loss[0] == pytest.approx(expected, abs=2e-3)
