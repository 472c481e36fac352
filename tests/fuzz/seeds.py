"""Small whole inputs, one for every reader, made from nothing but the tests' own fixtures."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas
import numpy as np
import osmium
import torch
from shapely import box as rectangle

from map_fixtures import FRAME, village
from model_fixtures import synthetic_reports
from network_fixtures import deployment, ground
from raylocus.datasets.exchange.scenario import TransmitterPaths, write_paths
from raylocus.models.checkpoint import PosteriorCalibration, TrainedNetwork, save_network
from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.location_network import LocationNetwork
from raylocus.network.reports.parquet import save_parquet
from raylocus.network.reports.report_files import save_reports
from raylocus.network.reports.reports import Reports
from raylocus.propagation.atlas.atlas_store import save_atlas
from raylocus.provenance import Provenance
from stack_fixtures import line_of_sight_atlas
from training_fixtures import save_synthetic_dataset, save_synthetic_place, small_place

PROVENANCE = Provenance.collect({"seed": "fuzz"}, 0)


def osm_xml(folder: Path) -> Path:
    """A village of four buildings."""
    path = village(folder / "village.osm", 128.0)
    text = path.read_text()
    path.write_text(text.replace("><", ">\n<"))
    return path


def osm_pbf(folder: Path) -> Path:
    """The village, not compressed, so that changes of bytes reach what it says."""
    path = folder / "village.osm.pbf"
    writer = osmium.SimpleWriter(osmium.io.File(str(path), "pbf,pbf_compression=none"))
    for item in osmium.FileProcessor(str(osm_xml(folder))):
        writer.add(item)
    writer.close()
    return path


def overpass_json(folder: Path) -> Path:
    """Two buildings and a road as Overpass answers them."""
    buildings = _footprints()
    elements: list[dict[str, object]] = []
    for number, footprint in enumerate(buildings.geometry):
        corners = list(footprint.exterior.coords)[:-1]
        nodes = [10 * number + corner + 100 for corner in range(len(corners))]
        elements += [
            {"type": "node", "id": node, "lat": y, "lon": x}
            for node, (x, y) in zip(nodes, corners, strict=True)
        ]
        tags = {"building": "yes", "height": "12"}
        elements.append({"type": "way", "id": number + 1, "nodes": [*nodes, nodes[0]], "tags": tags})
    path = folder / "answer.json"
    path.write_text(json.dumps({"version": 0.6, "generator": "Overpass API", "elements": elements}))
    return path


def geojson(folder: Path) -> Path:
    """Two buildings with heights."""
    path = folder / "buildings.geojson"
    _footprints().to_file(path, driver="GeoJSON")
    return path


def shapefile(folder: Path) -> Path:
    """The same as the files of a shapefile, in a folder."""
    path = folder / "shapes"
    path.mkdir()
    _footprints().to_file(path / "buildings.shp")
    return path


def geoparquet(folder: Path) -> Path:
    """The same as a table."""
    path = folder / "buildings.parquet"
    _footprints().to_parquet(path)
    return path


def _footprints() -> geopandas.GeoDataFrame:
    corners = np.array([[-60, -60, -30, -40], [20, 10, 50, 40], [-30, 40, 0, 60]], float)
    shapes = [
        rectangle(*FRAME.to_wgs84(np.array([x0, y0]))[::-1], *FRAME.to_wgs84(np.array([x1, y1]))[::-1])
        for x0, y0, x1, y1 in corners
    ]
    columns = {"building": ["yes", "house", "office"], "height": [9.0, 12.5, 21.0]}
    return geopandas.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326")


def sites_csv(folder: Path) -> Path:
    """Two sites of three cells each."""
    lines = ["site,latitude,longitude,height,azimuth,tilt,power,pci,arfcn"]
    for site, xy in enumerate(((-55.0, -50.0), (30.0, 20.0))):
        latitude, longitude = FRAME.to_wgs84(np.array(xy))
        lines += [
            f"S{site},{float(latitude):.7f},{float(longitude):.7f},30,{120 * sector},6,43,{3 * site + sector},636666"
            for sector in range(3)
        ]
    path = folder / "sites.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def reports() -> Reports:
    """Reports of three phones in the traced place."""
    return synthetic_reports(small_place(1), 3, 5)


def reports_table(folder: Path) -> Path:
    """As Parquet."""
    path = folder / "reports.parquet"
    save_parquet(reports(), path)
    return path


def reports_store(folder: Path) -> Path:
    """As zarr."""
    path = folder / "reports.zarr"
    save_reports(reports(), path, PROVENANCE)
    return path


def scenario(folder: Path) -> Path:
    """A DeepMIMO scenario of one transmitter, six receivers and three paths."""
    path = folder / "scenario"
    path.mkdir()
    generator = np.random.default_rng(1)
    shape = (6, 3)
    angles = {
        name: generator.uniform(0, 180, shape) for name in ("aoa_az", "aoa_el", "aod_az", "aod_el", "phase")
    }
    paths = TransmitterPaths(
        tx_pos=np.array([[0.0, 0.0, 20.0]]),
        rx_pos=np.column_stack([generator.uniform(-50, 50, (6, 2)), np.full(6, 1.5)]),
        power=np.sort(generator.uniform(-120, -70, shape))[:, ::-1],
        delay=np.sort(generator.uniform(1e-7, 1e-6, shape)),
        inter=np.tile([0.0, 1.0, 2.0], (6, 1)),
        inter_pos=generator.uniform(-50, 50, (*shape, 1, 3)),
        **angles,
    )
    write_paths(paths, path, 0)
    point = {"name": "x", "id_orig": 0, "num_ant": 1, "dual_pol": False, "ant_rel_positions": [[0, 0, 0]]}
    sets = {
        "txrx_set_0": {
            **point,
            "id": 0,
            "is_tx": True,
            "is_rx": False,
            "num_points": 1,
            "num_active_points": 1,
        },
        "txrx_set_1": {
            **point,
            "id": 1,
            "is_tx": False,
            "is_rx": True,
            "num_points": 6,
            "num_active_points": 6,
        },
    }
    parameters = {
        "version": "4.0.5", "name": "fuzz", "rt_params": {"frequency": 3.5e9}, "txrx_sets": sets,
        "scene": {"num_scenes": 1}, "materials": {},
    }  # fmt: skip
    (path / "params.json").write_text(json.dumps(parameters))
    return path


def place(folder: Path) -> Path:
    """A traced place of 128 m with analytic maps."""
    save_synthetic_place(small_place(1), folder / "place")
    return folder / "place"


def atlas(folder: Path) -> Path:
    """Lines of sight from one site."""
    path = folder / "atlas.zarr"
    save_atlas(line_of_sight_atlas(deployment(1), ground(), 1.5), path, PROVENANCE)
    return path


def dataset(folder: Path) -> Path:
    """Reports of two places."""
    return save_synthetic_dataset(folder)


def checkpoint(folder: Path) -> Path:
    """A network that has learned nothing."""
    torch.manual_seed(0)
    network = LocationNetwork(LocationNetworkConfiguration(token_width=16, map_width=4, fusion_width=8))
    path = folder / "locator.ckpt"
    save_network(TrainedNetwork(network, PosteriorCalibration(), PROVENANCE), path)
    return path
