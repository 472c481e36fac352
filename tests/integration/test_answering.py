"""Who answers where: by what is traced, and by what a checkpoint is for."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from area_fixtures import build_town
from raylocus.errors import InputError, PlaceError
from raylocus.inference.answering import Locators, MapAnswers, NetworkAnswers, answering_by, on_maps
from raylocus.inference.area_locator import AreaLocator
from raylocus.inference.area_windows import WindowLocator
from raylocus.scenes.area import extent_of
from raylocus.scenes.area_of_sites import build_area_of_sites
from raylocus.scenes.configuration import AreaConfiguration, SceneConfiguration
from raylocus.scenes.site_files import SiteFile

MAPS = Path(str(resources.files("raylocus.inference") / "weights" / "pretrained.ckpt"))
AREA = Path(str(resources.files("raylocus.models.area") / "area.ckpt"))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("areas") / "town"
    build_town(folder)
    return folder


def test_maps_answer_where_all_is_traced(town: Path, tmp_path: Path) -> None:
    area = Path(shutil.copytree(town, tmp_path / "town"))
    tiles = sorted((area / "tiles").iterdir())
    ships = Locators.of(None)
    assert isinstance(ships.answering(tiles[0]), NetworkAnswers)
    for tile in tiles[1:]:
        (tile / "radio.zarr").mkdir()  # whether it is whole is asked when it is read
    assert isinstance(ships.answering(tiles[1]), MapAnswers)
    alone = ships.answering(area)
    assert isinstance(alone, NetworkAnswers) and isinstance(alone.method, AreaLocator)
    assert alone.method.mapped == extent_of(alone.network)
    (tiles[0] / "radio.zarr").mkdir()
    through = ships.answering(area)
    assert isinstance(through, NetworkAnswers) and isinstance(through.method, WindowLocator)
    by_sites = Locators.of(AREA)
    assert isinstance(by_sites.answering(area).method, AreaLocator)
    assert isinstance(by_sites.answering(tiles[0]), NetworkAnswers)
    assert isinstance(answering_by(area, MAPS), NetworkAnswers)


def test_nobody_has_asked_about_the_ground_around_listed_sites(tmp_path: Path) -> None:
    (tmp_path / "sites.csv").write_text("site,latitude,longitude,pci,earfcn\na,52.5,13.4,1,6300\n")
    scene = SceneConfiguration(sites=SiteFile(tmp_path / "sites.csv"))
    build_area_of_sites("sites", tmp_path / "area", scene, AreaConfiguration())
    answering = Locators.of(None).answering(tmp_path / "area")
    assert isinstance(answering.method, AreaLocator) and answering.method.mapped is None


def test_a_checkpoint_for_maps_is_refused_where_there_are_none(town: Path) -> None:
    for folder in (town, town / "tiles" / "0-0"):
        with pytest.raises(PlaceError, match="leave out --model"):
            answering_by(folder, MAPS)
        # Of several places that are served, those without maps are located without.
        assert isinstance(Locators.of(MAPS).answering(folder), NetworkAnswers)


def test_a_network_has_no_levels(town: Path) -> None:
    answering = answering_by(town, AREA)
    assert isinstance(answering, NetworkAnswers)
    assert np.isnan(answering.levels_at(np.zeros(2))).all()
    with pytest.raises(InputError, match="--refine needs the maps of one traced place"):
        on_maps(answering, "--refine")
