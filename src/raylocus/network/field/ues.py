"""The UEs of a drawn network: each by itself, or phones that move and report several times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtr
from scipy.stats import chi2

from raylocus.network.field.draws import happens, log_uniform
from raylocus.network.field.layout import Layout, draw_area, draw_streets

#: Plane waves that a correlated field over the ground is summed from.
WAVES = 8
#: Distance over which lines of sight and the like are the same on a track [m], log (TR 38.901 Table 7.6.3.1-2: 50).
SAME_GROUND = (15.0, 150.0)
#: Speeds of those who walk and of those who drive [m/s], and the shares of those who stand, walk and drive.
WALK, DRIVE, KINDS = (0.7, 1.8), (3.0, 20.0), (0.3, 0.3, 0.4)
#: Time between two reports of a phone [s], log.
INTERVAL = (0.5, 20.0)
#: Deviation of the lane that a phone takes [m].
LANE = 5.0


@dataclass(frozen=True)
class Ues:
    """Reports that share no ground: each has random numbers of its own."""

    position: Float[np.ndarray, "ue 2"]
    """Where they are [m]."""
    phone: Int[np.ndarray, " ue"]
    """Whose they are: 0, 1, … ascending."""
    time: Float[np.ndarray, " ue"]
    """Since the first report of the phone [s]."""

    def __len__(self) -> int:
        return len(self.position)

    @classmethod
    def apart(cls, position: Float[np.ndarray, "ue 2"]) -> Ues:
        """One report a phone."""
        return cls(position, np.arange(len(position)), np.zeros(len(position)))

    def draws(self, columns: int, generator: np.random.Generator) -> Float[np.ndarray, "ue column"]:
        """Uniform numbers of the ground where they stand."""
        return generator.random((len(self), columns))

    def chi_squares(
        self, freedom: float, columns: int, generator: np.random.Generator
    ) -> Float[np.ndarray, "ue column"]:
        """χ² numbers of the ground where they stand."""
        return generator.chisquare(freedom, (len(self), columns))

    def exponentials(
        self, mean: float, columns: int, generator: np.random.Generator
    ) -> Float[np.ndarray, "ue column"]:
        """Exponential numbers of the ground where they stand."""
        return generator.exponential(mean, (len(self), columns))

    def of_phones(self, draw: Callable[[int], np.ndarray]) -> np.ndarray:
        """What is drawn for each phone, for each of its reports."""
        return draw(int(self.phone[-1]) + 1)[self.phone]


@dataclass(frozen=True)
class TrackedUes(Ues):
    """Reports of which near ones share the ground, as they do along a drive."""

    def draws(self, columns: int, generator: np.random.Generator) -> Float[np.ndarray, "ue column"]:
        """Uniform numbers that near reports share."""
        field = ground_fields(self.position, columns, log_uniform(generator, SAME_GROUND), generator)
        return np.clip(ndtr(field), 1e-6, 1 - 1e-6)

    def chi_squares(
        self, freedom: float, columns: int, generator: np.random.Generator
    ) -> Float[np.ndarray, "ue column"]:
        """χ² numbers that near reports share."""
        return np.asarray(chi2.ppf(self.draws(columns, generator), freedom))

    def exponentials(
        self, mean: float, columns: int, generator: np.random.Generator
    ) -> Float[np.ndarray, "ue column"]:
        """Exponential numbers that near reports share."""
        return -mean * np.log(self.draws(columns, generator))


def draw_tracks(layout: Layout, phones: int, reports: int, generator: np.random.Generator) -> TrackedUes:
    """Phones that stand, walk or drive, along a few streets or anywhere, and report at even times.

    Args:
        layout: the network.
        phones: number of phones.
        reports: reports of each.
        generator: decides everything that is drawn.
    """
    start, end = draw_streets(*draw_area(layout, generator), generator)
    street = generator.integers(len(start), size=phones)
    along = (end - start)[street]
    away = np.ptp(start, axis=0) * (generator.random((phones, 2)) - 0.5) * happens(generator, 0.3)
    lane = away + LANE * generator.standard_normal((phones, 2))
    interval = log_uniform(generator, INTERVAL)
    speeds = np.stack([np.zeros(phones), generator.uniform(*WALK, phones), generator.uniform(*DRIVE, phones)])
    speed = speeds[generator.choice(3, phones, p=KINDS), np.arange(phones)]
    steps = speed[:, None] * interval * generator.uniform(0, 2, (phones, reports))
    gone = np.cumsum(steps, axis=1) / np.maximum(np.hypot(*along.T), 1.0)[:, None]
    share = 1 - np.abs(
        (2 * generator.random(phones)[:, None] + gone) % 2 - 1
    )  # back at the end of the street
    position = (start[street] + lane)[:, None] + share[..., None] * along[:, None]
    times = np.tile(interval * np.arange(reports), phones)
    return TrackedUes(position.reshape(-1, 2), np.repeat(np.arange(phones), reports), times)


def ground_fields(
    ues: Float[np.ndarray, "ue 2"], count: int, length: float, generator: np.random.Generator
) -> Float[np.ndarray, "ue field"]:
    """Fields of unit variance that forget over a length [m]: sums of random plane waves."""
    wave = generator.standard_normal((count, WAVES, 2)) / length
    phase = generator.uniform(-np.pi, np.pi, (count, WAVES))
    angle = (ues.astype(np.float32) @ wave.reshape(-1, 2).T.astype(np.float32)).reshape(-1, count, WAVES)
    field = np.cos(angle + phase.astype(np.float32)).sum(-1) * np.sqrt(2 / WAVES)
    return field.astype(float)
