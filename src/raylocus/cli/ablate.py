"""`raylocus ablate`: one question, a list of overrides, several seeds, one table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raylocus.cli.benchmark import contestant
from raylocus.cli.console import progress_lines, recipe_file, save_picture, save_table, verb_parser


def run(arguments: Sequence[str]) -> int:
    """Runs an ablation, or goes on with one, and prints its table."""
    parser = verb_parser("ablate", "Answer one question by varying a dataset, a training or what is given.")
    parser.add_argument("config", type=str, help="recipe of raylocus, or a YAML file of one's own")
    parser.add_argument(
        "--model",
        type=Path,
        help="run or checkpoint that is tested where none is trained; by default what comes with raylocus",
    )
    parser.add_argument("--workers", type=int, help="worker processes; by default as many as memory allows")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for the table and all that leads to it"
    )
    given = parser.parse(arguments)
    from raylocus.cli.engines import engine_of
    from raylocus.datasets.building.work import workers_for
    from raylocus.evaluation.ablation.run import Ablation, load_ablation_recipe
    from raylocus.evaluation.ablation.summary import ablation_record, ablation_text, lines_of
    from raylocus.viz.comparisons import ablation_figure

    file = recipe_file("ablation", given.config)
    recipe = load_ablation_recipe(file)
    model = None if recipe.dataset is not None else contestant(given.model)
    training = recipe_file("train", recipe.train)
    tested = recipe.test_set(recipe.variants[0])
    with engine_of("local", given.workers, None, lambda: workers_for(tested)) as engine:
        ablation = Ablation(recipe, model, training, given.out, contestant, _say)
        trials = ablation.run(lambda units: progress_lines(units, _say), engine)
    lines = lines_of(trials)
    text, record = ablation_text(recipe.question, lines), ablation_record(recipe.question, lines)
    # Recipes may share a folder, and with it datasets and models.
    save_table(text, record, given.out / f"{file.stem}.json")
    save_picture(ablation_figure(recipe.question, lines), given.out / f"{file.stem}.png")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)
