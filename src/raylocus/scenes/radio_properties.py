"""Electrical properties of the material classes: the ITU's, and what a user sets instead."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from raylocus.errors import InputError
from raylocus.scenes.geometry_maps import MATERIALS

#: Thickness of a wall [m] where none is given, as in sionna-rt's own city scenes.
WALL_THICKNESS = 0.1
#: ITU-R P.2040-4 Table 3: range [GHz] and (a, b, c, d) of εr = a f^b and σ = c f^d, f in GHz, by class.
_ITU = {
    "concrete": {(1.0, 100.0): (5.24, 0.0, 0.0462, 0.7822), (110.0, 330.0): (5.17, 0.0, 0.0145, 1.09)},
    "brick": {(1.0, 40.0): (3.91, 0.0, 0.0238, 0.16), (110.0, 330.0): (4.15, 0.0, 0.0006, 1.5712)},
    "marble": {(1.0, 60.0): (7.074, 0.0, 0.0055, 0.9262)},
    "metal": {(1.0, 100.0): (1.0, 0.0, 1e7, 0.0)},
    "wood": {(0.001, 100.0): (1.99, 0.0, 0.0047, 1.0718)},
    "glass": {(0.1, 100.0): (6.31, 0.0, 0.0036, 1.3394)},
    "ground": {(1.0, 10.0): (15.0, -0.1, 0.035, 1.63)},
}
#: Names of the classes as sionna-rt has them.
ITU_TYPE = {name: name for name in MATERIALS} | {"ground": "medium_dry_ground"}


@dataclass(frozen=True)
class MaterialProperties:
    """What is set for one class of material; None leaves the ITU's value."""

    permittivity: float | None = None
    """Relative permittivity εr."""
    conductivity: float | None = None
    """σ [S/m]."""
    thickness: float | None = None
    """Slab thickness [m]; 0.1 m where none is set."""

    def __post_init__(self) -> None:
        for name, least in (("permittivity", 1.0), ("conductivity", 0.0), ("thickness", 1e-4)):
            value = getattr(self, name)
            if value is not None and not least <= value < float("inf"):
                raise InputError(f"a material's {name} is at least {least:g}, not {value:g}")

    @property
    def electrical(self) -> bool:
        """Whether εr or σ is set."""
        return self.permittivity is not None or self.conductivity is not None


@dataclass(frozen=True)
class SceneMaterials:
    """What is set for the material classes of a place."""

    concrete: MaterialProperties = field(default_factory=MaterialProperties)
    brick: MaterialProperties = field(default_factory=MaterialProperties)
    marble: MaterialProperties = field(default_factory=MaterialProperties)
    metal: MaterialProperties = field(default_factory=MaterialProperties)
    wood: MaterialProperties = field(default_factory=MaterialProperties)
    glass: MaterialProperties = field(default_factory=MaterialProperties)
    ground: MaterialProperties = field(default_factory=MaterialProperties)

    def at(self, frequency: float) -> tuple[ClassProperties, ...]:
        """The properties of each of `MATERIALS` at a frequency [Hz]."""
        return tuple(class_properties(name, getattr(self, name), frequency) for name in MATERIALS)


@dataclass(frozen=True)
class ClassProperties:
    """Electrical properties of one class at one frequency."""

    permittivity: float
    """Relative permittivity εr."""
    conductivity: float
    """σ [S/m]."""
    thickness: float
    """Slab thickness [m]."""
    table_frequency: float
    """Where the ITU's table was read [Hz]: the nearest frequency that it covers."""


def class_properties(name: str, given: MaterialProperties, frequency: float) -> ClassProperties:
    """Properties of one of `MATERIALS` at a frequency [Hz]: those given, else ITU-R P.2040-4's.

    A material whose table does not reach the frequency (ground types end at 10 GHz, most others begin
    at 1 GHz) keeps its values of the nearest end: the table's fits are power laws without meaning outside.
    """
    gigahertz, ranges = frequency / 1e9, _ITU[name]
    low, high = min(ranges, key=lambda span: max(span[0] - gigahertz, gigahertz - span[1], 0))
    a, b, c, d = ranges[(low, high)]
    used = min(max(gigahertz, low), high)
    return ClassProperties(
        permittivity=a * used**b if given.permittivity is None else given.permittivity,
        conductivity=c * used**d if given.conductivity is None else given.conductivity,
        thickness=WALL_THICKNESS if given.thickness is None else given.thickness,
        table_frequency=frequency if used == gigahertz else used * 1e9,
    )


def materials_record(materials: SceneMaterials, frequency: float) -> dict[str, Any]:
    """What place.json says of the materials: εr, σ [S/m] and thickness [m] of each class, and which were set."""
    return {
        name: {
            "permittivity": properties.permittivity,
            "conductivity": properties.conductivity,
            "thickness": properties.thickness,
            "set": [key for key, value in dataclasses.asdict(getattr(materials, name)).items() if value is not None],
        }
        for name, properties in zip(MATERIALS, materials.at(frequency), strict=True)
    }  # fmt: skip


def materials_of_record(record: dict[str, Any]) -> SceneMaterials:
    """What was set, from a record of `materials_record`."""
    return SceneMaterials(
        **{
            name: MaterialProperties(**{key: entry[key] for key in entry["set"]})
            for name, entry in record.items()
        }
    )
