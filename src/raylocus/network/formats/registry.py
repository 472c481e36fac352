"""All formats of logs, and which one a file is of."""

from __future__ import annotations

from raylocus.errors import InputError
from raylocus.network.formats.geosubmit import Geosubmit
from raylocus.network.formats.gnettrack import GNetTrack
from raylocus.network.formats.log_format import LogFile, LogFormat
from raylocus.network.formats.network_survey import NetworkSurvey, NetworkSurveyGeoPackage
from raylocus.network.formats.oslo import Oslo
from raylocus.network.formats.phone_tables import CellMapper, OpenCellId, TowerCollector
from raylocus.network.formats.powder import Powder

#: Formats that know their files. Tables of other tools are read by a column map, `column_map.MappedTable`.
FORMATS: tuple[LogFormat, ...] = (
    GNetTrack(),
    NetworkSurvey(),
    NetworkSurveyGeoPackage(),
    TowerCollector(),
    OpenCellId(),
    CellMapper(),
    Geosubmit(),
    Oslo(),
    Powder(),
)


def format_of(file: LogFile, name: str | None = None) -> LogFormat:
    """The format of a file, by its content; or the one of that name.

    Raises:
        InputError: no format knows the file, or none has the name.
    """
    listed = ", ".join(each.name for each in FORMATS)
    if name is not None:
        named = next((each for each in FORMATS if each.name == name), None)
        if named is None:
            raise InputError(f"there is no format {name!r} of logs; there are {listed}")
        return named
    found = next((each for each in FORMATS if each.recognises(file)), None)
    if found is None:
        raise InputError(
            f"{file.path} is of no known format of logs ({listed}); name its columns with --columns map.yaml, as "
            "docs/logs.md shows"
        )
    return found
