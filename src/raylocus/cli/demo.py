"""`raylocus demo`: all stages in one go; those whose outputs are whole already are skipped."""

from __future__ import annotations

import dataclasses
import resource
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from raylocus.cli.progress import progress_lines
from raylocus.cli.stages import Stage, StageTime, fingerprint, run_stages
from raylocus.errors import InputError
from raylocus.provenance import Provenance, hash_file

#: Used where no configuration is given.
DEFAULT_CONFIGURATION = Path("configs/demo.yaml")


def run(arguments: Sequence[str]) -> int:
    """Runs the demo and prints its table, where the report lies, and what it cost."""
    from raylocus.cli.demo_configuration import demo_parser

    parser = demo_parser()
    given = parser.parse(_with_configuration(arguments))
    out, configuration = given.out, _configuration(parser.instantiate(given))
    times = run_stages(demo_stages(configuration, out), out / ".stages", _tell)
    _print_summary(out, times)
    return 0


def demo_stages(configuration: Any, out: Path) -> list[Stage]:
    """The demo's stages, in order.

    Args:
        configuration: a `DemoConfiguration`.
        out: folder of the run.
    """
    return [
        *(_place_stage(configuration, recipe) for recipe in configuration.places),
        *(_trace_stage(configuration, recipe.folder) for recipe in configuration.places),
        _dataset_stage(configuration),
        _train_stage(configuration, out),
        _evaluate_stage(configuration, out),
    ]


def _with_configuration(words: Sequence[str]) -> list[str]:
    """The words with the default configuration first, where none is named and no help is asked for."""
    if any(word.startswith("--config") or word in ("-h", "--help") for word in words):
        return list(words)
    if not DEFAULT_CONFIGURATION.exists():
        raise InputError(
            f"there is no {DEFAULT_CONFIGURATION} here; run in a checkout of raylocus or give --config"
        )
    return [f"--config={DEFAULT_CONFIGURATION}", *words]


def _configuration(given: Any) -> Any:
    from raylocus.cli.demo_configuration import DemoConfiguration

    return DemoConfiguration(
        **{field.name: given[field.name] for field in dataclasses.fields(DemoConfiguration)}
    )


def _place_stage(configuration: Any, recipe: Any) -> Stage:
    from raylocus.scenes.build import build_place, place_provenance

    scene, folder = configuration.scene_of(recipe), recipe.folder
    return Stage(
        name=f"build {folder.name}",
        provenance=lambda: place_provenance(recipe.source, scene),
        outputs=tuple(folder / name for name in ("place.json", "scene.xml", "meshes", "geometry.zarr")),
        run=lambda: _discard(build_place(recipe.source, folder, scene)),
    )


def _trace_stage(configuration: Any, folder: Path) -> Stage:
    from raylocus.propagation.maps.traced_place import open_place
    from raylocus.propagation.trace_place import atlas_provenance, radio_provenance, trace_place

    def provenance() -> Provenance:
        place = open_place(folder)
        return radio_provenance(place, atlas_provenance(place, configuration.trace), configuration.maps)

    return Stage(
        name=f"trace {folder.name}",
        provenance=provenance,
        outputs=(folder / "atlas.zarr", folder / "radio.zarr"),
        run=lambda: _discard(
            trace_place(folder, configuration.trace, progress_lines("sites", _tell), configuration.maps)
        ),
    )


def _dataset_stage(configuration: Any) -> Stage:
    from raylocus.cli.dataset_build import engine_of
    from raylocus.datasets.build import build_dataset
    from raylocus.datasets.configuration import load_dataset_configuration

    file = configuration.dataset_configuration

    def provenance() -> Provenance:
        dataset = load_dataset_configuration(file)
        inputs = {str(place.folder): _known(place.folder / "radio.zarr") for place in dataset.places}
        return Provenance.collect(dataset, dataset.seed, inputs)

    def build() -> None:
        dataset = load_dataset_configuration(file)
        with engine_of("local", None, None, dataset) as engine:
            build_dataset(dataset, configuration.dataset, lambda units: progress_lines(units, _tell), engine)

    return Stage("dataset", provenance, (configuration.dataset,), build)


def _train_stage(configuration: Any, out: Path) -> Stage:
    file = configuration.training_configuration

    def provenance() -> Provenance:
        if not file.exists():
            raise InputError(f"no training configuration at {file}; configs/train has examples")
        return Provenance.collect(
            {"configuration": file.read_text()}, None, {"dataset": _known(configuration.dataset)}
        )

    def train() -> None:
        from raylocus.training.cli import main

        folders = [f"--trainer.default_root_dir={out}", f"--trainer.logger.init_args.save_dir={out}"]
        main(["fit", f"--config={file}", f"--data.dataset={configuration.dataset}", *folders])

    return Stage("train", provenance, (out / "locator.ckpt",), train)


def _evaluate_stage(configuration: Any, out: Path) -> Stage:
    from raylocus.cli.evaluate import OUTPUTS, evaluate_run

    def provenance() -> Provenance:
        inputs = {"locator": hash_file(out / "locator.ckpt"), "dataset": _known(configuration.dataset)}
        return Provenance.collect({"sequences": configuration.sequences}, None, inputs)

    return Stage(
        name="evaluate",
        provenance=provenance,
        outputs=tuple(out / name for name in OUTPUTS),
        run=lambda: evaluate_run(out, configuration.dataset, out, configuration.sequences, _tell),
    )


def _known(path: Path) -> str:
    return fingerprint(path) or "absent"


def _discard(result: object) -> None:
    """Stages are run for what they leave on disk."""


def _tell(line: str) -> None:
    print(line, flush=True)


def _print_summary(out: Path, times: Sequence[StageTime]) -> None:
    _tell((out / "table.txt").read_text())
    groups = {time.name.split()[0] for time in times}
    spent = {
        group: sum(time.seconds for time in times if time.name.split()[0] == group)
        for group in sorted(groups)
    }
    _tell("wall time: " + ", ".join(f"{group} {seconds:.0f} s" for group, seconds in spent.items()))
    total = sum(time.seconds for time in times)
    _tell(f"in all {total / 60:.1f} min, peak memory {peak_memory_gigabytes():.1f} GB")
    _tell(f"{out / 'metrics.json'}\n{out / 'report.html'}")


def peak_memory_gigabytes() -> float:
    """Largest resident memory of this process and of any child so far [GB]."""
    kibibytes = max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return kibibytes * 1024 / 1e9
