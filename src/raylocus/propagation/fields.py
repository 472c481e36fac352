"""Polarimetric fields of the atlas's paths, for any materials: geometry is traced once, fields are array code."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float

from raylocus.propagation.atlas import DIFFRACTED, PathAtlas, reorder
from raylocus.propagation.materials import RadioMaterials, slab_reflection
from raylocus.propagation.utd import EdgeGeometry, diffracted_field, spreading
from raylocus.units import from_decibel


def path_fields(atlas: PathAtlas, materials: RadioMaterials) -> Complex[np.ndarray, "path 2 2"]:
    """Transfer matrix of each path between isotropic antennas, without the phase of its length.

    Rows are (θ̂, φ̂) of the arrival as seen from the UE, columns (θ̂, φ̂) of the departure (Sionna's
    convention); the entries include λ/(4πL), so that |entry|² is a power gain. Each reflection is
    the dyad r_TE ê_s ê_sᵀ + r_TM ê_p' ê_pᵀ (Balanis, Advanced Engineering Electromagnetics, §5.3).
    """
    amplitude = np.sqrt(from_decibel(-atlas.excess_loss_db.astype(float))) / atlas.length
    transverse = spherical_basis(atlas.departure).astype(complex)
    direction = atlas.departure.astype(float)
    for bounce in range(atlas.material.shape[1]):
        active = np.flatnonzero(atlas.material[:, bounce] >= 0)
        normal = atlas.normals[active, bounce].astype(float)
        eta = materials.complex_permittivity[atlas.material[active, bounce]]
        transverse[active], direction[active] = _reflect(
            transverse[active], direction[active], normal, eta, materials
        )
    over_edge = np.flatnonzero(atlas.kind == DIFFRACTED)
    if len(over_edge):
        bent = _over_edges(reorder(atlas, over_edge), transverse[over_edge], materials)
        transverse[over_edge], amplitude[over_edge] = bent
    amplitude *= materials.wavelength / (4 * np.pi)
    receive = spherical_basis(-atlas.arrival)
    return (amplitude[:, None, None] * np.einsum("pri,pti->prt", receive, transverse)).astype(np.complex64)


def _over_edges(
    atlas: PathAtlas, transverse: Complex[np.ndarray, "path 2 3"], materials: RadioMaterials
) -> tuple[Complex[np.ndarray, "path 2 3"], Float[np.ndarray, "path"]]:
    """Field vectors and spreading of diffracted paths."""
    incident, wedges, index = atlas.departure.astype(float), atlas.wedges, atlas.wedge
    first, other = (wedges.normals[index, face].astype(float) for face in (0, 1))
    # Face 0 is the one that the source sees; with the faces the edge's direction turns too.
    swap = (np.einsum("pi,pi->p", incident, first) > 0)[:, None]
    direction = wedges.direction[index].astype(float)
    geometry = EdgeGeometry(
        incident=incident,
        diffracted=atlas.arrival.astype(float),
        before=atlas.first_leg,
        after=atlas.length - atlas.first_leg,
        direction=np.where(swap, -direction, direction),
        face_0=np.where(swap, other, first),
        face_n=np.where(swap, first, other),
    )
    permittivity = materials.complex_permittivity[wedges.material[index]]
    turned = diffracted_field(transverse, geometry, permittivity, materials.thickness, materials.wavelength)
    return turned, spreading(geometry.before, geometry.after)


def spherical_basis(direction: Float[np.ndarray, "path 3"]) -> Float[np.ndarray, "path 2 3"]:
    """Unit vectors (θ̂, φ̂) of each direction; θ is the zenith angle."""
    azimuth = np.arctan2(direction[:, 1], direction[:, 0])
    cosine, sine = np.cos(azimuth), np.sin(azimuth)
    z = np.clip(direction[:, 2].astype(float), -1, 1)
    horizontal = np.sqrt(1 - z**2)
    theta = np.stack([z * cosine, z * sine, -horizontal], axis=-1)
    phi = np.stack([-sine, cosine, np.zeros_like(sine)], axis=-1)
    return np.stack([theta, phi], axis=1)


def _reflect(
    transverse: Complex[np.ndarray, "path 2 3"],
    direction: Float[np.ndarray, "path 3"],
    normal: Float[np.ndarray, "path 3"],
    permittivity: Complex[np.ndarray, "path"],
    materials: RadioMaterials,
) -> tuple[Complex[np.ndarray, "path 2 3"], Float[np.ndarray, "path 3"]]:
    along = np.einsum("pi,pi->p", direction, normal)
    reflected = direction - 2 * along[:, None] * normal
    perpendicular = np.cross(direction, normal)
    sine = np.linalg.norm(perpendicular, axis=1, keepdims=True)
    # At normal incidence TE and TM coincide, so any transverse vector will do.
    fallback = spherical_basis(direction)[:, 1]
    perpendicular = np.where(sine > 1e-6, perpendicular / np.maximum(sine, 1e-6), fallback)
    parallel_in, parallel_out = np.cross(perpendicular, direction), np.cross(perpendicular, reflected)
    electric, magnetic = slab_reflection(
        np.abs(along), permittivity, materials.thickness, materials.wavelength
    )
    through_te = electric[:, None] * np.einsum("pti,pi->pt", transverse, perpendicular)
    through_tm = magnetic[:, None] * np.einsum("pti,pi->pt", transverse, parallel_in)
    out = through_te[..., None] * perpendicular[:, None] + through_tm[..., None] * parallel_out[:, None]
    return out, reflected
