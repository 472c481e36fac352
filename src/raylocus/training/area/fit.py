"""Trains the area network: deterministic by steps, resumable, on networks that are drawn as they are needed.

A report's truth x* among points x_j, drawn from a law of known density q about its anchors, is found by a softmax of
log f(x) − log q(x). The optimum of that cross-entropy is f ∝ p(x* | report), for any number of points
(arXiv:1807.03748; Gutmann and Hyvärinen 2010).
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from raylocus.errors import CheckpointError, InputError
from raylocus.models.area.area_network import AreaBatch, AreaNetwork, AreaShape
from raylocus.models.area.tokens import HEARD, SILENT, AreaTokens, area_tokens
from raylocus.network.field.law import FieldLaw, training_law
from raylocus.network.field.simulate import simulate_network
from raylocus.storage import written_whole

#: Scales of the laws about the weighted centroid, the strongest cell, the position by arrivals and each heard cell.
CENTROID, STRONGEST, TIMED, ANY = (0.06, 0.2, 0.6, 1.5, 5.0), (0.07, 0.25, 0.7), (0.03, 0.1, 0.3), (0.4,)
#: Their shares.
SHARES = (0.45, 0.2, 0.2, 0.15)


def component_laws(batch: AreaBatch) -> tuple[Float[Tensor, "report component ..."], ...]:
    """Centre, scale and share of each law; 2-D Student laws of two degrees of freedom."""
    middle = batch.position[:, HEARD + SILENT : HEARD + SILENT + 1]
    strongest, timed = batch.position[:, :1], batch.position[:, -1:]
    heard, count = batch.position[:, :HEARD], len(batch.position)
    centres = [
        middle.expand(-1, len(CENTROID), 2),
        strongest.expand(-1, len(STRONGEST), 2),
        timed.expand(-1, len(TIMED), 2),
        heard,
    ]
    scales = torch.tensor([*CENTROID, *STRONGEST, *TIMED, *ANY * HEARD]).expand(count, -1)
    there = batch.present[:, :HEARD].float()
    shares = torch.cat([
        torch.full((count, len(CENTROID)), SHARES[0] / len(CENTROID)),
        torch.full((count, len(STRONGEST)), SHARES[1] / len(STRONGEST)),
        batch.present[:, -1:].float().expand(-1, len(TIMED)) * (SHARES[2] / len(TIMED)),
        there * (SHARES[3] / there.sum(1, keepdim=True)),
    ], dim=1)  # fmt: skip
    return torch.cat(centres, dim=1), scales, shares / shares.sum(1, keepdim=True)


def draw_points(batch: AreaBatch, count: int, generator: torch.Generator) -> Float[Tensor, "report point 2"]:
    """Points of the mixture."""
    centre, scale, share = component_laws(batch)
    chosen = torch.multinomial(share, count, replacement=True, generator=generator)
    uniform = torch.rand((2, *chosen.shape), generator=generator)
    radius = scale.gather(1, chosen) * torch.sqrt(2 * (1 / (1 - 0.9999 * uniform[0]) - 1))
    angle = 2 * torch.pi * uniform[1]
    step = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=-1)
    return centre.gather(1, chosen[..., None].expand(-1, -1, 2)) + step


def log_proposal(batch: AreaBatch, points: Float[Tensor, "report point 2"]) -> Float[Tensor, "report point"]:
    """Log density of the mixture at points."""
    centre, scale, share = component_laws(batch)
    square = (points[:, :, None] - centre[:, None]).square().sum(-1) / (2 * scale[:, None].square())
    log_law = -2 * torch.log1p(square) - torch.log(2 * torch.pi * scale.square())[:, None]
    return torch.logsumexp(log_law + torch.log(share + 1e-12)[:, None], dim=-1)


#: Numbers of reports that a network's statistics are of, and how often.
STREAMS, STREAM_SHARES = np.array([1, 4, 16, 64, 160]), np.array([0.08, 0.07, 0.15, 0.5, 0.2])
#: Share of the average of weights that each step keeps.
KEPT = 0.995
#: Streams of random numbers: networks of training, points of training, networks of validation.
TRAINING, POINTS, VALIDATION = 0, 1, 2


@dataclass(frozen=True)
class AreaTraining:
    """How the network is trained."""

    steps: int = 3000
    """Optimiser steps."""
    networks: int = 12
    """Networks a step."""
    reports: int = 16
    """Reports of each that are learned from; its statistics are of more."""
    points: int = 96
    """Points that each truth is distinguished from."""
    rate: float = 2e-3
    """Highest learning rate."""
    warm_up: int = 100
    """Steps until it is reached; from there it falls by a cosine."""
    seed: int = 0
    """Of the weights and of all that is drawn."""
    shape: AreaShape = AreaShape()

    def __post_init__(self) -> None:
        """Refuses, with InputError, numbers by which nothing is learned."""
        lacking = [name for name in ("steps", "networks", "reports", "points") if getattr(self, name) < 1]
        lacking += [] if self.rate > 0 else ["rate"]
        if lacking:
            raise InputError(f"training needs more than 0 of {', '.join(lacking)}; give positive numbers")


def labelled_batch(
    law: Callable[[np.random.Generator], FieldLaw], networks: int, reports: int, seed: tuple[int, ...]
) -> tuple[AreaBatch, Float[Tensor, "report 1 2"]]:
    """Rows of drawn networks, and where their UEs are in their frames.

    Args:
        law: gives what each network is drawn from.
        networks: number of networks.
        reports: the most rows of each.
        seed: what decides every draw.
    """
    rows = []
    truths = []
    for number in range(networks):
        generator = np.random.default_rng((*seed, number))
        drawn = simulate_network(law(generator), int(generator.choice(STREAMS, p=STREAM_SHARES)), generator)
        tokens = area_tokens(drawn.heard)
        some = generator.permutation(len(tokens))[:reports]
        rows.append(tokens.select(some))
        truths.append((drawn.position[some] - rows[-1].centre) / rows[-1].scale[:, None])
    batch = AreaBatch.of(AreaTokens.concatenate(rows))
    return batch, torch.from_numpy(np.concatenate(truths).astype(np.float32))[:, None]


def contrast(
    network: AreaNetwork,
    batch: AreaBatch,
    truth: Float[Tensor, "report 1 2"],
    points: int,
    seed: tuple[int, ...],
) -> Float[Tensor, ""]:
    """Mean cross-entropy of finding the truth among points of the proposals [nats]."""
    draws = torch.Generator().manual_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
    every = torch.cat([truth, draw_points(batch, points, draws)], dim=1)
    ratio = network(batch).log_density(every) - log_proposal(batch, every)
    return functional.cross_entropy(ratio, torch.zeros(len(ratio), dtype=torch.long))


def fit_area_network(training: AreaTraining, state: Path, say: Callable[[str], None]) -> AreaNetwork:
    """Trains, or goes on from the state of a run of the same settings.

    Args:
        training: the settings.
        state: file that the run's state is kept in.
        say: called with a line now and then.

    Raises:
        CheckpointError: the file is the state of a run with other settings.
    """
    run = _Run(training)
    start, began = run.resume(state), time.monotonic()
    losses = []
    for step in range(start, training.steps):
        losses.append(run.step(step))
        if (step + 1) % 100 == 0 or step + 1 == training.steps:
            run.save(state, step + 1)
            say(f"step {step + 1}: {np.mean(losses[-100:]):.4f} nats, {time.monotonic() - began:.0f} s")
    return run.average


class _Run:
    """A network in training, the average of its weights, and its optimizer."""

    def __init__(self, training: AreaTraining) -> None:
        torch.manual_seed(training.seed)
        self.training = training
        self.network = AreaNetwork(training.shape)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), training.rate, weight_decay=0.01)

    def step(self, step: int) -> float:
        """One step; the loss before it."""
        training = self.training
        for group in self.optimizer.param_groups:
            group["lr"] = _rate(training, step)
        batch, truth = labelled_batch(
            training_law, training.networks, training.reports, (training.seed, TRAINING, step)
        )
        loss = contrast(self.network, batch, truth, training.points, (training.seed, POINTS, step))
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        kept = min(KEPT, step / (step + 10))
        for mean, own in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(own.detach(), 1 - kept)
        return float(loss.detach())

    def save(self, state: Path, step: int) -> None:
        """Writes everything that the next step needs."""
        record = {
            "training": asdict(self.training), "step": step,
            "network": self.network.state_dict(), "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }  # fmt: skip
        with written_whole(state) as aside:
            torch.save(record, aside)

    def resume(self, state: Path) -> int:
        """Reads a state, if there is one; the number of steps done."""
        if not state.exists():
            return 0
        record: dict[str, Any] = torch.load(state, weights_only=True)
        if record["training"] != asdict(self.training):
            raise CheckpointError(f"{state} is of a run with other settings; name another file, or remove it")
        self.network.load_state_dict(record["network"])
        self.average.load_state_dict(record["average"])
        self.optimizer.load_state_dict(record["optimizer"])
        return int(record["step"])


def _rate(training: AreaTraining, step: int) -> float:
    warm = min(1.0, (step + 1) / training.warm_up)
    return training.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / training.steps)))
