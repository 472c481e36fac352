"""LocUNet as a method: trained, with the spread of its errors for a density, and stored as one file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from raylocus.errors import InputError, StoreError
from raylocus.evaluation.baselines.locunet.network import LocUNet, PlacePictures, last_levels, place_pictures
from raylocus.evaluation.baselines.masses import circular_masses
from raylocus.evaluation.evaluation import TrainingPlaces
from raylocus.models.inputs.nominal_maps import MappedPlace, NominalMaps, nominal_maps
from raylocus.models.posterior import Posterior, posterior_of
from raylocus.network.reports.reports import Reports
from raylocus.provenance import hash_configuration
from raylocus.storage import written_whole

#: Of so many sequences one is held out, to see how far the answers are off.
HELD_OUT = 8
#: At most so many are.
MOST_HELD_OUT = 60
#: Share of the training after which the learning rate falls to a tenth (30 of 50 epochs), and lines in between.
STEP, LINES = 0.6, 10


@dataclass(frozen=True)
class LocUNetTraining:
    """How LocUNet is trained; the defaults, the number of sequences apart, are the authors'."""

    sequences: int = 1_035_000
    """Sequences that it is shown in all, 0 for no LocUNet; the authors' are 50 epochs of 69 × 50 × 200 UEs, thinned."""
    side: int = 256
    """Pixels of a side."""
    batch: int = 15
    """Sequences in a step."""
    learning_rate: float = 1e-5
    seed: int = 0
    """Of the weights and of the order of sequences."""


@dataclass(frozen=True, eq=False)
class Shown:
    """Sequences of one place as LocUNet sees them."""

    pictures: PlacePictures
    rsrp: Float[np.ndarray, "sample cell"]
    target: Float[Tensor, "sample 2"]
    """Column and row of the truth [pixel]."""


def trained(
    pairs: Sequence[tuple[Reports, NominalMaps]], settings: LocUNetTraining, report: Callable[[str], None]
) -> tuple[LocUNet, float]:
    """A trained network and the standard deviation an axis of its error on sequences held out [m].

    Raises:
        InputError: there are no training sequences, or a loss is no number.
    """
    shown = [_shown(reports, maps, settings.side) for reports, maps in pairs if len(reports)]
    rows = np.array([(place, row) for place, one in enumerate(shown) for row in range(len(one.rsrp))])
    if not len(rows):
        raise InputError("there are no training sequences for LocUNet; add training places")
    kept, held = (
        (rows[np.arange(len(rows)) % HELD_OUT != 0], rows[::HELD_OUT]) if len(rows) > 1 else (rows, rows)
    )
    torch.manual_seed(settings.seed)
    network = LocUNet()
    _descend(network, shown, kept, settings, report)
    held = held[:: -(-len(held) // MOST_HELD_OUT)]
    return network, _spread(network.eval(), shown, held)


def _descend(
    network: LocUNet,
    shown: Sequence[Shown],
    rows: np.ndarray,
    settings: LocUNetTraining,
    report: Callable[[str], None],
) -> None:
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    steps = max(1, settings.sequences // settings.batch)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, max(1, round(STEP * steps)), 0.1)
    batches = _batches(rows, settings.batch, np.random.default_rng(settings.seed))
    for step in range(1, steps + 1):
        distance = _distances(network, shown, next(batches)).mean()
        if not torch.isfinite(distance):
            raise InputError(f"LocUNet's loss is no number at step {step}; lower its learning_rate")
        optimizer.zero_grad()
        distance.backward()
        optimizer.step()
        schedule.step()
        if step % max(1, steps // LINES) == 0:
            report(f"      LocUNet, step {step} of {steps}, mean error {float(distance.detach()):.1f} pixels")


def _batches(rows: np.ndarray, size: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Batches without end, every row once before any comes again."""
    while True:
        order = generator.permutation(len(rows))
        for start in range(0, len(order), size):
            yield rows[order[start : start + size]]


def _distances(network: LocUNet, shown: Sequence[Shown], rows: np.ndarray) -> Float[Tensor, " sample"]:
    """Distance of each answer from the truth [pixel]."""
    planes = torch.cat([shown[place].pictures.planes(shown[place].rsrp[[row]]) for place, row in rows])
    target = torch.stack([shown[place].target[row] for place, row in rows])
    return (network(planes) - target).norm(dim=1)


@torch.no_grad()
def _spread(network: LocUNet, shown: Sequence[Shown], rows: np.ndarray) -> float:
    """The likeliest standard deviation of a circular Gaussian [m]."""
    metres = [float(_distances(network, shown, row[None])) * shown[row[0]].pictures.pixel for row in rows]
    return float(np.sqrt(np.mean(np.square(metres)) / 2))


def _shown(reports: Reports, maps: NominalMaps, side: int) -> Shown:
    pictures = place_pictures(maps, side)
    truth = reports.position[reports.last_report, :2]
    pixel = (truth + pictures.size / 2) / pictures.pixel - 0.5
    return Shown(pictures, last_levels(reports, maps), torch.from_numpy(pixel).float())


#: Version of the file, and its name in a folder of results.
LOCUNET_SCHEMA, LOCUNET_FILE = "raylocus.locunet.v1", "locunet.pt"
#: Sequences that go through the network together.
BATCH = 4


@dataclass(frozen=True, eq=False)
class LocUNetMethod:
    """A trained LocUNet; its density is a Gaussian about its answer, as wide as its errors were when it was fitted."""

    network: LocUNet
    side: int
    """Pixels of a side of its pictures."""
    spread: float
    """Standard deviation an axis [m]."""
    name: str = "LocUNet"

    @torch.inference_mode()
    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """Posterior from the last report, the estimate being the network's. Raises PlaceError for an unknown PCI."""
        maps = nominal_maps(place)
        pictures, rsrp = place_pictures(maps, self.side), last_levels(reports, maps)
        parts = [
            self._positions(rsrp[start : start + BATCH], pictures) for start in range(0, len(rsrp), BATCH)
        ]
        edge = maps.tile.size / 2
        position = np.clip(np.concatenate([np.zeros((0, 2)), *parts]), -edge, edge)
        return posterior_of(maps.tile, circular_masses(position, self.spread, maps), position)

    def _positions(
        self, rsrp: Float[np.ndarray, "sample cell"], pictures: PlacePictures
    ) -> Float[np.ndarray, "sample 2"]:
        pixels = self.network(pictures.planes(rsrp)).numpy().astype(np.float64)
        return (pixels + 0.5) * pictures.pixel - pictures.size / 2


def locunet_for(
    training: TrainingPlaces,
    digest: str,
    stored: Path,
    settings: LocUNetTraining,
    report: Callable[[str], None],
) -> LocUNetMethod:
    """LocUNet trained on training places, or what an earlier call left of the same data and settings.

    Args:
        training: reports and their places.
        digest: of the dataset that they are from.
        stored: file that it is kept in.
        settings: how it is trained.
        report: called with a line as training goes on.

    Raises:
        InputError: there are no training sequences, or a loss is no number.
        StorageFullError: the disk filled up.
    """
    made_from = hash_configuration([digest, dataclasses.asdict(settings)])
    if stored.is_file() and (found := _load(stored, made_from)) is not None:
        return found
    pairs = [(reports, nominal_maps(place)) for reports, place in training]
    network, spread = trained(pairs, settings, report)
    content = {"schema": LOCUNET_SCHEMA, "made_from": made_from, "side": settings.side, "spread": spread}
    with written_whole(stored) as aside:
        torch.save({**content, "weights": network.state_dict()}, aside)
    return LocUNetMethod(network.eval(), settings.side, spread)


def _load(stored: Path, made_from: str) -> LocUNetMethod | None:
    """What is stored; None where it is of other data or settings. Raises StoreError where it is damaged."""
    try:
        content = torch.load(stored, map_location="cpu", weights_only=True)
        if (content["schema"], content["made_from"]) != (LOCUNET_SCHEMA, made_from):
            return None
        network = LocUNet()
        network.load_state_dict(content["weights"])
        return LocUNetMethod(network.eval(), int(content["side"]), float(content["spread"]))
    except Exception as error:  # a broken pickle raises whatever its instructions lead to
        raise StoreError(f"{stored} is damaged; delete it, and it is trained again") from error
