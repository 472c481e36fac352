"""Polarimetric fields of the atlas's paths, for any materials: geometry is traced once, fields are array code."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Complex, Float, Int

from raylocus.propagation.atlas.atlas import (
    DIFFRACTED,
    OVER_ROOFTOP,
    REFRACTED,
    SCATTERED,
    SPECULAR,
    PathAtlas,
    reorder,
)
from raylocus.propagation.geometry.images import as_components, cross, dot, mirrored, norm
from raylocus.propagation.materials.materials import RadioMaterials, slab_reflection, slab_transmission
from raylocus.propagation.materials.utd import EdgeGeometry, diffracted_field, spreading
from raylocus.propagation.rays.pieces import piece_slices
from raylocus.units import from_decibel

#: Transfer from (θ̂, φ̂) of the departure to (θ̂, φ̂) of the arrival as seen from the UE where the field keeps
#: both components: a ray bent in the vertical plane takes θ̂ along, and φ̂ of the opposite view is reversed.
TURNED_WITH_THE_RAY = np.diag([1.0, -1.0])
#: Paths that are worked on at once: more would leave the processor's cache, with fewer threads wait for each other.
CACHED_PATHS = 1 << 16


def path_fields(atlas: PathAtlas, materials: RadioMaterials) -> Complex[np.ndarray, "path 2 2"]:
    """Transfer matrix of each path between isotropic antennas, without the phase of its length.

    Rows are (θ̂, φ̂) of the arrival as seen from the UE, columns (θ̂, φ̂) of the departure (Sionna's
    convention); the entries include λ/(4πL), so that |entry|² is a power gain. Each reflection is
    the dyad r_TE ê_s ê_sᵀ + r_TM ê_p' ê_pᵀ (Balanis, Advanced Engineering Electromagnetics, §5.3).
    """
    fields, lit = np.empty((len(atlas.length), 2, 2), np.complex64), np.zeros(len(atlas.length), bool)
    over_edge = np.flatnonzero(atlas.kind == DIFFRACTED)
    lit[over_edge] = lit_over_edges(atlas, over_edge)
    for piece in piece_slices(len(fields), CACHED_PATHS):
        fields[piece] = np.moveaxis(_fields(reorder(atlas, piece), lit[piece], materials), -1, 0)
    return fields


def _fields(
    atlas: PathAtlas, lit: Bool[np.ndarray, " path"], materials: RadioMaterials
) -> Complex[np.ndarray, "2 2 path"]:
    amplitude = np.sqrt(from_decibel(-atlas.excess_loss_db.astype(float))) / atlas.length
    direction = as_components(atlas.departure)
    transverse = spherical_basis(direction).astype(complex)
    over_edge = np.flatnonzero(atlas.kind == DIFFRACTED)
    # Surfaces behind the edge wait until the field has gone over it.
    turn = np.where(atlas.kind == DIFFRACTED, atlas.before_edge, atlas.material.shape[1])
    specular, passing = ~np.isin(atlas.kind, (REFRACTED, SCATTERED)), atlas.kind == REFRACTED
    for bounce in range(atlas.material.shape[1]):
        touched = atlas.material[:, bounce] >= 0
        for change, chosen in ((_reflect, specular & (bounce < turn)), (_transmit, passing)):
            active = np.flatnonzero(touched & chosen)
            transverse[..., active], direction[:, active] = change(
                transverse[..., active], direction[:, active], _surfaces(atlas, active, bounce), materials
            )
    if len(over_edge):
        geometry = _edge_geometry(reorder(atlas, over_edge), direction[:, over_edge], lit[over_edge])
        transverse[..., over_edge] = _over_edges(
            reorder(atlas, over_edge), transverse[..., over_edge], geometry, materials
        )
        # Spreading about an edge takes the place of 1/L; the loss of trees in the way stays.
        amplitude[over_edge] *= spreading(geometry.before, geometry.after) * atlas.length[over_edge]
    amplitude *= materials.wavelength / (4 * np.pi)
    receive = spherical_basis(-as_components(atlas.arrival))
    matrix = dot(receive[:, None], transverse[None])
    matrix[..., atlas.kind == OVER_ROOFTOP] = TURNED_WITH_THE_RAY[..., None]
    rough = np.flatnonzero(atlas.kind == SCATTERED)
    if len(rough):
        matrix[..., rough] = _scattered(reorder(atlas, rough), materials)
    return amplitude * matrix


#: Normals of the surfaces that paths touch, with their material and building.
_Surfaces = tuple[Float[np.ndarray, "3 path"], Int[np.ndarray, " path"], Int[np.ndarray, " path"]]


def _surfaces(atlas: PathAtlas, paths: Int[np.ndarray, " path"], bounce: int) -> _Surfaces:
    normal = as_components(atlas.normals[paths, bounce])
    return normal, atlas.material[paths, bounce], atlas.building[paths, bounce]


def _edge_geometry(
    atlas: PathAtlas, incident: Float[np.ndarray, "3 path"], lit: Bool[np.ndarray, " path"]
) -> EdgeGeometry:
    """Diffracted paths at their edges, which they come to in these directions."""
    wedges, index = atlas.wedges, atlas.wedge
    first, other = (as_components(wedges.normals[index, face]) for face in (0, 1))
    # Face 0 is the one that the source sees; with the faces the edge's direction turns too.
    swap = dot(incident, first) > 0
    direction = as_components(wedges.direction[index])
    return EdgeGeometry(
        incident=incident,
        diffracted=leaving_edge(atlas),
        before=atlas.first_leg,
        after=atlas.length - atlas.first_leg,
        direction=np.where(swap, -direction, direction),
        face_0=np.where(swap, other, first),
        face_n=np.where(swap, first, other),
        lit=lit,
    )


def _over_edges(
    atlas: PathAtlas,
    transverse: Complex[np.ndarray, "2 3 path"],
    geometry: EdgeGeometry,
    materials: RadioMaterials,
) -> Complex[np.ndarray, "2 3 path"]:
    """Field vectors of diffracted paths at their ends, from those that come to the edge, without spreading."""
    slab = materials.slab(atlas.wedges.material[atlas.wedge], atlas.wedges.building[atlas.wedge])
    transverse, leaving = diffracted_field(transverse, geometry, *slab), geometry.diffracted
    for bounce in range(atlas.material.shape[1]):
        active = np.flatnonzero((atlas.material[:, bounce] >= 0) & (bounce >= atlas.before_edge))
        transverse[..., active], leaving[:, active] = _reflect(
            transverse[..., active], leaving[:, active], _surfaces(atlas, active, bounce), materials
        )
    return transverse


def leaving_edge(atlas: PathAtlas) -> Float[np.ndarray, "3 path"]:
    """Directions in which diffracted paths leave their edge: the arrivals, mirrored back."""
    leaving = as_components(atlas.arrival)
    for bounce in reversed(range(atlas.material.shape[1])):
        behind = bounce >= atlas.before_edge
        leaving = mirrored(leaving, np.where(behind, as_components(atlas.normals[:, bounce]), 0.0))
    return leaving


def spherical_basis(direction: Float[np.ndarray, "3 path"]) -> Float[np.ndarray, "2 3 path"]:
    """Unit vectors (θ̂, φ̂) of each direction; θ is the zenith angle."""
    flat = np.hypot(direction[0], direction[1])
    cosine = np.divide(direction[0], flat, out=np.ones_like(flat), where=flat > 0)
    sine = np.divide(direction[1], flat, out=np.zeros_like(flat), where=flat > 0)
    z = np.clip(direction[2], -1, 1)
    theta, phi = (z * cosine, z * sine, -np.sqrt(1 - z**2)), (-sine, cosine, np.zeros_like(sine))
    return np.stack([np.stack(theta), np.stack(phi)])


def _reflect(
    transverse: Complex[np.ndarray, "2 3 path"],
    direction: Float[np.ndarray, "3 path"],
    touched: _Surfaces,
    materials: RadioMaterials,
) -> tuple[Complex[np.ndarray, "2 3 path"], Float[np.ndarray, "3 path"]]:
    normal, material, building = touched
    reflected = mirrored(direction, normal)
    kept = np.sqrt(1 - materials.scattering**2)
    cosine = np.abs(dot(direction, normal))
    electric, magnetic = slab_reflection(cosine, *materials.slab(material, building))
    return _dyad(transverse, direction, reflected, normal, (kept * electric, kept * magnetic)), reflected


def _transmit(
    transverse: Complex[np.ndarray, "2 3 path"],
    direction: Float[np.ndarray, "3 path"],
    touched: _Surfaces,
    materials: RadioMaterials,
) -> tuple[Complex[np.ndarray, "2 3 path"], Float[np.ndarray, "3 path"]]:
    normal, material, building = touched
    coefficients = slab_transmission(np.abs(dot(direction, normal)), *materials.slab(material, building))
    return _dyad(transverse, direction, direction, normal, coefficients), direction


def _dyad(
    transverse: Complex[np.ndarray, "2 3 path"],
    incoming: Float[np.ndarray, "3 path"],
    outgoing: Float[np.ndarray, "3 path"],
    normal: Float[np.ndarray, "3 path"],
    coefficients: tuple[Complex[np.ndarray, " path"], Complex[np.ndarray, " path"]],
) -> Complex[np.ndarray, "2 3 path"]:
    """TE ê_s ê_sᵀ + TM ê_p' ê_pᵀ applied to field vectors."""
    perpendicular = _perpendicular(incoming, normal)
    parallel_in, parallel_out = cross(perpendicular, incoming), cross(perpendicular, outgoing)
    electric, magnetic = coefficients
    # Factors have names, as above 2¹⁴ numbers numpy swaps a nameless second one, which rounds otherwise.
    across, along = dot(transverse, perpendicular[None]), dot(transverse, parallel_in[None])
    through_te, through_tm = electric * across, magnetic * along
    return through_te[:, None] * perpendicular + through_tm[:, None] * parallel_out


def _perpendicular(
    direction: Float[np.ndarray, "3 path"], normal: Float[np.ndarray, "3 path"]
) -> Float[np.ndarray, "3 path"]:
    """ê_s: unit vector perpendicular to the plane of incidence."""
    perpendicular = cross(direction, normal)
    sine = norm(perpendicular)
    perpendicular /= np.maximum(sine, 1e-6)
    # At normal incidence TE and TM coincide, so any transverse vector will do.
    head_on = np.flatnonzero(sine <= 1e-6)
    perpendicular[:, head_on] = spherical_basis(direction[:, head_on])[1]
    return perpendicular


def _scattered(atlas: PathAtlas, materials: RadioMaterials) -> Float[np.ndarray, "2 2 path"]:
    """S Γ of each polarisation off a rough wall, which keeps θ̂ and φ̂ apart (Sionna's XPD coefficient 0)."""
    direction, normal = as_components(atlas.departure), as_components(atlas.normals[:, 0])
    slab = materials.slab(atlas.material[:, 0], atlas.building[:, 0])
    coefficients = slab_reflection(np.abs(dot(direction, normal)), *slab)
    electric, magnetic = (np.abs(each) ** 2 for each in coefficients)
    share = dot(spherical_basis(direction), _perpendicular(direction, normal)[None]) ** 2
    reflectivity = share * electric + (1 - share) * magnetic
    return materials.scattering * np.sqrt(reflectivity) * TURNED_WITH_THE_RAY[..., None]


#: Two paths of one ground cell are one at a boundary up to this difference of their lengths [m] and of their unit
#: vectors of arrival; within `utd.BOUNDARY` they differ by less.
SAME_LENGTH, SAME_ARRIVAL = 1e-4, 1e-2


def lit_over_edges(atlas: PathAtlas, over_edge: Int[np.ndarray, " path"]) -> Bool[np.ndarray, " path"]:
    """Whether the atlas has the specular path that each of its paths over an edge takes over from.

    Args:
        atlas: all paths that are summed up with those over edges.
        over_edge: indices of diffracted paths.
    """
    optical = np.flatnonzero((atlas.kind == SPECULAR) & atlas.at_centre)
    group = atlas.site.astype(np.int64) * atlas.grid.count**2 + atlas.ground_cell
    optical = optical[np.argsort(group[optical], kind="stable")]
    first, last = (np.searchsorted(group[optical], group[over_edge], side) for side in ("left", "right"))
    lit = np.zeros(len(over_edge), bool)
    for number in range(int((last - first).max(initial=0))):
        some = np.flatnonzero(first + number < last)
        lit[some] |= _one_at_a_boundary(atlas, over_edge[some], optical[first[some] + number])
    return lit


def _one_at_a_boundary(
    atlas: PathAtlas, path: Int[np.ndarray, " pair"], other: Int[np.ndarray, " pair"]
) -> Bool[np.ndarray, " pair"]:
    same = np.abs(atlas.length[path] - atlas.length[other]) < SAME_LENGTH
    close = np.flatnonzero(same)
    turn = atlas.arrival[path[close]].astype(float) - atlas.arrival[other[close]]
    same[close] = np.linalg.norm(turn, axis=1) < SAME_ARRIVAL
    return same
