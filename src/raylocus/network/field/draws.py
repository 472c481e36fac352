"""Draws from the bounds of a law."""

from __future__ import annotations

import numpy as np

from raylocus.network.field.law import Range


def uniform(generator: np.random.Generator, bounds: Range) -> float:
    """A number between two bounds."""
    return float(generator.uniform(*bounds))


def log_uniform(generator: np.random.Generator, bounds: Range) -> float:
    """A number between two bounds above zero, uniform in its logarithm."""
    return float(np.exp(generator.uniform(*np.log(bounds))))


def happens(generator: np.random.Generator, probability: float) -> bool:
    """Whether something of this probability happens."""
    return bool(generator.random() < probability)
