"""Measurements that were published with papers: the Oslo NB-IoT campaigns and the POWDER testbed's received powers.

Oslo is a MATLAB file (github.com/lucadn/Positioning-NBIoT-Beyond-WkNN, `dataSet`).
`dataSet` has one row a point: latitude, longitude, and a matrix with one row a link: NPCI, eNodeB, RSSI, NSINR, NRSRP,
NRSRQ, time of arrival [µs], operator, campaign. Points have no time, so that each stands alone; a campaign is a device.
Two lists, `eNodeB_best_pos_estimates` and `eNodeB_mean_pos_estimates`, have identity, latitude and longitude of sites.

POWDER is of one handheld transmitter.
`single_tx.csv` of github.com/mhrafi66/wireless_localization_frs_uofu has one row a moment and a column a receiver: its
received power, −101 where it heard nothing; and `tx_x_coord`, `tx_y_coord`, the transmitter's latitude and longitude.
By reciprocity receivers are read as cells, and what is located is the transmitter. Receivers on buses, which have
columns `_rss`, `_x` and `_y`, are left out. `location_coordinates.json` next to it says where the fixed ones stand.
"""

from __future__ import annotations

import ast
from collections import Counter
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from raylocus.errors import InputError
from raylocus.network.formats.listed_cells import ListedCell
from raylocus.network.formats.log_format import LogFile, plain_name
from raylocus.network.formats.log_values import seconds_of_texts
from raylocus.network.formats.measurements import CELL_BITS, Measurements, ReadLog
from raylocus.scenes.sites import Carrier

#: Columns of a link.
NPCI, ENODEB, RSSI, SINR, RSRP, RSRQ, ARRIVAL, OPERATOR, CAMPAIGN = range(9)
_MATLAB = b"MATLAB 5.0 MAT-file"
#: Lists of sites; the first says where they stand, the distance to the second how sure that is.
SITES, OTHER_SITES = "eNodeB_best_pos_estimates", "eNodeB_mean_pos_estimates"
#: Mean radius of the Earth [m].
EARTH_RADIUS = 6_371_009.0
#: Smallest deviation of a position that was estimated from what was heard of it [m].
LEAST_DEVIATION = 25.0


class Oslo:
    """The measurements of the Oslo campaigns."""

    name: ClassVar[str] = "oslo"
    writer: ClassVar[str] = "the Oslo NB-IoT campaigns, MATLAB"
    #: NB-IoT of band 20.
    carrier = Carrier(806e6, 0, 1, "NB-IoT")

    def recognises(self, file: LogFile) -> bool:
        """A MATLAB file with the variable `dataSet`."""
        from scipy.io import whosmat

        return file.head.startswith(_MATLAB) and "dataSet" in [name for name, *_ in whosmat(str(file.path))]

    def read(self, file: LogFile) -> ReadLog:
        """One row a link; the links of one point are one scan."""
        points, broken = _points(file)
        links = np.concatenate([links for *_, links in points] or [np.zeros((0, 9))])
        point = np.repeat(np.arange(len(points)), [len(links) for *_, links in points])
        where = np.array([(latitude, longitude) for latitude, longitude, _ in points]).reshape(-1, 2)[point]
        scan = np.char.add("point-", point.astype(np.str_))
        campaign = np.array([f"campaign-{number} " for number in links[:, CAMPAIGN].astype(int)])
        measured = Measurements.of(
            len(links),
            device=np.char.add(campaign, scan),
            scan=scan,
            technology="NB-IoT",
            operator=np.char.add("operator-", links[:, OPERATOR].astype(int).astype(np.str_)),
            time=0.0,
            pci=links[:, NPCI],
            site_identity=links[:, ENODEB],
            cell_identity=_identities(links),
            rsrp=links[:, RSRP],
            rsrq=links[:, RSRQ],
            sinr=links[:, SINR],
            rssi=links[:, RSSI],
            time_of_arrival=links[:, ARRIVAL] * 1e-6,
            latitude=where[:, 0],
            longitude=where[:, 1],
        )
        return ReadLog(measured, len(links) + broken.total(), broken, {})

    def cells(self, file: LogFile) -> list[ListedCell]:
        """The cells that any point heard of sites that both lists have.

        Raises:
            InputError: the file has no such lists.
        """
        from scipy.io import loadmat

        found = loadmat(str(file.path), variable_names=[SITES, OTHER_SITES])
        if SITES not in found or OTHER_SITES not in found:
            raise InputError(f"{file.path} has no {SITES} and {OTHER_SITES}, so that no site is known")
        links = np.concatenate([links for *_, links in _points(file)[0]] or [np.zeros((0, 9))])
        heard = np.unique(np.column_stack([links[:, ENODEB], links[:, NPCI], _identities(links)]), axis=0)
        sites, others = ({int(row[0]): row[1:] for row in found[name]} for name in (SITES, OTHER_SITES))
        return [
            _listed(int(enb), int(npci), int(identity), sites[int(enb)], others[int(enb)])
            for enb, npci, identity in heard.tolist()
            if int(enb) in sites and int(enb) in others
        ]


def _listed(
    enb: int, npci: int, identity: int, where: Float[np.ndarray, "2"], other: Float[np.ndarray, "2"]
) -> ListedCell:
    north, east = np.deg2rad(where - other) * EARTH_RADIUS * np.array([1, np.cos(np.deg2rad(where[0]))])
    deviation = max(float(np.hypot(north, east)) / np.sqrt(2), LEAST_DEVIATION)
    return ListedCell(f"eNB {enb}", float(where[0]), float(where[1]), deviation, npci, identity)


def _identities(links: Float[np.ndarray, "link 9"]) -> Float[np.ndarray, " link"]:
    """A number for each (eNodeB, NPCI), built as E-UTRAN cell identities are: the file has none."""
    pairs, inverse = np.unique(links[:, [ENODEB, NPCI]], axis=0, return_inverse=True)
    first = np.searchsorted(pairs[:, 0], pairs[:, 0])
    return (pairs[:, 0] * 2**CELL_BITS + np.arange(len(pairs)) - first)[inverse.reshape(-1)]


def _points(file: LogFile) -> tuple[list[tuple[float, float, Float[np.ndarray, "link 9"]]], Counter[str]]:
    """Latitude, longitude and links of each point, and what is none."""
    from scipy.io import loadmat

    try:
        found = loadmat(str(file.path), variable_names=["dataSet"])["dataSet"]
    except Exception as error:  # scipy raises many kinds for a file cut short
        raise InputError(f"{file.path} is no MATLAB file with 'dataSet', or was cut short") from error
    points = [_point(row) for row in found]
    whole = [point for point in points if point is not None]
    return whole, Counter({"points without nine columns of links": len(points) - len(whole)})


def _point(row: Any) -> tuple[float, float, Float[np.ndarray, "link 9"]] | None:
    links = np.asarray(row[2])
    if links.ndim != 2 or links.shape[1] != CAMPAIGN + 1 or np.size(row[0]) != 1 or np.size(row[1]) != 1:
        return None
    return float(np.ravel(row[0])[0]), float(np.ravel(row[1])[0]), links.astype(float)


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
