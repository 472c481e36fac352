"""Timing of a drawn network: advances of serving cells, and arrivals by clocks that nobody knows."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.network.field.draws import log_uniform, uniform
from raylocus.network.field.law import FieldLaw
from raylocus.network.field.layout import Layout
from raylocus.network.field.ues import Ues

#: Steps of the timing advance, one way [m]: μ = 0 to 3 (docs/conventions.md).
ADVANCE_STEPS = (78.07, 39.04, 19.52, 9.76)


def path_lengths(
    law: FieldLaw, layout: Layout, ues: Ues, sighted: Bool[np.ndarray, "ue site"],
    generator: np.random.Generator,
) -> Float[np.ndarray, "ue site"]:  # fmt: skip
    """Length of the detected path to each site [m]: longer than the straight one without line of sight."""
    step = ues.position[:, None] - layout.sites
    straight = np.hypot(np.hypot(step[..., 0], step[..., 1]), layout.height)
    detour = ues.exponentials(log_uniform(generator, law.detour), straight.shape[1], generator)
    return straight + np.where(sighted, 0.0, detour)


def advances(
    lengths: Float[np.ndarray, "ue site"], serving: Int[np.ndarray, " ue"], site: Int[np.ndarray, " cell"],
    generator: np.random.Generator,
) -> Float[np.ndarray, "ue cell"]:  # fmt: skip
    """Distance by the timing advance of the serving cell [m]; NaN of others."""
    step = float(generator.choice(ADVANCE_STEPS))
    noisy = lengths[:, site] + step * (
        uniform(generator, (-1.0, 1.5)) + 0.5 * generator.standard_normal((len(lengths), len(site)))
    )
    own = np.arange(len(site)) == serving[:, None]
    return np.where(own, np.maximum(np.round(noisy / step), 0) * step, np.nan)


def arrivals(
    law: FieldLaw, lengths: Float[np.ndarray, "ue site"], site: Int[np.ndarray, " cell"],
    generator: np.random.Generator,
) -> Float[np.ndarray, "ue cell"]:  # fmt: skip
    """Arrivals as lengths [m]: a clock a site, heavy-tailed noise, and some that are far off."""
    clock = generator.normal(0, log_uniform(generator, law.clock), (lengths.shape[1],))
    shape = (len(lengths), len(site))
    noise = log_uniform(generator, law.arrival_noise) * generator.standard_t(4, shape)
    wrong = generator.random(shape) < uniform(generator, (0.0, 0.1))
    return (
        lengths[:, site] + clock[site] + noise + np.where(wrong, 2000 * generator.standard_normal(shape), 0.0)
    )
