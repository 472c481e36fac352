"""ITU-R P.1411-12 §4.2.2.1: over-rooftop loss of an urban row of buildings, from averages of a city.

The second opinion on the path over the very roofs of a place: rows of equal height and distance, with
the step from the last roof into the street. For 0.8–26 GHz, 20 m–5 km.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from raylocus.units import SPEED_OF_LIGHT

#: Widths of the smooth steps between the two regions (χ and υ of the recommendation).
_UPPER_WIDTH, _LOWER_WIDTH = 0.1, 0.0417

Distances = Float[np.ndarray, " n"]


@dataclass(frozen=True)
class RooftopRows:
    """A city as the formula sees it."""

    roof: float
    """Average height of the roofs over the street [m]."""
    separation: float = 50.0
    """Average distance of the rows' middles [m]."""
    street_width: float = 20.0
    """Width of the street at the UE [m]."""
    street_angle: float = 90.0
    """Angle between street and path [°]."""


def over_rooftop_formula(
    distance: Distances, site: float, rows: RooftopRows, frequency: float, ue: float = 1.5
) -> Distances:
    """Basic transmission loss over the roofs [dB].

    Args:
        distance: horizontal distance [m]; all of it is covered by buildings.
        site: height of the site over the street [m].
        rows: the city.
        frequency: carrier [Hz].
        ue: height of the UE over the street [m].
    """
    megahertz = frequency / 1e6
    free_space = 32.4 + 20 * np.log10(distance / 1000) + 20 * np.log10(megahertz)
    into_street = (
        -8.2
        - 10 * np.log10(rows.street_width)
        + 10 * np.log10(megahertz)
        + 20 * np.log10(rows.roof - ue)
        + _orientation(rows.street_angle)
    )
    return np.maximum(free_space + into_street + _many_rows(distance, site, rows, frequency), free_space)


def _orientation(angle: float) -> float:
    if angle < 35:
        return -10 + 0.354 * angle
    return 2.5 + 0.075 * (angle - 35) if angle < 55 else 4 - 0.114 * (angle - 55)


def _many_rows(distance: Distances, site: float, rows: RooftopRows, frequency: float) -> Distances:
    """L_msd [dB]: the loss past the rows, settled beyond the distance d_s and not yet settled before it."""
    above = site - rows.roof
    wavelength = SPEED_OF_LIGHT / frequency
    settled = distance > wavelength * distance**2 / above**2
    border = abs(above) * np.sqrt(distance / wavelength)
    upper, lower = _settled(border, site, rows, frequency), _unsettled(border, site, rows, frequency)
    middle, step = (upper + lower) / 2, upper - lower
    beyond, before = _settled(distance, site, rows, frequency), _unsettled(distance, site, rows, frequency)
    with np.errstate(divide="ignore", invalid="ignore"):
        past = np.log10(distance / border)
        broad, narrow = np.tanh(past / _UPPER_WIDTH), np.tanh(past / (step * _LOWER_WIDTH))
    rising = np.where(settled, middle - broad * (beyond - middle), middle + broad * (before - middle))
    falling = np.where(
        settled,
        beyond - narrow * (upper - middle) - upper + middle,
        before + narrow * (middle - lower) + middle - lower,
    )
    return np.select([step > 0, step < 0], [rising, falling], before)


def _settled(distance: Distances, site: float, rows: RooftopRows, frequency: float) -> Distances:
    """L1_msd [dB], Walfisch–Ikegami's; a metropolitan centre below 2 GHz."""
    above, high = site - rows.roof, frequency > 2e9
    if above > 0:
        height, near, slope = -18 * np.log10(1 + above), np.full_like(distance, 71.4 if high else 54.0), 18.0
    else:
        height, slope = 0.0, 18 - 15 * above / rows.roof
        drop = np.where(distance < 500, 1.6 * distance / 1000, 0.8)
        near = (73.0 if high else 54.0) - above * drop
    megahertz = frequency / 1e6
    by_frequency = -8.0 if high else -4 + 1.5 * (megahertz / 925 - 1)
    return (
        height + near + slope * np.log10(distance / 1000) + by_frequency * np.log10(megahertz)
        - 9 * np.log10(rows.separation)
    )  # fmt: skip


def _unsettled(distance: Distances, site: float, rows: RooftopRows, frequency: float) -> Distances:
    """L2_msd [dB]: −20·log Q_M for a site over, near or below the roofs."""
    above, gap = site - rows.roof, rows.separation
    wavelength, megahertz = SPEED_OF_LIGHT / frequency, frequency / 1e6
    near_above = 10 ** (
        -np.log10(np.sqrt(gap / wavelength)) - np.log10(distance) / 9 + 10 / 9 * np.log10(gap / 2.35)
    )
    near_below = (
        (0.00023 * gap**2 - 0.1827 * gap - 9.4978) / np.log10(megahertz) ** 2.938 + 0.000781 * gap + 0.06923
    )
    angle, slant = np.arctan2(above, gap), np.hypot(above, gap)
    below = (
        gap / (2 * np.pi * distance) * np.sqrt(wavelength / slant) * (1 / angle - 1 / (2 * np.pi + angle))
        if above
        else np.zeros_like(distance)
    )
    over = 2.35 * (max(above, 0.0) / distance * np.sqrt(gap / wavelength)) ** 0.9
    factor = np.select([above > near_above, above >= near_below], [over, gap / distance], below)
    return -20 * np.log10(np.abs(factor))
