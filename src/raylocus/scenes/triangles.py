"""The geometry of a scene as labelled triangles, and the Mitsuba files it is read from and written to."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.errors import PlaceError
from raylocus.ragged import Columns
from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.radio_properties import ITU_TYPE, ClassProperties, SceneMaterials
from raylocus.scenes.sites import Carrier

#: Corners of triangles closer than this are one [m].
VERTEX_TOLERANCE = 1e-3
#: Start of the names of materials whose εr and σ are not the ITU's.
SET = "set_"


def welded(vertices: Float[np.ndarray, "triangle 3 3"]) -> Int[np.ndarray, "triangle 3"]:
    """Number of each triangle's corners where corners nearer than `VERTEX_TOLERANCE` are one."""
    grid = np.round(vertices.reshape(-1, 3) / VERTEX_TOLERANCE).astype(np.int64)
    return np.unique(grid, axis=0, return_inverse=True)[1].reshape(-1, 3)


@dataclass(frozen=True)
class Triangles(Columns):
    """Every triangle of a scene, with its material and whether it is ground."""

    vertices: Float[np.ndarray, "triangle 3 3"]
    """Corners [m] in the local frame: [triangle, corner, xyz]."""
    material: Int[np.ndarray, " triangle"]
    """Index into `MATERIALS`."""
    ground: Bool[np.ndarray, " triangle"]
    """True for terrain, False for what stands on it."""
    building: Int[np.ndarray, " triangle"] | None = None
    """Lasting name of each triangle's building, 32 bits that hash its identifier, −1 for none; None: not known."""

    def crop(self, centre: tuple[float, float], size: float) -> Triangles:
        """The triangles that touch a square of the side `size` [m], moved so that its centre is the origin."""
        moved = self.vertices - np.array([*centre, 0.0])
        low, high = moved.min(axis=1), moved.max(axis=1)
        near = np.all((low[:, :2] <= size / 2) & (high[:, :2] >= -size / 2), axis=1)
        return dataclasses.replace(self, vertices=moved).select(near)


def read_mitsuba_scene(scene_file: Path, is_ground: Callable[[str], bool]) -> Triangles:
    """Reads the PLY shapes of a Mitsuba scene of radio materials.

    Args:
        scene_file: the scene's XML; shapes refer to materials of the type `itu-radio-material`, or to a
            `radio-material` whose id is `SET` and one of `MATERIALS`.
        is_ground: says by a shape's id whether it is terrain.

    Raises:
        PlaceError: a material is not one of `MATERIALS`, the XML or a mesh cannot be read, or there is no ground.
    """
    try:
        root = ElementTree.parse(scene_file).getroot()
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter of its encoding
        raise PlaceError(f"{scene_file} is no XML, or is damaged; build the place again") from error
    materials = {bsdf.get("id"): _itu_type(bsdf) for bsdf in root.iter("bsdf")}
    parts = []
    for shape in root.iter("shape"):
        name = shape.get("id") or ""
        itu_type = materials[_require(shape.find("ref")).get("id")]
        if itu_type not in MATERIALS:
            raise PlaceError(f"shape {name} has the material {itu_type!r}; use one of {', '.join(MATERIALS)}")
        path = scene_file.parent / str(_require(shape.find("string[@name='filename']")).get("value"))
        parts.append((_mesh_corners(path), MATERIALS.index(itu_type), is_ground(name)))
    if not any(ground for _, _, ground in parts):
        raise PlaceError(f"{scene_file} has no ground; raylocus needs a terrain mesh")
    return _joined(parts)


def _mesh_corners(path: Path) -> Float[np.ndarray, "triangle 3 3"]:
    # Imported where meshes are read: who only locates need not wait for it.
    from trimesh.exchange.ply import load_ply
    from trimesh.geometry import triangulate_quads

    # A `Trimesh` with all that it keeps would take five times as long, and a city has thousands of them.
    try:
        with path.open("rb") as file:
            mesh = load_ply(file)
        return np.asarray(mesh["vertices"], np.float64)[triangulate_quads(mesh["faces"])]
    except (ValueError, KeyError, IndexError) as error:
        raise PlaceError(
            f"{path} is no PLY file of triangles, or is damaged; build the place again"
        ) from error


def write_mitsuba_scene(
    triangles: Triangles,
    folder: Path,
    materials: SceneMaterials | None = None,
    frequency: float = Carrier.frequency,
) -> None:
    """Writes `scene.xml` and one PLY a material, ground apart; bytes are equal for equal input.

    Plain `sionna.rt.load_scene(folder / "scene.xml")` loads the result.

    Args:
        triangles: the scene.
        folder: where to.
        materials: what is set instead of the ITU's properties, if anything.
        frequency: the carrier that set properties hold for [Hz].
    """
    (folder / "meshes").mkdir(parents=True)
    root = ElementTree.Element("scene", version="2.1.0")
    materials = materials or SceneMaterials()
    properties = materials.at(frequency)
    for index in np.unique(triangles.material):
        name = MATERIALS[index]
        root.append(_material(_bsdf_id(name, materials), name, properties[index]))
    for name, chosen in mesh_names(triangles).items():
        _write_mesh(triangles.select(chosen), folder, name)
        shape = ElementTree.SubElement(root, "shape", type="ply", id=f"mesh-{name}")
        ElementTree.SubElement(shape, "string", name="filename", value=f"meshes/{name}.ply")
        ElementTree.SubElement(shape, "boolean", name="face_normals", value="true")
        ElementTree.SubElement(shape, "ref", id=_bsdf_id(name.split("-")[1], materials), name="bsdf")
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(folder / "scene.xml")


def mesh_names(triangles: Triangles) -> dict[str, Bool[np.ndarray, " triangle"]]:
    """The meshes that a scene is written to, by name, and which triangles each holds, in their order."""
    return {
        f"{'terrain' if ground else 'building'}-{MATERIALS[index]}": (triangles.ground == ground)
        & (triangles.material == index)
        for ground in (True, False)
        for index in np.unique(triangles.material[triangles.ground == ground])
    }


def read_place_scene(scene_file: Path) -> Triangles:
    """Reads a scene that `write_mitsuba_scene` wrote."""
    return read_mitsuba_scene(scene_file, lambda shape: shape.startswith("mesh-terrain-"))


def _write_mesh(triangles: Triangles, folder: Path, name: str) -> None:
    import trimesh
    from trimesh.exchange.ply import export_ply

    corners = triangles.vertices.reshape(-1, 3).astype(np.float32)
    vertices, corner = _distinct(corners)
    mesh = trimesh.Trimesh(vertices, corner.reshape(-1, 3), process=False)
    (folder / "meshes" / f"{name}.ply").write_bytes(export_ply(mesh, vertex_normal=False))


def _distinct(
    points: Float[np.ndarray, "point 3"],
) -> tuple[Float[np.ndarray, "vertex 3"], Int[np.ndarray, " point"]]:
    """The points without repetitions, by x, y and z, and the index of each among them."""
    # As `np.unique(axis=0)`, which sorts whole rows as records, six times more slowly.
    order = np.lexsort(points.T[::-1])
    ranked = points[order]
    first = np.ones(len(points), bool)
    first[1:] = np.any(ranked[1:] != ranked[:-1], axis=1)
    index = np.empty(len(points), np.int64)
    index[order] = np.cumsum(first) - 1
    return ranked[first], index


def _bsdf_id(name: str, materials: SceneMaterials) -> str:
    """Name of a class in the scene; sionna-rt keeps the ITU's names for materials with the ITU's properties."""
    return f"{SET}{name}" if getattr(materials, name).electrical else name


def _material(identifier: str, name: str, properties: ClassProperties) -> ElementTree.Element:
    """The ITU's material of a class, or one with the εr and σ that were set."""
    values = {"thickness": properties.thickness}
    if identifier.startswith(SET):
        bsdf = ElementTree.Element("bsdf", type="radio-material", id=identifier)
        values |= {"relative_permittivity": properties.permittivity, "conductivity": properties.conductivity}
    else:
        bsdf = ElementTree.Element("bsdf", type="itu-radio-material", id=identifier)
        ElementTree.SubElement(bsdf, "string", name="type", value=ITU_TYPE[name])
    for key, value in values.items():
        ElementTree.SubElement(bsdf, "float", name=key, value=f"{value:.9g}")
    return bsdf


def _itu_type(bsdf: ElementTree.Element) -> str:
    if bsdf.get("type") == "radio-material":
        return (bsdf.get("id") or "").removeprefix(SET)
    itu_type = _require(bsdf.find("string[@name='type']")).get("value") or ""
    return "ground" if itu_type.endswith("_ground") else itu_type


def _require(element: ElementTree.Element | None) -> ElementTree.Element:
    if element is None:
        raise PlaceError("the scene's XML lacks a file name, material reference or ITU type; export it again")
    return element


def _joined(parts: list[tuple[np.ndarray, int, bool]]) -> Triangles:
    counts = [len(corners) for corners, _, _ in parts]
    return Triangles(
        np.concatenate([corners for corners, _, _ in parts]),
        np.repeat([material for _, material, _ in parts], counts),
        np.repeat([ground for _, _, ground in parts], counts),
    )
