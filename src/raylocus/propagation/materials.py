"""Radio materials: ITU-R P.2040 properties and the reflection of a slab."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float
from scipy.constants import epsilon_0

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
        return RadioMaterials(
            self.frequency,
            np.maximum(self.permittivity * permittivity, 1.0),
            self.conductivity * conductivity,
            self.thickness,
        )


def itu_materials(frequency: float) -> RadioMaterials:
    """ITU-R P.2040-4 Table 3 at a frequency [Hz], from sionna-rt's own table.

    A material whose table does not reach the frequency is taken at the nearest end of its range.
    """
    from raylocus.propagation.runtime import activate

    activate()
    from sionna.rt.radio_materials.itu import ITU_MATERIALS_PROPERTIES

    permittivity, conductivity = [], []
    for name in MATERIALS:
        ranges = ITU_MATERIALS_PROPERTIES["medium_dry_ground" if name == "ground" else name]
        low, high = min(ranges, key=lambda span: max(span[0] - frequency / 1e9, frequency / 1e9 - span[1], 0))
        a, b, c, d = ranges[(low, high)]
        gigahertz = float(np.clip(frequency / 1e9, low, high))
        permittivity.append(a * gigahertz**b)
        conductivity.append(c * gigahertz**d)
    return RadioMaterials(frequency, np.array(permittivity), np.array(conductivity))


def slab_reflection(
    cosine: Float[np.ndarray, "n"], permittivity: Complex[np.ndarray, "n"], thickness: float, wavelength: float
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
    return tuple(  # type: ignore[return-value]
        single * (1 - round_trip) / (1 - single**2 * round_trip) for single in (electric, magnetic)
    )
