"""Polarimetric fields of the atlas's paths, for any materials: geometry is traced once, fields are array code."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float, Int

from raylocus.propagation.atlas import DIFFRACTED, OVER_ROOFTOP, REFRACTED, SCATTERED, PathAtlas, reorder
from raylocus.propagation.materials import RadioMaterials, slab_reflection, slab_transmission
from raylocus.propagation.utd import EdgeGeometry, diffracted_field, spreading
from raylocus.units import from_decibel

#: Transfer from (θ̂, φ̂) of the departure to (θ̂, φ̂) of the arrival as seen from the UE where the field keeps
#: both components: a ray bent in the vertical plane takes θ̂ along, and φ̂ of the opposite view is reversed.
TURNED_WITH_THE_RAY = np.diag([1.0, -1.0])


def path_fields(atlas: PathAtlas, materials: RadioMaterials) -> Complex[np.ndarray, "path 2 2"]:
    """Transfer matrix of each path between isotropic antennas, without the phase of its length.

    Rows are (θ̂, φ̂) of the arrival as seen from the UE, columns (θ̂, φ̂) of the departure (Sionna's
    convention); the entries include λ/(4πL), so that |entry|² is a power gain. Each reflection is
    the dyad r_TE ê_s ê_sᵀ + r_TM ê_p' ê_pᵀ (Balanis, Advanced Engineering Electromagnetics, §5.3).
    """
    amplitude = np.sqrt(from_decibel(-atlas.excess_loss_db.astype(float))) / atlas.length
    transverse = spherical_basis(atlas.departure).astype(complex)
    direction = atlas.departure.astype(float)
    over_edge = np.flatnonzero(atlas.kind == DIFFRACTED)
    # Surfaces behind the edge wait until the field has gone over it.
    turn = np.where(atlas.kind == DIFFRACTED, atlas.before_edge, atlas.material.shape[1])
    specular, passing = ~np.isin(atlas.kind, (REFRACTED, SCATTERED)), atlas.kind == REFRACTED
    for bounce in range(atlas.material.shape[1]):
        touched = atlas.material[:, bounce] >= 0
        for change, chosen in ((_reflect, specular & (bounce < turn)), (_transmit, passing)):
            active = np.flatnonzero(touched & chosen)
            normal = atlas.normals[active, bounce].astype(float)
            transverse[active], direction[active] = change(
                transverse[active], direction[active], normal, _surfaces(atlas, active, bounce), materials
            )
    if len(over_edge):
        bent = _over_edges(reorder(atlas, over_edge), transverse[over_edge], direction[over_edge], materials)
        transverse[over_edge], spread = bent
        # Spreading about an edge takes the place of 1/L; the loss of trees in the way stays.
        amplitude[over_edge] *= spread * atlas.length[over_edge]
    amplitude *= materials.wavelength / (4 * np.pi)
    receive = spherical_basis(-atlas.arrival)
    matrix = np.einsum("pri,pti->prt", receive, transverse)
    matrix[atlas.kind == OVER_ROOFTOP] = TURNED_WITH_THE_RAY
    rough = np.flatnonzero(atlas.kind == SCATTERED)
    if len(rough):
        matrix[rough] = _scattered(reorder(atlas, rough), materials)
    return (amplitude[:, None, None] * matrix).astype(np.complex64)


#: Material and building of the surfaces that paths touch.
_Surfaces = tuple[Int[np.ndarray, "path"], Int[np.ndarray, "path"]]


def _surfaces(atlas: PathAtlas, paths: Int[np.ndarray, "path"], bounce: int) -> _Surfaces:
    return atlas.material[paths, bounce], atlas.building[paths, bounce]


def _over_edges(
    atlas: PathAtlas,
    transverse: Complex[np.ndarray, "path 2 3"],
    incident: Float[np.ndarray, "path 3"],
    materials: RadioMaterials,
) -> tuple[Complex[np.ndarray, "path 2 3"], Float[np.ndarray, "path"]]:
    """Field vectors of diffracted paths at their ends, from those that come to the edge, and their spreading."""
    wedges, index = atlas.wedges, atlas.wedge
    first, other = (wedges.normals[index, face].astype(float) for face in (0, 1))
    # Face 0 is the one that the source sees; with the faces the edge's direction turns too.
    swap = (np.einsum("pi,pi->p", incident, first) > 0)[:, None]
    direction = wedges.direction[index].astype(float)
    geometry = EdgeGeometry(
        incident=incident,
        diffracted=_leaving_edge(atlas),
        before=atlas.first_leg,
        after=atlas.length - atlas.first_leg,
        direction=np.where(swap, -direction, direction),
        face_0=np.where(swap, other, first),
        face_n=np.where(swap, first, other),
    )
    transverse = diffracted_field(
        transverse, geometry, *materials.slab(wedges.material[index], wedges.building[index])
    )
    leaving = geometry.diffracted
    for bounce in range(atlas.material.shape[1]):
        active = np.flatnonzero((atlas.material[:, bounce] >= 0) & (bounce >= atlas.before_edge))
        normal = atlas.normals[active, bounce].astype(float)
        transverse[active], leaving[active] = _reflect(
            transverse[active], leaving[active], normal, _surfaces(atlas, active, bounce), materials
        )
    return transverse, spreading(geometry.before, geometry.after)


def _leaving_edge(atlas: PathAtlas) -> Float[np.ndarray, "path 3"]:
    """Directions in which diffracted paths leave their edge: the arrivals, mirrored back."""
    leaving = atlas.arrival.astype(float)
    for bounce in reversed(range(atlas.material.shape[1])):
        behind = (bounce >= atlas.before_edge)[:, None]
        normal = np.where(behind, atlas.normals[:, bounce], 0).astype(float)
        leaving -= 2 * np.einsum("pi,pi->p", leaving, normal)[:, None] * normal
    return leaving


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
    touched: _Surfaces,
    materials: RadioMaterials,
) -> tuple[Complex[np.ndarray, "path 2 3"], Float[np.ndarray, "path 3"]]:
    along = np.einsum("pi,pi->p", direction, normal)
    reflected = direction - 2 * along[:, None] * normal
    kept = np.sqrt(1 - materials.scattering**2)
    electric, magnetic = slab_reflection(np.abs(along), *materials.slab(*touched))
    return _dyad(transverse, direction, reflected, normal, (kept * electric, kept * magnetic)), reflected


def _transmit(
    transverse: Complex[np.ndarray, "path 2 3"],
    direction: Float[np.ndarray, "path 3"],
    normal: Float[np.ndarray, "path 3"],
    touched: _Surfaces,
    materials: RadioMaterials,
) -> tuple[Complex[np.ndarray, "path 2 3"], Float[np.ndarray, "path 3"]]:
    cosine = np.abs(np.einsum("pi,pi->p", direction, normal))
    coefficients = slab_transmission(cosine, *materials.slab(*touched))
    return _dyad(transverse, direction, direction, normal, coefficients), direction


def _dyad(
    transverse: Complex[np.ndarray, "path 2 3"],
    incoming: Float[np.ndarray, "path 3"],
    outgoing: Float[np.ndarray, "path 3"],
    normal: Float[np.ndarray, "path 3"],
    coefficients: tuple[Complex[np.ndarray, "path"], Complex[np.ndarray, "path"]],
) -> Complex[np.ndarray, "path 2 3"]:
    """TE ê_s ê_sᵀ + TM ê_p' ê_pᵀ applied to field vectors."""
    perpendicular = _perpendicular(incoming, normal)
    parallel_in, parallel_out = np.cross(perpendicular, incoming), np.cross(perpendicular, outgoing)
    electric, magnetic = coefficients
    through_te = electric[:, None] * np.einsum("pti,pi->pt", transverse, perpendicular)
    through_tm = magnetic[:, None] * np.einsum("pti,pi->pt", transverse, parallel_in)
    return through_te[..., None] * perpendicular[:, None] + through_tm[..., None] * parallel_out[:, None]


def _perpendicular(
    direction: Float[np.ndarray, "path 3"], normal: Float[np.ndarray, "path 3"]
) -> Float[np.ndarray, "path 3"]:
    """ê_s: unit vector perpendicular to the plane of incidence."""
    perpendicular = np.cross(direction, normal)
    sine = np.linalg.norm(perpendicular, axis=1, keepdims=True)
    # At normal incidence TE and TM coincide, so any transverse vector will do.
    return np.where(sine > 1e-6, perpendicular / np.maximum(sine, 1e-6), spherical_basis(direction)[:, 1])


def _scattered(atlas: PathAtlas, materials: RadioMaterials) -> Float[np.ndarray, "path 2 2"]:
    """S Γ of each polarisation off a rough wall, which keeps θ̂ and φ̂ apart (Sionna's XPD coefficient 0)."""
    direction, normal = atlas.departure.astype(float), atlas.normals[:, 0].astype(float)
    cosine = np.abs(np.einsum("pi,pi->p", direction, normal))
    slab = materials.slab(atlas.material[:, 0], atlas.building[:, 0])
    electric, magnetic = (np.abs(each) ** 2 for each in slab_reflection(cosine, *slab))
    basis = spherical_basis(direction)
    share = np.einsum("pti,pi->pt", basis, _perpendicular(direction, normal)) ** 2
    reflectivity = share * electric[:, None] + (1 - share) * magnetic[:, None]
    return materials.scattering * np.sqrt(reflectivity)[:, :, None] * TURNED_WITH_THE_RAY
