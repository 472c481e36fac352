"""An analytic place for tests: free space with sector patterns, two blocks of buildings."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import xarray as xr

from raylocus.datasets.configuration import DatasetConfiguration, SplitSize
from raylocus.datasets.splits import PlaceChoice
from raylocus.geo import GeoFrame, Grid
from raylocus.network.reports.features import FEATURES
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.radio_maps import RADIO_SCHEMA
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.provenance import Provenance
from raylocus.scenes.geometry_maps import GEOMETRY_SCHEMA, geometry_maps
from raylocus.scenes.place import Place, save_place
from raylocus.scenes.sites import Carrier, Cell, Deployment, Site
from raylocus.scenes.world import World, residual_field
from raylocus.units import SPEED_OF_LIGHT, energy_per_resource_element
from raylocus.xarray_store import save_dataset

TILE = Grid(256.0, 4.0)
BEAMS = 8


def deployment(sites: int = 3) -> Deployment:
    """Sites on a circle of 80 m, three sectors each."""
    angles = 2 * np.pi * np.arange(sites) / sites
    positions = [(80 * np.cos(angle), 80 * np.sin(angle), 25.0) for angle in angles]
    cells = [
        Cell(pci=10 * site + sector, site=site, azimuth=2 * np.pi * sector / 3 - np.pi / 3, downtilt=0.1)
        for site in range(sites)
        for sector in range(3)
    ]
    return Deployment(
        (Carrier(),),
        tuple(Site(f"site {i}", tuple(map(float, p))) for i, p in enumerate(positions)),
        tuple(cells),
    )


def ground() -> xr.Dataset:
    """G: two blocks of buildings, and terrain that rises to the east by 1 m in 100 m."""
    terrain = np.broadcast_to(TILE.x_coordinates / 100, TILE.shape)
    surface = terrain.copy()
    surface[10:25, 8:30] += 15
    surface[36:58, 34:50] += 22
    return geometry_maps(TILE, terrain, surface, np.zeros(TILE.shape, np.int64))


def free_space_maps(place: Deployment) -> xr.Dataset:
    """The layers that observation needs: Friis' formula with a 65° sector pattern and eight narrow beams."""
    offset = TILE.centres[None] - place.site_positions[:, None, :2]
    distance = np.hypot(np.hypot(offset[..., 0], offset[..., 1]), place.site_positions[:, None, 2] - 1.5)
    friis = 20 * np.log10(SPEED_OF_LIGHT / place.carrier.frequency / (4 * np.pi * distance))
    bearing = np.arctan2(offset[..., 1], offset[..., 0])[place.site_of_cell]
    off_boresight = np.angle(
        np.exp(1j * (bearing - np.array([cell.azimuth for cell in place.cells])[:, None]))
    )
    steering = np.deg2rad(np.linspace(-52.5, 52.5, BEAMS))
    sector = -np.minimum(12 * (off_boresight / np.deg2rad(65)) ** 2, 30)
    beam = -np.minimum(12 * ((off_boresight[:, None] - steering[:, None]) / np.deg2rad(25)) ** 2, 20)
    power = energy_per_resource_element(46.0, place.carrier.resource_blocks) - 30
    rsrp_beam = power + friis[place.site_of_cell][:, None] + sector[:, None] + beam
    shape = (-1, *TILE.shape)
    layers = {
        "rsrp_beam": (("cell", "beam", "y", "x"), rsrp_beam.reshape(len(place.cells), BEAMS, *TILE.shape)),
        "toa": (("site", "y", "x"), (distance / SPEED_OF_LIGHT).reshape(shape)),
        "line_of_sight": (("site", "y", "x"), np.ones((len(place.sites), *TILE.shape))),
    }
    coords = {"y": TILE.y_coordinates, "x": TILE.x_coordinates}
    return xr.Dataset(
        {name: (dims, values.astype(np.float32)) for name, (dims, values) in layers.items()},
        coords,
        {"ue_height": 1.5},
    )


def save_analytic_place(folder: Path, sites: int) -> None:
    """Writes a place whose atlas and radio stores only have what a dataset build hashes."""
    save_dataset(ground(), folder / "geometry.zarr", GEOMETRY_SCHEMA)
    save_dataset(xr.Dataset(attrs={"sites": sites}), folder / "atlas.zarr", "analytic")
    save_dataset(free_space_maps(deployment(sites)), folder / "radio.zarr", RADIO_SCHEMA)
    provenance = Provenance.collect({"sites": sites})
    save_place(Place(folder, folder.name, GeoFrame(), TILE, deployment(sites), provenance))


def analytic_world_maps(place: TracedPlace, world: World) -> xr.Dataset:
    """The maps of a world whose antennas' levels and residual are off: what the build's tests observe."""
    maps = free_space_maps(place.deployment)
    error = world.level_error_db[:, None, None] + residual_field(world, place.deployment, TILE)
    return maps.assign(rsrp_beam=maps["rsrp_beam"] + xr.DataArray(error, dims=("cell", "y", "x")))


def small_configuration(folder: Path) -> DatasetConfiguration:
    """Two train worlds and one validation world in one city, two test worlds in another."""
    return DatasetConfiguration(
        places=(PlaceChoice(folder / "north-0", "train"), PlaceChoice(folder / "south", "test")),
        seed=3,
        train=SplitSize(2, 6),
        validation=SplitSize(1, 4),
        test=SplitSize(2, 5),
    )


def random_reports(counts: list[list[int]], seed: int) -> Reports:
    """Reports of random content with this many tokens in each report of each sequence."""
    generator = np.random.default_rng(seed)
    reports, tokens = sum(map(len, counts)), sum(map(sum, counts))
    features = generator.normal(size=(tokens, len(FEATURES)))
    features[generator.random(features.shape) < 0.3] = np.nan
    return Reports(
        report_offsets=np.cumsum([0, *map(len, counts)]),
        token_offsets=np.cumsum([0, *(count for sequence in counts for count in sequence)]),
        time=generator.random(reports),
        position=generator.normal(size=(reports, 3)),
        line_of_sight=generator.integers(0, 2, reports).astype(float),
        pci=generator.integers(0, 9, tokens),
        technology=generator.integers(0, 4, tokens).astype(np.int8),
        channel=generator.integers(-1, 3, tokens),
        identity=generator.integers(-1, 3, tokens),
        serving=generator.random(tokens) < 0.5,
        beam=generator.integers(-1, 3, tokens),
        features=features,
        censored=generator.integers(-1, 2, features.shape).astype(np.int8),
    )


def same_reports(first: Reports, second: Reports) -> bool:
    """Whether two are equal in every column, missing values included."""
    return all(
        np.array_equal(
            getattr(first, field.name), getattr(second, field.name), equal_nan=field.name != "serving"
        )
        for field in dataclasses.fields(Reports)
        if isinstance(getattr(first, field.name), np.ndarray)
    ) and (first.feature_names, first.absent) == (second.feature_names, second.absent)
