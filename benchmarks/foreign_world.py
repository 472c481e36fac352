"""Networks that another simulator makes: walls, paths, antennas, trees, shadows and lists that raylocus has no law of.

`foreign_networks.py` says what is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from raylocus.network.movement.trajectories import Trajectories
from raylocus.propagation.atlas.channel_response import PointPaths
from raylocus.propagation.oracles.reference import ReferenceSettings, reference_paths
from raylocus.ragged import Rows
from raylocus.scenes.build import build_place
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.scenes.place import Place, load_place
from raylocus.scenes.radio_properties import MaterialProperties, SceneMaterials
from raylocus.scenes.world import gaussian_fields
from raylocus.units import from_decibel, to_decibel

PATHS = ReferenceSettings(depth=3, samples=200_000, diffraction=True, receivers=40)
#: Walls of the world.
WALLS = SceneMaterials(concrete=MaterialProperties(7.0, 0.25), brick=MaterialProperties(5.2, 0.1))
#: Of the carrier [Hz].
FREQUENCY = 3.5e9
#: Power of a resource element [dBm], gain of an antenna [dBi], its vertical beam width [degrees].
POWER, GAIN, VERTICAL = 12.0, 15.0, 10.0
#: Weakest level that is reported [dBm], before all levels are off; loss of a metre of trees, most of a path's [dB].
WEAKEST, TREES, MOST_TREES = -120.0, 0.3, 20.0


@dataclass(frozen=True)
class Network:
    """How one network differs from what is listed of it."""

    azimuth: Float[np.ndarray, " cell"]
    """Added to each listed azimuth [rad]."""
    floor: Float[np.ndarray, " cell"]
    """How far patterns fall at most [dB]."""
    width: Float[np.ndarray, " cell"]
    """Half-power beam width [degrees]."""
    level: Float[np.ndarray, " cell"]
    """Added to each level [dB]."""
    shadow: Float[np.ndarray, "cell y x"]
    """Shadowing [dB]."""

    @classmethod
    def drawn(cls, world: Place, generator: np.random.Generator) -> Network:
        """One of a world."""
        cells, sites = len(world.deployment.cells), len(world.deployment.sites)
        side = generator.choice([-1.0, 1.0], cells)
        distance, deviation = generator.uniform(25, 60), generator.uniform(6, 9)
        fields = gaussian_fields(1 + sites + cells, world.tile, distance, generator)
        common, of_site, own = np.split(fields, [1, 1 + sites])
        return cls(
            side * np.deg2rad(generator.uniform(10, 30, cells)),
            generator.uniform(8, 15, cells),
            generator.uniform(65, 100, cells),
            generator.uniform(-20, 30) + generator.normal(0, 4, cells),
            deviation * (common + of_site[world.deployment.site_of_cell] + own) / np.sqrt(3),
        )


def world_of(source: Path, folder: Path, seed: int) -> Place:
    """The extract as it is: its middle, a network that is drawn, and walls of other materials."""
    if not folder.exists():
        scene = SceneConfiguration(resolution=4.0, seed=seed + 1, margin=200.0, materials=WALLS)
        build_place(str(source), folder, scene)
    return load_place(folder)


def trees_loss(world: Place, site: np.ndarray, points: np.ndarray) -> Float[np.ndarray, " point"]:
    """What trees on the straight way to each point take [dB]."""
    if "vegetation" not in world.geometry_maps:
        return np.zeros(len(points))
    canopy = np.nan_to_num(world.geometry_maps["vegetation"].values).ravel()
    share = (np.arange(64) + 0.5) / 64
    way = site + share[:, None, None] * (points - site)
    inside = world.tile.contains(way[..., :2].reshape(-1, 2)).reshape(way.shape[:2])
    index = world.tile.index(np.where(inside[..., None], way[..., :2], 0.0).reshape(-1, 2))
    under = inside & (canopy[index].reshape(inside.shape) > way[..., 2])
    return np.minimum(TREES * under.mean(axis=0) * np.linalg.norm(points - site, axis=1), MOST_TREES)


def antenna_gain(
    direction: np.ndarray, azimuth: float, tilt: float, width: float, floor: float
) -> np.ndarray:
    """Of a smeared pattern towards unit vectors, linear."""
    turned = (np.arctan2(direction[:, 1], direction[:, 0]) - azimuth + np.pi) % (2 * np.pi) - np.pi
    below = np.rad2deg(-np.arcsin(np.clip(direction[:, 2], -1, 1)) - tilt)
    loss = 12 * (np.rad2deg(turned) / width) ** 2 + 12 * (below / VERTICAL) ** 2
    return from_decibel(GAIN - np.minimum(loss, floor))


@dataclass(frozen=True)
class SiteLinks:
    """All ways from one site to the points."""

    site: Float[np.ndarray, "3"]
    points: Float[np.ndarray, "point 3"]
    paths: PointPaths
    trees: Float[np.ndarray, " point"]
    """Loss [dB]."""

    @classmethod
    def of(cls, world: Place, site: np.ndarray, points: np.ndarray) -> SiteLinks:
        """Those of a world."""
        paths = reference_paths(world.scene_file, FREQUENCY, site, points, PATHS)
        return cls(site, points, paths, trees_loss(world, site, points))

    def at(self, chosen: slice) -> SiteLinks:
        """To some of the points."""
        paths = self.paths
        kept = (paths.point >= chosen.start) & (paths.point < chosen.stop)
        names = ("length", "departure", "arrival", "field", "line_of_sight")
        columns = {name: getattr(paths, name)[kept] for name in names}
        some = PointPaths(
            paths.point[kept] - chosen.start, chosen.stop - chosen.start, paths.wavelength, **columns
        )
        return SiteLinks(self.site, self.points[chosen], some, self.trees[chosen])

    def levels(self, azimuth: float, tilt: float, width: float, floor: float) -> Float[np.ndarray, " point"]:
        """Path gain of an antenna [dB]: PathSolver's paths and a way over the roofs (TR 36.942 §4.5.2)."""
        way = self.points - self.site
        distance = np.linalg.norm(way, axis=1)
        over_roofs = from_decibel(
            -(128.1 + 37.6 * np.log10(distance / 1000) + 21 * np.log10(FREQUENCY / 2e9))
        )
        power = over_roofs * antenna_gain(way / distance[:, None], azimuth, tilt, width, floor)
        paths = self.paths
        np.add.at(power, paths.point, paths.gain * antenna_gain(paths.departure, azimuth, tilt, width, floor))
        return np.asarray(to_decibel(power) - self.trees)


def reported(
    world: Place,
    links: list[SiteLinks],
    network: Network,
    walked: Trajectories,
    generator: np.random.Generator,
) -> list[dict[str, object]]:
    """A row for each of the strongest cells of each report."""
    cells = world.deployment.cells
    level = np.array([
        links[cell.site].levels(cell.azimuth + turn, cell.downtilt, width, floor)
        for cell, turn, width, floor in zip(cells, network.azimuth, network.width, network.floor, strict=True)
    ])  # fmt: skip
    at = world.tile.index(walked.position)
    level += POWER + network.shadow.reshape(len(cells), -1)[:, at] + generator.normal(0, 2, level.shape)
    heard = level + (network.level - network.level.mean())[:, None] > WEAKEST
    shown = np.clip(np.round(level + network.level[:, None]), -156, -31)
    latitude, longitude = world.frame.to_wgs84(walked.position[:, :2])
    phone = Rows(walked.report_offsets).row
    most = generator.integers(1, 4, len(walked))[phone]
    rows: list[dict[str, object]] = []
    for report in range(len(phone)):
        ranked = [cell for cell in np.argsort(-level[:, report] - network.level) if heard[cell, report]]
        for rank, cell in enumerate(ranked[: most[report]]):
            rows.append({
                "time": round(1e9 + 1000.0 * phone[report] + walked.time[report], 3), "phone": f"phone {phone[report]}",
                "pci": cells[cell].pci, "rsrp": shown[cell, report], "serving": str(rank == 0).lower(),
                "latitude": latitude[report], "longitude": longitude[report],
            })  # fmt: skip
    return rows
