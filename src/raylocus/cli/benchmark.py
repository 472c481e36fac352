"""`raylocus benchmark` and `raylocus ablate`: models compared in fixed places, or under overrides."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse.typing import PositiveInt

from raylocus.cli.console import (
    VerbParser,
    progress_lines,
    recipe_file,
    save_picture,
    save_table,
    say,
    verb_parser,
)
from raylocus.errors import InputError

if TYPE_CHECKING:
    from raylocus.evaluation.benchmark.run import BenchmarkRecipe
    from raylocus.evaluation.evaluation import Contestant
    from raylocus.models.checkpoint import TrainedNetwork


def run_benchmark(arguments: Sequence[str]) -> int:
    """Runs a benchmark, or goes on with one, and prints its table."""
    given = _parser().parse(arguments)
    from raylocus.cli.console import engine_of
    from raylocus.datasets.building.work import workers_for
    from raylocus.evaluation.benchmark.blocks import benchmark_record, benchmark_text, blocks_of
    from raylocus.evaluation.benchmark.run import Benchmark, load_benchmark_recipe
    from raylocus.viz.curves import severity_figure

    recipe = _chosen(load_benchmark_recipe(recipe_file("benchmark", given.size)), given)
    contestants = _contestants([*given.run, *([given.model] if given.model else [])])
    with engine_of("local", given.workers, None, lambda: workers_for(recipe.dataset)) as engine:
        benchmark = Benchmark(recipe, contestants, given.out, say)
        scores = benchmark.run(progress_lines, engine)
    blocks, left_out = blocks_of(scores), _left_out(recipe)
    text, record = benchmark_text(blocks, left_out), benchmark_record(blocks, left_out)
    save_table(text, record, given.out / "benchmark.json")
    save_picture(severity_figure(blocks), given.out / "benchmark.png")
    return 0


def _parser() -> VerbParser:
    parser = verb_parser(
        "benchmark", "Compare models with all other methods and the bound in fixed unseen places."
    )
    parser.add_argument(
        "run",
        type=Path,
        nargs="*",
        help="runs or checkpoint files, each a row; left out, what comes with raylocus",
    )
    parser.add_argument("--model", type=Path, help="a checkpoint file; the same as a run")
    parser.add_argument(
        "--size", type=str, default="standard", help="tiny, short, standard, or a YAML file of one's own"
    )
    parser.add_argument("--only", type=str, nargs="+", help="test only in these of its places")
    parser.add_argument("--places", type=Path, help="folder with traced places to test in as well")
    parser.add_argument(
        "--workers", type=PositiveInt, help="worker processes; by default as many as memory allows"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for the table and all that leads to it"
    )
    return parser


def _chosen(recipe: BenchmarkRecipe, given: Any) -> BenchmarkRecipe:
    chosen = recipe if given.only is None else recipe.only(given.only)
    return chosen if given.places is None else chosen.with_places(given.places)


def contestant(path: Path | None, name: str = "raylocus") -> Contestant:
    """The model of a run or a checkpoint file; where there is none, the one that comes with raylocus.

    Args:
        path: folder of a run, or a checkpoint file.
        name: what tables call it.

    Raises:
        CheckpointError: there is no such file, or it is foreign, or of another schema version.
    """
    from raylocus.evaluation.comparison import checkpoint_of
    from raylocus.evaluation.evaluation import Contestant
    from raylocus.inference.locator import Locator

    found = Locator.pretrained() if path is None else Locator.load(checkpoint_of(path))
    return Contestant(Locator(found.trained, name), content_digest(found.trained))


def content_digest(trained: TrainedNetwork) -> str:
    """SHA-256 of all that decides a model's answers: the same wherever its file lies."""
    from raylocus.models.checkpoint import checkpoint_content
    from raylocus.provenance import hash_configuration

    content = checkpoint_content(trained)
    weights = content.pop("weights")
    hashed = {name: hashlib.sha256(value.numpy().tobytes()).hexdigest() for name, value in weights.items()}
    return hash_configuration([content, hashed])


def _contestants(paths: Sequence[Path]) -> list[Contestant]:
    if len(paths) < 2:
        return [contestant(paths[0] if paths else None)]
    names = [path.stem for path in paths]
    if len(set(names)) < len(names):
        raise InputError(f"two of the runs are called {max(names, key=names.count)}; rename one")
    return [contestant(path, name) for path, name in zip(paths, names, strict=True)]


def _left_out(recipe: BenchmarkRecipe) -> list[str]:
    return [f"Left out by --only: {', '.join(recipe.left_out)}."] if recipe.left_out else []


def run_ablate(arguments: Sequence[str]) -> int:
    """Runs an ablation, or goes on with one, and prints its table."""
    parser = verb_parser("ablate", "Answer one question by varying a dataset, a training or what is given.")
    parser.add_argument("config", type=str, help="recipe of raylocus, or a YAML file of one's own")
    parser.add_argument(
        "--model",
        type=Path,
        help="run or checkpoint that is tested where none is trained; by default what comes with raylocus",
    )
    parser.add_argument(
        "--workers", type=PositiveInt, help="worker processes; by default as many as memory allows"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for the table and all that leads to it"
    )
    given = parser.parse(arguments)
    from raylocus.cli.console import engine_of
    from raylocus.datasets.building.work import workers_for
    from raylocus.evaluation.ablation.run import Ablation, load_ablation_recipe
    from raylocus.evaluation.ablation.summary import ablation_record, ablation_text, lines_of
    from raylocus.viz.curves import ablation_figure

    file = recipe_file("ablation", given.config)
    recipe = load_ablation_recipe(file)
    model = None if recipe.dataset is not None else contestant(given.model)
    training = recipe_file("train", recipe.train)
    tested = recipe.test_set(recipe.variants[0])
    with engine_of("local", given.workers, None, lambda: workers_for(tested)) as engine:
        ablation = Ablation(recipe, model, training, given.out, contestant, say)
        trials = ablation.run(progress_lines, engine)
    lines = lines_of(trials)
    text, record = ablation_text(recipe.question, lines), ablation_record(recipe.question, lines)
    # Recipes may share a folder, and with it datasets and models.
    save_table(text, record, given.out / f"{file.stem}.json")
    save_picture(ablation_figure(recipe.question, lines), given.out / f"{file.stem}.png")
    return 0
