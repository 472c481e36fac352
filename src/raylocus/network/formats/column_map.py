"""Any CSV or Parquet table by a column map in YAML: for QualiPoc, TEMS, NSG and whatever else writes columns.

```yaml
time: "Time stamp"
technology: {value: LTE}
pci: "Serving PCI"
rsrp: "Serving RSRP [dBm]"
serving: {value: true}
neighbours:
  - {pci: "N1 PCI", rsrp: "N1 RSRP"}
```
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import yaml
from jaxtyping import Float, Shaped

from raylocus.errors import InputError
from raylocus.network.formats.log_format import TRUE, LogFile, TextTable, plain_name, text_table
from raylocus.network.formats.log_values import seconds_of_texts
from raylocus.network.formats.measurements import (
    Measurements,
    ReadLog,
    advance_of_steps,
    enb_identity,
    technologies_of,
    whole_identity,
)
from raylocus.network.formats.phone_tables import scans_by_position
from raylocus.network.reports.report_table import arrow_table

#: What a map can name: of a position, of a moment, and of each cell in it.
WHERE = ("latitude", "longitude")
MOMENT = ("time", "device", "scan", *WHERE)
CELL = (
    "technology", "operator", "channel", "pci", "site_identity", "cell_identity",
    "rsrp", "rsrq", "sinr", "rssi", "timing_advance", "serving",
)  # fmt: skip
#: Fields of the row's cell that its neighbours share where they do not say otherwise.
INHERITED = ("technology", "operator")
#: Without it a table says nothing.
NEEDED = ("rsrp",)
#: Of these the numbers are read as they stand.
_NUMBERS = ("channel", "pci", "site_identity", "rsrp", "rsrq", "sinr", "rssi")
#: Fields whose one value must be a number.
_NUMERIC = (*_NUMBERS, "cell_identity", "timing_advance", "latitude", "longitude")


@dataclass(frozen=True)
class ColumnMap:
    """Which column, or which one value, is which field."""

    fields: dict[str, Any]
    """A column's name, or `{value: X}`, by field; of `time` also a list of columns, date and time of day."""
    neighbours: tuple[dict[str, Any], ...] = ()
    """The same for further cells of the same row; they share the row's moment, technology and operator."""


def load_column_map(path: Path) -> ColumnMap:
    """Reads a column map.

    Raises:
        InputError: it is absent, no YAML mapping, names an unknown field, or lacks one that is needed.
    """
    try:
        record = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as a column map in YAML; docs/logs.md shows one") from error
    if not isinstance(record, dict) or not isinstance(record.get("neighbours", []), list):
        raise InputError(f"{path} is no mapping of fields to columns; docs/logs.md shows one")
    neighbours = record.pop("neighbours", [])
    _check(path, record, (*MOMENT, *CELL), NEEDED)
    for neighbour in neighbours:
        _check(path, neighbour, CELL, ("rsrp",))
    return ColumnMap(record, tuple(neighbours))


def _check(path: Path, record: Any, known: tuple[str, ...], needed: tuple[str, ...]) -> None:
    if not isinstance(record, dict):
        raise InputError(
            f"{path} has a neighbour that is no mapping of fields to columns; docs/logs.md shows one"
        )
    strange = [str(name) for name in record if name not in known]
    if strange:
        raise InputError(f"{path} names the unknown field {strange[0]!r}; the fields are {', '.join(known)}")
    lacking = [name for name in needed if name not in record]
    vague = [name for name, source in record.items() if not _is_source(name, source)]
    if vague:
        raise InputError(
            f"{path} gives the field {vague[0]!r} neither a column's name nor {{value: X}} of its kind"
        )
    if not {"pci", "site_identity", "cell_identity"} & set(record):
        lacking.append("pci")
    if lacking:
        raise InputError(
            f"{path} does not name the field {lacking[0]!r}, which a report needs; add its column"
        )


def _is_source(name: str, source: Any) -> bool:
    if name == "time" and isinstance(source, list):
        return bool(source) and all(isinstance(each, str) for each in source)
    if not isinstance(source, dict):
        return isinstance(source, str)
    if list(source) != ["value"]:
        return False
    return isinstance(source["value"], int | float if name in _NUMERIC else str | bool | int | float)


@dataclass(frozen=True)
class MappedTable:
    """A CSV or Parquet table that is read by a column map; known by its map alone."""

    columns: ColumnMap
    name: ClassVar[str] = "columns"
    writer: ClassVar[str] = "any CSV or Parquet table, by --columns"

    def recognises(self, file: LogFile) -> bool:
        """Whatever is a table."""
        return bool(file.columns) or file.head.startswith(b"PAR1")

    def read(self, file: LogFile) -> ReadLog:
        """One row a line, and one more for each neighbour of the map that the line has."""
        table = _table(file)
        for name in _named(self.columns):
            if plain_name(name) not in table.frame:
                raise InputError(f"{file.path} has no column {name!r}, which the column map names")
        by_row = bool(self.columns.neighbours)
        parts = [self._cells(table, file, self.columns.fields, by_row)]
        common = {name: self.columns.fields[name] for name in INHERITED if name in self.columns.fields}
        neighbours = [self._cells(table, file, common | cell, True) for cell in self.columns.neighbours]
        heard = [part.select(~np.isnan(part.rsrp)) for part in neighbours]
        measured = Measurements.concatenate(parts + heard)
        return ReadLog(measured, table.rows + sum(map(len, heard)), table.refused, table.notes)

    def _cells(self, table: TextTable, file: LogFile, cell: dict[str, Any], by_row: bool) -> Measurements:
        given = {name: source for name, source in self.columns.fields.items() if name in MOMENT} | cell
        texts = {name: _texts(table, source) for name, source in given.items()}
        of = {name: _numbers(table, given[name]) for name in (*_NUMBERS, *WHERE) if name in given}
        technology = technologies_of(texts.get("technology", np.full(len(table), "")))
        scan = _row_names(len(table)) if by_row else self._scans(table, of)
        if "timing_advance" in given:
            of["timing_advance"] = advance_of_steps(_numbers(table, given["timing_advance"]))
        if "cell_identity" in given:
            identity = _identities(table, given["cell_identity"])
            of["cell_identity"] = whole_identity(
                identity, of.get("site_identity", np.nan * identity), technology
            )
            of.setdefault("site_identity", enb_identity(of["cell_identity"], technology))
        if "time" not in given:
            texts["device"] = texts.get("scan", scan)
        return Measurements.of(
            len(table),
            **{name: texts[name] for name in ("device", "operator") if name in texts},
            **of,
            scan=texts.get("scan", scan),
            technology=technology,
            serving=np.isin(np.char.lower(texts.get("serving", np.full(len(table), ""))), TRUE),
            time=seconds_of_texts(texts["time"], file.path) if "time" in given else 0.0,
        )

    def _scans(
        self, table: TextTable, of: dict[str, Float[np.ndarray, " row"]]
    ) -> Shaped[np.ndarray, " row"]:
        """Rows of one time are one scan; where there is no time, those of one position, or else each row alone."""
        if "time" in self.columns.fields:
            return np.full(len(table), "")
        if not set(WHERE) <= set(of):
            return _row_names(len(table))
        return scans_by_position(of["latitude"], of["longitude"])


def _row_names(count: int) -> Shaped[np.ndarray, " row"]:
    return np.char.add("row-", np.arange(count).astype(np.str_))


def _named(columns: ColumnMap) -> list[str]:
    every = [columns.fields, *columns.neighbours]
    sources = [source for cell in every for source in cell.values() if not isinstance(source, dict)]
    return [name for source in sources for name in (source if isinstance(source, list) else [source])]


def _texts(table: TextTable, source: Any) -> Shaped[np.ndarray, " row"]:
    if isinstance(source, dict):
        return np.full(len(table), str(source.get("value", "")))
    if isinstance(source, list):
        parts = np.stack([table.texts(name) for name in source])
        return np.array([" ".join(filter(None, each)) for each in parts.T.tolist()], np.str_)
    return table.texts(str(source))


def _numbers(table: TextTable, source: Any) -> Float[np.ndarray, " row"]:
    if isinstance(source, dict):
        return np.full(len(table), float(source.get("value", np.nan)))
    return table.numbers(str(source))


def _identities(table: TextTable, source: Any) -> Float[np.ndarray, " row"]:
    return _numbers(table, source) if isinstance(source, dict) else table.identities(str(source))


def _table(file: LogFile) -> TextTable:
    if not file.head.startswith(b"PAR1"):
        return file.table
    # Columns that were the index of a data frame are columns like all others.
    frame = arrow_table(file.path).to_pandas().reset_index()
    return text_table(frame, len(frame), Counter())
