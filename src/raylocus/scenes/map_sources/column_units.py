"""Units of a building file's columns: by their names, by columns next to them, or as the user says."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from raylocus.errors import InputError
from raylocus.scenes.tagged.features import parse_count

#: Units by the words that files have for them.
_UNITS = {
    **dict.fromkeys(("m", "metre", "metres", "meter", "meters"), "m"),
    **dict.fromkeys(("ft", "foot", "feet", "usft", "ftus"), "ft"),
    **dict.fromkeys(("cm", "centimetre", "centimetres", "centimeter", "centimeters"), "cm"),
}
#: Ends of the names of columns that hold the unit of another (`measuredHeight_uom`, GML's unit of measure).
_ENDS = ("uom", "unit", "units")


def named_column(given: str, names: Collection[str]) -> tuple[str, str]:
    """The column and unit that `NAME` or `NAME[ft]` stands for; metres where it says none.

    Raises:
        InputError: what stands in brackets is no unit.
    """
    match = re.fullmatch(r"(.+?)\s*\[([^\[\]]*)\]", given)
    if given in names or match is None:
        return given, "m"
    unit = _UNITS.get(match[2].strip().lower())
    if unit is None:
        raise InputError(f"{match[2]!r} is no unit of --height-field; there are m, ft and cm")
    return match[1], unit


def stated_unit(name: str, cells: Iterable[str]) -> str:
    """The unit that the cells of a column state for all rows, such as `m`, `ft` or `urn:adv:uom:m`.

    Raises:
        InputError: they are several units, or one that is not known.
    """
    said = sorted({cell for cell in cells if cell})
    found = {_UNITS.get(re.sub(r"[^a-z]", "", re.split(r"[:/#]", cell)[-1])) for cell in said}
    (unit,) = found if len(found) == 1 else (None,)
    if unit is None:
        raise InputError(
            f"column {name!r} states units that are not m, ft or cm alone ({', '.join(said[:3])}); "
            "convert the heights to metres and remove it"
        )
    return unit


def unit_column(squeezed: str, names: Collection[str]) -> str | None:
    """Of squeezed names the one that holds the unit of a column."""
    return next((squeezed + end for end in _ENDS if squeezed + end in names), None)


def in_unit(text: str, unit: str) -> str:
    """A length in a unit as a tag's value, which is in metres where it says nothing else."""
    if unit == "ft" and text:
        return f"{text} ft"
    count = parse_count(text) if unit == "cm" else None
    return text if count is None else f"{count / 100:.10g}"
