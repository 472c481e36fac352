"""PMI: the Type I single-panel codebook of TS 38.214 §5.2.2.2.1 (mode 1) and the search in it.

Precoders are W = [[v …], [φ v …]] over two polarisations of an N1 × N2 panel; ports are polarisation
first, then n1 (across), then n2 (up). Layers three and four take a second beam below 16 ports; from 16 on
they take one beam of half the columns, turned by θ from the one half to the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Complex, Float, Int

from raylocus.errors import InputError

#: (N1, N2) of every number of ports (TS 38.214 T 5.2.2.2.1-2); 2 ports have a codebook of their own.
PANELS = {
    4: ((2, 1),),
    8: ((2, 2), (4, 1)),
    12: ((3, 2), (6, 1)),
    16: ((4, 2), (8, 1)),
    24: ((4, 3), (6, 2), (12, 1)),
    32: ((4, 4), (8, 2), (16, 1)),
}
OVERSAMPLING = 4
#: Largest rank whose precoders are searched; ranks 5 to 8 are not.
MOST_SEARCHED_LAYERS = 4


@dataclass(frozen=True)
class Codebook:
    """Every precoder of one rank with the indices that name it."""

    indices: Int[np.ndarray, "candidate 4"]
    """i11, i12, i13 and i2; i13 is 0 at rank 1."""
    weights: Complex[np.ndarray, "candidate port layer"]
    """Precoders, with total power 1."""


def panel_oversampling(n1: int, n2: int) -> tuple[int, int]:
    """(O1, O2): 4 across; 4 up where there is more than one row.

    Raises:
        InputError: no codebook has this panel.
    """
    if (n1, n2) not in [panel for panels in PANELS.values() for panel in panels]:
        raise InputError(
            f"there is no Type I codebook for a panel of {n1} × {n2}; see TS 38.214 T 5.2.2.2.1-2"
        )
    return OVERSAMPLING, OVERSAMPLING if n2 > 1 else 1


def beam_vectors(n1: int, n2: int) -> Complex[np.ndarray, "l m element"]:
    """v_{l,m}: the Kronecker product of oversampled DFT vectors across (l) and up (m); unit-modulus entries."""
    o1, o2 = panel_oversampling(n1, n2)
    across = np.exp(2j * np.pi * np.outer(np.arange(n1 * o1), np.arange(n1)) / (o1 * n1))
    upward = np.exp(2j * np.pi * np.outer(np.arange(n2 * o2), np.arange(n2)) / (o2 * n2))
    return np.einsum("la,mb->lmab", across, upward).reshape(n1 * o1, n2 * o2, n1 * n2)


def second_beams(n1: int, n2: int, rank: int) -> tuple[tuple[int, int], ...]:
    """(k1, k2) that each i13 means, from beam v to v' (T 5.2.2.2.1-3 for rank 2, -4 for rank 3 and 4)."""
    o1, o2 = panel_oversampling(n1, n2)
    if rank == 1:
        return ((0, 0),)
    if rank == 2:
        if n1 > n2 > 1:
            return ((0, 0), (o1, 0), (0, o2), (2 * o1, 0))
        if n1 == n2:
            return ((0, 0), (o1, 0), (0, o2), (o1, o2))
        return ((0, 0), (o1, 0)) if n1 == 2 else ((0, 0), (o1, 0), (2 * o1, 0), (3 * o1, 0))
    if n2 > 1:
        return ((o1, 0), (0, o2), (o1, o2)) + (((2 * o1, 0),) if n1 > 2 else ())
    return tuple((step * o1, 0) for step in range(1, min(n1, 5)))


#: Sign of φ, and of θ, that each layer has (T 5.2.2.2.1-5 to -8).
PHASE_SIGNS = {1: (1,), 2: (1, -1), 3: (1, 1, -1), 4: (1, 1, -1, -1)}
HALF_SIGNS = {3: (1, -1, 1), 4: (1, -1, 1, -1)}


@lru_cache(maxsize=32)
def codebook(n1: int, n2: int, rank: int) -> Codebook:
    """All precoders of one rank.

    Raises:
        InputError: the panel has no codebook, or the rank is not 1 to 4.
    """
    if rank not in PHASE_SIGNS:
        raise InputError(f"a precoder of rank {rank} is not in the codebook search; use rank 1 to 4")
    if rank > 2 and 2 * n1 * n2 >= 16:
        return _split_codebook(n1, n2, rank)
    beams = beam_vectors(n1, n2)
    steps = second_beams(n1, n2, rank)
    indices = _index_grid(*beams.shape[:2], len(steps), 4 if rank == 1 else 2)
    k = np.array(steps)[indices[:, 2]]
    first = beams[indices[:, 0], indices[:, 1]]
    second = beams[(indices[:, 0] + k[:, 0]) % beams.shape[0], (indices[:, 1] + k[:, 1]) % beams.shape[1]]
    columns = (first, second, first, second)[:rank]
    return Codebook(indices, _two_polarisations(columns, indices[:, 3], rank))


def _split_codebook(n1: int, n2: int, rank: int) -> Codebook:
    """Rank 3 and 4 from 16 ports on: layers [ṽ; ±θṽ], θ = exp(jπ·i13/4), with ṽ a beam of half the columns."""
    # exp(j4πln/(O1·N1)) is entry n of v with index 2l: every second beam, cut off at half the columns.
    half = beam_vectors(n1, n2)[::2, :, : n1 * n2 // 2]
    indices = _index_grid(*half.shape[:2], 4, 2)
    beam = half[indices[:, 0], indices[:, 1]]
    turned = np.exp(0.25j * np.pi * indices[:, 2])[:, None] * beam
    columns = tuple(np.concatenate([beam, sign * turned], axis=1) for sign in HALF_SIGNS[rank])
    return Codebook(indices, _two_polarisations(columns, indices[:, 3], rank))


def _index_grid(*sizes: int) -> Int[np.ndarray, "candidate 4"]:
    """Every combination of i11, i12, i13 and i2."""
    return np.indices(sizes).reshape(len(sizes), -1).T


def _two_polarisations(
    columns: tuple[Complex[np.ndarray, "candidate element"], ...],
    i2: Int[np.ndarray, " candidate"],
    rank: int,
) -> Complex[np.ndarray, "candidate port layer"]:
    """Layers [v; ±φv], φ = exp(jπ·i2/2), with total power 1."""
    phase = np.exp(0.5j * np.pi * i2)[:, None]
    layers = [
        np.concatenate([v, sign * phase * v], axis=1)
        for v, sign in zip(columns, PHASE_SIGNS[rank], strict=True)
    ]
    return np.stack(layers, axis=-1) / np.sqrt(2 * columns[0].shape[1] * rank)


def select_precoder(
    covariance: Complex[np.ndarray, "ue port port"], snr: Float[np.ndarray, " ue"], book: Codebook
) -> tuple[Int[np.ndarray, " ue"], Float[np.ndarray, " ue"]]:
    """PMI: the index in the book of the precoder of the highest rate log2 det(I + γ Wᴴ R W), and that rate [bit/s/Hz].

    R = E[Hᴴ H] is the covariance at unit transmit power, γ the linear SNR.
    """
    candidates, ports, layers = book.weights.shape
    flat = book.weights.transpose(1, 0, 2).reshape(ports, -1).astype(np.complex64)
    # Not a matrix product: BLAS wakes its threads for these small ones and waits for them longer than it works.
    received = np.einsum("uab,bk->uak", covariance.astype(np.complex64), flat)
    received = received.reshape(len(snr), ports, candidates, layers)
    weight = flat.reshape(ports, candidates, layers).conj()
    projected = np.stack(
        [(weight[None, :, :, layer, None] * received).sum(axis=1) for layer in range(layers)], axis=-2
    )
    rate = np.log2(_determinant(np.eye(layers) + snr[:, None, None, None] * projected))
    best = rate.argmax(axis=1)
    return best, rate[np.arange(len(rate)), best]


def _determinant(matrices: Complex[np.ndarray, "*batch layer layer"]) -> Float[np.ndarray, "*batch"]:
    """Determinant of Hermitian matrices; the small ones, which are many, in closed form."""
    if matrices.shape[-1] == 1:
        return matrices[..., 0, 0].real
    if matrices.shape[-1] == 2:
        return (matrices[..., 0, 0] * matrices[..., 1, 1] - matrices[..., 0, 1] * matrices[..., 1, 0]).real
    return np.linalg.det(matrices).real
