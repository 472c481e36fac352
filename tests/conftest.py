"""What every test shares: seeded randomness, few threads, and hypothesis without deadlines."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# Two cores are shared with the tests' own subprocesses.
os.environ.setdefault("OMP_NUM_THREADS", "2")

# Deadlines measure the machine, not the code; derandomised, so that a red run is red again.
settings.register_profile("raylocus", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("raylocus")

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture
def generator() -> np.random.Generator:
    """A source of randomness that is the same in every run."""
    return np.random.default_rng(20250101)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return REPOSITORY
