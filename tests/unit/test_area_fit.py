"""Calibration of an area without maps: known levels, slopes, moved sites and clocks are found."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from calibration_fixtures import observed, turned_world
from raylocus.calibration.area_fit import AreaFit, fit_area
from raylocus.calibration.calibrated_place import CALIBRATION_FILE
from raylocus.calibration.level_units import unit_notes
from raylocus.calibration.site_timing import fit_site_timing
from raylocus.calibration.tagged_tokens import listed_energy
from raylocus.cli.main import main
from raylocus.errors import InputError
from raylocus.geo import Extent, GeoFrame
from raylocus.network.field.heard import FRAME
from raylocus.network.reports.features import CRITICAL
from raylocus.network.reports.report_files import save_reports
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import token_cells
from raylocus.provenance import Provenance
from raylocus.scenes.area import Area, open_area, save_area
from raylocus.scenes.sites import Carrier, Cell, Deployment, Site
from raylocus.units import SPEED_OF_LIGHT
from stack_fixtures import free_space_place

#: Listed sites on a ring and in its middle, each known to 60 m.
ANGLE = np.arange(5) * 2 * np.pi / 5
LISTED = np.vstack([600 * np.column_stack([np.cos(ANGLE), np.sin(ANGLE)]), [[0.0, 0.0]]])
AREA = Deployment(
    (Carrier(),),
    tuple(Site(f"site-{index}", (*xy, 25.0), 60.0) for index, xy in enumerate(LISTED.tolist())),
    tuple(Cell(pci, pci, 0.0, 0.0) for pci in range(6)),
)
#: What is true of it: levels, steps of sites [m], clocks [s].
LEVEL = np.array([6.0, -5.0, 0.0, 9.0, -8.0, -2.0])
STEP = np.array([[70.0, -30.0], [-50.0, 40.0], [0.0, 80.0], [20.0, 20.0], [-60.0, -60.0], [30.0, -10.0]])
CLOCK = np.array([1e-3, 9.9e-3, 5e-3, 2e-6, 7e-3, 3e-3])
SLOPE, NOISE_DB, NOISE_M = 3.3, 4.0, 20.0


def tagged(count: int, timed: bool, seed: int = 0) -> Reports:
    """Reports of all cells at known positions."""
    generator = np.random.default_rng(seed)
    xy = generator.uniform(-800, 800, (count, 2))
    apart = np.hypot(np.linalg.norm(xy[:, None] - LISTED - STEP, axis=-1), 10.0)
    level = listed_energy(AREA) - 30 + LEVEL - 10 * SLOPE * np.log10(apart)
    level += NOISE_DB * generator.standard_normal(level.shape)
    arrival = apart + NOISE_M * generator.standard_normal(level.shape)
    arrival = (arrival / SPEED_OF_LIGHT + CLOCK) % FRAME
    names = (*CRITICAL, "time_of_arrival")
    features, tokens = np.full((count * 6, len(names)), np.nan), count * 6
    features[:, names.index("rsrp")] = level.ravel()
    if timed:
        features[:, -1] = arrival.ravel()
    return Reports(
        report_offsets=np.arange(count + 1),
        token_offsets=np.arange(count + 1) * 6,
        time=np.zeros(count),
        position=np.column_stack([xy, np.full(count, 1.5)]),
        line_of_sight=np.full(count, np.nan),
        pci=np.tile(np.arange(6), count),
        technology=np.zeros(tokens, int),
        channel=np.full(tokens, -1),
        identity=np.full(tokens, -1),
        serving=np.tile(np.arange(6) == 0, count),
        beam=np.full(tokens, -1),
        features=features,
        censored=np.zeros(features.shape, int),
        feature_names=names,
    )


def moved(found: AreaFit) -> np.ndarray:
    return found.moved.value.reshape(2, -1).T


@pytest.mark.parametrize("timed", [False, True])
def test_levels_sites_and_clocks_are_found(timed: bool) -> None:
    found = fit_area(tagged(300, timed), AREA)
    level = found.cell.value - found.cell.value.mean()
    assert np.all(np.abs(level - LEVEL + LEVEL.mean()) < 2.0)
    assert abs(found.slope.value[0] - SLOPE) < 0.15
    off = np.linalg.norm(moved(found) - STEP, axis=1)
    assert np.median(off) < (10.0 if timed else 30.0) < np.median(np.linalg.norm(STEP, axis=1))
    scaled = (moved(found) - STEP) / found.moved.deviation.reshape(2, -1).T
    assert (np.abs(scaled) < 1.645).mean() > 0.7
    assert (found.clock is not None) == timed
    if found.clock is not None:
        wrong = (found.clock.value / SPEED_OF_LIGHT - CLOCK + FRAME / 2) % FRAME - FRAME / 2
        assert np.all(np.abs(wrong) * SPEED_OF_LIGHT < 20.0)


def test_moved_sites_and_clocks_of_a_traced_place_are_found_and_far_ones_are_as_unsure_as_stated() -> None:
    place = free_space_place(3)
    sites = tuple(dataclasses.replace(each, deviation=15.0) for each in place.deployment.sites)
    listed = dataclasses.replace(place, deployment=dataclasses.replace(place.deployment, sites=sites))
    listed.__dict__.update(geometry_maps=place.geometry_maps, radio_maps=place.radio_maps)
    reports = observed(place, turned_world(place, 3), 150, 5)
    site, step = place.deployment.site_of_cell[token_cells(reports, place.deployment)], STEP[[0, 1, 4], :] / 6
    true = place.deployment.site_positions + np.column_stack([step, np.zeros(3)])
    length = np.linalg.norm(reports.position[reports.report_of_token] - true[site], axis=1)
    length += 4.0 * np.random.default_rng(1).standard_t(4, len(length))
    arrival = np.where(
        (reports.beam < 0) & (site < 2), (length / SPEED_OF_LIGHT + CLOCK[site]) % FRAME, np.nan
    )
    assert fit_site_timing(reports, listed) is None
    timed = dataclasses.replace(
        reports, features=np.column_stack([reports.features, arrival]),
        censored=np.column_stack([reports.censored, np.zeros(len(site), np.int8)]),
        feature_names=(*reports.feature_names, "time_of_arrival"),
    )  # fmt: skip
    found = fit_site_timing(timed, listed)
    assert found is not None and found.scale == pytest.approx(4.0, abs=1.5)
    off, unsure = (each.reshape(2, -1).T for each in (found.moved.value, found.moved.deviation))
    assert np.linalg.norm(off - step, axis=1)[:2].max() < 4.0 < np.linalg.norm(step, axis=1).min()
    assert np.abs((off - step) / unsure)[:2].max() < 3.0 and unsure[2] == pytest.approx(15.0)
    wrong = (found.clock.value / SPEED_OF_LIGHT - CLOCK[:3] + FRAME / 2) % FRAME - FRAME / 2
    assert np.abs(wrong[:2]).max() * SPEED_OF_LIGHT < 4.0


def test_what_is_surveyed_stays_and_what_is_not_heard_keeps_its_prior() -> None:
    surveyed = dataclasses.replace(
        AREA, sites=tuple(dataclasses.replace(site, deviation=0.0) for site in AREA.sites)
    )
    few = tagged(40, False).select_tokens(np.tile(np.arange(6) != 2, 40))
    found = fit_area(few, surveyed)
    assert np.abs(moved(found)).max() < 0.01
    assert found.levels[2] == 0 and found.cell.deviation[2] > 8.5 and abs(found.cell.value[2]) < 1e-6


def test_sites_that_nobody_heard_change_nothing() -> None:
    far = [
        (Site(f"far-{row}", (9e4, 50.0 * row, 25.0), 60.0), Cell(100 + row, 6 + row, 0.0, 0.0))
        for row in range(50)
    ]
    sites, cells = zip(*far, strict=True)
    wide = dataclasses.replace(AREA, sites=AREA.sites + sites, cells=AREA.cells + cells)
    one, other = fit_area(tagged(40, True), AREA), fit_area(tagged(40, True), wide)
    np.testing.assert_allclose(other.cell.value[:6], one.cell.value, atol=1e-8)
    np.testing.assert_allclose(moved(other)[:6], moved(one), atol=1e-6)
    assert (other.cell.deviation[6:] == 9.0).all() and (
        other.moved.deviation.reshape(2, -1)[:, 6:] == 60.0
    ).all()


def test_too_few_reports_are_refused() -> None:
    with pytest.raises(InputError, match="too few to calibrate an area by"):
        fit_area(tagged(3, False), AREA)


@pytest.mark.parametrize(
    ("off", "named"), [(30.0, "(+30 dB)"), (-30.0, "dBW where dBm"), (60.0, "no usual unit")]
)
def test_a_wrong_unit_is_named(off: float, named: str) -> None:
    # Levels as the formula has them, with the usual gain of an antenna, but for what is put on.
    reports = tagged(60, False)
    right = fit_area(reports, AREA).over_formula
    features = reports.features.copy()
    features[:, 0] += off - right
    found = fit_area(dataclasses.replace(reports, features=features), AREA)
    assert found.over_formula == pytest.approx(off, abs=1e-6)
    (note,) = unit_notes(found.over_formula, 1.0, AREA.carriers[0])
    assert f"off by {off:+.1f} dB" in note and named in note and not unit_notes(19.0, 1.0, AREA.carriers[0])


def test_a_fit_is_an_area(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    provenance = Provenance.collect({}, 0)
    area = Area(
        tmp_path / "listed", "listed", GeoFrame(), Extent(-900.0, -900.0, 900.0, 900.0), AREA, provenance
    )
    area.folder.mkdir()
    save_area(area, area.folder)
    save_reports(tagged(60, True), tmp_path / "reports.zarr", provenance)
    words = [str(tmp_path / "reports.zarr"), "--place", str(area.folder)]
    assert main(["calibrate", "check", *words]) == 0
    said = capsys.readouterr().out
    assert "exponent of distance" in said and "all levels are off" not in said
    assert main(["calibrate", "fit", *words, "--out", str(tmp_path / "fitted")]) == 0
    fitted = open_area(tmp_path / "fitted").deployment
    record = json.loads((tmp_path / "fitted" / CALIBRATION_FILE).read_text())
    assert fitted.cells[3].power_dbm - 46 == pytest.approx(
        record["cells"][3]["level_db"]["estimate"], abs=1e-3
    )
    assert 0 < fitted.sites[0].deviation < 60 and record["sites"][0]["clock_s"]["deviation"] > 0
    assert main(["calibrate", "fit", *words, "--out", str(area.folder)]) == 2
    assert "another folder" in capsys.readouterr().err
