"""Uniform theory of diffraction at a wedge of two slabs.

Kouyoumjian and Pathak (Proc. IEEE 62, 1974) for the conducting wedge, with Luebbers' heuristic
reflection coefficients of the faces (IEEE Trans. AP 32, 1984) as Sionna RT applies them, so that
PathSolver can serve as the oracle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex, Float
from scipy.special import fresnel

from raylocus.propagation.materials import slab_reflection


@dataclass(frozen=True)
class EdgeGeometry:
    """Rays over a point of an edge; face 0 is the one that the source sees."""

    incident: Float[np.ndarray, "path 3"]
    """Unit propagation vector towards the edge."""
    diffracted: Float[np.ndarray, "path 3"]
    """Unit propagation vector away from it."""
    before: Float[np.ndarray, "path"]
    """Distance from the source to the edge [m]."""
    after: Float[np.ndarray, "path"]
    """Distance from the edge to the UE [m]."""
    direction: Float[np.ndarray, "path 3"]
    """Unit vector along the edge, n₀ × e pointing into face 0."""
    face_0: Float[np.ndarray, "path 3"]
    """Outward normal of face 0."""
    face_n: Float[np.ndarray, "path 3"]
    """Outward normal of face n."""


def diffracted_field(
    transverse: Complex[np.ndarray, "path field 3"],
    geometry: EdgeGeometry,
    permittivity: Complex[np.ndarray, "path"],
    thickness: Float[np.ndarray, "path"] | float,
    wavelength: float,
) -> Complex[np.ndarray, "path field 3"]:
    """Field vectors after the edge, without spreading and phase.

    Args:
        transverse: field vectors before the edge.
        geometry: rays and wedge.
        permittivity: complex relative permittivity of the faces.
        thickness: slab thickness [m].
        wavelength: wavelength [m].
    """
    k, out, edge = geometry.incident, geometry.diffracted, geometry.direction
    across_in, across_out = _unit(np.cross(k, edge)), -_unit(np.cross(out, edge))
    jones = _wedge_matrix(geometry, across_in, permittivity, thickness, wavelength)
    components = np.stack(
        [
            np.einsum("pfi,pi->pf", transverse, across_in),
            np.einsum("pfi,pi->pf", transverse, np.cross(k, across_in)),
        ],
        axis=-1,
    )
    turned = np.einsum("pab,pfb->pfa", jones, components)
    basis = np.stack([across_out, np.cross(out, across_out)], axis=1)
    return np.einsum("pfa,pai->pfi", turned, basis)


def spreading(
    before: Float[np.ndarray, "path"], after: Float[np.ndarray, "path"]
) -> Float[np.ndarray, "path"]:
    """Amplitude factor of an edge-diffracted spherical wave: 1/√(s s'(s + s')) (K&P eq. 30)."""
    return 1 / np.sqrt(before * after * (before + after))


def transition(x: Float[np.ndarray, "..."]) -> Complex[np.ndarray, "..."]:
    """UTD transition function F(x) = 2j√x e^{jx} ∫_{√x}^∞ e^{−jt²} dt (K&P eq. 25)."""
    sine, cosine = fresnel(np.sqrt(2 * x / np.pi))
    tail = np.sqrt(np.pi / 2) * ((1 - 1j) / 2 - (cosine - 1j * sine))
    return 2j * np.sqrt(x) * np.exp(1j * x) * tail


def _cotangent_transition(
    psi: Float[np.ndarray, "path"], x: Float[np.ndarray, "path"], n: Float[np.ndarray, "path"],
    kl: Float[np.ndarray, "path"],
) -> Complex[np.ndarray, "path"]:  # fmt: skip
    """cot(ψ)·F(x) with its finite limit sign(sin ψ)·n√(2πkL)·e^{jπ/4} on a shadow boundary."""
    sine = np.sin(psi)
    pole = (np.abs(sine) < 1e-6) | (x < 1e-10)
    limit = np.where(sine >= 0, 1, -1) * n * np.sqrt(2 * np.pi * kl) * np.exp(0.25j * np.pi)
    with np.errstate(divide="ignore", invalid="ignore"):
        regular = np.cos(psi) / sine * transition(x)
    return np.where(pole, limit, regular)


def _coefficients(
    geometry: EdgeGeometry, wavelength: float
) -> tuple[Complex[np.ndarray, "path"], Complex[np.ndarray, "path"], Bool[np.ndarray, "path"]]:
    """D₁ − D₄ and D₂ − D₃, which go with the reflections of face 0 and n, and whether face n is out of reach."""
    wavenumber = 2 * np.pi / wavelength
    exterior = 2 * np.pi - np.arccos(np.clip(-np.einsum("pi,pi->p", geometry.face_0, geometry.face_n), -1, 1))
    n = exterior / np.pi
    cosine = np.abs(np.einsum("pi,pi->p", geometry.incident, geometry.direction))
    sine = np.sqrt(np.maximum(1 - cosine**2, 1e-12))
    source, target = _angle(-geometry.incident, geometry), _angle(geometry.diffracted, geometry)
    kl = wavenumber * geometry.before * geometry.after / (geometry.before + geometry.after) * sine**2
    factor = -np.exp(-0.25j * np.pi) / (2 * n * np.sqrt(2 * np.pi * wavenumber) * sine)
    terms = []
    for beta, sign in (
        (target - source, 1),
        (target - source, -1),
        (target + source, 1),
        (target + source, -1),
    ):
        turns = np.round((beta + sign * np.pi) / (2 * exterior))
        a = 2 * np.cos(exterior * turns - beta / 2) ** 2
        terms.append(factor * _cotangent_transition((np.pi + sign * beta) / (2 * n), kl * a, n, kl))
    return terms[0] - terms[3], terms[1] - terms[2], exterior > np.pi + source


def _angle(vector: Float[np.ndarray, "path 3"], geometry: EdgeGeometry) -> Float[np.ndarray, "path"]:
    """Angle about the edge from face 0, through the open space, in [0, 2π)."""
    into_face_0 = np.cross(geometry.face_0, geometry.direction)
    rise, run = (np.einsum("pi,pi->p", vector, axis) for axis in (geometry.face_0, into_face_0))
    return np.arctan2(rise, run) % (2 * np.pi)


def _wedge_matrix(
    geometry: EdgeGeometry,
    across_in: Float[np.ndarray, "path 3"],
    permittivity: Complex[np.ndarray, "path"],
    thickness: Float[np.ndarray, "path"] | float,
    wavelength: float,
) -> Complex[np.ndarray, "path 2 2"]:
    with_face_0, with_face_n, beyond = _coefficients(geometry, wavelength)
    reflections = []
    for normal in (geometry.face_0, geometry.face_n):
        cosine = np.abs(np.einsum("pi,pi->p", geometry.incident, normal))
        electric, magnetic = slab_reflection(cosine, permittivity, thickness, wavelength)
        diagonal = np.zeros((len(cosine), 2, 2), complex)
        diagonal[:, 0, 0], diagonal[:, 1, 1] = electric, magnetic
        reflections.append(_in_edge_basis(diagonal, geometry, normal, across_in))
    reflections[1] = np.where(beyond[:, None, None], -np.eye(2), reflections[1])
    return with_face_0[:, None, None] * reflections[0] + with_face_n[:, None, None] * reflections[1]


def _in_edge_basis(
    reflection: Complex[np.ndarray, "path 2 2"],
    geometry: EdgeGeometry,
    normal: Float[np.ndarray, "path 3"],
    across_in: Float[np.ndarray, "path 3"],
) -> Complex[np.ndarray, "path 2 2"]:
    """A face's reflection, from its (TE, TM) basis to the edge's, at the reflection boundary."""
    k = geometry.incident
    boundary = k - 2 * np.einsum("pi,pi->p", k, normal)[:, None] * normal
    electric = np.cross(k, normal)
    flat = np.linalg.norm(electric, axis=1) < 1e-6
    electric = _unit(np.where(flat[:, None], across_in, electric))
    across_out = -_unit(np.cross(boundary, geometry.direction))
    return _rotator(boundary, electric, across_out) @ reflection @ _rotator(k, across_in, electric)


def _rotator(
    k: Float[np.ndarray, "path 3"], current: Float[np.ndarray, "path 3"], target: Float[np.ndarray, "path 3"]
) -> Float[np.ndarray, "path 2 2"]:
    """Turns the (ŝ, k × ŝ) components of a transverse field from one ŝ to another."""
    cosine = np.einsum("pi,pi->p", current, target)
    sine = np.einsum("pi,pi->p", k, np.cross(current, target))
    return np.stack([np.stack([cosine, sine], -1), np.stack([-sine, cosine], -1)], axis=1)


def _unit(vector: Float[np.ndarray, "path 3"]) -> Float[np.ndarray, "path 3"]:
    return vector / np.maximum(np.linalg.norm(vector, axis=1, keepdims=True), 1e-12)
