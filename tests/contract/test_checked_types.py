"""The check of shapes and types that runs in all tests finds what it should."""

from __future__ import annotations

import numpy as np
import pytest
from jaxtyping import Float

from checked_types import checked
from raylocus.geo import Extent
from raylocus.units import slot_duration


@checked
def paired(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    return np.concatenate([x, y[:1]]) if x[0] else x


def test_axes_of_one_name_have_one_length_in_arguments_and_result() -> None:
    assert paired(np.zeros(3), np.zeros(3)).size == 3
    with pytest.raises(TypeError):
        paired(np.zeros(3), np.zeros(4))
    with pytest.raises(TypeError):
        paired(np.ones(3), np.zeros(3))


@checked
def joined(
    x: Float[np.ndarray, "*batch n"], y: Float[np.ndarray, "*batch m"]
) -> Float[np.ndarray, "*batch n+m"]:
    return np.concatenate([x, y], -1)


def test_what_was_found_of_an_array_holds_for_its_shape_and_the_axes_met_before_it_only() -> None:
    x = np.zeros((2, 3))
    for y in (x, np.zeros((4, 3)), np.zeros(3)):
        assert joined(y, y).shape == (*y.shape[:-1], 6)
    for y in (np.zeros((4, 3)), np.zeros(3), x.astype(int), x.tolist()):
        with pytest.raises(TypeError):
            joined(x, y)


def test_functions_and_dataclasses_of_the_package_are_checked() -> None:
    with pytest.raises(TypeError):
        slot_duration("1")
    with pytest.raises(TypeError):
        Extent("0", 0.0, 1.0, 1.0)
