"""What it says that a report does not name a cell: it was not audible there, or the report left it out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import log_ndtr

from raylocus.calibration.error_law import Block, ErrorLaw, Tokens

#: Smallest variance of a silent cell's score, given all that was heard around it.
LEAST_VARIANCE = 0.05


@dataclass(frozen=True)
class SilentBlock:
    """Silent cells near a block of heard levels: their scores are predicted from what was heard."""

    silent: Int[np.ndarray, " silent"]
    heard: Int[np.ndarray, " heard"]
    weights: Float[np.ndarray, "silent heard"]
    """Regression of the silent cells' scores on the heard ones'."""
    deviation: Float[np.ndarray, " silent"]
    """Standard deviation of a silent cell's score, given the heard ones."""


@dataclass(frozen=True)
class SilenceTerm:
    """−ln probability of silence with its derivatives by both arguments of `silence_term`."""

    loss: float
    slopes: Float[np.ndarray, "end silent"]
    curvature: Float[np.ndarray, "end silent"]


def silent_blocks(silent: Tokens, heard: Tokens, law: ErrorLaw, blocks: list[Block]) -> list[SilentBlock]:
    """Each silent cell with the block of heard levels that has a level nearest to it."""
    nearest = _nearest_block(silent, heard, blocks)
    found = []
    for number, block in enumerate(blocks):
        own = np.flatnonzero(nearest == number)
        if not len(own):
            continue
        shared = law.correlation(silent.select(own), heard.select(block.index))
        weights = shared @ block.precision
        left = 1 - np.einsum("sh,sh->s", weights, shared)
        found.append(SilentBlock(own, block.index, weights, np.sqrt(np.maximum(left, LEAST_VARIANCE))))
    return found


def _nearest_block(silent: Tokens, heard: Tokens, blocks: list[Block]) -> Int[np.ndarray, " silent"]:
    from scipy.spatial import cKDTree

    owner = np.empty(len(heard.cell), np.int64)
    for number, block in enumerate(blocks):
        owner[block.index] = number
    _, index = cKDTree(heard.xy).query(silent.xy)
    return owner[np.asarray(index)]


def silence_term(
    arguments: Float[np.ndarray, "end silent"], dropout: float, weight: Float[np.ndarray, " silent"]
) -> SilenceTerm:
    """Of P(silent) = (1 − d) Φ(a) + d Φ(s), each with its weight.

    A cell that is found goes unreported with probability d, unless it is the strongest, which serves the UE.

    Args:
        arguments: how far the audible level (a) and the strongest reported one (s) lie over the expected level, in
            deviations.
        dropout: d.
        weight: share of each that is independent of its neighbours.
    """
    log_silent, shares = log_silence(arguments, dropout), np.array([1 - dropout, dropout])[:, None]
    ratio = shares * np.exp(-(arguments**2) / 2 - log_silent) / np.sqrt(2 * np.pi)
    # −(ln P)'' is not positive everywhere; the product of slopes is, and enough of it keeps steps small.
    curvature = np.maximum(ratio**2 + arguments * ratio, ratio**2 / 4)
    return SilenceTerm(-float(weight @ log_silent), -weight * ratio, weight * curvature)


def log_silence(arguments: Float[np.ndarray, "end ..."], dropout: float) -> Float[np.ndarray, "..."]:
    """ln P(silent), see `silence_term`."""
    with np.errstate(divide="ignore"):
        found: Float[np.ndarray, "..."] = np.logaddexp(
            np.log1p(-dropout) + log_ndtr(arguments[0]), np.log(dropout) + log_ndtr(arguments[1])
        )
    return found


def silence_distance(law: ErrorLaw) -> float:
    """Within this distance [m] reports that do or do not name a cell say the same: half of that of the levels."""
    return law.distance / 2


def independent_shares(tokens: Tokens, distance: float) -> Float[np.ndarray, " token"]:
    """How much of each token is independent of the others of its cell: 1 over how many are within the distance [m]."""
    share = np.empty(len(tokens.cell))
    for cell in np.unique(tokens.cell):
        own = np.flatnonzero(tokens.cell == cell)
        xy = tokens.xy[own]
        for part in np.array_split(np.arange(len(own)), -(-len(own) // 1000)):
            apart = np.linalg.norm(xy[part][:, None] - xy[None], axis=-1)
            share[own[part]] = 1 / np.exp(-apart / distance).sum(axis=1)
    return share
