"""A dataset as two Parquet tables: one row a token and one row a report (needs pyarrow)."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from raylocus.datasets.store import PlaceSequences, ReportDataset
from raylocus.errors import InputError
from raylocus.network.reports.parquet import reports_to_table, table_with_units
from raylocus.storage import written_whole

if TYPE_CHECKING:
    import pyarrow

#: Files of a folder of tables. `network.reports.parquet.load_parquet` reads the first.
TOKEN_TABLE, REPORT_TABLE = "tokens.parquet", "reports.parquet"
#: Version of the table of reports.
REPORT_TABLE_SCHEMA = "raylocus.dataset.reports.v1"

_UNITS = {"start_time": "s", "time": "s", "x": "m", "y": "m", "z": "m"}


def export_tables(dataset: ReportDataset, folder: Path) -> None:
    """Writes a dataset's tokens and reports as Parquet, part by part, each part a row group.

    Rows of both tables carry the numbers of their sequence and report, in the dataset's order.

    Raises:
        InputError: there is no sequence at all, or a report without tokens.
        StorageFullError: the disk filled up.
    """
    if not len(dataset):
        raise InputError("the dataset has no sequences to export; build it again with more of them")
    from pyarrow import parquet

    sequences = reports = 0
    with written_whole(folder) as aside, ExitStack() as stack:
        aside.mkdir()
        writers: dict[str, parquet.ParquetWriter] = {}
        for part in dataset.parts():
            tables = {
                TOKEN_TABLE: reports_to_table(part.reports, sequences, reports),
                REPORT_TABLE: _report_rows(dataset, part, sequences, reports),
            }
            for name, table in tables.items():
                if name not in writers:
                    writer = parquet.ParquetWriter(aside / name, table.schema, compression="zstd")
                    writers[name] = stack.enter_context(writer)
                writers[name].write_table(table)
            sequences, reports = sequences + len(part.reports), reports + len(part.reports.time)


def _report_rows(
    dataset: ReportDataset, part: PlaceSequences, first_sequence: int, first_report: int
) -> pyarrow.Table:
    reports, sequence = part.reports, part.reports.sequence_of_report
    sample = part.samples[sequence]
    worlds = [dataset.worlds[index] for index in dataset.world_index[sample]]
    columns = {
        "sequence": sequence + first_sequence,
        "report": np.arange(len(reports.time)) + first_report,
        "place": np.full(len(sample), dataset.configuration.places[part.place_index].name),
        "world": np.array([world.number for world in worlds]),
        "severity": np.array([world.law.severity for world in worlds]),
        "split": dataset.split[sample],
        "start_time": dataset.start_time[sample],
        "time": reports.time,
        **{axis: reports.position[:, index] for index, axis in enumerate("xyz")},
        "line_of_sight": reports.line_of_sight,
        "heard_cells": reports.heard_cells,
    }
    return table_with_units(columns, _UNITS, {"schema": REPORT_TABLE_SCHEMA})
