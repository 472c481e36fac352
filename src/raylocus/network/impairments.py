"""What comes between the channel and a report: noise, bias, and parts that go missing."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.network.channel import ChannelState


def faded(state: ChannelState, noise_db: float, generator: np.random.Generator) -> ChannelState:
    """The channel with a Gaussian error [dB] on the level of each cell in each report, all beams alike."""
    error = noise_db * generator.standard_normal(state.rsrp_beam.shape[:2])
    return dataclasses.replace(state, rsrp_beam=state.rsrp_beam + error[:, :, None])


def device_bias(
    report_offsets: Int[np.ndarray, "sample_plus_1"], bias_db: float, generator: np.random.Generator
) -> Float[np.ndarray, "report"]:
    """Level error [dB] of the UE of each report: one Gaussian draw for a UE's whole sequence."""
    lengths = np.diff(report_offsets)
    return np.repeat(bias_db * generator.standard_normal(len(lengths)), lengths)


def kept(shape: tuple[int, ...], share: float, generator: np.random.Generator) -> Bool[np.ndarray, "..."]:
    """A mask that is true for this share of its elements, each by chance."""
    return generator.random(shape) < share
