"""Levels that follow a stream: a drift is followed, poison is not, and everything can be taken back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration_fixtures import ALONE
from field_fixtures import CALM, deployment_of, network, reports_of
from raylocus.errors import InputError
from raylocus.geo import GeoFrame, Grid
from raylocus.inference import online_journal
from raylocus.inference.answering import NetworkAnswers
from raylocus.inference.area_locator import AreaLocator
from raylocus.inference.online import OnlineLocator
from raylocus.inference.online_expected import ExpectedOfMaps, offsets_of
from raylocus.inference.online_journal import OnlineJournal, load_journal, save_journal
from raylocus.inference.online_offsets import (
    MAP_LEVELS,
    SITE_CLOCKS,
    OffsetEntry,
    OffsetLaw,
    OffsetState,
)
from raylocus.inference.online_state import OnlineState, ReportEntry
from raylocus.inference.site_clocks import heard_arrivals, without_clocks
from raylocus.network.field.simulate import SimulatedNetwork
from raylocus.network.movement.mobility import sample_trajectories
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.provenance import Provenance
from raylocus.units import SPEED_OF_LIGHT
from stack_fixtures import ALWAYS, STACK, free_space_place, observe_stack

CELLS, DRIFTING = 6, 2


def stream(
    count: int, off: np.ndarray, rng: np.random.Generator, poisoned: float = 0.0, unit: float = 1.0
) -> list[OffsetEntry]:
    """Reports of three cells each, with the residuals of severity 0.5 in a unit; poisoned ones are of elsewhere."""
    found = []
    for _ in range(count):
        cell = np.sort(rng.permutation(CELLS)[:3])
        residual = off[cell] + 5.5 * unit * (
            np.sqrt(0.2) * rng.standard_t(4) + np.sqrt(0.8) * rng.standard_t(4, 3)
        )
        if rng.random() < poisoned:
            residual = off[cell] + unit * rng.uniform(-60, 60, 3)
        found.append(OffsetEntry(cell, residual, np.zeros(3)))
    return found


def learned(state: OffsetState, entries: list[OffsetEntry]) -> OffsetState:
    for entry in entries:
        state = state.learned(entry)
    return state


def own(state: OffsetState) -> np.ndarray:
    """What cells are off by, over the mean of all."""
    found = state.corrections(CELLS)
    return found - found.mean()


def offsets(journal: OnlineJournal) -> np.ndarray:
    return np.stack([kind.corrections(CELLS) for kind in (journal.state.levels, journal.state.clocks)])


@pytest.mark.parametrize("poisoned", [0.0, 0.2])
@pytest.mark.parametrize(("law", "unit"), [(MAP_LEVELS, 1.0), (SITE_CLOCKS, 2.0)], ids=["levels", "clocks"])
def test_a_drift_of_one_is_followed_and_poison_is_not(law: OffsetLaw, unit: float, poisoned: float) -> None:
    before, after, true = np.zeros(CELLS), np.zeros(CELLS), np.zeros(CELLS)
    true[DRIFTING] = 6.0 * unit
    for seed in range(2):
        rng = np.random.default_rng(seed)
        shared = np.full(CELLS, -10.0)
        first = learned(OffsetState.start(law), stream(120, shared, rng, poisoned, unit))
        before += own(first) / 2
        after += own(learned(first, stream(240, shared + true, rng, poisoned, unit))) / 2
        assert first.noise / unit == pytest.approx(7.5, abs=3.5)
    before, after = before / unit, after / unit
    assert np.abs(before).max() < 2.0
    assert (after - before)[DRIFTING] == pytest.approx(5.0, abs=2.0)  # the mean of all moves by 1
    assert np.abs(np.delete(after - before, DRIFTING) + 1.0).max() < 2.5


def test_nothing_moves_a_level_beyond_its_bounds_and_what_is_not_heard_is_forgotten() -> None:
    rng = np.random.default_rng(0)
    wild = [
        replace(each, residual=np.where(each.index == DRIFTING, 90.0, 0.0))
        for each in stream(150, np.zeros(CELLS), rng)
    ]
    state = learned(OffsetState.start(MAP_LEVELS), wild)
    assert np.ptp(state.corrections(CELLS)) <= 2 * 15.0
    others = np.array([each for each in range(CELLS) if each != DRIFTING])
    quiet = OffsetEntry(others, np.zeros(CELLS - 1), np.zeros(CELLS - 1))
    index = int(np.flatnonzero(state.known == DRIFTING)[0]) + 2
    later = learned(state, [quiet] * 400)
    assert abs(later.mean[index]) < 0.5 * abs(state.mean[index])
    assert later.covariance[index, index] == pytest.approx(25.0, rel=0.5)


def test_what_was_learned_is_taken_back_exactly_and_kept_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(online_journal, "KEPT", 50)
    rng = np.random.default_rng(1)
    kinds = (stream(70, rng.normal(0, 5, CELLS), rng) for _ in range(2))
    where = rng.uniform(-2000, 2000, (70, 2))
    entries = [ReportEntry(*each) for each in zip(*kinds, where, strict=True)]
    journal = OnlineJournal.start("here", MAP_LEVELS)
    for entry in entries[:60]:
        journal = journal.learned(entry)
    more = journal
    for entry in entries[60:]:
        more = more.learned(entry)
    back = more.without_last(10)
    assert np.allclose(offsets(back), offsets(journal), atol=1e-9)
    assert not np.allclose(offsets(more), offsets(journal), atol=1e-3)
    with pytest.raises(InputError, match="holds 50"):
        more.without_last(51)
    file = tmp_path / "state.npz"
    save_journal(more, file)
    again = load_journal(file)
    assert again.network == "here"
    for kind in ("levels", "clocks"):
        held, known = (getattr(each.state, kind) for each in (again, more))
        assert np.allclose(held.covariance, known.covariance) and held.law == known.law
        assert np.allclose(getattr(again.without_last(50).state, kind).mean, getattr(more.base, kind).mean)
    whole = file.read_bytes()
    for content in (b"", whole[:200], b"\x00" * 50):
        file.write_bytes(content)
        with pytest.raises(InputError, match="name a new file"):
            load_journal(file)


@pytest.mark.parametrize(("kept", "sign"), [("rstd", 1.0), ("ul_rtoa", -1.0)])
def test_the_clock_of_a_site_is_learned_from_times_of_known_position_and_taken_out(
    kept: str, sign: float
) -> None:
    place, off = free_space_place(3), np.array([0.0, 24.0, 0.0])
    timed = {name: float(name == kept) for name in ("rstd", "ul_rtoa", "ue_rx_tx", "gnb_rx_tx")}
    network = replace(STACK, availability=ALWAYS | timed)
    walked = sample_trajectories(place.geometry_maps, 60, ALONE, np.random.default_rng(1))
    reports, expected = observe_stack(place, place.radio_maps, walked, network), ExpectedOfMaps(place)
    late = without_clocks(reports, place.deployment, -off)
    index = reports.feature_names.index(kept)
    later = (late.features - reports.features)[:, index] * SPEED_OF_LIGHT * sign
    assert np.nanmax(later) == pytest.approx(24.0, abs=0.1)

    def learned_of(some: Reports) -> OnlineState:
        state = OnlineState.start(MAP_LEVELS)
        for number in range(len(some)):
            one = some.select(np.array([number]))
            offsets = offsets_of(one, expected, one.position[:1, :2], np.ones(1))
            state = state.learned(ReportEntry(*offsets, one.position[0, :2]))
        return state

    before, after = map(learned_of, (reports, late))
    drift = after.clocks.corrections(3) - before.clocks.corrections(3)
    assert drift[1] - drift[[0, 2]].mean() == pytest.approx(24.0, abs=5.0)
    # What was learned is taken out: what is left of the drift is what the sites have in common.
    back = after.corrected(late, place.deployment).features[:, index]
    left = (back - before.corrected(reports, place.deployment).features[:, index]) * SPEED_OF_LIGHT
    assert np.nanmax(left) - np.nanmin(left) < 8.0
    one = sample_trajectories(place.geometry_maps, 1, ALONE, np.random.default_rng(1))
    both = observe_stack(place, place.radio_maps, one, replace(STACK, availability=ALWAYS))
    assert not len(heard_arrivals(both, place.deployment)[0])


def located_in(drawn: SimulatedNetwork, folder: Path) -> OnlineLocator:
    nowhere = Provenance.collect({}, 0)
    deployment = deployment_of(drawn.heard)
    ground = TracedPlace(folder, "town", GeoFrame(59.9, 10.7), Grid(8000.0, 10.0), deployment, nowhere)
    return OnlineLocator(NetworkAnswers(ground, AreaLocator.pretrained()))


def test_positions_that_contradict_their_reports_are_passed_over(tmp_path: Path) -> None:
    drawn = network(11, CALM, 40)
    reports, locator = reports_of(drawn), located_in(drawn, tmp_path)
    start = locator.journal(tmp_path / "none.npz")
    poisoned = np.arange(len(reports)) % 5 == 0
    reports.position[poisoned, :2] += 15000.0
    found = locator.answers(reports, start)
    assert found.learned.contradicting >= poisoned.sum()
    assert found.learned.tags >= 0.8 * (~poisoned).sum()
    assert len(found.answers.fixes) == len(reports) and "passed over" in found.note
    hidden = replace(reports, position=np.full_like(reports.position, np.nan))
    blind = locator.answers(hidden, start)
    assert blind.learned.tags == 0
    assert blind.learned.own == sum(each.trusted for each in blind.answers.fixes)
    assert np.isnan(found.journal.recent.position).all() and len(found.journal.recent) == len(reports)
    save_journal(found.journal, tmp_path / "state.npz")
    again = locator.journal(tmp_path / "state.npz")
    assert np.array_equal(again.recent.features, found.journal.recent.features, equal_nan=True)
    assert len(again.without_last(1).recent) == 0
    save_journal(replace(found.journal, network="elsewhere"), tmp_path / "other.npz")
    with pytest.raises(InputError, match="other sites"):
        locator.journal(tmp_path / "other.npz")


def test_a_phone_that_comes_alone_is_located_by_the_clocks_of_recent_reports(tmp_path: Path) -> None:
    drawn = next(
        n for n in (network(seed, CALM, 26) for seed in range(40)) if np.isfinite(n.heard.arrival).all()
    )
    reports, locator = reports_of(drawn), located_in(drawn, tmp_path)
    one, others = reports.select(np.arange(1)), reports.select(np.arange(1, 26))
    nothing = locator.journal(tmp_path / "none.npz")
    alone, among = (
        locator.answers(one, journal).answers.fixes[0].position
        for journal in (nothing, nothing.answered(others))
    )
    together = locator.answering.answers(reports).fixes[0].position
    assert np.allclose(among, together, atol=0.01)
    assert np.hypot(*(among - alone)) > 1.0
