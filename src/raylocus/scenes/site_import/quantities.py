"""The fields of a site file: names that their columns go by, and their units."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


def _times(factor: float) -> Callable[[float], float]:
    return lambda value: value * factor


def _watts(factor: float) -> Callable[[float], float]:
    """Power [dBm] of a multiple of a watt; of zero or less there is none (`ValueError`)."""
    return lambda value: 10 * math.log10(value * factor * 1e3)


_METRES = dict.fromkeys(("m", "meter", "meters", "metre", "metres", "mtr", "mts", "magl"), _times(1.0))
_FEET = dict.fromkeys(("ft", "feet", "foot", "ftagl"), _times(0.3048))
_DEGREES = dict.fromkeys(("deg", "degree", "degrees", "°", "º", "dd", "wgs84", "decimal", "dec"), _times(1.0))
_RADIANS = dict.fromkeys(("rad", "radian", "radians"), _times(180 / math.pi))
#: Power as dBm.
_POWERS = {
    "dbm": _times(1.0),
    "w": _watts(1.0),
    "watt": _watts(1.0),
    "watts": _watts(1.0),
    "mw": _watts(1e-3),
}
_POWERS |= {"kw": _watts(1e3), "dbw": lambda value: value + 30.0, "milliwatt": _watts(1e-3)}
#: Frequency as MHz.
_FREQUENCIES = {"mhz": _times(1.0), "ghz": _times(1e3), "khz": _times(1e-3), "hz": _times(1e-6)}


@dataclass(frozen=True)
class Quantity:
    """One field of a site file."""

    names: tuple[str, ...]
    """Names under which its column is found, in lower case without anything but letters and digits."""
    units: Mapping[str, Callable[[float], float]] = field(default_factory=dict)
    """Units that a column's name may state, and how each becomes raylocus's; without one it is raylocus's."""
    stems: tuple[str, ...] = ()
    """Parts of names that look like this field, whatever else the name says."""


_DIRECTIONS = _DEGREES | _RADIANS


def _quantity(
    names: str, units: Mapping[str, Callable[[float], float]] | None = None, stems: str = ""
) -> Quantity:
    """A field by its names and stems, separated by spaces."""
    return Quantity(tuple(names.split()), units or {}, tuple(stems.split()))


QUANTITIES = {
    "latitude": _quantity(
        "latitude lat sitelatitude sitelat celllat gpslat wgs84lat sitey y ycoord",
        _DEGREES,
    ),
    "longitude": _quantity(
        "longitude lon lng long sitelongitude sitelon sitelong celllon celllong gpslon gpslong "
        "wgs84lon sitex x xcoord",
        _DEGREES,
    ),
    "site": _quantity(
        "site sitename siteid sitecode cellname enodeb enodebid enodebname enbid gnodeb gnodebid "
        "gnodebname gnbid",
    ),
    "technology": _quantity(
        "radio technology tech rat act radiotype radiotechnology networktype nettype accesstechnology",
    ),
    "height": _quantity(
        "height antennaheight antheight antennahgt agl heightagl antennaheightagl hagl "
        "antheightagl heightaboveground antennaheightaboveground hauteur antennaagl",
        _METRES | _FEET,
        stems="height hght hgt agl haut hoehe höhe altura altezza radcenter centerline",
    ),
    "azimuth": _quantity(
        "azimuth azi azim az bearing direction antennaazimuth antazimuth cellazimuth "
        "sectorazimuth boresight azimut",
        _DIRECTIONS,
        stems="azim bearing direction boresight orientation richtung heading",
    ),
    "tilt": _quantity(
        "tilt downtilt totaltilt tilttotal totaldowntilt antennatilt anttilt antennadowntilt",
        _DIRECTIONS,
        stems="tilt inclination neigung",
    ),
    "mechanical_tilt": _quantity(
        "mtilt mechanicaltilt mechtilt tiltmechanical tiltmech tiltm mdt mechanicaldowntilt "
        "mechdowntilt mechanicalantennatilt antennamechanicaltilt mdowntilt",
        _DIRECTIONS,
    ),
    "electrical_tilt": _quantity(
        "etilt electricaltilt electilt tiltelectrical tiltelec tilte edt electricaldowntilt "
        "elecdowntilt electricalantennatilt antennaelectricaltilt rettilt edowntilt "
        "electronictilt",
        _DIRECTIONS,
    ),
    "pci": _quantity(
        "pci physicalcellid physcellid physicalcellidentity phycellid nrpci ltepci pcid",
        stems="pci physicalcell physcell phycell",
    ),
    "earfcn": _quantity(
        "earfcn earfcndl dlearfcn earfcndownlink downlinkearfcn",
    ),
    "arfcn": _quantity(
        "arfcn nrarfcn ssbarfcn nrarfcndl dlnrarfcn narfcn arfcndl dlarfcn arfcnssb",
        stems="arfcn channelnumber dlchannel",
    ),
    "band": _quantity(
        "band frequencyband freqband bandname operatingband nrband lteband",
    ),
    "frequency": _quantity(
        "frequency freq dlfrequency dlfreq carrierfrequency centerfrequency centrefrequency "
        "downlinkfrequency carrierfreq centerfreq frequencydl freqdl",
        _FREQUENCIES,
        stems="freq",
    ),
    "power": _quantity(
        "power txpower transmitpower totalpower outputpower txpwr maxtxpower maxpower "
        "maxtransmitpower celltxpower pmax powertx totaltxpower",
        _POWERS,
        stems="power pwr eirp leistung potencia puissance pmax",
    ),
    "rows": _quantity(
        "rows arrayrows",
    ),
    "columns": _quantity(
        "columns arraycolumns",
    ),
    "beams": _quantity(
        "beams ssbbeams",
    ),
    "identity": _quantity(
        "ecellid eci eutrancellid eutrancellidentity nci nrcellid nrcellidentity ncellid globalcellid",
    ),
    "deviation": _quantity(
        "deviation positiondeviation accuracy positionaccuracy locationaccuracy uncertainty positionuncertainty",
        _METRES | _FEET,
    ),
    "antenna": _quantity(
        "antenna antennaname antennatype antennamodel antennapattern pattern",
    ),
}


def squashed(name: str) -> str:
    """A name in lower case, its letters and digits alone: `Tx Power` and `tx_power` are one."""
    return re.sub(r"[^\w°º]|_", "", name.lower())


def name_and_unit(name: str) -> tuple[str, str | None]:
    """A column's squashed name without the unit that stands in brackets at its end, and that unit."""
    match = re.fullmatch(r"(.*?)\s*[(\[{<]([^()\[\]{}<>]*)[)\]}>]\s*", name)
    if match is None or not match.group(1).strip():
        return squashed(name), None
    return squashed(match.group(1)), squashed(match.group(2)) or None


def unit_of(name: str, quantity: Quantity) -> str | None:
    """The unit in which a column of this name states a quantity, "" where it says none.

    None where the name is none of the quantity's, or states a unit that is not known for it.
    """
    plain, unit = name_and_unit(name)
    for known in quantity.names:
        if plain == known and (unit is None or not quantity.units):
            return ""
        if plain == known and unit in quantity.units:
            return unit
        if unit is None and plain.startswith(known) and plain[len(known) :] in quantity.units:
            return plain[len(known) :]
    return None
