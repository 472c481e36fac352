"""Uniform theory of diffraction at a wedge of two slabs.

Kouyoumjian and Pathak (Proc. IEEE 62, 1974) for the conducting wedge, with Luebbers' heuristic
reflection coefficients of the faces (IEEE Trans. AP 32, 1984) as Sionna RT applies them, so that
PathSolver can serve as the oracle. Vectors are arrays of components, see `vectors`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex, Float
from scipy.special import fresnel

from raylocus.propagation.geometry.images import cross, dot, mirrored, norm, unit
from raylocus.propagation.materials.materials import slab_reflection

#: From here on F(x) is its asymptotic series, whose five terms are then good to 10⁻⁸.
ASYMPTOTIC = 80.0
#: Where the straight or mirrored ray passes the edge within this distance [m], its presence decides on which side of
#: the shadow boundary the UE is. Rays are traced in single precision, which is good to 0.1 mm at 1 km, and the field
#: is half of that ray's to 1 % so close to the boundary.
BOUNDARY = 2e-3


@dataclass(frozen=True)
class EdgeGeometry:
    """Rays over a point of an edge; face 0 is the one that the source sees."""

    incident: Float[np.ndarray, "3 path"]
    """Unit propagation vector towards the edge."""
    diffracted: Float[np.ndarray, "3 path"]
    """Unit propagation vector away from it."""
    before: Float[np.ndarray, " path"]
    """Distance from the source to the edge [m]."""
    after: Float[np.ndarray, " path"]
    """Distance from the edge to the UE [m]."""
    direction: Float[np.ndarray, "3 path"]
    """Unit vector along the edge, n₀ × e pointing into face 0."""
    face_0: Float[np.ndarray, "3 path"]
    """Outward normal of face 0."""
    face_n: Float[np.ndarray, "3 path"]
    """Outward normal of face n."""
    lit: Bool[np.ndarray, " path"]
    """Whether the ray that goes straight on past the edge, or that a face mirrors there, counts at the UE. Asked for
    within `BOUNDARY` of a shadow boundary only: there rounding would decide for each of the two fields on its own."""


def diffracted_field(
    transverse: Complex[np.ndarray, "field 3 path"],
    geometry: EdgeGeometry,
    permittivity: Complex[np.ndarray, " path"],
    thickness: Float[np.ndarray, " path"] | float,
    wavelength: float,
) -> Complex[np.ndarray, "field 3 path"]:
    """Field vectors after the edge, without spreading and phase.

    Args:
        transverse: field vectors before the edge.
        geometry: rays and wedge.
        permittivity: complex relative permittivity of the faces.
        thickness: slab thickness [m].
        wavelength: wavelength [m].
    """
    k, out, edge = geometry.incident, geometry.diffracted, geometry.direction
    across_in, across_out = unit(cross(k, edge)), -unit(cross(out, edge))
    (a, b), (c, d) = _wedge_matrix(geometry, across_in, permittivity, thickness, wavelength)
    soft, hard = dot(transverse, across_in[None]), dot(transverse, cross(k, across_in)[None])
    first, second = a * soft + b * hard, c * soft + d * hard
    return first[:, None] * across_out + second[:, None] * cross(out, across_out)


def spreading(
    before: Float[np.ndarray, " path"], after: Float[np.ndarray, " path"]
) -> Float[np.ndarray, " path"]:
    """Amplitude factor of an edge-diffracted spherical wave: 1/√(s s'(s + s')) (K&P eq. 30)."""
    return 1 / np.sqrt(before * after * (before + after))


def transition(x: Float[np.ndarray, " n"]) -> Complex[np.ndarray, " n"]:
    """UTD transition function F(x) = 2j√x e^{jx} ∫_{√x}^∞ e^{−jt²} dt (K&P eq. 25)."""
    inverse = 0.5j / np.maximum(x, ASYMPTOTIC)
    # F ≈ 1 + j/2x − 3/4x² − 15j/8x³ + 105/16x⁴: integration by parts.
    far = np.ones_like(inverse)
    for factor in (7, 5, 3, 1):
        far = factor * inverse * far + 1
    near = np.flatnonzero(x < ASYMPTOTIC)
    far[near] = _near_transition(x[near])
    return far


def _near_transition(x: Float[np.ndarray, " n"]) -> Complex[np.ndarray, " n"]:
    sine, cosine = fresnel(np.sqrt(2 * x / np.pi))
    tail = np.sqrt(np.pi / 2) * ((1 - 1j) / 2 - (cosine - 1j * sine))
    return 2j * np.sqrt(x) * np.exp(1j * x) * tail


@dataclass(frozen=True)
class _Wedge:
    """What the four terms of the coefficients have in common."""

    exterior: Float[np.ndarray, " path"]
    """Angle of the open space, nπ."""
    kl: Float[np.ndarray, " path"]
    """Wavenumber times distance parameter L (K&P eq. 26)."""
    boundary: Float[np.ndarray, " path"]
    """Angle off a shadow boundary up to which `lit` decides."""
    lit: Bool[np.ndarray, " path"]

    def term(self, beta: Float[np.ndarray, " path"], sign: int) -> Complex[np.ndarray, " path"]:
        """cot(ψ)·F(kLa), ψ = (π ± β)/2n, with its finite limit ±n√(2πkL)·e^{jπ/4} on a shadow boundary.

        The cotangent is positive on the lit side of every boundary.
        """
        n = self.exterior / np.pi
        psi, turns = (np.pi + sign * beta) / (2 * n), np.round((beta + sign * np.pi) / (2 * self.exterior))
        x = self.kl * 2 * np.cos(self.exterior * turns - beta / 2) ** 2
        sine, cosine = np.sin(psi), np.cos(psi)
        pole = (np.abs(sine) < 1e-6) | (x < 1e-10)
        limit = n * np.sqrt(2 * np.pi * self.kl) * np.exp(0.25j * np.pi)
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.where(pole, limit, np.abs(cosine / sine) * transition(x))
        near = 2 * n * np.abs(sine) < self.boundary
        return np.where(np.where(near, self.lit, cosine * sine > 0), size, -size)


def _coefficients(
    geometry: EdgeGeometry, wavelength: float
) -> tuple[Complex[np.ndarray, " path"], Complex[np.ndarray, " path"], Bool[np.ndarray, " path"]]:
    """D₁ − D₄ and D₂ − D₃, which go with the reflections of face 0 and n, and whether face n is out of reach."""
    wavenumber = 2 * np.pi / wavelength
    exterior = 2 * np.pi - np.arccos(np.clip(-dot(geometry.face_0, geometry.face_n), -1, 1))
    sine = np.sqrt(np.maximum(1 - dot(geometry.incident, geometry.direction) ** 2, 1e-12))
    source, target = (_angle(ray, geometry, exterior) for ray in (-geometry.incident, geometry.diffracted))
    reach = geometry.before * geometry.after / (geometry.before + geometry.after) * sine
    wedge = _Wedge(exterior, wavenumber * reach * sine, BOUNDARY / reach, geometry.lit)
    factor = -np.exp(-0.25j * np.pi) / (2 * exterior / np.pi * np.sqrt(2 * np.pi * wavenumber) * sine)
    # Factors have names here too, see `fields._dyad`.
    first, second, third, fourth = (
        wedge.term(beta, sign) for beta in (target - source, target + source) for sign in (1, -1)
    )
    with_face_0, with_face_n = first - fourth, second - third
    return factor * with_face_0, factor * with_face_n, exterior > np.pi + source


def _angle(
    vector: Float[np.ndarray, "3 path"], geometry: EdgeGeometry, exterior: Float[np.ndarray, " path"]
) -> Float[np.ndarray, " path"]:
    """Angle about the edge from face 0, through the open space; of rays along a face it is 0 or the exterior angle.

    Rounding may turn such a ray a little into the wedge, which is a full turn from face 0 and not a little.
    """
    into_face_0 = cross(geometry.face_0, geometry.direction)
    angle = np.arctan2(dot(vector, geometry.face_0), dot(vector, into_face_0)) % (2 * np.pi)
    return np.where(angle > np.pi + exterior / 2, 0, np.minimum(angle, exterior))


#: Rows of a 2 × 2 matrix a path.
_Matrix = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def _wedge_matrix(
    geometry: EdgeGeometry,
    across_in: Float[np.ndarray, "3 path"],
    permittivity: Complex[np.ndarray, " path"],
    thickness: Float[np.ndarray, " path"] | float,
    wavelength: float,
) -> _Matrix:
    with_face_0, with_face_n, beyond = _coefficients(geometry, wavelength)
    reflections = []
    for normal in (geometry.face_0, geometry.face_n):
        cosine = np.abs(dot(geometry.incident, normal))
        coefficients = slab_reflection(cosine, permittivity, thickness, wavelength)
        reflections.append(_in_edge_basis(coefficients, geometry, normal, across_in))
    (a, b), (c, d) = reflections[0]
    (e, f), (g, h) = reflections[1]
    e, h = np.where(beyond, -1, e), np.where(beyond, -1, h)
    f, g = np.where(beyond, 0, f), np.where(beyond, 0, g)
    return (
        (with_face_0 * a + with_face_n * e, with_face_0 * b + with_face_n * f),
        (with_face_0 * c + with_face_n * g, with_face_0 * d + with_face_n * h),
    )


def _in_edge_basis(
    coefficients: tuple[Complex[np.ndarray, " path"], Complex[np.ndarray, " path"]],
    geometry: EdgeGeometry,
    normal: Float[np.ndarray, "3 path"],
    across_in: Float[np.ndarray, "3 path"],
) -> _Matrix:
    """A face's reflection (TE, TM), turned to the edge's basis at the reflection boundary."""
    k = geometry.incident
    boundary, perpendicular = mirrored(k, normal), cross(k, normal)
    perpendicular = unit(np.where(norm(perpendicular) < 1e-6, across_in, perpendicular))
    across_out = -unit(cross(boundary, geometry.direction))
    cosine_in, sine_in = _turn(k, across_in, perpendicular)
    cosine_out, sine_out = _turn(boundary, perpendicular, across_out)
    electric, magnetic = coefficients
    return (
        (cosine_out * electric * cosine_in - sine_out * magnetic * sine_in,
         cosine_out * electric * sine_in + sine_out * magnetic * cosine_in),
        (-sine_out * electric * cosine_in - cosine_out * magnetic * sine_in,
         cosine_out * magnetic * cosine_in - sine_out * electric * sine_in),
    )  # fmt: skip


def _turn(
    k: Float[np.ndarray, "3 path"], current: Float[np.ndarray, "3 path"], target: Float[np.ndarray, "3 path"]
) -> tuple[Float[np.ndarray, " path"], Float[np.ndarray, " path"]]:
    """Cosine and sine of the angle that turns the (ŝ, k × ŝ) components of a transverse field to another ŝ."""
    return dot(current, target), dot(k, cross(current, target))
