"""`raylocus demo`: builds a dataset, trains on it and evaluates; what is already complete is not made again."""

from __future__ import annotations

import hashlib
import json
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from raylocus.cli.console import progress_lines, recipe_file, say, verb_parser
from raylocus.json_text import parse_json
from raylocus.provenance import Provenance, hash_file
from raylocus.storage import MANIFEST, written_whole

#: What an evaluation was made from, and the hashes of what it left; in the run's folder.
EVALUATION_RECORD = "evaluation.json"


@dataclass(frozen=True)
class Demo:
    """One recipe of a dataset and of a training run, and where both leave what they make."""

    dataset_recipe: Path
    train_recipe: Path
    dataset: Path
    run: Path

    def stages(self) -> Iterator[tuple[str, Callable[[], bool]]]:
        """Name of each stage and what performs it; it says whether there was anything to do."""
        yield "dataset", self.build
        yield "train", self.fit
        yield "evaluate", self.evaluate

    def build(self) -> bool:
        """Builds and traces the places and observes their worlds, where the dataset is not whole."""
        from raylocus.cli.console import engine_of
        from raylocus.datasets.build import build_dataset, is_built
        from raylocus.datasets.building.work import workers_for
        from raylocus.datasets.configuration import load_dataset_configuration

        configuration = load_dataset_configuration(self.dataset_recipe)
        if is_built(configuration, self.dataset):
            return False
        with engine_of("local", None, None, lambda: workers_for(configuration)) as engine:
            build_dataset(configuration, self.dataset, progress_lines, engine)
        return True

    def fit(self) -> bool:
        """Trains, where the run's locator is not from this recipe and dataset."""
        from raylocus.training.cli import fit

        return fit(
            [
                f"--config={self.train_recipe}",
                f"--data.dataset={self.dataset}",
                f"--trainer.default_root_dir={self.run}",
                f"--trainer.logger.init_args.save_dir={self.run}",
            ]
        )

    def evaluate(self) -> bool:
        """Compares with the classics and the bound, where that was not done for this locator and dataset."""
        from raylocus.cli.evaluate import OUTPUTS, evaluate_run
        from raylocus.training.cli import LOCATOR_FILE

        inputs = {
            "locator": hash_file(self.run / LOCATOR_FILE),
            "dataset": hash_file(self.dataset / MANIFEST),
        }
        provenance, record = Provenance.collect({}, None, inputs), self.run / EVALUATION_RECORD
        outputs = [self.run / name for name in OUTPUTS]
        if _is_record_of(record, provenance, outputs):
            return False
        evaluate_run(self.run, self.dataset, self.run, None, say)
        with written_whole(record) as aside:
            aside.write_text(json.dumps(_record(provenance, outputs), indent=1))
        return True


def run_demo(arguments: Sequence[str]) -> int:
    """Runs the demo and prints its table, where the report lies, and what it cost."""
    parser = verb_parser("demo", "Build a dataset, train on it, locate phones in a place never seen.")
    parser.add_argument(
        "--recipe", type=str, default="demo", help="demo, or tiny: the whole chain in seconds"
    )
    parser.add_argument("--out", type=Path, help="folder of the run; runs/RECIPE by default")
    given = parser.parse(arguments)
    demo = Demo(
        dataset_recipe=recipe_file("dataset", given.recipe),
        train_recipe=recipe_file("train", given.recipe),
        dataset=Path(f"datasets/{given.recipe}.zarr"),
        run=given.out or Path("runs") / given.recipe,
    )
    stages = list(demo.stages())
    seconds = {
        name: _timed(f"[{number}/{len(stages)}] {name}", stage)
        for number, (name, stage) in enumerate(stages, 1)
    }
    _print_summary(demo.run, seconds)
    return 0


def _timed(label: str, stage: Callable[[], bool]) -> float:
    say(f"{label} …")
    started = time.perf_counter()
    done = stage()
    seconds = time.perf_counter() - started
    say(f"{label}: {f'done in {seconds:.0f} s' if done else 'already complete'}")
    return seconds


def _is_record_of(record: Path, provenance: Provenance, outputs: Sequence[Path]) -> bool:
    try:
        return bool(parse_json(record.read_text()) == _record(provenance, outputs))
    except (OSError, ValueError):
        return False


def _record(provenance: Provenance, outputs: Sequence[Path]) -> dict[str, object]:
    return {"digest": provenance.digest, "outputs": {path.name: _content_hash(path) for path in outputs}}


def _content_hash(path: Path) -> str:
    """SHA-256 of a file, or of all files of a folder."""
    if path.is_file():
        return hash_file(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    hashes = [(str(file.relative_to(path)), hash_file(file)) for file in files]
    return hashlib.sha256(json.dumps(hashes).encode()).hexdigest()


def _print_summary(out: Path, seconds: dict[str, float]) -> None:
    say((out / "table.txt").read_text())
    say("wall time: " + ", ".join(f"{name} {spent:.0f} s" for name, spent in seconds.items()))
    say(
        f"in all {sum(seconds.values()) / 60:.1f} min, peak memory {peak_memory_gigabytes():.1f} GB a process"
    )
    say(f"{out / 'metrics.json'}\n{out / 'report.html'}")


def peak_memory_gigabytes() -> float:
    """Largest resident memory of this process and of any child so far [GB]."""
    kibibytes = max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return kibibytes * 1024 / 1e9
