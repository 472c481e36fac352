"""A log file as `Reports` of a place: its format, values out of range left out, and the account of every row."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from raylocus.errors import InputError, PlaceError
from raylocus.network.formats.cell_resolution import Known, ResolvedRows, resolve_cells
from raylocus.network.formats.geosubmit import Geosubmit
from raylocus.network.formats.gnettrack import GNetTrack
from raylocus.network.formats.log_checks import check_positions, unit_of_levels
from raylocus.network.formats.log_format import LogFile, LogFormat
from raylocus.network.formats.measurements import Measurements, anchored
from raylocus.network.formats.network_survey import NetworkSurvey, NetworkSurveyGeoPackage
from raylocus.network.formats.phone_tables import CellMapper, OpenCellId, TowerCollector
from raylocus.network.formats.published_sets import Oslo, Powder
from raylocus.network.formats.sequences import GAP, sequence_rows
from raylocus.network.reports.features import features_named, logged_levels
from raylocus.network.reports.report_checks import check_reports
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import nearest_candidates
from raylocus.scenes.area import Area
from raylocus.scenes.cell_names.channels import technology_codes
from raylocus.scenes.place import Place
from raylocus.scenes.sites import Deployment

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


#: Fields that are features of a report as they stand.
LEVELS = ("rsrp", "rsrq", "sinr")
#: What is said of rows that a phone calls 5G and whose cell is LTE's.
ANCHORS = "rows of 5G with an EARFCN, the LTE cell of EN-DC, read as LTE"
#: Time from which a number cannot be seconds since 1970 [s]: the year 5138.
LATEST = 1e11


@dataclass(frozen=True)
class CheckedRows:
    """Rows whose values can be, and what became of the others."""

    measurements: Measurements
    refused: Counter[str]
    """Rows left out, by reason."""
    notes: Counter[str]
    """Values left out, by reason."""


def checked_rows(measured: Measurements) -> CheckedRows:
    """Leaves out values that no network can report, and rows that have no level or no time."""
    notes: Counter[str] = Counter()
    placeholder = measured.rsrp == 0
    levels = {name: _in_range(measured, name, placeholder, notes) for name in LEVELS}
    measured = replace(measured, **levels, **_positions(measured, notes))
    timely = (measured.time >= 0) & (measured.time < LATEST)
    reasons = {
        "level of 0 dBm, a placeholder": placeholder,
        "no level in the range of report": np.isnan(measured.rsrp) & ~placeholder,
        "no time that can be read": ~timely & ~np.isnan(measured.rsrp),
    }
    kept = ~np.any(list(reasons.values()), axis=0)
    refused = Counter({name: int(np.count_nonzero(mask)) for name, mask in reasons.items()})
    return CheckedRows(measured.select(kept), refused, notes)


def _in_range(
    measured: Measurements, name: str, placeholder: Bool[np.ndarray, " row"], notes: Counter[str]
) -> Float[np.ndarray, " row"]:
    (feature,) = features_named((name,))
    values = getattr(measured, name)
    kept, _ = logged_levels(values, feature, technology_codes(measured.technology.tolist()))
    out = np.isnan(kept) & ~np.isnan(values) & ~placeholder
    unit = unit_of_levels(values[~placeholder], name)
    why = f"{name} outside the range that its technology reports, left out"
    notes[f"{why} ({unit})" if unit else why] += int(np.count_nonzero(out))
    return kept


def _positions(measured: Measurements, notes: Counter[str]) -> dict[str, Float[np.ndarray, " row"]]:
    """Latitude and longitude, both or neither; (0, 0) is what receivers write without a fix."""
    latitude, longitude = measured.latitude, measured.longitude
    known = ~np.isnan(latitude) & ~np.isnan(longitude)
    bad = known & ((np.abs(latitude) > 90) | (np.abs(longitude) > 180) | ((latitude == 0) & (longitude == 0)))
    notes["positions at (0, 0) or off the Earth, left out"] += int(np.count_nonzero(bad))
    kept = known & ~bad
    return {"latitude": np.where(kept, latitude, np.nan), "longitude": np.where(kept, longitude, np.nan)}


@dataclass(frozen=True)
class ImportedLog:
    """Reports of a log, and what became of its rows: `rows` is `used` and all of `refused`."""

    reports: Reports
    rows: int
    """Rows in the file."""
    used: int
    """Rows that are tokens of the reports."""
    refused: Counter[str]
    """Rows that are not, by reason."""
    notes: Counter[str]
    """Values that were left out or converted, and reports that are unusual."""
    known: Counter[Known]
    """Used rows by how their cell was found in the place."""
    cells: int
    """Cells of the place that were heard."""
    first: float
    """Time of the first report [s since 1970]."""
    last: float
    """Time of the last report [s since 1970]."""


def import_log(
    file: LogFile, form: LogFormat, place: Place | Area, gap: float = GAP, device: str | None = None
) -> ImportedLog:
    """Reads a log for a place.

    Args:
        file: the log.
        form: its format.
        place: where it was made.
        gap: longest time between two reports of one sequence [s].
        device: how the names of the wanted devices begin; all if left out.

    Raises:
        InputError: the file is not of the format, its times are of several zones, or no row of it can be used.
        PlaceError: no row names a cell of the place.
    """
    log = form.read(file)
    measured, anchors = anchored(log.measurements)
    others = ~np.char.startswith(measured.device.astype(np.str_), device or "")
    measured = measured.select(~others)
    checked = checked_rows(measured)
    resolved = resolve_cells(checked.measurements, place.deployment)
    refused = Counter(log.refused) + checked.refused + resolved.refused
    refused += Counter({"other devices": int(np.count_nonzero(others))})
    if not len(resolved.measurements):
        raise InputError(_unusable(file.path, measured, refused + +Counter(log.notes)))
    check_positions(resolved.measurements, place, file.path)
    if not (resolved.known > Known.UNKNOWN).any():
        raise PlaceError(_foreign(file.path, resolved, refused, place.deployment))
    made = sequence_rows(resolved.measurements, place, gap)
    check_reports(made.reports, file.path)
    known = resolved.known[made.rows]
    candidates = place.deployment.candidates(made.reports)
    cells = nearest_candidates(candidates, made.reports, place.deployment)
    times = resolved.measurements.time[made.rows]
    return ImportedLog(
        reports=made.reports,
        rows=log.rows,
        used=len(made.rows),
        refused=refused + made.refused,
        notes=+(Counter(log.notes) + checked.notes + made.notes + Counter({ANCHORS: anchors})),
        known=Counter({each: int(np.count_nonzero(known == each)) for each in Known}),
        cells=len(np.unique(cells[cells >= 0])),
        first=float(times.min()),
        last=float(times.max()),
    )


def _unusable(path: Path, measured: Measurements, counted: Counter[str]) -> str:
    unit = unit_of_levels(measured.rsrp, "rsrp")
    advice = unit or "correct it, or give the place that it was made in"
    return f"{path} has no row that can be used: {_counted(counted) or 'it has no rows'}; {advice}"


def _foreign(path: Path, resolved: ResolvedRows, refused: Counter[str], deployment: Deployment) -> str:
    why = f", and of other rows: {_counted(refused)}" if _counted(refused) else ""
    rows = resolved.measurements
    channel = f" of {rows.technology[0]} channel {rows.channel[0]:.0f}" if rows.channel[0] >= 0 else ""
    return (
        f"{path} names no cell of the place, only others such as PCI {rows.pci[0]:.0f}{channel}{why}, where the place "
        f"has {_carriers(deployment)}; give the place that it was made in"
    )


def _carriers(deployment: Deployment) -> str:
    """Names of the first carriers of a network."""
    names = [carrier.name for carrier in deployment.carriers]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _counted(reasons: Counter[str]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in (+reasons).most_common())
