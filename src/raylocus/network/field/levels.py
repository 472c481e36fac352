"""Levels of every cell at every UE of a drawn network: slope, pattern, shadowing, lines of sight, devices."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from raylocus.network.field.draws import happens, log_uniform, uniform
from raylocus.network.field.law import FieldLaw
from raylocus.network.field.layout import Layout
from raylocus.network.field.ues import Ues, ground_fields


def draw_levels(
    law: FieldLaw,
    layout: Layout,
    ues: Ues,
    power: Float[np.ndarray, " cell"],
    generator: np.random.Generator,
) -> tuple[Float[np.ndarray, "ue cell"], Bool[np.ndarray, "ue site"]]:
    """Levels with an arbitrary constant [dB], and which sites are in line of sight.

    Args:
        law: the law.
        layout: sites and cells.
        ues: the UEs.
        power: true level of each cell at 1 m [dB].
        generator: decides everything that is drawn.
    """
    step = ues.position[:, None] - layout.sites
    flat = np.hypot(step[..., 0], step[..., 1])
    distance = np.hypot(flat, layout.height)
    number = ues.draws(len(layout.sites), generator)
    sighted = number < np.exp(-flat / log_uniform(generator, law.line_of_sight))
    at_site = (
        -_slope_loss(law, distance, generator)
        + uniform(generator, law.line_of_sight_gain) * sighted
        + _canyon(step, generator)
        + _shadowing(law, ues, len(layout.sites), generator)
    )
    levels = at_site[:, layout.site] + power + _pattern(law, layout, step, generator)
    return levels + _common(law, ues, generator)[:, None], sighted


def _slope_loss(
    law: FieldLaw, distance: Float[np.ndarray, "ue site"], generator: np.random.Generator
) -> Float[np.ndarray, "ue site"]:
    near, further = uniform(generator, law.near_exponent), uniform(generator, law.further_exponent)
    breakpoint = log_uniform(generator, law.breakpoint)
    beyond = np.log10(np.maximum(distance / breakpoint, 1.0))
    return 10 * near * np.log10(distance) + 10 * further * beyond


def _canyon(
    step: Float[np.ndarray, "ue site 2"], generator: np.random.Generator
) -> Float[np.ndarray, "ue site"]:
    """A gain along the two directions of a street grid [dB], in some networks."""
    if not happens(generator, 0.3):
        return np.zeros(step.shape[:2])
    turned = 4 * (np.arctan2(step[..., 1], step[..., 0]) - generator.uniform(-np.pi, np.pi))
    return uniform(generator, (0.0, 12.0)) * np.maximum(np.cos(turned), 0) ** 4


def _shadowing(
    law: FieldLaw, ues: Ues, sites: int, generator: np.random.Generator
) -> Float[np.ndarray, "ue site"]:
    """Shadowing that is correlated over the ground and between sites, with heavy tails."""
    deviation, shared = uniform(generator, law.shadowing), uniform(generator, law.shared_shadowing)
    field = ground_fields(ues.position, sites + 1, log_uniform(generator, law.correlation), generator)
    correlated = np.sqrt(shared) * field[:, :1] + np.sqrt(1 - shared) * field[:, 1:]
    freedom = log_uniform(generator, law.tails)
    heavy = np.sqrt(freedom / ues.chi_squares(freedom, sites, generator))
    return deviation * correlated * np.minimum(heavy, 4.0)


def _pattern(
    law: FieldLaw, layout: Layout, step: Float[np.ndarray, "ue site 2"], generator: np.random.Generator
) -> Float[np.ndarray, "ue cell"]:
    """TR 38.901 Table 7.3-1 in azimuth, with another width and floor, and the height of the mast near it [dB]."""
    bearing = np.arctan2(step[..., 1], step[..., 0])[:, layout.site]
    off = np.angle(np.exp(1j * (bearing - layout.azimuth)))
    width, floor = np.deg2rad(uniform(generator, law.beamwidth)), uniform(generator, law.floor)
    gain = -np.minimum(12 * (off / width) ** 2, floor)
    return np.where(layout.omnidirectional, 0.0, gain)


def _common(law: FieldLaw, ues: Ues, generator: np.random.Generator) -> Float[np.ndarray, " ue"]:
    """What all levels of a report have in common [dB]: device and buildings."""
    device = uniform(generator, law.device) * ues.of_phones(generator.standard_normal)
    indoors = ues.of_phones(generator.random) < uniform(generator, (0.0, 1.0)) * happens(generator, 0.5)
    loss = uniform(generator, law.indoor_loss) * indoors
    return device - loss * ues.of_phones(lambda phones: generator.uniform(0.5, 1.5, phones))
