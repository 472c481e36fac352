"""When UEs on their way stand still: at lights, crossings, stops and shop windows."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

#: Stops beyond those expected that are drawn for a UE; after the last it keeps moving.
SPARE_STOPS = 12


def moving_time(
    time: Float[np.ndarray, "ue report"],
    moving: Float[np.ndarray, "ue"],
    standing: Float[np.ndarray, "ue"],
    generator: np.random.Generator,
) -> Float[np.ndarray, "ue report"]:
    """How long [s] each UE has been moving by each time [s]: it moves and stands by turns, for exponential times.

    The process is stationary, so it looks the same backwards: a UE stands at time 0 with its share of
    standing.

    Args:
        time: since the way began; NaN stays NaN.
        moving: mean time between two stops [s]; ∞ for who never stops.
        standing: mean time of a stop [s].
        generator: source of all random numbers.
    """
    stops = np.isfinite(moving) & (standing > 0)
    out = np.array(time, np.float64)
    if not stops.any():
        return out
    wanted, move, stand = out[stops], moving[stops], standing[stops]
    expected = np.nanmax(wanted, initial=0.0) / (move + stand).min()
    cycles = int(np.ceil(2 * expected)) + SPARE_STOPS
    moves, stands = generator.exponential(size=(2, len(move), cycles))
    moves, stands = moves * move[:, None], stands * stand[:, None]
    moves[generator.random(len(move)) < stand / (move + stand), 0] = 0.0
    moves[:, -1] = np.inf
    begins = np.cumsum(np.concatenate([np.zeros((len(move), 1)), (moves + stands)[:, :-1]], axis=1), axis=1)
    done = np.zeros(wanted.shape)
    for begin, length in zip(begins.T, moves.T, strict=True):
        done += np.clip(wanted - begin[:, None], 0.0, length[:, None])
    out[stops] = done
    return out
