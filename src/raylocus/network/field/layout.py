"""Where sites, cells and UEs of a drawn network stand, and what is listed of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.network.field.draws import happens, log_uniform, uniform
from raylocus.network.field.law import FieldLaw

#: Numbers of sectors and how often networks have them.
SECTORS, SECTOR_SHARES = np.array([1, 2, 3, 4]), np.array([0.3, 0.1, 0.5, 0.1])


@dataclass(frozen=True)
class Layout:
    """The truth of a network's sites and cells."""

    sites: Float[np.ndarray, "site 2"]
    """True positions [m]."""
    spacing: float
    """Typical distance of neighbours [m]."""
    extent: float
    """Radius of the network [m]."""
    height: Float[np.ndarray, " site"]
    """Antennas over the UEs [m]."""
    site: Int[np.ndarray, " cell"]
    """Site of each cell."""
    azimuth: Float[np.ndarray, " cell"]
    """True boresight [rad]."""
    omnidirectional: Bool[np.ndarray, " cell"]
    """Whether the cell sends all around."""


def draw_layout(law: FieldLaw, generator: np.random.Generator) -> Layout:
    """A network: even, random or clustered, denser in its middle or not, of one to four sectors a site."""
    spacing, count = log_uniform(generator, law.spacing), round(log_uniform(generator, law.sites))
    sites = _sites(count, spacing, generator)
    extent = float(np.quantile(np.hypot(*sites.T), 0.9)) + spacing / 2
    height = log_uniform(generator, law.height) * np.exp(0.3 * generator.standard_normal(count))
    sectors, mixed = int(generator.choice(SECTORS, p=SECTOR_SHARES)), happens(generator, 0.3)
    sectored = generator.choice(SECTORS, count, p=SECTOR_SHARES) if mixed else np.full(count, sectors)
    counts = sectored * int(generator.choice([1, 1, 2]))  # several layers of cells that look the same way
    site = np.repeat(np.arange(count), counts)
    rank = (np.arange(len(site)) - np.repeat(np.cumsum(counts) - counts, counts)) % sectored[site]
    first = (
        generator.uniform(-np.pi, np.pi)
        if happens(generator, 0.3)
        else generator.uniform(-np.pi, np.pi, count)
    )
    azimuth = np.broadcast_to(first, count)[site] + 2 * np.pi * rank / sectored[site]
    azimuth = azimuth + np.deg2rad(uniform(generator, (0.0, 20.0))) * generator.standard_normal(len(site))
    return Layout(sites, spacing, extent, height, site, azimuth, sectored[site] == 1)


def _sites(count: int, spacing: float, generator: np.random.Generator) -> Float[np.ndarray, "site 2"]:
    side = spacing * np.sqrt(count)
    kind = generator.choice(["even", "random", "clustered", "line"], p=[0.4, 0.35, 0.2, 0.05])
    if kind == "even":
        points = _hexagons(count, spacing) + spacing * uniform(
            generator, (0.05, 0.4)
        ) * generator.standard_normal((count, 2))
    elif kind == "random":
        points = generator.uniform(-side / 2, side / 2, (count, 2))
    elif kind == "clustered":
        centres = generator.uniform(-side / 2, side / 2, (max(2, count // 6), 2))
        points = centres[generator.integers(len(centres), size=count)] + spacing * generator.standard_normal(
            (count, 2)
        )
    else:
        points = (
            np.stack([generator.uniform(-1, 1, count) * count, generator.standard_normal(count)], 1)
            * spacing
            / 3
        )
    if happens(generator, 0.4):  # denser in the middle
        points = points * (np.hypot(*points.T) / side + 0.1)[:, None] ** uniform(generator, (0.2, 1.0))
    return points


def _hexagons(count: int, spacing: float) -> Float[np.ndarray, "site 2"]:
    reach = int(np.ceil(np.sqrt(count))) + 2
    row, column = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    points = spacing * np.stack([column + 0.5 * row, np.sqrt(0.75) * row], axis=1)
    return points[np.argsort(np.hypot(*points.T), kind="stable")[:count]]


def draw_ues(layout: Layout, count: int, generator: np.random.Generator) -> Float[np.ndarray, "ue 2"]:
    """True positions [m]: anywhere, along streets, in groups or near sites, in all of the network or a part of it."""
    middle, part = draw_area(layout, generator)
    kind = generator.choice(["anywhere", "streets", "groups", "sites"], p=[0.4, 0.3, 0.15, 0.15])
    anywhere = middle + part * _disc(count, generator)
    if kind == "streets":
        start, end = draw_streets(middle, part, generator)
        street, along = generator.integers(len(start), size=count), generator.random(count)[:, None]
        return start[street] * (1 - along) + end[street] * along + 5 * generator.standard_normal((count, 2))
    if kind == "groups":
        centres = middle + part * _disc(max(1, round(uniform(generator, (2.0, 20.0)))), generator)
        chosen = centres[generator.integers(len(centres), size=count)]
        return chosen + layout.spacing * uniform(generator, (0.02, 0.4)) * generator.standard_normal(
            (count, 2)
        )
    if kind == "sites":
        chosen = layout.sites[generator.integers(len(layout.sites), size=count)]
        return chosen + layout.spacing * uniform(generator, (0.1, 0.6)) * generator.standard_normal(
            (count, 2)
        )
    return anywhere


def _disc(count: int, generator: np.random.Generator) -> Float[np.ndarray, "point 2"]:
    radius, angle = np.sqrt(generator.random(count)), generator.uniform(-np.pi, np.pi, count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def draw_area(layout: Layout, generator: np.random.Generator) -> tuple[Float[np.ndarray, "2"], float]:
    """Middle and radius of the part of a network in which UEs are [m]."""
    part = uniform(generator, (0.3, 1.1)) * layout.extent
    return layout.sites[generator.integers(len(layout.sites))] * uniform(generator, (0.0, 1.0)), part


def draw_streets(
    middle: Float[np.ndarray, "2"], part: float, generator: np.random.Generator
) -> tuple[Float[np.ndarray, "street 2"], Float[np.ndarray, "street 2"]]:
    """Where streets begin and end, within a radius about a middle [m]."""
    streets = max(1, round(log_uniform(generator, (1.0, 20.0))))
    return middle + part * _disc(streets, generator), middle + part * _disc(streets, generator)
