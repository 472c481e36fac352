"""What a place must be before it is traced, said in one sentence that names the site or mesh and the fix."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from raylocus.errors import PlaceError
from raylocus.propagation.atlas.atlas import PathAtlas
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.scenes.building_records import open_edges, read_building_records
from raylocus.scenes.geometry_maps import FOOTPRINT_HEIGHT
from raylocus.scenes.triangles import Triangles, mesh_names


def check_sites(place: TracedPlace) -> None:
    """Every site that stands in the tile is above the ground and outside the buildings.

    Raises:
        PlaceError: a site does not.
    """
    maps = place.geometry_maps
    for site in place.deployment.sites:
        cell = int(place.tile.index(np.asarray(site.position, float)))
        if cell < 0:
            continue
        ground, surface = (float(maps[name].values.flat[cell]) for name in ("terrain", "surface"))
        height = site.position[2]
        if height < ground:
            raise PlaceError(
                f"site {site.name} is {ground - height:.1f} m below ground; raise its antenna above {ground:.1f} m"
            )
        if height < surface:
            what = "inside a building" if surface - ground > FOOTPRINT_HEIGHT else "below the surface"
            raise PlaceError(
                f"site {site.name} is {what}, {surface - height:.1f} m under its top; "
                f"raise its antenna above {surface:.1f} m or move it"
            )


def check_meshes(place: TracedPlace, triangles: Triangles) -> None:
    """The terrain faces up, and every building with a mesh of its own is closed and faces outward.

    Raises:
        PlaceError: a mesh does not.
    """
    meshes = {name: triangles.vertices[chosen] for name, chosen in mesh_names(triangles).items()}
    for name, vertices in meshes.items():
        if name.startswith("terrain-") and _upward_area(vertices) < 0:
            raise PlaceError(
                f"mesh {name}.ply is inverted, its ground faces down; turn its faces over and build the place again"
            )
    for record in read_building_records(place.folder):
        parts = [meshes[name][first:past] for name, (first, past) in record["triangles"].items()]
        if parts:
            _check_building(record["identifier"], np.concatenate(parts))


def check_coverage(place: TracedPlace, site: int, atlas: PathAtlas) -> None:
    """A site reaches at least one ground cell.

    Raises:
        PlaceError: it reaches none.
    """
    if not len(atlas.ground_cell):
        raise PlaceError(
            f"site {place.deployment.sites[site].name} covers no ground cell: no path of the types switched on "
            "ends outdoors in the tile; raise its antenna or move it into the open"
        )


def _check_building(name: str, vertices: Float[np.ndarray, "triangle 3 3"]) -> None:
    fix = "repair its outline in the source and build the place again"
    leaks = open_edges(vertices)
    if leaks:
        raise PlaceError(f"the mesh of building {name} is open at {leaks} edges; {fix}")
    if _volume(vertices) < 0:
        raise PlaceError(f"the mesh of building {name} is inverted, its walls face inward; {fix}")


def _upward_area(vertices: Float[np.ndarray, "triangle 3 3"]) -> float:
    return float(np.cross(vertices[:, 1] - vertices[:, 0], vertices[:, 2] - vertices[:, 0])[:, 2].sum())


def _volume(vertices: Float[np.ndarray, "triangle 3 3"]) -> float:
    """Six times the volume that a closed surface encloses, negative where it faces inward."""
    middle = vertices.reshape(-1, 3).mean(axis=0)
    first, second, third = np.moveaxis(vertices - middle, 1, 0)
    return float(np.einsum("ti,ti->", first, np.cross(second, third)))
