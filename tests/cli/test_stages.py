"""Stages are skipped where whole, redone where not, and survive being killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from raylocus.cli.stages import Stage, fingerprint, run_stages
from raylocus.provenance import Provenance


class Job:
    """Two stages that write what they were told, the second from the first's output."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.word, self.runs = folder, "a", []

    def stages(self) -> list[Stage]:
        first, second = self.folder / "first.txt", self.folder / "second"

        def write_first() -> None:
            self.runs.append("first")
            first.write_text(self.word)

        def write_second() -> None:
            self.runs.append("second")
            second.mkdir(exist_ok=True)
            (second / "part").write_text(first.read_text() * 2)

        def inputs() -> dict[str, str]:
            return {"first": fingerprint(first) or "absent"}

        return [
            Stage("first", lambda: Provenance.collect({"word": self.word}), (first,), write_first),
            Stage("second", lambda: Provenance.collect({}, None, inputs()), (second,), write_second),
        ]

    def run(self) -> list[str]:
        self.runs = []
        run_stages(self.stages(), self.folder / "stamps", lambda line: None)
        return self.runs


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def test_a_second_run_reuses_everything(job: Job) -> None:
    assert job.run() == ["first", "second"]
    assert job.run() == []


def test_another_configuration_runs_what_depends_on_it(job: Job) -> None:
    job.run()
    job.word = "b"
    assert job.run() == ["first", "second"]
    assert (job.folder / "second" / "part").read_text() == "bb"


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_damaged_output_is_made_again(job: Job, damage: str) -> None:
    job.run()
    part = job.folder / "second" / "part"
    part.unlink() if damage == "gone" else part.write_text("a")
    assert job.run() == ["second"]
    assert part.read_text() == "aa"


def test_a_stage_that_failed_is_not_taken_for_done(job: Job) -> None:
    stages = job.stages()

    def fail() -> None:
        (job.folder / "second").mkdir()
        raise KeyboardInterrupt

    broken = Stage("second", stages[1].provenance, stages[1].outputs, fail)
    with pytest.raises(KeyboardInterrupt):
        run_stages([stages[0], broken], job.folder / "stamps", lambda line: None)
    assert job.run() == ["second"]


def test_a_broken_stamp_means_again(job: Job) -> None:
    job.run()
    (job.folder / "stamps" / "first.json").write_text("{")
    assert job.run() == ["first"]


def test_lines_and_times(job: Job) -> None:
    lines: list[str] = []
    times = run_stages(job.stages(), job.folder / "stamps", lines.append)
    assert lines[0] == "[1/2] first …"
    assert [time.reused for time in times] == [False, False]
    times = run_stages(job.stages(), job.folder / "stamps", lines.append)
    assert lines[-1] == "[2/2] second: whole already"
    assert [time.name for time in times if time.reused] == ["first", "second"]


def test_killed_in_the_second_stage_resumes_there(tmp_path: Path) -> None:
    script = f"""
        import pathlib, sys, time
        from raylocus.cli.stages import Stage, run_stages
        from raylocus.provenance import Provenance
        folder = pathlib.Path({str(tmp_path)!r})
        log = folder / "log"
        def first():
            log.open("a").write("first ")
            (folder / "one").write_text("1")
        def second():
            log.open("a").write("second ")
            if len(sys.argv) > 1:
                print("in second", flush=True)
                time.sleep(60)
            (folder / "two").write_text("2")
        stages = [
            Stage("first", lambda: Provenance.collect({{}}), (folder / "one",), first),
            Stage("second", lambda: Provenance.collect({{}}), (folder / "two",), second),
        ]
        run_stages(stages, folder / "stamps", lambda line: None)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    child = subprocess.Popen([*command, "hang"], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "in second\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    subprocess.run(command, check=True)
    assert (tmp_path / "log").read_text() == "first second second "
    assert (tmp_path / "two").read_text() == "2"
