"""A trained area network as one file."""

from __future__ import annotations

import dataclasses
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from raylocus.errors import CheckpointError
from raylocus.models.area.anchors import streams_of
from raylocus.models.area.area_network import AreaBatch, AreaNetwork, AreaShape
from raylocus.models.area.cells import CellMasses, cell_masses
from raylocus.models.area.tag_law import PairLaw
from raylocus.models.area.tags import Odds, TaggedField, Tags
from raylocus.models.area.tokens import AreaTokens, ReadNetwork
from raylocus.models.regions import LEVELS, Regions
from raylocus.network.field.heard import HeardNetwork, KnownCells
from raylocus.provenance import Provenance
from raylocus.ragged import Rows
from raylocus.scenes.place_checks import plain_record
from raylocus.storage import written_whole

#: Version of the file.
AREA_CHECKPOINT_SCHEMA = "raylocus.area_checkpoint.v1"
#: Columns of the tags of an adapted network, and of its cells.
_TOKENS = ("cell", "level", "serving", "advance", "arrival")
_CELLS = ("position", "azimuth", "power", "deviation", "site")


@dataclass(frozen=True)
class TrainedAreaNetwork:
    """A network ready for use."""

    network: AreaNetwork
    temperature: float
    """By which log densities are divided: above 1 the answers are wider than trained."""
    provenance: Provenance
    tags: Tags | None = None
    """Reports of known position in the network that it was adapted to."""
    regions: Regions = Regions()
    """What its regions truly hold there, of reports that are unlike all tags."""

    def read(self, network: HeardNetwork, stream: Int[np.ndarray, " report"] | None = None) -> ReadNetwork:
        """A network with what the reports of each stream, and the tags, say of it; the reports come first.

        Args:
            network: the reports.
            stream: number of each report's stream, 0, 1, … without gaps; one if left out.

        Raises:
            CheckpointError: it was adapted to another network.
        """
        if self.tags is None:
            return ReadNetwork.of(network, stream)
        if not self.tags.of_network(network.cells):
            raise CheckpointError(
                "the checkpoint was adapted to a network of other sites; locate in that one, or adapt it to this one "
                "with: raylocus train adapt"
            )
        return ReadNetwork.of(*self.tags.streams(network, streams_of(network, stream)))

    def masses(self, tokens: AreaTokens, heard: HeardNetwork) -> CellMasses:
        """The posteriors of reports in their frames.

        Args:
            tokens: rows of the reports.
            heard: the reports themselves.
        """
        if self.tags is None:
            masses = cell_masses(self.network(AreaBatch.of(tokens).filled()), self.temperature)
            return masses.restated(self.regions)
        tagged = self.tagged(tokens, heard)
        masses = cell_masses(tagged)
        like, unlike = (masses.restated(each).mass for each in (self.tags.regions, self.regions))
        return replace(masses, mass=torch.where(tagged.alike[:, None], like, unlike))

    def tagged(self, tokens: AreaTokens, heard: HeardNetwork) -> TaggedField:
        """The densities of reports by network and tags, of which there are some.

        Args:
            tokens: rows of the reports.
            heard: the reports themselves.

        Raises:
            ValueError: it was adapted to no network.
        """
        if self.tags is None:
            raise ValueError("a network that was not adapted has no tags")
        field = self.network(AreaBatch.of(tokens).filled())
        return self.tags.joined(field, heard, tokens, self.temperature)


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
        "regions": list(trained.regions.nominal),
        "tags": None if trained.tags is None else _tags_record(trained.tags),
    }
    with written_whole(path) as aside:
        torch.save(record, aside)


def is_area_network(path: Path) -> bool:
    """Whether a file is one of `save_area_network`, and not another checkpoint."""
    try:
        # Mapped into memory, weights are not read here and once more by what loads them.
        record: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
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
            _tags(record.get("tags")),
            Regions(tuple(record.get("regions", LEVELS))),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, MemoryError) as error:
        raise CheckpointError(f"{path} does not fit this version's network; train it again") from error
    if not 0.1 <= trained.temperature <= 100 or not all(
        bool(torch.isfinite(each).all()) for each in network.parameters()
    ):
        raise CheckpointError(f"{path} holds weights or a temperature that no training gives; train it again")
    return trained


def _tags_record(tags: Tags) -> dict[str, Any]:
    heard = tags.heard
    columns = {name: getattr(heard, name) for name in _TOKENS} | {"offsets": heard.rows.offsets}
    listed = {f"cells.{name}": getattr(heard.cells, name) for name in _CELLS}
    law = np.array([*astuple(tags.law), *astuple(tags.odds), *tags.regions.nominal])
    every = {**columns, **listed, "tag_position": tags.position, "law": law}
    return {name: torch.from_numpy(np.ascontiguousarray(each)) for name, each in every.items()}


def _tags(record: dict[str, torch.Tensor] | None) -> Tags | None:
    if record is None:
        return None
    column = {name: each.numpy() for name, each in record.items()}
    cells = KnownCells(**{name: column[f"cells.{name}"] for name in _CELLS})
    heard = HeardNetwork(cells, Rows(column["offsets"]), **{name: column[name] for name in _TOKENS})
    if not np.isfinite(column["tag_position"]).all() or len(column["tag_position"]) != len(heard):
        raise ValueError("tags have a position each")
    parts = np.split(column["law"], np.cumsum([len(fields(PairLaw)), len(fields(Odds))]))
    law, odds, nominal = (each.tolist() for each in parts)
    return Tags(heard, column["tag_position"], PairLaw(*law), Odds(*odds), Regions(tuple(nominal)))
