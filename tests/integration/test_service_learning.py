"""A service that learns from submitted reports: levels that are off are found, kept and taken back."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import pickle
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_service import started

from raylocus.cli.main import main
from raylocus.inference.online_journal import load_journal, save_journal
from raylocus.service.answers import Answer
from raylocus.service.area_engine import AreaEngine
from raylocus.service.batching import OverloadedError
from raylocus.service.configuration import ServiceConfiguration
from raylocus.service.engine import FaultError
from raylocus.service.http.ichnaea import GeolocateBody, geolocate_question
from raylocus.service.workers import Worker, Workers
from service_fixtures import ORIGIN, Served, levels_at, served, towers

#: What the cells of the first place are off by [dB], in the order of their PCIs.
OFF = (9.0, -3.0, 14.0)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return served(tmp_path_factory.mktemp("served"))


def heard(place: Served, where: np.ndarray, off: Sequence[float]) -> list[dict[str, Any]]:
    levels = levels_at(place.places[0], *where)
    return towers({pci: levels[pci] + by for pci, by in zip(sorted(levels), off, strict=False)})


def items(
    place: Served, count: int, off: Sequence[float], moved: float = 0.0, **said: Any
) -> list[dict[str, Any]]:
    """Reports all over the place; their positions may be said to be elsewhere, or otherwise."""
    points = np.random.default_rng(1).uniform(-100, 100, (count, 2))
    found = []
    for where, latitude, longitude in zip(points, *ORIGIN.to_wgs84(points + moved), strict=True):
        position = {"latitude": float(latitude), "longitude": float(longitude)} | said
        found.append({"timestamp": 1.7e12, "position": position, "cellTowers": heard(place, where, off)})
    return found


def answered(engine: AreaEngine, place: Served, off: Sequence[float]) -> np.ndarray:
    """Estimates of phones at some points."""
    points = np.array([[40.0, -30.0], [-60.0, 20.0], [10.0, 70.0], [-20.0, -80.0]])
    bodies = [GeolocateBody.model_validate({"cellTowers": heard(place, where, off)}) for where in points]
    answers = engine.answer([geolocate_question(each) for each in bodies])
    return np.array([each.fix.position[:2] for each in answers if isinstance(each, Answer)])


def test_levels_that_are_off_are_learned_from_submitted_reports_kept_and_taken_back(
    place: Served, tmp_path: Path
) -> None:
    def engine() -> AreaEngine:
        return AreaEngine.load(place.folders, None, 1e12, tmp_path)

    def amiss(found: np.ndarray) -> float:
        return float(np.linalg.norm(found - true, axis=1).mean())

    first, file = engine(), tmp_path / "town-1.npz"
    off = np.resize(OFF, len(place.places[0].deployment.cells))
    true, before = answered(first, place, 0 * off), answered(first, place, off)
    another = engine()
    assert amiss(answered(another, place, off)) == amiss(before)
    submitted = items(place, 30, off)
    with started(first, ServiceConfiguration(learn=tmp_path, rate=0.0)) as client:
        for unheard in (
            items(place, 3, off, source="fused"), items(place, 3, off, accuracy=900),
            items(place, 3, off, moved=5000.0), [{"position": 3}, {"position": {"latitude": 50.0}}],
        ):  # fmt: skip
            assert client.post("/v2/geosubmit", json={"items": unheard}).status_code == 200
        assert not len(load_journal(file).entries) and amiss(answered(first, place, off)) == amiss(before)
        with file.with_suffix(".lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            busy = client.post("/v2/geosubmit", json={"items": submitted[:1]})
        assert busy.status_code == 503 and busy.headers["retry-after"] == "1"
        for part in range(2):
            body = {"items": submitted[15 * part : 15 * part + 15]}
            assert client.post("/v2/geosubmit", json=body).status_code == 200
    learned = amiss(answered(first, place, off))
    assert learned == amiss(answered(another, place, off)) == amiss(answered(engine(), place, off))
    assert learned < 0.4 * amiss(before)
    journal = load_journal(file)
    save_journal(journal.without_last(len(journal.entries)), file)
    assert amiss(answered(first, place, off)) == pytest.approx(amiss(before))


def test_a_process_that_is_busy_says_so_to_the_one_that_asked() -> None:
    assert pickle.loads(pickle.dumps(OverloadedError(3.0))).retry_after == 3.0


class Killed(Worker):
    """A process that is killed when it has kept what it learned."""

    def __init__(self, kept: Path) -> None:
        super().__init__(lambda: AreaEngine.load([], None, 0.0))
        self.kept = kept

    def start(self) -> Connection:
        if self._connection is None:
            context = multiprocessing.get_context("fork")
            self._connection, its = context.Pipe()
            context.Process(target=self._keep, args=(its,), daemon=True).start()
            its.close()
        return self._connection

    def _keep(self, connection: Connection) -> None:
        connection.recv()
        with self.kept.open("a") as file:
            file.write("kept\n")
        os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_process_learned_that_was_killed_is_not_learned_twice(tmp_path: Path) -> None:
    workers = Workers((), (Killed(tmp_path / "kept"),))
    workers.learn([])
    assert (tmp_path / "kept").read_text() == "kept\n"
    with pytest.raises(FaultError, match="2 processes"):
        workers.answer([])


def test_what_cannot_be_read_or_was_learned_elsewhere_is_refused_before_anybody_is_answered(
    place: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "town-1.npz").write_bytes(b"no state")
    assert main(["serve", str(place.folders[0]), "--learn", str(tmp_path)]) == 2
    assert "name a new file" in capsys.readouterr().err
