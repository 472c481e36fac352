"""The POWDER testbed's received powers of one handheld transmitter.

`single_tx.csv` of github.com/mhrafi66/wireless_localization_frs_uofu has one row a moment and a column a receiver: its
received power, −101 where it heard nothing; and `tx_x_coord`, `tx_y_coord`, the transmitter's latitude and longitude.
By reciprocity receivers are read as cells, and what is located is the transmitter. Receivers on buses, which have
columns `_rss`, `_x` and `_y`, are left out. `location_coordinates.json` next to it says where the fixed ones stand.
"""

from __future__ import annotations

import ast
from typing import ClassVar

import numpy as np

from raylocus.errors import InputError
from raylocus.network.formats.listed_cells import ListedCell
from raylocus.network.formats.log_format import LogFile
from raylocus.network.formats.measurements import Measurements, ReadLog
from raylocus.network.formats.text_table import plain_name, seconds_of_texts
from raylocus.scenes.sites import Carrier

#: Where receivers stand: a mapping of their names to (latitude, longitude) or None, as Python writes it.
POSITIONS = "location_coordinates.json"
#: Powers at and below this one stand for none [dB].
NOTHING = -101.0
#: Columns that are no receiver's.
TIME, LATITUDE, LONGITUDE = "timestamp", "tx_x_coord", "tx_y_coord"
#: Ends of the names of a moving receiver's columns.
MOVING = ("rss", "x", "y")


class Powder:
    """Powers of one transmitter at the receivers of the testbed."""

    name: ClassVar[str] = "powder"
    writer: ClassVar[str] = "the POWDER testbed's single-transmitter campaigns, CSV"
    #: The family radio service's channel; its carrier has no name of its own, and is written as LTE's are.
    carrier = Carrier(462.7e6, 0, 1, "LTE")

    def recognises(self, file: LogFile) -> bool:
        """A table with a transmitter's coordinates."""
        return file.has(TIME, LATITUDE, LONGITUDE)

    def read(self, file: LogFile) -> ReadLog:
        """One row a receiver that heard the transmitter; a row of the file is one scan."""
        table, receivers = file.table, _receivers(file)
        time = seconds_of_texts(table.texts(TIME), file.path)
        power = np.stack([table.numbers(name) for name in receivers], axis=1)
        moment, receiver = np.nonzero(power > NOTHING)
        scan = np.char.add("moment-", moment.astype(np.str_))
        measured = Measurements.of(
            len(moment),
            device="transmitter",
            scan=scan,
            time=time[moment],
            pci=receiver,
            cell_identity=receiver,
            rsrp=power[moment, receiver],
            latitude=table.numbers(LATITUDE)[moment],
            longitude=table.numbers(LONGITUDE)[moment],
        )
        return ReadLog(measured, len(moment), dict(table.refused), dict(table.notes))

    def cells(self, file: LogFile) -> list[ListedCell]:
        """The fixed receivers.

        Raises:
            InputError: the list of positions is not there, or no such mapping.
        """
        positions = _positions(file)
        listed = []
        for number, name in enumerate(_receivers(file)):
            if (where := positions.get(name)) is not None:
                listed.append(ListedCell(_site(where), *where, 0.0, number, number))
        return listed


def _receivers(file: LogFile) -> list[str]:
    """Plain names of the fixed receivers' columns, in the order of the file."""
    columns = list(file.table.frame.columns)
    known = {plain_name(name) for name in (TIME, LATITUDE, LONGITUDE)}
    moving = {name[:-3] + end for name in columns if name.endswith("rss") for end in MOVING}
    return [name for name in columns if name not in known | moving]


def _site(where: tuple[float, float]) -> str:
    """Receivers at one point are one site."""
    return f"{where[0]:.6f} {where[1]:.6f}"


def _positions(file: LogFile) -> dict[str, tuple[float, float] | None]:
    path = file.path.parent / POSITIONS
    try:
        found = ast.literal_eval(path.read_text(encoding="utf-8"))
        return {
            plain_name(name): None if where is None else (float(where[0]), float(where[1]))
            for name, where in found.items()
        }
    except (OSError, ValueError, SyntaxError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise InputError(
            f"{path} is needed next to {file.path.name}: a mapping of receivers to latitude and longitude"
        ) from error
