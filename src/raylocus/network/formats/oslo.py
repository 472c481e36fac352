"""The Oslo NB-IoT campaigns' MATLAB file (github.com/lucadn/Positioning-NBIoT-Beyond-WkNN, `dataSet`).

`dataSet` has one row a point: latitude, longitude, and a matrix with one row a link: NPCI, eNodeB, RSSI, NSINR, NRSRP,
NRSRQ, time of arrival [µs], operator, campaign. Points have no time, so that each stands alone; a campaign is a device.
Two lists, `eNodeB_best_pos_estimates` and `eNodeB_mean_pos_estimates`, have identity, latitude and longitude of sites.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from raylocus.errors import InputError
from raylocus.network.formats.listed_cells import ListedCell
from raylocus.network.formats.log_format import LogFile
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
