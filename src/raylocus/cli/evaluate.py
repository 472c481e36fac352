"""`raylocus evaluate`: a run compared with the classics and the bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse.typing import PositiveInt

from raylocus.cli.console import verb_parser
from raylocus.errors import InputError

if TYPE_CHECKING:
    from raylocus.evaluation.evaluation import Method

#: What an evaluation leaves in the run's folder.
OUTPUTS = ("metrics.json", "table.txt", "report.html", "reports.zarr", "classics.json")
#: Test sequences that are saved as an example for `raylocus locate`.
EXAMPLES = 10


def run_evaluate(arguments: Sequence[str]) -> int:
    """Evaluates a run and prints the table."""
    parser = verb_parser(
        "evaluate", "Compare a run with the classics, the bound and the true maps on unseen places."
    )
    parser.add_argument("run", type=Path, help="folder of a run, such as runs/demo, or a checkpoint file")
    parser.add_argument("dataset", type=Path, help="dataset with test places, such as datasets/demo.zarr")
    parser.add_argument(
        "--out", type=Path, help="folder for metrics.json and report.html; the run's own by default"
    )
    parser.add_argument(
        "--sequences", type=PositiveInt, help="most test sequences of a place; all by default"
    )
    parser.add_argument(
        "--classics-from",
        type=Path,
        help="dataset on whose training places the classics choose their parameters; by default the run's "
        "classics.json, or the dataset itself",
    )
    parser.add_argument(
        "--true-places",
        type=int,
        help="where the map of a test place is outdated, so many draws of what may stand there for the bound, 3 or "
        "more, each traced and kept next to the place; by default there is no bound there",
    )
    given = parser.parse(arguments)
    if given.true_places is not None:
        _check_draws(given.true_places)
    out = given.out or _folder_of(given.run)
    evaluate_run(
        given.run, given.dataset, out, given.sequences, print, given.classics_from, given.true_places or 0
    )
    print((out / "table.txt").read_text())
    print(f"{out / 'metrics.json'}\n{out / 'report.html'}")
    return 0


def _check_draws(count: int) -> None:
    from raylocus.datasets.building.true_places import FEWEST_DRAWS

    if count < FEWEST_DRAWS:
        raise InputError(
            f"--true-places takes a whole number of {FEWEST_DRAWS} or more, not {count}; each draw is compared with "
            "the others"
        )


def evaluate_run(
    run: Path,
    dataset: Path,
    out: Path,
    sequences: int | None,
    report: Callable[[str], None],
    classics_from: Path | None = None,
    draws: int = 0,
) -> None:
    """Writes metrics.json, table.txt, report.html and some test reports into `out`.

    The fitted classics are left in the run's folder, as classics.json.

    Args:
        run: folder of a run, or a checkpoint file.
        dataset: the dataset.
        out: folder for the results.
        sequences: most test sequences of a place; None for all.
        report: called with one line as each method starts.
        classics_from: dataset that the classics are fitted on; None for those of the run, or of the dataset.
        draws: of what may stand where the map of a place is outdated, for the bound.

    Raises:
        CheckpointError: there is no checkpoint, or it is of another schema version.
        StoreError: a dataset or classics.json cannot be read.
        InputError: there is nothing to test on, or nothing to fit the classics on.
    """
    from raylocus.execution.preloading import begin_to_load

    # The processes of the references are forked with what they import, which is loaded on another core meanwhile.
    begin_to_load("raylocus.evaluation.references", 1)
    from raylocus.datasets.store import open_report_dataset
    from raylocus.evaluation.baselines.fitted_classics import CLASSICS_FILE, classics_for, fit_later
    from raylocus.evaluation.comparison import checkpoint_of, compare
    from raylocus.evaluation.results import Results, write_results
    from raylocus.inference.locator import Locator
    from raylocus.viz.report import comparison_content, write_report

    def fitting(name: str) -> None:
        report(f"      fitting {name}")

    locator = Locator.load(checkpoint_of(run))
    stored, file = open_report_dataset(dataset), _folder_of(run) / CLASSICS_FILE
    if classics_from is None:
        trained_on = locator.trained.provenance.inputs.get("dataset")
        find_classics = classics_for(stored, file, trained_on, fitting)
    else:
        find_classics = fit_later(open_report_dataset(classics_from), file, fitting)
    # What ships, as it is, next to what was trained for the purpose.
    models = (locator, Locator.pretrained())

    def peers() -> Iterator[Method]:
        yield from find_classics().methods

    comparisons = compare(models, peers, stored, sequences, lambda method: report(f"      {method}"), draws)
    results = Results(comparisons, stored, find_classics())
    write_results(results, out, EXAMPLES)
    write_report(comparison_content(results), out / "report.html")


def _folder_of(run: Path) -> Path:
    return run if run.is_dir() else run.parent
