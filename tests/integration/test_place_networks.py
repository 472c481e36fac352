"""Generated towns and imported sites become places that can be traced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from map_fixtures import FRAME, village
from raylocus.cli.main import main
from raylocus.errors import InputError
from raylocus.propagation.maps.traced_place import open_place
from raylocus.propagation.scene_validation import validate_place
from raylocus.scenes.build import build_place, place_provenance
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.scenes.deployment import LAYOUTS
from raylocus.scenes.place import load_place
from raylocus.scenes.site_files import SiteFile

TOWN = SceneConfiguration(tile_size=128.0, resolution=2.0, deployment=LAYOUTS["micro"])


def site_file(path: Path, azimuth: int = 90) -> Path:
    latitude, longitude = FRAME.to_wgs84(np.array([200.0, 200.0]))
    cell = f"mast,{float(latitude):.7f},{float(longitude):.7f},30,{azimuth},6,7,633334"
    path.write_text(f"Name,Lat,Lon,Height,Richtung,Tilt,PCI,ARFCN\n{cell}\n")
    return path


@pytest.mark.parametrize("style", ["european-core", "hill-town", "waterfront"])
def test_rays_and_rasters_of_a_generated_town_agree(
    tmp_path: Path, generator: np.random.Generator, style: str
) -> None:
    place = build_place(f"procedural:{style}", tmp_path / style, TOWN)
    assert place.geometry_maps["footprint"].values.mean() > 0.05
    findings = validate_place(open_place(place.folder), generator, points=300)
    assert all(finding.sound for finding in findings), [finding.line for finding in findings]


def test_a_file_of_sites_is_the_places_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, sites = village(tmp_path / "village.osm"), site_file(tmp_path / "sites.csv")
    options = ["--sites", str(sites), "--site-columns", "azimuth=Richtung", "--scene.resolution", "4.0"]
    assert main(["scene", "build", str(source), "--out", str(tmp_path / "place"), *options]) == 0
    assert "cells without power, taken as 46 dBm: 1" in capsys.readouterr().out
    (cell,) = load_place(tmp_path / "place").deployment.cells
    assert (cell.pci, cell.azimuth) == (7, pytest.approx(0.0, abs=1e-9))


def test_another_file_of_sites_is_another_place(tmp_path: Path) -> None:
    source, sites = village(tmp_path / "village.osm"), site_file(tmp_path / "sites.csv")
    configuration = SceneConfiguration(sites=SiteFile(sites))
    first = place_provenance(str(source), configuration).digest
    site_file(sites, azimuth=91)
    assert place_provenance(str(source), configuration).digest != first


def test_a_town_has_no_coordinates_to_put_real_sites_at(tmp_path: Path) -> None:
    configuration = SceneConfiguration(tile_size=128.0, sites=SiteFile(site_file(tmp_path / "sites.csv")))
    with pytest.raises(InputError, match="georeferenced"):
        build_place("procedural:village", tmp_path / "village", configuration)
    assert not (tmp_path / "village").exists()


def test_an_unknown_style_or_layout_ends_with_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "town")]
    assert main(["scene", "build", "procedural:atlantis", *out]) == 2
    assert "hill-town" in capsys.readouterr().err
    assert main(["scene", "build", "procedural:village", "--layout", "femto", *out]) == 2
    assert main(["scene", "build", "procedural:village", "--seed", "-1", *out]) == 2
