"""`raylocus train`: LightningCLI over the location module and report data."""

from __future__ import annotations

import dataclasses
import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from raylocus.errors import CheckpointError, InputError
from raylocus.models.checkpoint import load_network, save_network
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.tensors import SequenceTensors
from raylocus.provenance import Provenance, check_seed
from raylocus.training.calibration import calibrate
from raylocus.training.data import PlaceBatch, ReportData
from raylocus.training.misfit_calibration import calibrate_misfit
from raylocus.training.module import LocationModule
from raylocus.yaml_text import DepthError, limit_depth

#: Name of the file that a locator loads, in the run's folder.
LOCATOR_FILE = "locator.ckpt"


class TrainingParser(LightningArgumentParser):
    """Lightning's parser, whose errors are one sentence like every other."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raises what the command line turns into one sentence and exit code 2."""
        sentence = " ".join(message.split())[:400].rstrip(".")
        raise InputError(f"{sentence}; see: raylocus train fit --help") from ex


class RaylocusCLI(LightningCLI):
    """After fitting, calibrates on the validation worlds and writes the run's locator."""

    model: LocationModule
    datamodule: ReportData

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """One seed rules the weights, the batches and the augmentation."""
        parser.link_arguments("seed_everything", "model.seed", compute_fn=_seed)
        parser.link_arguments("seed_everything", "data.init_args.seed", compute_fn=_seed)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Reads the words given, and only those; refuses seeds that no generator takes, with InputError."""
        try:
            self.config = parser.parse_args(args)
        except DepthError as error:  # jsonargparse passes it on
            parser.error(str(error), error)
        for name, value in self.config.items():
            if name.rpartition(".")[2] == "seed_everything":
                check_seed("--seed_everything", value)

    def before_fit(self) -> None:
        """Stamps the run with its resolved configuration and its input."""
        configuration = self.parser.dump(self.config, format="json")
        inputs = {"dataset": self.datamodule.stored.digest}
        seed = self.model.provenance.seed
        self.model.provenance = Provenance.collect({"train": configuration}, seed, inputs)

    def after_fit(self) -> None:
        """Calibrates the averaged weights and saves them as one file, in the first of several processes."""
        if not self.trainer.is_global_zero:
            return
        network = self.model.network
        self.model.calibration = dataclasses.replace(
            calibrate(network, _pairs(self.datamodule.validation_worlds())),
            misfit=calibrate_misfit(network, _pairs(self.datamodule.validation_worlds())),
            sharpening=self.model.calibration.sharpening,
        )
        path = Path(self.trainer.default_root_dir) / LOCATOR_FILE
        save_network(self.model.trained, path)
        fitted = self.model.calibration
        print(f"temperature {fitted.temperature:g}, estimator {fitted.estimator}; locator written to {path}")


def _pairs(batches: Iterable[PlaceBatch]) -> Iterator[tuple[PlaceMaps, SequenceTensors]]:
    return ((batch.maps, batch.sequences) for batch in batches)


def _seed(seed: int | bool | None) -> int:
    return int(seed) if seed is not None else 1


def quieten_lightning() -> None:
    """Leaves out Lightning's advertisements and its notes to its own developers."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    # Validating a checkpoint needs no average: its weights are the average.
    warnings.filterwarnings("ignore", message=".*The WeightAveraging state cannot be restored.*")


def main(arguments: Sequence[str] | None = None) -> RaylocusCLI:
    """Runs fit, validate or test as the arguments say; returns the finished run.

    Raises:
        StoreError: the dataset or a place's maps cannot be read.
        InputError: the dataset has nothing to train on.
    """
    return _cli(arguments, run=True)


def fit(arguments: Sequence[str]) -> bool:
    """Fits as `raylocus train fit` does, unless the run's locator was made by the same words from the same dataset.

    Returns:
        Whether there was anything to do.

    Raises:
        As `main`.
    """
    made = _cli(arguments, run=False)
    made.before_fit()
    if _is_made_from(Path(made.trainer.default_root_dir) / LOCATOR_FILE, made.model.provenance):
        return False
    made.trainer.fit(made.model, datamodule=made.datamodule)
    made.after_fit()
    return True


def _is_made_from(path: Path, provenance: Provenance) -> bool:
    try:
        return load_network(path).provenance.digest == provenance.digest
    except CheckpointError:
        return False


def _cli(arguments: Sequence[str] | None, run: bool) -> RaylocusCLI:
    quieten_lightning()
    limit_depth()
    return RaylocusCLI(
        LocationModule,
        ReportData,
        args=list(arguments) if arguments is not None else None,
        parser_class=TrainingParser,
        parser_kwargs={"prog": "raylocus train"},
        seed_everything_default=1,
        auto_configure_optimizers=False,
        # Other data comes by class_path; its constructor takes a seed as ReportData's does.
        subclass_mode_data=True,
        save_config_kwargs={"overwrite": True},
        run=run,
    )
