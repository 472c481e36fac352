"""Drawn networks: what they promise whoever trains on them, and the geometry that is read out of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from field_fixtures import CALM, network
from raylocus.models.area.anchors import anchors_of
from raylocus.models.area.statistics import network_statistics
from raylocus.models.area.tokens import AreaTokens, ReadNetwork, area_tokens
from raylocus.network.field.heard import HeardNetwork, KnownCells
from raylocus.network.field.law import HARSH, USUAL
from raylocus.network.field.simulate import SimulatedNetwork, simulate_tracks
from raylocus.ragged import Rows


@pytest.mark.parametrize("seed", range(12))
def test_every_report_names_listed_cells_strongest_first(seed: int) -> None:
    drawn = network(seed, HARSH if seed % 2 else USUAL)
    heard = drawn.heard
    assert len(drawn.position) == len(heard) and (heard.rows.lengths > 0).all()
    assert heard.cell.min() >= 0 and heard.cell.max() < len(heard.cells.site)
    assert np.array_equal(np.unique(heard.cells.site), np.arange(heard.cells.site.max() + 1))
    inside = heard.rows.rank > 0
    assert (heard.level[np.flatnonzero(inside) - 1] >= heard.level[inside]).all()
    assert np.bincount(heard.report[heard.serving], minlength=len(heard)).max(initial=0) <= 1
    assert np.isfinite(heard.level).all() and np.isfinite(heard.cells.position).all()


def test_a_seed_is_a_network_and_another_is_another() -> None:
    one, again, other = network(3), network(3), network(4)
    assert np.array_equal(one.position, again.position) and np.array_equal(one.heard.level, again.heard.level)
    assert one.position.shape != other.position.shape or not np.array_equal(one.position, other.position)


def test_in_a_calm_network_who_is_nearer_is_stronger() -> None:
    falls = []
    for seed in range(6):
        drawn = network(seed, CALM)
        step = drawn.position[drawn.heard.report] - drawn.heard.cells.position[drawn.heard.cell]
        distance, level = np.log10(np.hypot(*step.T)), drawn.heard.level
        falls.append(np.corrcoef(distance, level)[0, 1])
    assert np.median(falls) < -0.6


def timed(seed: int, reports: int = 80) -> SimulatedNetwork:
    """UEs all over a network of nine sites, whose clocks nobody knows; levels and arrivals without errors."""
    rng = np.random.default_rng(seed)
    sites = 500.0 * np.stack(np.meshgrid(np.arange(3), np.arange(3)), axis=-1).reshape(-1, 2)
    sites += rng.normal(0, 60, sites.shape)
    ues = rng.uniform(0, 1000, (reports, 2))
    distance = np.hypot(*(ues[:, None] - sites).transpose(2, 0, 1))
    order = np.argsort(distance, axis=1, kind="stable")[:, :6]
    clock, of_token = rng.normal(0, 1e5, 9), np.take_along_axis(distance, order, 1).ravel()
    cells = KnownCells(sites, np.full(9, np.nan), np.zeros(9), np.zeros(9), np.arange(9))
    heard = HeardNetwork(
        cells, Rows.of(np.full(reports, 6)), order.ravel(), -20 - 35 * np.log10(of_token),
        np.zeros(6 * reports, bool), np.full(6 * reports, np.nan), of_token + clock[order.ravel()],
    )  # fmt: skip
    return SimulatedNetwork(heard, ues, np.arange(reports), np.zeros(reports))


def test_clocks_of_sites_are_found_without_any_position() -> None:
    drawn = timed(1)
    anchors = anchors_of(drawn.heard)
    error, plain = (np.hypot(*(each - drawn.position).T) for each in (anchors.timed, anchors.weighted))
    assert np.median(error) < 0.4 * np.median(plain)
    step = drawn.position[drawn.heard.report] - drawn.heard.cells.position[drawn.heard.cell]
    assert np.median(np.abs(anchors.range - np.hypot(*step.T))) < 60


def test_clocks_may_be_anything() -> None:
    heard = timed(2).heard
    rng = np.random.default_rng(0)
    moved = replace(
        heard, arrival=heard.arrival + 1e6 * rng.standard_normal(len(heard.cells.sites))[heard.token_site]
    )
    before, after = anchors_of(heard), anchors_of(moved)
    assert np.allclose(before.timed, after.timed, atol=1e-3, equal_nan=True)


def test_sites_are_named_by_the_reports_that_hear_them() -> None:
    heard = network(4, USUAL, 20).heard
    sites = np.tile(np.arange(len(heard.cells.sites)), (len(heard), 1))
    of_report = np.split(heard.token_site, heard.rows.offsets[1:-1])
    wanted = [np.isin(own, named) for own, named in zip(sites, of_report, strict=True)]
    assert (heard.names(sites) == np.stack(wanted)).all()


def test_a_wider_stream_says_more_of_its_cells() -> None:
    drawn = network(2, USUAL, 60)
    whole = network_statistics(drawn.heard, anchors_of(drawn.heard))
    single = drawn.heard.select(np.array([0]))
    one = network_statistics(single, anchors_of(single))
    assert np.isfinite(whole.network).all() and np.isfinite(one.network).all()
    assert whole.network.shape == one.network.shape
    assert np.abs(whole.cell_level).sum() > np.abs(one.cell_level).sum()


@pytest.mark.parametrize("drawn", [network(2, USUAL, 30), timed(3)], ids=["levels", "arrivals"])
def test_streams_that_are_read_together_are_read_as_each_alone(drawn: SimulatedNetwork) -> None:
    stream = np.repeat([0, 1, 2], [1, 9, len(drawn.heard) - 10])
    together = ReadNetwork.of(drawn.heard, stream).tokens(np.arange(len(stream)))
    each = [area_tokens(drawn.heard.select(np.flatnonzero(stream == own))) for own in range(3)]
    alone = AreaTokens.concatenate(each)
    for name in AreaTokens.__dataclass_fields__:
        np.testing.assert_allclose(getattr(together, name), getattr(alone, name), atol=1e-5, err_msg=name)


def test_near_reports_of_a_track_share_their_ground() -> None:
    def differences(drawn: SimulatedNetwork) -> float:
        """Mean difference of the levels of the first cell of each report and the next one."""
        heard, first = drawn.heard, drawn.heard.rows.starts
        same = (heard.cell[first[1:]] == heard.cell[first[:-1]]) & (np.diff(drawn.phone) == 0)
        near = np.hypot(*np.diff(drawn.position, axis=0).T) < 10.0
        return float(np.abs(np.diff(heard.level[first]))[same & near].mean())

    law = replace(USUAL, measurement=(0.1, 0.2), device=(11.0, 12.0), shadowing=(9.0, 10.0))
    tracks = [simulate_tracks(law, 12, 8, np.random.default_rng(seed)) for seed in range(4)]
    assert all(np.all(np.diff(each.time)[np.diff(each.phone) == 0] > 0) for each in tracks)
    assert np.mean([differences(each) for each in tracks]) < 3.0
