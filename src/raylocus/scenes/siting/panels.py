"""What of a sector's panel a carrier uses."""

from __future__ import annotations

from dataclasses import replace

from raylocus.scenes.sites import AntennaArray, Carrier


def array_on(carrier: Carrier, array: AntennaArray) -> AntennaArray:
    """The array of a sector on a carrier: in NR with at most L_max beams (TS 38.213 §4.1), else with one wide beam."""
    if carrier.technology != "NR":
        return replace(array, columns=1, beams=1)
    most = 4 if carrier.frequency <= 3e9 else 8 if carrier.frequency < 7.125e9 else 64
    return replace(array, beams=min(array.beams, most))
