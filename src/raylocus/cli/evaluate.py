"""`raylocus evaluate`: a run beside the classics and the bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from raylocus.cli.parsing import verb_parser

#: What an evaluation leaves in the run's folder.
OUTPUTS = ("metrics.json", "table.txt", "report.html", "reports.zarr")
#: Test sequences that are saved as an example for `raylocus locate`.
EXAMPLES = 10


def run(arguments: Sequence[str]) -> int:
    """Evaluates a run and prints the table."""
    parser = verb_parser(
        "evaluate", "Compare a run with the classics, the bound and the true maps on unseen places."
    )
    parser.add_argument("run", type=Path, help="folder of a run, such as runs/demo, or a checkpoint file")
    parser.add_argument("dataset", type=Path, help="dataset, such as datasets/demo.zarr")
    parser.add_argument(
        "--out", type=Path, help="folder for metrics.json and report.html; the run's own by default"
    )
    parser.add_argument("--sequences", type=int, help="most test sequences of a place; all by default")
    given = parser.parse(arguments)
    out = given.out or (given.run if given.run.is_dir() else given.run.parent)
    evaluate_run(given.run, given.dataset, out, given.sequences, print)
    print((out / "table.txt").read_text())
    print(f"{out / 'metrics.json'}\n{out / 'report.html'}")
    return 0


def evaluate_run(
    run: Path, dataset: Path, out: Path, sequences: int | None, tell: Callable[[str], None]
) -> None:
    """Writes metrics.json, table.txt, report.html and some test reports into `out`.

    Args:
        run: folder of a run, or a checkpoint file.
        dataset: the dataset.
        out: folder for the results.
        sequences: most test sequences of a place; None for all.
        tell: called with one line as each method starts.

    Raises:
        CheckpointError: there is no checkpoint, or it is of another schema version.
        StoreError: the dataset cannot be read.
    """
    from raylocus.datasets.store import open_report_dataset
    from raylocus.evaluation.comparison import checkpoint_of, compare
    from raylocus.evaluation.results import write_results
    from raylocus.inference.locator import Locator
    from raylocus.viz.comparison_page import comparison_content
    from raylocus.viz.report import write_report

    locator = Locator.load(checkpoint_of(run))
    stored = open_report_dataset(dataset)
    comparisons = compare(locator, stored, sequences, lambda method: tell(f"      {method}"))
    write_results(comparisons, stored, out, EXAMPLES)
    write_report(comparison_content(comparisons[0], stored), out / "report.html")
