"""What rough walls scatter, as measurements say: a gain on the share S that was traced, no path traced again.

The power that walls scatter is S² of what they reflect; what they mirror keeps 1 − S² at each reflection.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from raylocus.propagation.atlas.atlas import OVER_ROOFTOP, REFRACTED, SCATTERED, PathAtlas
from raylocus.units import from_decibel

#: Most of the reflected power that walls scatter.
MOST = 0.9


def is_rough(paths: PathAtlas) -> Bool[np.ndarray, " path"]:
    """Whether each path is scattered by a wall."""
    return paths.kind == SCATTERED


def mirrors(paths: PathAtlas) -> Int[np.ndarray, " path"]:
    """Surfaces that each path is mirrored by."""
    return np.where(np.isin(paths.kind, (OVER_ROOFTOP, REFRACTED, SCATTERED)), 0, paths.interactions)


def gains_db(
    share: float, walls: Float[Tensor, " path"], rough: Bool[Tensor, " path"], mirrored: Int[Tensor, " path"]
) -> Float[Tensor, " path"]:
    """What the power of each path gains [dB] where walls scatter more.

    Args:
        share: S that the paths were traced with; at 0 there is nothing to change.
        walls: gain of what walls scatter [dB].
        rough: which paths are scattered.
        mirrored: surfaces that the others are mirrored by.
    """
    if not share:
        return torch.zeros_like(walls)
    scattered = (share**2 * torch.exp(walls * (math.log(10) / 10))).clamp(max=MOST)
    kept = 10 * torch.log10((1 - scattered) / (1 - share**2))
    return torch.where(rough, 10 * torch.log10(scattered / share**2), mirrored * kept)


def roughened(paths: PathAtlas, walls: float) -> PathAtlas:
    """Paths of walls that scatter so much more [dB]."""
    share = math.sqrt(min(paths.materials.scattering**2 * from_decibel(walls), MOST))
    return dataclasses.replace(paths, materials=dataclasses.replace(paths.materials, scattering=share))
