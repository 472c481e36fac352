"""Radio materials: ITU-R P.2040 properties, the reflection of a slab, and how much mirrors reflect at most."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Complex, Float, Int
from scipy.constants import epsilon_0

from raylocus.errors import InputError
from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.radio_properties import ITU_TYPE, WALL_THICKNESS, SceneMaterials
from raylocus.scenes.world import BuildingFactors
from raylocus.units import SPEED_OF_LIGHT

#: Bins of the cosine of the angle of incidence, and samples of each.
BINS, SAMPLES = 64, 8


@dataclass(frozen=True)
class RadioMaterials:
    """Electrical properties of each of `MATERIALS` at one frequency."""

    frequency: float
    """Hz."""
    permittivity: Float[np.ndarray, " material"]
    """Relative permittivity."""
    conductivity: Float[np.ndarray, " material"]
    """S/m."""
    thickness: Float[np.ndarray, " material"] | float = WALL_THICKNESS
    """Slab thickness [m], of each or of all."""
    substitutions: tuple[str, ...] = ()
    """Materials taken outside the range of their table, and how; one sentence each."""
    scattering: float = 0.0
    """Share S of the reflected amplitude that rough walls scatter; the specular one keeps √(1 − S²)."""
    buildings: BuildingFactors | None = None
    """What each building's surfaces have in addition to their material's values; None where all are alike."""

    @property
    def wavelength(self) -> float:
        """Wavelength in vacuum [m]."""
        return SPEED_OF_LIGHT / self.frequency

    @property
    def complex_permittivity(self) -> Complex[np.ndarray, " material"]:
        """η = εr − jσ/(ωε0) (ITU-R P.2040-4 eq. 9b)."""
        return self._complex(self.permittivity, self.conductivity)

    def slab(
        self, material: Int[np.ndarray, " n"], building: Int[np.ndarray, " n"]
    ) -> tuple[Complex[np.ndarray, " n"], Float[np.ndarray, " n"], float]:
        """η, thickness [m] and wavelength [m] of slabs.

        Args:
            material: index into `MATERIALS` of each.
            building: index of the building that each belongs to; −1 for the ground.
        """
        thickness = np.broadcast_to(np.asarray(self.thickness, float), len(MATERIALS))
        if self.buildings is None:
            return self.complex_permittivity[material], thickness[material], self.wavelength
        permittivity = np.maximum(np.outer(self.permittivity, self.buildings.permittivity), 1.0)
        conductivity = np.outer(self.conductivity, self.buildings.conductivity)
        table = self._complex(permittivity, conductivity)
        return table[material, building], thickness[material], self.wavelength

    def _complex(
        self, permittivity: Float[np.ndarray, "..."], conductivity: Float[np.ndarray, "..."]
    ) -> Complex[np.ndarray, "..."]:
        return permittivity - 1j * conductivity / (2 * np.pi * self.frequency * epsilon_0)

    def scaled(
        self, permittivity: Float[np.ndarray, " material"], conductivity: Float[np.ndarray, " material"]
    ) -> RadioMaterials:
        """The same materials with their properties multiplied; permittivity stays at or above vacuum's."""
        return dataclasses.replace(
            self,
            permittivity=np.maximum(self.permittivity * permittivity, 1.0),
            conductivity=self.conductivity * conductivity,
        )


#: Lowest and highest carrier that the substitutes below are meant for [Hz].
LOWEST_FREQUENCY, HIGHEST_FREQUENCY = 0.5e9, 100e9


def itu_materials(frequency: float, given: SceneMaterials | None = None) -> RadioMaterials:
    """ITU-R P.2040-4 Table 3 at a frequency [Hz], with what a place sets instead.

    A material whose table does not reach the frequency keeps its values of the nearest end
    (`scenes.radio_properties`) and is named in `substitutions`.

    Raises:
        InputError: the frequency is far outside every table.
    """
    if not LOWEST_FREQUENCY <= frequency <= HIGHEST_FREQUENCY:
        raise InputError(
            f"no material is known at {frequency / 1e9:g} GHz; choose a carrier from "
            f"{LOWEST_FREQUENCY / 1e9:g} to {HIGHEST_FREQUENCY / 1e9:g} GHz"
        )
    classes = (given or SceneMaterials()).at(frequency)
    return RadioMaterials(
        frequency,
        permittivity=np.array([each.permittivity for each in classes]),
        conductivity=np.array([each.conductivity for each in classes]),
        thickness=np.array([each.thickness for each in classes]),
        substitutions=tuple(
            f"{name}: ITU-R P.2040 {ITU_TYPE[name]} at {each.table_frequency / 1e9:g} GHz "
            f"for {frequency / 1e9:g} GHz, which its table lacks"
            for name, each in zip(MATERIALS, classes, strict=True)
            if each.table_frequency != frequency
        ),
    )


#: TE and TM coefficients.
Coefficients = tuple[Complex[np.ndarray, " n"], Complex[np.ndarray, " n"]]


def slab_reflection(
    cosine: Float[np.ndarray, " n"],
    permittivity: Complex[np.ndarray, " n"],
    thickness: Float[np.ndarray, " n"] | float,
    wavelength: float,
) -> Coefficients:
    """Reflection coefficients (TE, TM) of a slab in vacuum.

    ITU-R P.2040-4 eq. 37 (single interface) and eq. 43a, 44 (slab).

    Args:
        cosine: cosine of the angle of incidence.
        permittivity: complex relative permittivity η.
        thickness: slab thickness [m].
        wavelength: wavelength [m].
    """
    interfaces, crossing = _slab(cosine, permittivity, thickness, wavelength)
    # With a name, lest numpy swap the factors of long arrays, which rounds otherwise.
    lost = 1 - crossing**2
    electric, magnetic = (single * lost / (1 - single**2 * crossing**2) for single in interfaces)
    return electric, magnetic


def slab_transmission(
    cosine: Float[np.ndarray, " n"],
    permittivity: Complex[np.ndarray, " n"],
    thickness: Float[np.ndarray, " n"] | float,
    wavelength: float,
) -> Coefficients:
    """Transmission coefficients (TE, TM) of a slab in vacuum: ITU-R P.2040-4 eq. 43b; arguments as above.

    The ray goes on undeflected and is not displaced, and the phase e^{−jq} inside the slab is added to that
    of the way through it, as in Sionna.
    """
    interfaces, crossing = _slab(cosine, permittivity, thickness, wavelength)
    electric, magnetic = ((1 - single**2) * crossing / (1 - single**2 * crossing**2) for single in interfaces)
    return electric, magnetic


def _slab(
    cosine: Float[np.ndarray, " n"],
    permittivity: Complex[np.ndarray, " n"],
    thickness: Float[np.ndarray, " n"] | float,
    wavelength: float,
) -> tuple[Coefficients, Complex[np.ndarray, " n"]]:
    """Reflection of one interface (TE, TM), and e^{−jq} of one way through the slab."""
    root = np.sqrt(permittivity - (1 - cosine**2))
    electric = (cosine - root) / (cosine + root)
    magnetic = (permittivity * cosine - root) / (permittivity * cosine + root)
    # The root's branch has Im ≤ 0, so the way through decays and never overflows.
    return (electric, magnetic), np.exp(-2j * np.pi * thickness / wavelength * root)


def strongest_reflections(materials: RadioMaterials) -> Float[np.ndarray, "material bin"]:
    """Most of the power that slabs reflect of either polarisation, in bins of the cosine of incidence from 0 to 1.

    Where every building has materials of its own all power counts as reflected.
    """
    permittivity, count = materials.complex_permittivity, len(materials.permittivity)
    if materials.buildings is not None:
        return np.ones((count, BINS))
    # At grazing itself a slab without loss is 0/0.
    cosine = np.tile(np.maximum(np.linspace(0, 1, BINS * SAMPLES + 1), 1e-6), (count, 1))
    thickness = np.broadcast_to(np.reshape(materials.thickness, (-1, 1)), cosine.shape)
    slabs = np.broadcast_to(permittivity[:, None], cosine.shape)
    electric, magnetic = slab_reflection(
        cosine.ravel(), slabs.ravel(), thickness.ravel(), materials.wavelength
    )
    power = np.maximum(np.abs(electric), np.abs(magnetic)).reshape(cosine.shape) ** 2
    of_bin = np.arange(BINS)[:, None] * SAMPLES + np.arange(SAMPLES + 1)
    return np.minimum(power[:, of_bin].max(axis=2), 1.0)


class MirrorBounds:
    """The table and each triangle's material, on the device."""

    def __init__(self, materials: RadioMaterials, material: Int[np.ndarray, " triangle"]):
        """Moves both.

        Args:
            materials: electrical properties.
            material: index into `MATERIALS` of each triangle.
        """
        import mitsuba as mi

        self._table = mi.Float(strongest_reflections(materials).astype(np.float32).ravel())
        self._material = mi.UInt(material.astype(np.uint32))

    def power(self, mirrors: list[Any], normals: list[Any], ray: Any) -> Any:
        """Bound of the power that triangles of a kernel being traced reflect one after the other; −1 reflects all.

        Args:
            mirrors: the triangles, in the order in which the ray meets them.
            normals: of their planes.
            ray: direction of the ray at the first of them, of any length.
        """
        import drjit as dr
        import mitsuba as mi

        bound: Any = 1.0
        for mirror, normal in zip(mirrors, normals, strict=True):
            along, touched = dr.dot(ray, normal), mirror >= 0
            material = dr.gather(mi.UInt, self._material, mi.UInt(dr.maximum(mirror, 0)), touched)
            place = dr.minimum(mi.UInt(dr.abs(along) / dr.norm(ray) * BINS), BINS - 1)
            bound *= dr.select(
                touched, dr.gather(mi.Float, self._table, material * BINS + place, touched), 1.0
            )
            ray -= 2 * along * normal
        return bound
