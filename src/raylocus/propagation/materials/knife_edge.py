"""Diffraction over knife edges: ITU-R P.526-15 §4.1 (one edge) and §4.4 (several isolated obstacles)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

#: One number, or an array of them.
Number = float | Float[np.ndarray, "..."]


def knife_edge_loss(nu: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """J(ν) [dB] of ITU-R P.526-15 §4.1, eq. 31; 0 for ν ≤ −0.78."""
    shifted = nu - 0.1
    loss = 6.9 + 20 * np.log10(np.sqrt(shifted**2 + 1) + shifted)
    return np.where(nu > -0.78, loss, 0.0)


def fresnel_parameter(excess: Number, before: Number, after: Number, wavelength: float) -> Number:
    """ν of ITU-R P.526-15 §4.1, eq. 26.

    Args:
        excess: height of the edge over the straight line between its neighbours [m].
        before: distance from the neighbour before [m].
        after: distance to the neighbour after [m].
        wavelength: wavelength [m].
    """
    return excess * np.sqrt(2 * (before + after) / (wavelength * before * after))


def cascaded_knife_edge_loss(
    along: Float[np.ndarray, "cell vertex"], height: Float[np.ndarray, "cell vertex"], wavelength: float
) -> Float[np.ndarray, " cell"]:
    """Diffraction loss over a row of isolated knife edges [dB]; 0 where there is none.

    ITU-R P.526-15 §4.4 with cylinders of radius 0 and clear ground between them: the loss of every edge
    between its neighbours, and the correction C_N for the spreading in between. For two edges it is §4.3.

    Args:
        along: distance from the transmitter [m] of transmitter, edges and receiver; NaN past the receiver.
        height: their heights [m].
        wavelength: wavelength [m].
    """
    step = np.diff(along, axis=1)
    before, after = step[:, :-1], step[:, 1:]
    edge = np.isfinite(after)
    middle = (height[:, :-2] * after + height[:, 2:] * before) / (before + after)
    nu = fresnel_parameter(height[:, 1:-1] - middle, before, after, wavelength)
    losses = np.where(edge, knife_edge_loss(np.where(edge, nu, 0.0)), 0.0)
    # C_N² = s₁ Π s₂ (s₁ + Σ s₂) / (s₁ s₂ₙ Π (s₁ + s₂)); the outer steps cancel except for the last one.
    inner = np.where(edge[:, 1:], before[:, 1:], 1.0)
    sums = np.where(edge, before + after, 1.0)
    whole = np.nansum(step, axis=1)
    spreading = 10 * (np.log10(sums).sum(axis=1) - np.log10(inner).sum(axis=1) - np.log10(whole))
    return np.where(edge.any(axis=1), losses.sum(axis=1) + spreading, 0.0)
