"""Makes the files that docs/tutorial.md starts from: a map, a list of sites, and the log of a drive test.

The town is generated and the measurements are simulated, so the files carry no licence but this project's, and the true
positions are known:

    python examples/my_city/make_files.py              # town.osm and sites.csv
    python examples/my_city/make_files.py places/town  # log.csv, of the place that the tutorial builds from them
"""

from __future__ import annotations

import csv
import sys
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas

import raylocus
from raylocus.geo import GeoFrame
from raylocus.network.channel.world_channel import WorldChannel
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.movement.mobility import MobilityConfiguration, sample_trajectories
from raylocus.network.observe import observe
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.world_maps import world_radio_maps
from raylocus.scenes.towns.generate import generate_town
from raylocus.scenes.vector_map import Building
from raylocus.scenes.world import WorldLaw, sample_world

FOLDER = Path(__file__).parent
#: Where the town is said to lie: in the open sea, so that nobody takes it for a real one.
FRAME = GeoFrame(54.6, 7.0)
#: Side of the town [m].
SIDE = 260.0
#: x, y and height of the sites' antennas [m].
SITES = ((-70.0, 60.0, 24.0), (75.0, 40.0, 26.0), (5.0, -85.0, 25.0))
#: Sequences of reports in the log.
PHONES = 6


class Osm:
    """The XML of an .osm file, as it grows."""

    def __init__(self, half: float) -> None:
        self.root = ElementTree.Element("osm", version="0.6", generator="raylocus, a generated town")
        (south, north), (west, east) = FRAME.to_wgs84(np.array([[-half, -half], [half, half]]))
        box = {"minlat": south, "minlon": west, "maxlat": north, "maxlon": east}
        ElementTree.SubElement(self.root, "bounds", {name: f"{value:.7f}" for name, value in box.items()})
        self.ways: list[ElementTree.Element] = []

    def way(self, points: np.ndarray, tags: dict[str, str]) -> None:
        """Adds a way through points [m]; one that ends where it begins is an area."""
        way = ElementTree.Element("way", id=str(len(self.ways) + 1), version="1")
        closed = bool(np.array_equal(points[0], points[-1]))
        numbers = []
        for latitude, longitude in zip(*FRAME.to_wgs84(points[: len(points) - closed]), strict=True):
            numbers.append(str(sum(1 for each in self.root if each.tag == "node") + 1))
            node = {"id": numbers[-1], "version": "1", "lat": f"{latitude:.7f}", "lon": f"{longitude:.7f}"}
            ElementTree.SubElement(self.root, "node", node)
        for number in numbers + numbers[:1] * closed:
            ElementTree.SubElement(way, "nd", ref=number)
        for key, value in tags.items():
            ElementTree.SubElement(way, "tag", k=key, v=value)
        self.ways.append(way)

    def write(self, path: Path) -> None:
        """Writes nodes, then ways."""
        self.root.extend(self.ways)
        ElementTree.indent(self.root, "")
        ElementTree.ElementTree(self.root).write(path, encoding="utf-8")


def building_tags(building: Building) -> dict[str, str]:
    """Tags of a building: of most the height, as in a well-mapped city."""
    tags = {"building": "apartments"}
    if building.height_source == "height":
        tags["height"] = f"{building.height:.1f}"
    elif building.height_source == "levels":
        tags["building:levels"] = str(max(1, round(building.height / 3)))
    return tags


def write_map() -> None:
    """Writes town.osm and sites.csv."""
    town = generate_town("perimeter-blocks", 3, SIDE)
    osm = Osm(SIDE / 2)
    for building in town.buildings:
        osm.way(np.array(building.footprint.exterior.coords)[:, :2], building_tags(building))
    for road in town.roads:
        osm.way(np.array(road.line.coords)[:, :2], {"highway": road.road_class})
    osm.write(FOLDER / "town.osm")
    with (FOLDER / "sites.csv").open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        names = (
            "CellName",
            "Latitude",
            "Longitude",
            "Height(m)",
            "Azimuth",
            "Tilt",
            "PCI",
            "NR-ARFCN",
            "Power(dBm)",
        )
        rows.writerow(names)
        for number, (x, y, height) in enumerate(SITES):
            latitude, longitude = FRAME.to_wgs84(np.array([x, y]))
            for sector in range(3):
                place = (f"{latitude:.6f}", f"{longitude:.6f}", height, 120 * sector + 30, 6)
                rows.writerow([f"T{number + 1}-{sector + 1}", *place, 100 + 3 * number + sector, 636666, 46])


def write_log(folder: Path) -> None:
    """Writes log.csv: what phones in a radio world of severity 0.5 report, with the positions of their GPS."""
    place = raylocus.open_place(folder)
    generator = np.random.default_rng(5)
    world = sample_world(place.deployment, WorldLaw(severity=0.5), generator)
    mobility = MobilityConfiguration(fewest_reports=6, most_reports=10)
    ways = sample_trajectories(place.geometry_maps, PHONES, mobility, generator)
    channel = WorldChannel(place, world_radio_maps(place, world), world)
    reports = observe(channel, ways, NetworkConfiguration().at_severity(0.5), seed=6)
    reports_to_log(reports, place.frame).to_csv(FOLDER / "log.csv", index=False)


def reports_to_log(reports: Reports, frame: GeoFrame) -> pandas.DataFrame:
    """One line a cell of a scan, as apps for drive tests write it."""
    report = np.repeat(np.arange(len(reports.time)), np.diff(reports.token_offsets))
    phone = np.repeat(np.arange(len(reports)), np.diff(reports.report_offsets))[report]
    latitude, longitude = frame.to_wgs84(reports.position[:, :2])
    start = datetime(2026, 11, 28, 12, tzinfo=UTC)
    values = {name: reports.features[:, index] for index, name in enumerate(reports.feature_names)}
    log = pandas.DataFrame({
        "device": [f"phone-{number + 1}" for number in phone],
        "scan": report + 1,
        "time": [(start + timedelta(minutes=10.0 * int(p), seconds=float(t))).isoformat(timespec="milliseconds")
                 for p, t in zip(phone, reports.time[report], strict=True)],
        "latitude": latitude[report].round(6),
        "longitude": longitude[report].round(6),
        "pci": reports.pci,
        "serving": reports.serving,
        "ss_rsrp": values["rsrp"],
        "ss_rsrq": values["rsrq"],
        "ta": values["timing_advance"],
    })  # fmt: skip
    return log[reports.beam < 0]


if __name__ == "__main__":
    write_log(Path(sys.argv[1])) if sys.argv[1:] else write_map()
