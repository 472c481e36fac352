"""Regions of a posterior that hold a stated probability: circles, ellipses, rings, outlines, peaks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from raylocus.geo import compass_from_azimuth
from raylocus.inference.fix import Ellipse, Fix, quantile_of_mass

#: Peaks nearer to a more probable one than this are part of it [m].
PEAK_DISTANCE = 40.0
#: Points of an outline.
OUTLINE_POINTS = 48


@dataclass(frozen=True)
class Peak:
    """One Gaussian of a summary of the posterior."""

    weight: float
    mean: Float[np.ndarray, "2"]
    """(x, y) [m]."""
    covariance: Float[np.ndarray, "2 2"]
    """[m²]."""


@dataclass(frozen=True)
class Arc:
    """Part of a ring about a site (TS 23.032 §5.7)."""

    inner: float
    """Inner radius [m]."""
    width: float
    """Outer less inner radius [m]."""
    start: float
    """First direction [compass degrees, clockwise from north]."""
    opening: float
    """Degrees from the first direction clockwise to the last."""


def ellipse_at(fix: Fix, confidence: float) -> Ellipse:
    """The ellipse about the estimate, shaped as the covariance, that holds a probability."""
    x, y = fix.grid.x_coordinates - fix.position[0], fix.grid.y_coordinates - fix.position[1]
    (xx, xy), (_, yy) = np.linalg.inv(fix.covariance)
    squared = np.outer(2 * xy * y, x)
    squared += xx * x**2
    squared += (yy * y**2)[:, None]
    scale, one = math.sqrt(max(quantile_of_mass(squared, fix.heatmap, confidence), 0.0)), fix.ellipse
    # A ground cell is as good as its size.
    least = fix.grid.resolution / 2
    return Ellipse(max(scale * one.major, least), max(scale * one.minor, least), one.azimuth)


def mass_within(fix: Fix, centre: Float[np.ndarray, "2"], radius: float) -> float:
    """Probability that the phone is within a circle; cells at its rim count by their share inside."""
    step = fix.grid.resolution
    offset = (np.arange(4) - 1.5) / 4 * step
    near = np.linalg.norm(fix.grid.centres - centre, axis=-1) < radius + step
    points = fix.grid.centres[near][:, None, None] + np.stack(np.meshgrid(offset, offset), -1)
    inside = (np.linalg.norm(points - centre, axis=-1) <= radius).mean((1, 2))
    return float((inside * fix.heatmap.ravel()[near]).sum() / fix.heatmap.sum())


def peaks_of(fix: Fix, most: int) -> list[Peak]:
    """The posterior as a few Gaussians, the heaviest first: each ground cell counts to the nearest peak."""
    mass, centres = fix.heatmap.ravel() / fix.heatmap.sum(), fix.grid.centres
    likely = np.argsort(-mass, kind="stable")[:2048]
    tops: list[np.ndarray] = []
    for cell in likely:
        if all(np.linalg.norm(centres[cell] - top) >= PEAK_DISTANCE for top in tops):
            tops.append(centres[cell])
        if len(tops) == most:
            break
    nearest = np.argmin(np.linalg.norm(centres[:, None] - np.stack(tops), axis=-1), axis=1)
    peaks = [_moments(mass * (nearest == top), centres, fix.grid.resolution) for top in range(len(tops))]
    return sorted(peaks, key=lambda peak: -peak.weight)


def likely_cells(
    fix: Fix, share: float, most: int
) -> tuple[Float[np.ndarray, "cell 2"], Float[np.ndarray, " cell"]]:
    """Centres (x, y) [m] and probabilities of the cells that hold a share, the most probable first."""
    mass = fix.heatmap.ravel() / fix.heatmap.sum()
    order = np.argsort(-mass, kind="stable")
    count = min(int(np.searchsorted(np.cumsum(mass[order]), share)) + 1, most)
    return fix.grid.centres[order[:count]], mass[order[:count]]


def arc_about(fix: Fix, site: tuple[float, float], confidence: float) -> Arc:
    """The part of a ring about a site that holds at least a probability: as much of it in distance as in direction."""
    offset, mass = fix.grid.centres - np.array(site), fix.heatmap.ravel()
    each = (1 + confidence) / 2
    distance = np.hypot(*offset.T)
    middle = quantile_of_mass(distance, mass, 0.5)
    half = quantile_of_mass(np.abs(distance - middle), mass, each) + fix.grid.resolution / 2
    axis = np.angle(np.sum(mass * np.exp(1j * np.arctan2(offset[:, 1], offset[:, 0]))))
    turn = np.abs(np.angle(np.exp(1j * (np.arctan2(offset[:, 1], offset[:, 0]) - axis))))
    aside = np.rad2deg(quantile_of_mass(turn, mass, each))
    inner = max(middle - half, 0.0)
    start = (compass_from_azimuth(float(axis)) - aside) % 360
    return Arc(inner, middle + half - inner, float(start), float(min(2 * aside, 360.0)))


def ellipse_outline(
    centre: Float[np.ndarray, "2"], ellipse: Ellipse, points: int = OUTLINE_POINTS
) -> Float[np.ndarray, "point 2"]:
    """Points (x, y) [m] of an ellipse counter-clockwise, the first again at the end."""
    angle = np.linspace(0, 2 * np.pi, points + 1)
    along, across = ellipse.major * np.cos(angle), ellipse.minor * np.sin(angle)
    cosine, sine = np.cos(ellipse.azimuth), np.sin(ellipse.azimuth)
    return centre + np.stack([cosine * along - sine * across, sine * along + cosine * across], axis=-1)


def _moments(
    mass: Float[np.ndarray, " cell"], centres: Float[np.ndarray, "cell 2"], resolution: float
) -> Peak:
    weight = mass.sum()
    mean = mass @ centres / weight
    offset = centres - mean
    covariance = (mass[:, None] * offset).T @ offset / weight + np.eye(2) * resolution**2 / 12
    return Peak(float(weight), mean, covariance)
