"""A trained area network as one file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from raylocus.errors import CheckpointError
from raylocus.models.area.area_network import AreaNetwork, AreaShape
from raylocus.provenance import Provenance
from raylocus.scenes.place_checks import plain_record
from raylocus.storage import written_whole

#: Version of the file.
AREA_CHECKPOINT_SCHEMA = "raylocus.area_checkpoint.v1"


@dataclass(frozen=True)
class TrainedAreaNetwork:
    """A network ready for use."""

    network: AreaNetwork
    temperature: float
    """By which log densities are divided: above 1 the answers are wider than trained."""
    provenance: Provenance


def save_area_network(trained: TrainedAreaNetwork, path: Path) -> None:
    """Writes one self-contained file.

    Raises:
        StorageFullError: the disk filled up.
    """
    record = {
        "schema": AREA_CHECKPOINT_SCHEMA,
        "shape": dataclasses.asdict(trained.network.shape),
        "temperature": trained.temperature,
        "provenance": trained.provenance.to_json(),
        "weights": {name: value.detach().clone() for name, value in trained.network.state_dict().items()},
    }
    with written_whole(path) as aside:
        torch.save(record, aside)


def is_area_network(path: Path) -> bool:
    """Whether a file is one of `save_area_network`, and not another checkpoint."""
    try:
        record: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # whatever is wrong with it is said by what reads it
        return False
    return isinstance(record, dict) and record.get("schema") == AREA_CHECKPOINT_SCHEMA


def load_area_network(path: Path) -> TrainedAreaNetwork:
    """Reads a file of `save_area_network`.

    Raises:
        CheckpointError: there is no such file, or it is another one.
    """
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}; train one with: raylocus train area --out {path}")
    try:
        # weights_only: a checkpoint is data; it must not be able to run code.
        record: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken pickle raises whatever its instructions lead to
        raise CheckpointError(f"{path} is not a readable checkpoint; train it again") from error
    if not isinstance(record, dict) or record.get("schema") != AREA_CHECKPOINT_SCHEMA:
        raise CheckpointError(f"{path} is no checkpoint of an area network; give one of raylocus train area")
    try:
        network = AreaNetwork(AreaShape(**plain_record(AreaShape, record["shape"])))
        network.load_state_dict(record["weights"])
        trained = TrainedAreaNetwork(
            network.eval().requires_grad_(False),
            float(record["temperature"]),
            Provenance.from_json(record["provenance"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, MemoryError) as error:
        raise CheckpointError(f"{path} does not fit this version's network; train it again") from error
    if not 0.1 <= trained.temperature <= 100 or not all(
        bool(torch.isfinite(each).all()) for each in network.parameters()
    ):
        raise CheckpointError(f"{path} holds weights or a temperature that no training gives; train it again")
    return trained
