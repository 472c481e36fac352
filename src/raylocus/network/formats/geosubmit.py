"""ichnaea's geosubmit v2 (JSON), with the `nr`, `arfcn` and `newRadioCellId` that its living dialects add."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

import numpy as np

from raylocus.errors import InputError
from raylocus.json_text import parse_json
from raylocus.network.formats.log_format import LogFile, TextTable, joined, text_table
from raylocus.network.formats.log_values import seconds_of_texts
from raylocus.network.formats.measurements import (
    Measurements,
    ReadLog,
    advance_of_steps,
    enb_identity,
    level_of_signal,
    technologies_of,
)


class Geosubmit:
    """Bodies of `POST /v2/geosubmit`."""

    name: ClassVar[str] = "geosubmit"
    writer: ClassVar[str] = "ichnaea geosubmit v2, JSON"

    def recognises(self, file: LogFile) -> bool:
        """A JSON object that speaks of items and cell towers near its beginning."""
        head = file.head.lstrip(b"\xef\xbb\xbf \t\r\n")
        return head.startswith(b"{") and b'"items"' in head and b'"cellTowers"' in head

    def read(self, file: LogFile) -> ReadLog:
        """One row a tower; the towers of one item are one scan."""
        items, broken = _items(file)
        table = _table(items, broken)
        technology = technologies_of(table.texts("radioType"))
        cell = table.numbers("newRadioCellId", "cellId")
        operator = joined(table.texts("mobileCountryCode"), table.texts("mobileNetworkCode"))
        measured = Measurements.of(
            len(table),
            scan=table.texts("item"),
            technology=technology,
            operator=operator,
            time=seconds_of_texts(table.texts("timestamp"), file.path),
            channel=table.numbers("arfcn"),
            pci=table.numbers("primaryScramblingCode"),
            site_identity=enb_identity(cell, technology),
            cell_identity=cell,
            rsrp=level_of_signal(np.where(
                np.isnan(table.numbers("signalStrength")), table.numbers("asu"), table.numbers("signalStrength")
            )),
            timing_advance=np.where(technology == "LTE", advance_of_steps(table.numbers("timingAdvance")), np.nan),
            serving=table.truths("serving"),
            latitude=table.numbers("latitude"),
            longitude=table.numbers("longitude"),
        )  # fmt: skip
        return ReadLog(measured, table.rows, table.refused, table.notes)


def _items(file: LogFile) -> tuple[list[dict[str, Any]], Counter[str]]:
    try:
        found = parse_json(file.path.read_text(encoding="utf-8-sig"))["items"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{file.path} is no JSON object with a list 'items'; give a body of geosubmit v2"
        ) from error
    if not isinstance(found, list):
        raise InputError(f"{file.path} has 'items' that is no list; give a body of geosubmit v2")
    items = [item for item in found if isinstance(item, dict)]
    return items, Counter({"items that are no objects": len(found) - len(items)})


def _table(items: list[dict[str, Any]], broken: Counter[str]) -> TextTable:
    import pandas

    rows: list[dict[str, Any]] = []
    for number, item in enumerate(items):
        towers, position = item.get("cellTowers") or [], item.get("position") or {}
        if not isinstance(towers, list) or not isinstance(position, dict):
            broken["items whose towers or position are not as geosubmit has them"] += 1
            continue
        where = {name: position.get(name) for name in ("latitude", "longitude")}
        moment = {"item": number, "timestamp": item.get("timestamp")} | where
        rows += [tower | moment for tower in towers if isinstance(tower, dict)]
        broken["towers that are no objects"] += sum(not isinstance(tower, dict) for tower in towers)
    return text_table(pandas.DataFrame(rows, dtype=object), len(rows) + broken.total(), broken)
