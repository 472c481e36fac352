"""Parts of the service alone: questions, the choice of an area, regions, the queue, keys, rates, the board."""

from __future__ import annotations

import asyncio
import gc
import math
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from raylocus.errors import InputError, PlaceError
from raylocus.geo import GeoFrame, Grid
from raylocus.inference.fix import TRUSTED_RADIUS, Fix, quantile_of_mass
from raylocus.models.posterior import posterior_of
from raylocus.scenes.place import load_place, save_place
from raylocus.service.answers import Answer, Refusal, Why
from raylocus.service.batching import Batcher, OverloadedError
from raylocus.service.choices import accident_probability
from raylocus.service.configuration import ServiceConfiguration
from raylocus.service.http.admission import MOST_CLIENTS, ApiKeys, RateLimit, client_of
from raylocus.service.http.desk import Board
from raylocus.service.questions import (
    MeasuredBeam,
    MeasuredCell,
    MeasuredReport,
    Question,
    Submitted,
    asked_reports,
    question_of,
)
from raylocus.service.regions import arc_about, ellipse_at, likely_cells, mass_within, peaks_of
from raylocus.units import timing_advance_step
from service_fixtures import CHANNEL, levels_at, served

HEARD = MeasuredCell("NR", float(CHANNEL), 10.0, serving=True, rsrp=-80.0)


def two_peaks() -> Fix:
    """Three quarters of the mass about (40, 20), elongated; a quarter about (−60, −60)."""
    grid = Grid(256.0, 2.0)
    x, y = grid.centres.T
    near = 0.75 / (10 * 4) * np.exp(-0.5 * (((x - 40) / 10) ** 2 + ((y - 20) / 4) ** 2))
    far = 0.25 / (5 * 5) * np.exp(-0.5 * (((x + 60) / 5) ** 2 + ((y + 60) / 5) ** 2))
    mass = near + far
    posterior = posterior_of(grid, (mass / mass.sum()).reshape(1, *grid.shape))
    return Fix(posterior.mean[0], posterior.covariance[0], posterior.density[0], grid, GeoFrame(50.0, 8.0))


def test_a_fix_is_never_surer_than_one_ground_cell() -> None:
    grid = Grid(16.0, 4.0)
    heatmap = np.zeros(grid.shape)
    heatmap[1, 2] = 1
    middle = np.array([grid.x_coordinates[2], grid.y_coordinates[1]])
    fix = Fix(middle, np.zeros((2, 2)), heatmap, grid, GeoFrame(50.0, 8.0))
    # The circle about all of the cell.
    assert fix.radius(0.5) == fix.radius(0.95) == pytest.approx(math.hypot(2, 2))


@pytest.mark.parametrize("near", [0.1, 0.25, 0.29, 0.5, 1.0])
def test_a_fix_is_trusted_where_its_radius_is_small_and_the_map_fits(near: float) -> None:
    grid = Grid(512.0, 4.0)
    middle, mass = np.array([3.0, -7.0]), np.ones(grid.shape, np.float32)
    fix = Fix(middle, np.eye(2), mass, grid, GeoFrame(50.0, 8.0), near=near)
    assert fix.trusted == (fix.radius(near) <= TRUSTED_RADIUS) == (near < 0.27)
    assert not replace(fix, fit=0.01).trusted
    # Of ground cells wider than that none is near enough.
    coarse = Grid(512.0, 256.0)
    assert not replace(fix, position=coarse.centres[0], heatmap=np.eye(2), grid=coarse, near=0.1).trusted


@pytest.mark.parametrize("confidence", [0.5, 0.68, 0.9, 0.95, 0.99])
def test_regions_hold_what_they_say(confidence: float) -> None:
    fix = two_peaks()
    assert mass_within(fix, fix.position, fix.radius(confidence)) == pytest.approx(confidence, abs=0.02)
    ellipse = ellipse_at(fix, confidence)
    along = np.array([np.cos(ellipse.azimuth), np.sin(ellipse.azimuth)])
    offset = fix.grid.centres - fix.position
    across = offset @ np.array([-along[1], along[0]])
    inside = ((offset @ along) / ellipse.major) ** 2 + (across / ellipse.minor) ** 2 <= 1
    assert fix.heatmap.ravel()[inside].sum() == pytest.approx(confidence, abs=0.02)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.95, 1.0])
def test_a_quantile_is_that_of_everything_sorted(share: float) -> None:
    generator = np.random.default_rng(3)
    for values in (generator.normal(size=3000), generator.integers(0, 4, 3000).astype(float), np.ones(5)):
        mass = generator.uniform(size=len(values)) ** 8
        order = np.argsort(values)
        held = np.cumsum(mass[order])
        wanted = values[order[min(int(np.searchsorted(held, share * held[-1])), len(order) - 1)]]
        assert quantile_of_mass(values, mass, share) == wanted


def test_an_arc_holds_no_less_than_it_says() -> None:
    fix, site = two_peaks(), (-100.0, 60.0)
    arc = arc_about(fix, site, 0.9)
    offset = fix.grid.centres - np.array(site)
    distance = np.hypot(*offset.T)
    compass = np.rad2deg(np.arctan2(offset[:, 0], offset[:, 1])) % 360
    inside = (distance >= arc.inner) & (distance <= arc.inner + arc.width)
    inside &= (compass - arc.start) % 360 <= arc.opening
    assert 0.9 <= fix.heatmap.ravel()[inside].sum() <= 1


def test_peaks_and_likely_cells_sum_up() -> None:
    fix = two_peaks()
    first, second, *rest = peaks_of(fix, 4)
    assert first.mean == pytest.approx([40, 20], abs=2) and second.mean == pytest.approx([-60, -60], abs=2)
    assert first.weight + second.weight + sum(peak.weight for peak in rest) == pytest.approx(1)
    assert first.weight == pytest.approx(0.75, abs=0.05)
    _, mass = likely_cells(fix, 0.5, 10_000)
    assert 0.5 <= mass.sum() < 0.52 and np.all(np.diff(mass) <= 0)
    assert len(likely_cells(fix, 0.99, 7)[1]) == 7


def test_a_question_keeps_what_belongs_together() -> None:
    other = replace(HEARD, pci=11.0, rsrp=-90.0, serving=False)
    question = question_of(
        [
            MeasuredReport(100.0, (HEARD, other, replace(other, rsrp=-70.0), replace(HEARD, rsrp=math.nan))),
            MeasuredReport(95.0, (other,)),
            MeasuredReport(0.0, (other,)),
            MeasuredReport(101.0, (MeasuredCell("NR"),)),
        ]
    )
    assert [report.time for report in question.reports] == [95.0, 100.0]
    assert [(cell.pci, cell.rsrp, cell.serving) for cell in question.last.cells] == [
        (10.0, -80.0, True),
        (11.0, -70.0, False),
    ]
    assert question_of([]).last.cells == ()


def test_questions_become_reports_with_beams_and_steps_of_the_carrier() -> None:
    advance = 5 * timing_advance_step(1)
    cell = replace(
        HEARD, rsrq=-50.0, timing_advance=advance, beams=(MeasuredBeam(2, -82.0), MeasuredBeam(5, -300.0))
    )
    foreign = MeasuredCell("UMTS", math.nan, 10.0, rsrp=-70.0, timing_advance=advance)
    asked = asked_reports([question_of([MeasuredReport(3.0, (cell, foreign))])])
    reports = asked.with_advances(np.ones(4, int))
    assert reports.pci.tolist() == [10, 10, 10, -1] and reports.beam.tolist() == [-1, 2, 5, -1]
    assert reports.serving.tolist() == [True, True, True, False]
    rsrp, rsrq, _, beam, steps = reports.features.T
    assert rsrp[0] == -80 and np.isnan(rsrq[0]) and steps[0] == 5 and np.isnan(steps[1:]).all()
    assert beam[1] == -82 and np.isnan(beam[2])


def test_accidents_are_binomial() -> None:
    assert accident_probability(1, 1, 9 / 1008) == pytest.approx(9 / 1008)
    assert accident_probability(3, 1, 0.5) == pytest.approx(7 / 8)
    assert accident_probability(5, 0, 0.3) == pytest.approx(1)


@pytest.fixture
def no_search_for_garbage() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_search_for_garbage")
def test_places_are_let_go_when_memory_is_short_and_come_back(tmp_path: Path) -> None:
    two = served(tmp_path, seeds=(1, 2))
    # The second town on a channel of its own, so that the two can be distinguished.
    place = load_place(two.folders[1])
    carrier = replace(place.deployment.carrier, frequency=3.7e9)
    save_place(replace(place, deployment=replace(place.deployment, carriers=(carrier,))))
    engine = two.engine(memory=1.0)
    channels = (float(CHANNEL), 646667.0)
    questions = []
    for town, channel in zip(two.places, channels, strict=True):
        levels = levels_at(town, 0.0, 0.0)
        cells = tuple(
            MeasuredCell("NR", channel, float(pci), serving=level == max(levels.values()), rsrp=float(level))
            for pci, level in levels.items()
        )
        questions.append(question_of([MeasuredReport(0.0, cells)]))
    answers, answering = [], []
    for question in (*questions, *questions):
        answers += engine.answer([question])
        answering.append(weakref.ref(next(iter(engine._open.values())).answering))
    assert engine.open_areas == 1
    # What is let go is gone at once: nothing in it refers back to what holds it.
    assert [each() is None for each in answering] == [True, True, True, False]
    assert [answer.area for answer in answers if isinstance(answer, Answer)] == ["town-1", "town-2"] * 2
    first, again = answers[0], answers[2]
    assert isinstance(first, Answer) and isinstance(again, Answer)
    assert np.array_equal(first.fix.heatmap, again.fix.heatmap)
    together = [answer for answer in engine.answer(questions) if isinstance(answer, Answer)]
    assert [answer.area for answer in together] == ["town-1", "town-2"]
    assert two.engine().answer([questions[0]] * 2)[0] != Why.UNUSABLE


def test_a_place_without_latitude_and_longitude_is_not_served(tmp_path: Path) -> None:
    one = served(tmp_path)
    save_place(replace(load_place(one.folders[0]), frame=GeoFrame()))
    with pytest.raises(PlaceError, match="no latitude and longitude"):
        one.engine()


class SlowEngine:
    """Takes a while for every batch, and notes how many were asked together."""

    areas = ("slow",)

    def __init__(self, seconds: float) -> None:
        self.seconds, self.sizes, self.threads = seconds, list[int](), set[int]()

    def folder(self, area: str) -> None:
        return None

    def warm(self) -> None:
        pass

    def learn(self, submitted: Sequence[Submitted]) -> None:
        pass

    def answer(self, questions: Sequence[Question]) -> list[Answer | Refusal]:
        self.sizes.append(len(questions))
        self.threads.add(threading.get_ident())
        time.sleep(self.seconds)
        if any(question.last.time == 13 for question in questions):
            raise ZeroDivisionError
        return [Refusal(Why.NO_CELLS) for _ in questions]


def asked_of(batcher: Batcher, count: int, times: Sequence[float] = ()) -> list[object]:
    async def ask() -> list[object]:
        await batcher.start()
        questions = [Question((MeasuredReport(float(at), ()),)) for at in (times or range(count))]
        answers = await asyncio.gather(*map(batcher.ask, questions), return_exceptions=True)
        await batcher.stop()
        return list(answers)

    return asyncio.run(ask())


def test_questions_that_arrive_together_are_asked_together_in_one_thread() -> None:
    engine = SlowEngine(0.01)
    answers = asked_of(Batcher(engine, batch=6, patience=10.0, answer_time=10.0), 10)
    assert all(isinstance(answer, Refusal) for answer in answers)
    assert sum(engine.sizes) == 10 and max(engine.sizes) == 6 and len(engine.threads) == 1
    both = SlowEngine(0.01)
    asked_of(Batcher(both, batch=1, patience=10.0, answer_time=10.0, threads=2), 4)
    assert both.sizes == [1] * 4 and len(both.threads) == 2


def test_a_service_that_could_never_answer_does_not_start() -> None:
    with pytest.raises(InputError, match="processes, patience"):
        ServiceConfiguration(processes=0, patience=math.nan)


def test_one_failing_question_spoils_no_other() -> None:
    answers = asked_of(Batcher(SlowEngine(0.0), batch=8, patience=10.0, answer_time=10.0), 0, [1, 13, 2])
    assert [type(answer) for answer in answers] == [Refusal, ZeroDivisionError, Refusal]


def test_what_would_wait_too_long_is_turned_away_at_once() -> None:
    batcher = Batcher(SlowEngine(0.2), batch=2, patience=0.1, answer_time=10.0)
    began = time.monotonic()
    answers = asked_of(batcher, 50)
    assert time.monotonic() - began < 5
    shed = [answer for answer in answers if isinstance(answer, OverloadedError)]
    assert 30 < len(shed) < 50 and all(error.retry_after > 0 for error in shed)
    assert all(isinstance(answer, Refusal | OverloadedError) for answer in answers)


def test_a_service_that_cannot_be_made_ready_says_so(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(SlowEngine):
        def warm(self) -> None:
            raise PlaceError("/home/operator/places")

    async def ready() -> bool:
        batcher = Batcher(Broken(0.0), batch=1, patience=1.0, answer_time=0.05)
        await batcher.start()
        await asyncio.sleep(0.05)
        with pytest.raises(OverloadedError):
            await batcher.ask(Question((MeasuredReport(0.0, ()),)))
        await batcher.stop()
        return batcher.ready

    assert not asyncio.run(ready())
    assert "PlaceError" in caplog.text and "operator" not in caplog.text


def test_an_answer_that_takes_too_long_is_given_up() -> None:
    (answer,) = asked_of(Batcher(SlowEngine(0.5), batch=1, patience=1.0, answer_time=0.05), 1)
    assert isinstance(answer, OverloadedError)


def test_keys_are_read_and_compared(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# comment\n\nfirst-key-0123456789\nsecond-key-0123456789\n")
    keys = ApiKeys.read(file)
    assert keys.admits("second-key-0123456789") and not keys.admits("second-key-012345678")
    assert not keys.admits(None) and ApiKeys.read(None).admits(None)
    for text in ("", "# none\n", "short\n"):
        file.write_text(text)
        with pytest.raises(InputError, match="at least 16 characters"):
            ApiKeys.read(file)


def test_rates_fill_again_and_are_forgotten_when_there_are_many() -> None:
    now = 0.0
    limit = RateLimit(2.0, clock=lambda: now)
    assert [limit.wait("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]
    assert limit.wait("b") == 0
    now = 0.5
    assert limit.wait("a") == 0 and limit.wait("a") == 0.5
    for client in range(MOST_CLIENTS + 10):
        limit.wait(str(client))
    assert len(limit._buckets) == MOST_CLIENTS


def test_a_client_is_an_ipv4_address_or_a_net_of_ipv6() -> None:
    same = {client_of(each) for each in ("2001:db8:1:2::5", "2001:db8:1:2:ffff::1", "2001:db8:1:2::5%eth0")}
    assert len(same) == 1 and client_of("2001:db8:1:3::5") not in same
    assert client_of("192.0.2.1") != client_of("192.0.2.2")
    assert client_of("::ffff:192.0.2.1") == client_of("192.0.2.1") != client_of("::ffff:192.0.2.2")
    assert client_of("") == "" and client_of("testclient") == "testclient"


def test_the_board_forgets_what_is_old_and_what_is_too_much() -> None:
    now = 0.0
    board = Board(seconds=10.0, size=2, clock=lambda: now)
    question = Question((MeasuredReport(0.0, (HEARD,)),))
    for key in ("a", "b", "c"):
        board.put(key, question)
    assert board.get("a") is None and board.get("b") is not None
    now = 11.0
    assert board.get("c") is None and not board.drop("c")


def test_the_board_keeps_fewer_measurements_of_many_cells() -> None:
    large = Question((MeasuredReport(0.0, (MeasuredCell("NR", pci=1.0, rsrp=-70.0),) * 1000),))
    board = Board(seconds=10.0, size=100)
    for number in range(20):
        board.put("again", large)
        board.put(str(number), large)
    # 100 measurements of 32 cells are 3 of 1000.
    kept = [key for key in ("again", *map(str, range(20))) if board.get(key) is not None]
    assert kept == ["again", "18", "19"] and board.drop("again")
    small = Question((MeasuredReport(0.0, (MeasuredCell("NR", pci=1.0, rsrp=-70.0),)),))
    for number in range(99):
        board.put(f"small {number}", small)
    assert board.get("small 0") is not None and board.get("19") is not None and board.get("18") is None
