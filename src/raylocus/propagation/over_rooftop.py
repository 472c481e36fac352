"""The over-rooftop path: knife-edge diffraction in the vertical plane over the surface-height raster.

Streets that no specular path reaches are served over the roofs. The loss is ITU-R P.526-15 §4.5.1
(Bullington's equivalent edge with the general correction), over a flat earth: at 1 km the bulge is 2 cm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.geo import Grid


@dataclass(frozen=True)
class RooftopPaths:
    """One path a ground cell, from one site."""

    loss_db: Float[np.ndarray, "cell"]
    """Diffraction loss over free space [dB]; 0 where nothing is in the way."""
    blocked: Bool[np.ndarray, "cell"]
    """Whether the raster stands in the line of sight."""
    edge: Float[np.ndarray, "cell 3"]
    """Position of the equivalent edge [m], at the UE where nothing is in the way."""


def knife_edge_loss(nu: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """J(ν) [dB] of ITU-R P.526-15 eq. 31; 0 for ν ≤ −0.78."""
    shifted = nu - 0.1
    loss = 6.9 + 20 * np.log10(np.sqrt(shifted**2 + 1) + shifted)
    return np.where(nu > -0.78, loss, 0.0)


def bullington(
    slope_from_transmitter: Float[np.ndarray, "cell"],
    slope_from_receiver: Float[np.ndarray, "cell"],
    nu_largest: Float[np.ndarray, "cell"],
    slope_of_sight: Float[np.ndarray, "cell"],
    heights: tuple[float, Float[np.ndarray, "cell"]],
    distance: Float[np.ndarray, "cell"],
    wavelength: float,
) -> tuple[Float[np.ndarray, "cell"], Float[np.ndarray, "cell"]]:
    """Loss [dB] and distance of the equivalent edge from the transmitter [m].

    ITU-R P.526-15 eq. 51–56 with zero effective-earth curvature.

    Args:
        slope_from_transmitter: steepest slope from the transmitter to any obstacle (eq. 51).
        slope_from_receiver: the same from the receiver (eq. 54).
        nu_largest: largest diffraction parameter of any obstacle (eq. 52).
        slope_of_sight: slope from transmitter to receiver.
        heights: z of transmitter and receivers [m].
        distance: horizontal distance [m].
        wavelength: wavelength [m].
    """
    transmitter, receiver = heights
    with np.errstate(divide="ignore", invalid="ignore"):
        edge = (receiver - transmitter + slope_from_receiver * distance) / (
            slope_from_transmitter + slope_from_receiver
        )
        edge = np.clip(edge, 1e-3 * distance, (1 - 1e-3) * distance)
        above = transmitter + slope_from_transmitter * edge - (transmitter + slope_of_sight * edge)
        nu_equivalent = above * np.sqrt(2 * distance / (wavelength * edge * (distance - edge)))
    obstructed = slope_from_transmitter >= slope_of_sight
    single = knife_edge_loss(np.where(obstructed, nu_equivalent, nu_largest))
    correction = (1 - np.exp(-single / 6)) * (10 + 0.02 * distance / 1000)
    return single + correction, edge


def over_rooftop_paths(
    site: Float[np.ndarray, "3"],
    point: Float[np.ndarray, "cell 3"],
    surface: Float[np.ndarray, "y x"],
    grid: Grid,
    wavelength: float,
) -> RooftopPaths:
    """The path over the roofs from a site to each point.

    Args:
        site: antenna centre [m].
        point: UE positions [m].
        surface: height of the topmost surface [m].
        grid: grid of the surface.
        wavelength: wavelength [m].
    """
    parts = [
        _chunk(site, point[start : start + 4096], surface, grid, wavelength)
        for start in range(0, len(point), 4096)
    ]
    return RooftopPaths(
        np.concatenate([part.loss_db for part in parts]),
        np.concatenate([part.blocked for part in parts]),
        np.concatenate([part.edge for part in parts]),
    )


def _chunk(
    site: Float[np.ndarray, "3"],
    point: Float[np.ndarray, "cell 3"],
    surface: Float[np.ndarray, "y x"],
    grid: Grid,
    wavelength: float,
) -> RooftopPaths:
    plan = point[:, :2] - site[:2]
    distance = np.maximum(np.linalg.norm(plan, axis=1), grid.resolution)
    share = _profile_shares(float(distance.max()), grid)
    height = _profile_heights(site, plan, share, surface, grid)
    along = share[None, :] * distance[:, None]
    beyond = distance[:, None] - along
    sight = (point[:, 2] - site[2]) / distance
    from_site = (height - site[2]) / along
    from_point = (height - point[:, 2:]) / beyond
    excess = height - (site[2] + sight[:, None] * along)
    nu = excess * np.sqrt(2 * distance[:, None] / (wavelength * along * beyond))
    loss, edge = bullington(
        from_site.max(axis=1), from_point.max(axis=1), nu.max(axis=1), sight, (site[2], point[:, 2]), distance,
        wavelength,
    )  # fmt: skip
    blocked = from_site.max(axis=1) >= sight
    edge_height = site[2] + from_site.max(axis=1) * edge
    edge_point = np.column_stack([site[:2] + plan * (edge / distance)[:, None], edge_height])
    return RooftopPaths(loss, blocked, np.where(blocked[:, None], edge_point, point))


def _profile_shares(longest: float, grid: Grid) -> Float[np.ndarray, "step"]:
    """Shares of the way at which the profile is read, a cell apart on the longest way."""
    steps = max(int(np.ceil(longest / grid.resolution)), 2)
    return (np.arange(steps) + 0.5) / steps


def _profile_heights(
    site: Float[np.ndarray, "3"],
    plan: Float[np.ndarray, "cell 2"],
    share: Float[np.ndarray, "step"],
    surface: Float[np.ndarray, "y x"],
    grid: Grid,
) -> Float[np.ndarray, "cell step"]:
    way = site[:2] + share[None, :, None] * plan[:, None]
    index: Int[np.ndarray, "cell step"] = grid.index(way)
    height = np.where(index >= 0, surface.ravel()[np.maximum(index, 0)], -np.inf)
    # The roof that carries the site and the ground cell of the UE are not obstacles to themselves.
    near = np.minimum(share[None], 1 - share[None]) * np.linalg.norm(plan, axis=1)[:, None] < grid.resolution
    return np.where(near, -1e3, np.maximum(height, -1e3))
