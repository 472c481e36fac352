"""A trained network as one file: weights, configuration, calibration and provenance."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from raylocus.errors import CheckpointError, InputError
from raylocus.models.configuration import LocationNetworkConfiguration, MapLayerChoice
from raylocus.models.density import ESTIMATORS
from raylocus.models.inputs.map_layer_table import MAP_LAYERS
from raylocus.models.location_network import LocationNetwork
from raylocus.models.misfit import MisfitCalibration
from raylocus.models.regions import LEVELS, Regions
from raylocus.network.reports.features import SCHEMA, features_named
from raylocus.provenance import Provenance
from raylocus.scenes.place_checks import plain_record
from raylocus.storage import written_whole

#: Version of what `checkpoint_content` writes.
CHECKPOINT_SCHEMA = "raylocus.checkpoint.v9"
#: A larger size of a network in a file is a broken file.
LARGEST_SIZE = 1 << 14
#: Key of raylocus' part in a file that may hold Lightning's state as well.
CHECKPOINT_KEY = "raylocus"


@dataclass(frozen=True)
class PosteriorCalibration:
    """What was fitted on validation worlds after training."""

    temperature: float = 1.0
    """Densities are raised to 1/temperature: above 1 makes them wider."""
    estimator: str = "geometric_median"
    """Which of `models.density.ESTIMATORS` names the position."""
    sharpening: float = 0.0
    """Logarithm of the power of densities for each unit that the mean score of their misfit is below 0."""
    misfit: MisfitCalibration = MisfitCalibration()
    """How maps that do not fit are found out."""
    regions: Regions = Regions()
    """What regions truly hold in the network that it was adapted to."""
    network: str = ""
    """That network, see `scenes.area.deployment_digest`; empty where it is adapted to none."""
    levels: tuple[float, ...] = ()
    """What the levels of each of its cells are off by [dB]; empty where they are taken as they come."""


@dataclass(frozen=True)
class TrainedNetwork:
    """A network ready for use."""

    network: LocationNetwork
    calibration: PosteriorCalibration
    provenance: Provenance


def checkpoint_content(trained: TrainedNetwork) -> dict[str, Any]:
    """What a checkpoint file holds under `CHECKPOINT_KEY`: plain values and tensors only.

    The statistics of the features are buffers of the radio encoder, so they travel with the weights.
    """
    return {
        "schema": CHECKPOINT_SCHEMA,
        "network": dataclasses.asdict(trained.network.configuration),
        "features": _feature_rows(trained.network.configuration.features),
        "map_layers": _layer_rows(trained.network.configuration.map_layers),
        "calibration": dataclasses.asdict(trained.calibration),
        "provenance": trained.provenance.to_json(),
        "weights": {name: value.detach().clone() for name, value in trained.network.state_dict().items()},
    }


def save_network(trained: TrainedNetwork, path: Path) -> None:
    """Writes a checkpoint as one self-contained file.

    Raises:
        StorageFullError: the disk filled up.
    """
    with written_whole(path) as aside:
        torch.save({CHECKPOINT_KEY: checkpoint_content(trained)}, aside)


def load_network(path: Path) -> TrainedNetwork:
    """Reads a checkpoint written by `save_network` or by Lightning in training.

    Raises:
        CheckpointError: there is no such file, or it is not raylocus', or of another schema version.
    """
    content = _read(path)
    if content.get("schema") != CHECKPOINT_SCHEMA:
        raise CheckpointError(
            f"{path} has checkpoint schema {content.get('schema')!r} where {CHECKPOINT_SCHEMA!r} is needed; "
            "train it again with this version of raylocus"
        )
    _require_same_features(content, path)
    try:
        configuration = _configuration(content["network"])
        if _layer_rows(configuration.map_layers) != content.get("map_layers", {}):
            raise ValueError("its table of map layers is another one")
        network = LocationNetwork(configuration)
        network.load_state_dict(content["weights"])
        calibration = _calibration(content["calibration"])
        provenance = Provenance.from_json(content["provenance"])
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, MemoryError, InputError) as error:
        raise CheckpointError(f"{path} does not fit this version's network; train it again") from error
    if calibration.estimator not in ESTIMATORS:
        raise CheckpointError(f"{path} names an unknown estimator {calibration.estimator!r}; train it again")
    if calibration.temperature <= 0 or not all(map(_finite, network.state_dict().values())):
        raise CheckpointError(f"{path} holds weights or a temperature that no training gives; train it again")
    return TrainedNetwork(network.eval(), calibration, provenance)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise CheckpointError(
            f"no checkpoint at {path}; leave it out for the one that ships, or train one: raylocus train fit"
        )
    try:
        # weights_only: a checkpoint is data; it must not be able to run code.
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken pickle raises whatever its instructions lead to
        raise CheckpointError(f"{path} is not a readable checkpoint; train it again") from error
    content = stored.get(CHECKPOINT_KEY) if isinstance(stored, dict) else None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is not a checkpoint of raylocus; give one that raylocus train wrote")
    return content


def _feature_rows(names: tuple[str, ...]) -> dict[str, list[Any]]:
    """What a feature's value means, by its name."""
    return {
        each.name: [each.unit, each.low, each.high, each.token, each.circular]
        for each in features_named(names)
    }


def _layer_rows(choice: MapLayerChoice) -> dict[str, list[Any]]:
    """What the channels mean that a network sees beyond those that all networks see, by the layer's name."""
    rows = MAP_LAYERS if choice == "all" else ()
    return {row.name: [row.layer, row.over, row.kind, row.centre, row.scale, row.least] for row in rows}


def _require_same_features(content: dict[str, Any], path: Path) -> None:
    """Refuses a network whose features are not, or no longer mean the same, in the table of this version."""
    today = _feature_rows(tuple(feature.name for feature in SCHEMA))
    stored = content.get("features")
    rows = stored if isinstance(stored, dict) else {}
    other = [str(name) for name, row in rows.items() if today.get(name) != row]
    if other or not rows:
        differs = f" (it differs in {', '.join(other[:5])})" if other else ""
        raise CheckpointError(
            f"{path} was trained on another feature table{differs}; train it again with this version of raylocus"
        )


def _configuration(record: dict[str, Any]) -> LocationNetworkConfiguration:
    """Sizes of the network. Raises ValueError where one is too large to be."""
    plain = plain_record(LocationNetworkConfiguration, record)
    if any(isinstance(value, int) and not 0 < value <= LARGEST_SIZE for value in plain.values()):
        raise ValueError(f"no network has the sizes {plain}")
    tuples: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()
    }
    return LocationNetworkConfiguration(**tuples)


def _calibration(record: dict[str, Any]) -> PosteriorCalibration:
    misfit = plain_record(MisfitCalibration, record["misfit"])
    regions = Regions(tuple(record.get("regions", {"nominal": LEVELS})["nominal"]))
    plain = plain_record(PosteriorCalibration, {**record, "misfit": MisfitCalibration(), "regions": regions})
    vectors: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list | tuple) else value for name, value in misfit.items()
    }
    return dataclasses.replace(PosteriorCalibration(**plain), misfit=MisfitCalibration(**vectors))


def _finite(weights: torch.Tensor) -> bool:
    return bool(torch.isfinite(weights).all())
