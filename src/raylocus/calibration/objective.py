"""A likelihood of a network's values with what descent needs of it; several are added up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Objective:
    """−ln likelihood of values, with its gradient and a positive semidefinite second derivative."""

    loss: float
    gradient: Float[np.ndarray, " value"]
    hessian: Float[np.ndarray, "value value"]

    def __add__(self, other: Objective) -> Objective:
        return Objective(self.loss + other.loss, self.gradient + other.gradient, self.hessian + other.hessian)


@runtime_checkable
class Term(Protocol):
    """Measurements of any kind, as a likelihood of values."""

    def objective(self, values: Float[np.ndarray, " value"]) -> Objective:
        """−ln likelihood of the values, with derivatives."""
