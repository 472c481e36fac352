"""DeepMIMO 4 scenarios on disk: what each matrix means, and a folder's files.

A scenario is `params.json` and, for every transmitter and set of receivers, one compressed numpy file a
matrix: NAME_t001_tx002_r003.npz holds the array NAME of transmitter 2 of set 1 at the receivers of set 3.
Paths are sorted by power; what is missing is NaN. Angles are in degrees: azimuth counter-clockwise from +x,
"elevation" from +z (the zenith angle), both ends seen outwards. Interactions are decimal digits from the
transmitter: 1 reflection, 2 diffraction, 3 scattering, 4 transmission; 0 is line of sight.
Written from the format as DeepMIMO 4.0.5 reads it; none of its code is used.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.io import loadmat

from raylocus.errors import StoreError
from raylocus.json_text import parse_json

#: Version of DeepMIMO that the format is of.
DEEPMIMO_VERSION = "4.0.5"
PARAMETERS = "params.json"
#: Digits of an interaction.
REFLECTION, DIFFRACTION, SCATTERING, TRANSMISSION = 1, 2, 3, 4


@dataclass(frozen=True)
class TransmitterPaths:
    """Paths from one transmitter to a set of receivers; fields are named as DeepMIMO's matrices."""

    tx_pos: Float[np.ndarray, "1 3"]
    """Transmitter [m]."""
    rx_pos: Float[np.ndarray, "receiver 3"]
    """Receivers [m]."""
    power: Float[np.ndarray, "receiver slot"]
    """Power gain between isotropic antennas [dB]."""
    phase: Float[np.ndarray, "receiver slot"]
    """Phase of the baseband amplitude [degrees], the carrier's −2πfτ included."""
    delay: Float[np.ndarray, "receiver slot"]
    """s."""
    aoa_az: Float[np.ndarray, "receiver slot"]
    aoa_el: Float[np.ndarray, "receiver slot"]
    """Where the path comes from, seen from the receiver [degrees]."""
    aod_az: Float[np.ndarray, "receiver slot"]
    aod_el: Float[np.ndarray, "receiver slot"]
    """Where the path leaves to, seen from the transmitter [degrees]."""
    inter: Float[np.ndarray, "receiver slot"]
    """Interactions as digits."""
    inter_pos: Float[np.ndarray, "receiver slot interaction 3"]
    """Where they happen [m]."""


@dataclass(frozen=True)
class PointSet:
    """A set of transmitters or receivers of `params.json`."""

    number: int
    transmits: bool
    receives: bool
    points: int


def write_paths(paths: TransmitterPaths, folder: Path, transmitter: int) -> None:
    """Writes the matrices of transmitter so-and-so of set 0 at the receivers of set 1, in float32."""
    for field in dataclasses.fields(paths):
        values = getattr(paths, field.name).astype(np.float32)
        np.savez_compressed(folder / _file(field.name, 0, transmitter, 1), **{field.name: values})


def read_paths(
    folder: Path, transmitters: PointSet, transmitter: int, receivers: PointSet
) -> TransmitterPaths:
    """Reads the matrices of one transmitter at a set of receivers.

    Raises:
        StoreError: a matrix is missing or broken.
    """
    names = [field.name for field in dataclasses.fields(TransmitterPaths)]
    read = {
        name: _array(folder / _file(name, transmitters.number, transmitter, receivers.number), name)
        for name in names
    }
    slots = read["power"].shape[1:2]
    for name, values in read.items():
        expected = (1,) if name == "tx_pos" else (receivers.points, *(() if name == "rx_pos" else slots))
        if values.shape[: len(expected)] != expected or not slots:
            raise StoreError(
                f"{folder} has {name} of the shape {values.shape} at {receivers.points} receivers of "
                f"{slots[0] if slots else 0} paths; convert it again"
            )
    return TransmitterPaths(**read)


def read_parameters(folder: Path) -> dict[str, Any]:
    """The parameters of a static scenario.

    Raises:
        StoreError: there are none, or the scenario has several scenes.
    """
    try:
        parameters: dict[str, Any] = parse_json((folder / PARAMETERS).read_text())
        scenes = int(parameters["scene"]["num_scenes"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{folder} has no {PARAMETERS} of a DeepMIMO 4 scenario; name its folder") from error
    if scenes != 1:
        raise StoreError(f"{folder} has {scenes} scenes; convert each to a scenario of its own")
    return parameters


def point_sets(parameters: dict[str, Any]) -> Iterator[PointSet]:
    """The sets of transmitters and receivers of a scenario's parameters.

    Raises:
        StoreError: the parameters do not describe them.
    """
    try:
        for _, entry in sorted(parameters["txrx_sets"].items()):
            yield PointSet(
                int(entry["id"]), bool(entry["is_tx"]), bool(entry["is_rx"]), int(entry["num_points"])
            )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"{PARAMETERS} of the scenario describes no sets of points; download it again"
        ) from error


def _file(name: str, transmitters: int, transmitter: int, receivers: int) -> str:
    return f"{name}_t{transmitters:03}_tx{transmitter:03}_r{receivers:03}.npz"


def _array(path: Path, name: str) -> Float[np.ndarray, "..."]:
    """The array of a compressed numpy file, or of the MATLAB file that DeepMIMO wrote before 4.0.5."""
    older = path.with_suffix(".mat")
    try:
        if older.exists() and not path.exists():
            return np.asarray(loadmat(older)[name], np.float64)
        with np.load(path) as archive:
            return np.asarray(archive[name], np.float64)
    except Exception as error:  # an archive, its compression and a MATLAB file have their own
        raise StoreError(f"{path} is missing or broken; download or convert the scenario again") from error
