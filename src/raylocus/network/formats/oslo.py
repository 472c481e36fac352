"""The Oslo NB-IoT campaigns' MATLAB file (github.com/lucadn/Positioning-NBIoT-Beyond-WkNN, `dataSet`).

`dataSet` has one row a point: latitude, longitude, and a matrix with one row a link: NPCI, eNodeB, RSSI, NSINR, NRSRP,
NRSRQ, time of arrival [µs], operator, campaign. Points have no time, so that each stands alone.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from raylocus.errors import InputError
from raylocus.network.formats.log_format import LogFile
from raylocus.network.formats.measurements import Measurements, ReadLog

#: Columns of a link.
NPCI, ENODEB, RSSI, SINR, RSRP, RSRQ, ARRIVAL, OPERATOR, CAMPAIGN = range(9)
_MATLAB = b"MATLAB 5.0 MAT-file"


class Oslo:
    """The measurements of the Oslo campaigns."""

    name: ClassVar[str] = "oslo"
    writer: ClassVar[str] = "the Oslo NB-IoT campaigns, MATLAB"

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
        measured = Measurements.of(
            len(links),
            device=scan,
            scan=scan,
            technology="NB-IoT",
            operator=np.char.add("operator-", links[:, OPERATOR].astype(int).astype(np.str_)),
            time=0.0,
            pci=links[:, NPCI],
            site_identity=links[:, ENODEB],
            rsrp=links[:, RSRP],
            rsrq=links[:, RSRQ],
            sinr=links[:, SINR],
            rssi=links[:, RSSI],
            time_of_arrival=links[:, ARRIVAL] * 1e-6,
            latitude=where[:, 0],
            longitude=where[:, 1],
        )
        return ReadLog(measured, len(links) + broken.total(), broken, {})


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
