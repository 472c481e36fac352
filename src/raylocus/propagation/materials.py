"""Radio materials: ITU-R P.2040 properties and the reflection of a slab."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float
from scipy.constants import epsilon_0

from raylocus.errors import InputError
from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.triangles import WALL_THICKNESS
from raylocus.units import SPEED_OF_LIGHT


@dataclass(frozen=True)
class RadioMaterials:
    """Electrical properties of each of `MATERIALS` at one frequency."""

    frequency: float
    """Hz."""
    permittivity: Float[np.ndarray, "material"]
    """Relative permittivity."""
    conductivity: Float[np.ndarray, "material"]
    """S/m."""
    thickness: float = WALL_THICKNESS
    """Slab thickness [m]."""
    substitutions: tuple[str, ...] = ()
    """Materials taken outside the range of their table, and how; one sentence each."""

    @property
    def wavelength(self) -> float:
        """Wavelength in vacuum [m]."""
        return SPEED_OF_LIGHT / self.frequency

    @property
    def complex_permittivity(self) -> Complex[np.ndarray, "material"]:
        """η = εr − jσ/(ωε0) (ITU-R P.2040-4 eq. 9b)."""
        return self.permittivity - 1j * self.conductivity / (2 * np.pi * self.frequency * epsilon_0)

    def scaled(
        self, permittivity: Float[np.ndarray, "material"], conductivity: Float[np.ndarray, "material"]
    ) -> RadioMaterials:
        """The same materials with their properties multiplied; permittivity stays at or above vacuum's."""
        return dataclasses.replace(
            self,
            permittivity=np.maximum(self.permittivity * permittivity, 1.0),
            conductivity=self.conductivity * conductivity,
        )


#: Lowest and highest carrier that the substitutes below are meant for [Hz].
LOWEST_FREQUENCY, HIGHEST_FREQUENCY = 0.5e9, 100e9


def itu_materials(frequency: float) -> RadioMaterials:
    """ITU-R P.2040-4 Table 3 at a frequency [Hz], from sionna-rt's own table.

    A material whose table does not reach the frequency (ground types end at 10 GHz, most others begin
    at 1 GHz) keeps its permittivity and conductivity of the nearest end: the table's fits are power laws
    without meaning outside their range. Each such material is named in `substitutions`.

    Raises:
        InputError: the frequency is far outside every table.
    """
    if not LOWEST_FREQUENCY <= frequency <= HIGHEST_FREQUENCY:
        raise InputError(
            f"no material is known at {frequency / 1e9:g} GHz; choose a carrier from "
            f"{LOWEST_FREQUENCY / 1e9:g} to {HIGHEST_FREQUENCY / 1e9:g} GHz"
        )
    from raylocus.propagation.runtime import activate

    activate()
    from sionna.rt.radio_materials.itu import ITU_MATERIALS_PROPERTIES

    permittivity, conductivity, substitutions = [], [], []
    for name in MATERIALS:
        itu_type = "medium_dry_ground" if name == "ground" else name
        (a, b, c, d), used = _table_row(ITU_MATERIALS_PROPERTIES[itu_type], frequency / 1e9)
        permittivity.append(a * used**b)
        conductivity.append(c * used**d)
        if used != frequency / 1e9:
            substitutions.append(
                f"{name}: ITU-R P.2040 {itu_type} at {used:g} GHz for {frequency / 1e9:g} GHz, which its table lacks"
            )
    return RadioMaterials(
        frequency, np.array(permittivity), np.array(conductivity), substitutions=tuple(substitutions)
    )


def _table_row(
    ranges: dict[tuple[float, float], tuple[float, float, float, float]], gigahertz: float
) -> tuple[tuple[float, float, float, float], float]:
    """Coefficients (a, b, c, d) of the nearest range, and the frequency in it that is nearest [GHz]."""
    low, high = min(ranges, key=lambda span: max(span[0] - gigahertz, gigahertz - span[1], 0))
    return ranges[(low, high)], min(max(gigahertz, low), high)


def slab_reflection(
    cosine: Float[np.ndarray, "n"],
    permittivity: Complex[np.ndarray, "n"],
    thickness: float,
    wavelength: float,
) -> tuple[Complex[np.ndarray, "n"], Complex[np.ndarray, "n"]]:
    """Reflection coefficients (TE, TM) of a slab in vacuum.

    ITU-R P.2040-4 eq. 37 (single interface) and eq. 43a, 44 (slab).

    Args:
        cosine: cosine of the angle of incidence.
        permittivity: complex relative permittivity η.
        thickness: slab thickness [m].
        wavelength: wavelength [m].
    """
    root = np.sqrt(permittivity - (1 - cosine**2))
    electric = (cosine - root) / (cosine + root)
    magnetic = (permittivity * cosine - root) / (permittivity * cosine + root)
    # Below, the root's branch has Im ≤ 0, so the round trip decays and never overflows.
    round_trip = np.exp(-2j * 2 * np.pi * thickness / wavelength * root)
    return tuple(single * (1 - round_trip) / (1 - single**2 * round_trip) for single in (electric, magnetic))
