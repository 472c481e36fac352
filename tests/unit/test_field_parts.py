"""Parts of networks that are drawn by formula: closed forms of levels and timing, and who is heard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raylocus.network.field.draws import happens, log_uniform, uniform
from raylocus.network.field.hearing import LISTS, hear
from raylocus.network.field.law import HARSH, STRESS, USUAL, FieldLaw, training_law
from raylocus.network.field.layout import SECTORS, Layout, draw_layout, draw_ues
from raylocus.network.field.levels import draw_levels
from raylocus.network.field.timing import ADVANCE_STEPS, advances, arrivals, path_lengths
from raylocus.network.field.ues import DRIVE, Ues, draw_tracks, ground_fields

#: Nothing but distance and pattern: no shadowing, no line of sight, no device, nobody indoors.
BARE = replace(
    USUAL, near_exponent=(3.0, 3.0), further_exponent=(0.0, 0.0), shadowing=(0.0, 0.0), device=(0.0, 0.0),
    line_of_sight_gain=(0.0, 0.0), indoor_loss=(0.0, 0.0), beamwidth=(65.0, 65.0), floor=(25.0, 25.0),
    measurement=(0.0, 0.0), cell_detection=(0.0, 0.0), dropout=(0.0, 0.0), detour=(40.0, 40.0),
)  # fmt: skip
SEEDS = range(20)


def layout(omnidirectional: bool = True) -> Layout:
    """A mast of three sectors at the origin and one 800 m to the east, 30 m high, the first looking east."""
    sites = np.array([[0.0, 0.0], [800.0, 0.0]])
    site = np.repeat([0, 1], 3)
    azimuth = np.tile(np.deg2rad([0.0, 120.0, -120.0]), 2)
    return Layout(sites, 800.0, 1000.0, np.full(2, 30.0), site, azimuth, np.full(6, omnidirectional))


def ring(count: int = 24, radius: float = 200.0) -> Ues:
    """UEs all around the first mast."""
    angle = 2 * np.pi * np.arange(count) / count
    return Ues.apart(radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1))


def levels_of(law: FieldLaw, ues: Ues, seed: int, omnidirectional: bool = True) -> np.ndarray:
    """Levels without the canyons that some networks have."""
    return draw_levels(law, layout(omnidirectional), ues, np.zeros(6), np.random.default_rng(seed))[0]


def without_canyon(law: FieldLaw, ues: Ues, omnidirectional: bool = True) -> np.ndarray:
    """Levels of the first seed whose network has no street grid: all around its first mast they are one.

    Which has one is decided by the seed and the number of UEs, whatever the law.
    """
    around = ring(len(ues))
    plain = next(seed for seed in SEEDS if np.ptp(levels_of(BARE, around, seed)[:, 0]) < 1e-9)
    return levels_of(law, ues, plain, omnidirectional)


@given(low=st.floats(0.01, 100), factor=st.floats(1, 1000), seed=st.integers(0, 99))
def test_draws_lie_between_their_bounds(low: float, factor: float, seed: int) -> None:
    bounds = (low, low * factor)
    for draw in (uniform, log_uniform):
        number = draw(np.random.default_rng(seed), bounds)
        assert bounds[0] * (1 - 1e-12) <= number <= bounds[1] * (1 + 1e-12)


def test_draws_have_their_laws() -> None:
    generator = np.random.default_rng(0)
    drawn = np.log10([log_uniform(generator, (1.0, 100.0)) for _ in range(4000)])
    assert drawn.mean() == pytest.approx(1.0, abs=0.03) and drawn.std() == pytest.approx(
        2 / 12**0.5, rel=0.05
    )
    assert np.mean([happens(generator, 0.3) for _ in range(4000)]) == pytest.approx(0.3, abs=0.03)
    harsh = np.mean([training_law(generator) is HARSH for _ in range(2000)])
    assert harsh == pytest.approx(0.25, abs=0.04)


def test_levels_fall_by_the_slope_and_by_more_beyond_the_breakpoint() -> None:
    distances = np.array([100.0, 200.0, 400.0, 1600.0])
    east = Ues.apart(np.stack([np.zeros(4), distances], axis=-1))
    slant = np.hypot(distances, 30.0)
    plain = without_canyon(BARE, east)
    np.testing.assert_allclose(np.diff(plain[:, 0]), -30 * np.diff(np.log10(slant)), atol=1e-9)
    bent = replace(BARE, further_exponent=(1.5, 1.5), breakpoint=(300.0, 300.0))
    extra = (without_canyon(bent, east) - without_canyon(BARE, east))[:, 0]
    np.testing.assert_allclose(extra, -15 * np.log10(np.maximum(slant / 300, 1)), atol=1e-9)


def test_a_sector_has_the_pattern_of_38_901() -> None:
    ues, floor = ring(72), 25.0
    gain = without_canyon(BARE, ues, omnidirectional=False) - without_canyon(BARE, ues)
    bearing = np.arctan2(*ues.position.T[::-1])
    off = np.rad2deg(np.angle(np.exp(1j * (bearing[:, None] - layout().azimuth[:3]))))
    np.testing.assert_allclose(gain[:, :3], -np.minimum(12 * (off / 65) ** 2, floor), atol=1e-9)


def test_a_line_of_sight_is_a_gain_and_rare_far_away() -> None:
    law = replace(BARE, line_of_sight=(100.0, 100.0), line_of_sight_gain=(20.0, 20.0))
    near, far = ring(4000, 50.0), ring(4000, 400.0)
    seen = [draw_levels(law, layout(), ues, np.zeros(6), np.random.default_rng(1))[1] for ues in (near, far)]
    assert [each[:, 0].mean() for each in seen] == pytest.approx([np.exp(-0.5), np.exp(-4)], abs=0.03)
    levels, sighted = draw_levels(law, layout(), near, np.zeros(6), np.random.default_rng(1))
    blind = draw_levels(BARE, layout(), near, np.zeros(6), np.random.default_rng(1))[0]
    raised = levels[:, 0] - blind[:, 0]
    assert np.ptp(raised[sighted[:, 0]]) < 1e-9
    assert raised[sighted[:, 0]].mean() - raised[~sighted[:, 0]].mean() == pytest.approx(20.0, abs=1.0)


def test_devices_and_houses_move_all_levels_of_a_report_together() -> None:
    law = replace(BARE, device=(9.0, 9.0))
    moved = without_canyon(law, ring(2000)) - without_canyon(BARE, ring(2000))
    np.testing.assert_allclose(moved, np.broadcast_to(moved[:, :1], moved.shape), atol=1e-9)
    assert moved[:, 0].std() == pytest.approx(9.0, rel=0.06)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_drawn_layout_keeps_the_bounds_of_its_law(seed: int) -> None:
    law = (USUAL, HARSH, STRESS)[seed % 3]
    drawn = draw_layout(law, np.random.default_rng(seed))
    cells = np.bincount(drawn.site, minlength=len(drawn.sites))
    assert law.spacing[0] <= drawn.spacing <= law.spacing[1] and len(drawn.sites) <= round(law.sites[1])
    assert cells.min() >= 1 and cells.max() <= 2 * SECTORS.max()
    assert (np.diff(drawn.site) >= 0).all() and len(drawn.azimuth) == cells.sum() and (drawn.height > 0).all()
    alone = np.isin(cells, [1, 2])[drawn.site]
    assert (alone | ~drawn.omnidirectional).all()


def test_sectors_of_a_mast_look_evenly_around() -> None:
    spread = []
    for seed in range(60):
        drawn = draw_layout(USUAL, np.random.default_rng(seed))
        of_three = np.flatnonzero(np.bincount(drawn.site) == 3)
        resultants = [abs(np.exp(1j * drawn.azimuth[drawn.site == one]).mean()) for one in of_three]
        spread += [np.median(resultants)] if resultants else []
    assert len(spread) > 10 and np.median(spread) < 0.25


@pytest.mark.parametrize("seed", SEEDS)
def test_ues_are_where_the_network_is(seed: int) -> None:
    generator = np.random.default_rng(seed)
    drawn = draw_layout(USUAL, generator)
    ues = draw_ues(drawn, 200, generator)
    assert ues.shape == (200, 2)
    reach = np.hypot(*drawn.sites.T).max() + 1.1 * drawn.extent + 4 * drawn.spacing
    assert np.hypot(*ues.T).max() < reach


@pytest.mark.parametrize("seed", range(6))
def test_phones_are_no_faster_than_cars_and_some_stand_still(seed: int) -> None:
    generator = np.random.default_rng(seed)
    drawn = draw_layout(USUAL, generator)
    tracks = draw_tracks(drawn, 60, 10, generator)
    legs = np.hypot(*np.diff(tracks.position.reshape(60, 10, 2), axis=1).transpose(2, 0, 1))
    elapsed = np.diff(tracks.time.reshape(60, 10), axis=1)
    assert (elapsed > 0).all() and (legs / elapsed).max() <= 2 * DRIVE[1] + 1e-9
    assert 0.1 < (legs == 0).all(axis=1).mean() < 0.5
    assert (tracks.phone == np.repeat(np.arange(60), 10)).all()


def test_fields_over_the_ground_have_unit_variance_and_forget_over_their_length() -> None:
    line = np.stack([np.arange(0.0, 400.0, 10.0), np.zeros(40)], axis=-1)
    fields = ground_fields(line, 3000, 40.0, np.random.default_rng(0))
    assert fields.std() == pytest.approx(1.0, abs=0.03) and abs(fields.mean()) < 0.02
    correlation = (fields[0] * fields).mean(axis=1)
    # Plane waves with normal wave vectors: a Gaussian of the distance.
    np.testing.assert_allclose(correlation, np.exp(-0.5 * (line[:, 0] / 40) ** 2), atol=0.07)


def test_a_detected_path_is_never_shorter_than_the_straight_one() -> None:
    ues = ring(3000)
    sighted = np.zeros((3000, 2), bool)
    sighted[:, 1] = True
    lengths = path_lengths(BARE, layout(), ues, sighted, np.random.default_rng(0))
    straight = np.hypot(np.hypot(*(ues.position[:, None] - layout().sites).transpose(2, 0, 1)), 30.0)
    np.testing.assert_allclose(lengths[:, 1], straight[:, 1])
    assert (lengths[:, 0] >= straight[:, 0]).all()
    assert (lengths - straight)[:, 0].mean() == pytest.approx(40.0, rel=0.1)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_advance_is_a_whole_number_of_steps_of_the_serving_cell_alone(seed: int) -> None:
    lengths, serving = np.random.default_rng(seed).uniform(0, 3000, (50, 2)), np.arange(50) % 6
    found = advances(lengths, serving, layout().site, np.random.default_rng(seed))
    own = found[np.arange(50), serving]
    assert np.isfinite(found).sum() == 50 and (own >= 0).all()
    steps = [np.abs(own / step - np.round(own / step)).max() < 1e-9 for step in ADVANCE_STEPS]
    assert any(steps)
    assert np.abs(own - lengths[np.arange(50), layout().site[serving]]).max() < 5 * ADVANCE_STEPS[0]


def test_arrivals_of_one_site_share_its_clock() -> None:
    law = replace(BARE, arrival_noise=(1.0, 1.0), clock=(5000.0, 5000.0))
    lengths = np.random.default_rng(0).uniform(0, 1000, (400, 2))
    found = arrivals(law, lengths, layout().site, np.random.default_rng(1)) - lengths[:, layout().site]
    clocks = np.median(found, axis=0)
    assert np.ptp(clocks[:3]) < 1 and np.ptp(clocks[3:]) < 1 and abs(clocks[0] - clocks[3]) > 100
    # All but those that are far off lie within the noise.
    assert (np.abs(found - clocks) < 10).mean() > 0.85


@pytest.mark.parametrize("seed", SEEDS)
def test_only_what_sends_is_heard_and_the_serving_cell_is_among_it(seed: int) -> None:
    generator = np.random.default_rng(seed)
    ues, sends = ring(40), np.array([True] * 4 + [False] * 2)
    levels = draw_levels(USUAL, layout(), ues, np.zeros(6), generator)[0]
    hearing = hear(USUAL, layout(), ues, levels, sends, generator)
    assert not hearing.reported[:, ~sends].any()
    assert hearing.reported.sum(axis=1).max() <= LISTS.max()
    assert hearing.level.min() >= -150 and hearing.level.max() <= -30
    assert (hearing.level == np.round(hearing.level)).all()
    marked = np.flatnonzero((hearing.serving >= 0) & hearing.reported.any(axis=1))
    assert hearing.reported[marked, hearing.serving[marked]].all()


def test_as_many_cells_are_heard_as_the_law_wants() -> None:
    counts = []
    for seed in range(60):
        generator = np.random.default_rng(seed)
        law = replace(BARE, heard=(1.5, 1.5), detection=(-110.0, -110.0), shadowing=(6.0, 6.0))
        levels = draw_levels(law, layout(), ring(300), np.zeros(6), generator)[0]
        counts.append(
            hear(law, layout(), ring(300), levels, np.ones(6, bool), generator).reported.sum(1).mean()
        )
    assert 0.7 < np.mean(counts) < 1.7
