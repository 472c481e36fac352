"""What `/v2/locate` answers: the position, its uncertainty in several shapes, and what it rests on."""

from __future__ import annotations

import math

import numpy as np
from pydantic import BaseModel

from raylocus.geo import compass_from_azimuth
from raylocus.inference.fix import Ellipse, Fix
from raylocus.network.formats.cell_resolution import Known
from raylocus.service.answers import Answer, HeardCell
from raylocus.service.questions import MeasuredCell
from raylocus.service.regions import ellipse_at, likely_cells, peaks_of

#: Most Gaussians of a mixture, most cells of a heatmap, and the share that those hold.
MIXTURE_PARTS, HEATMAP_CELLS, HEATMAP_SHARE = 8, 4096, 0.99


class Location(BaseModel):
    """WGS84 degrees, and the radius about it."""

    lat: float
    lng: float
    accuracy: float
    """Radius [m] that holds the phone at `confidence`."""


class Axes(BaseModel):
    """An ellipse about the location."""

    semiMajor: float
    """[m]."""
    semiMinor: float
    """[m]."""
    orientation: float
    """Direction of the major axis [degrees clockwise from north], from 0 to 180."""


class Part(Axes):
    """One Gaussian of the mixture; axes are standard deviations."""

    weight: float
    lat: float
    lng: float


class Heatmap(BaseModel):
    """Ground cells by their probability, the most probable first."""

    resolution: float
    """Side of a ground cell [m]."""
    share: float
    """Probability of all cells that are listed."""
    cells: list[tuple[float, float, float]]
    """Latitude, longitude, probability."""


class CellEvidence(BaseModel):
    """One cell of the last report."""

    technology: str | None = None
    channel: int | None = None
    pci: int | None = None
    cid: int | None = None
    serving: bool
    rsrp: float
    """Measured [dBm]."""
    knownBy: str
    """identity, channel (and PCI), pci, or unknown."""
    mappedRsrp: float | None = None
    """Of the radio map at the location [dBm]; null where it has no path."""
    residual: float | None = None
    """Measured over mapped [dB]."""


class Evidence(BaseModel):
    """What the answer rests on."""

    area: str
    cells: list[CellEvidence]
    residualSpread: float | None = None
    """Standard deviation of the residuals [dB]; null with fewer than two."""
    fit: float
    """Share of worlds in which a right map fits as badly as here; 1 where there is no map to judge."""


class LocateAnswer(BaseModel):
    """Where the phone is."""

    location: Location
    radius: float
    """The same as the location's accuracy [m]."""
    confidence: int
    """Of the radius and the ellipse [%]."""
    ellipse: Axes
    trusted: bool
    """Whether the posterior names a street, the map fits, and the cells are surely the area's."""
    evidence: Evidence
    unknownCells: int
    """Cells of the last report that the area does not have."""
    dropped: int
    """Cells or reports that could not be read."""
    fallback: str | None = None
    notes: list[str] = []
    mixture: list[Part] | None = None
    heatmap: Heatmap | None = None


def locate_answer(found: Answer, confidence: int, dropped: int, desired: set[str]) -> LocateAnswer:
    """The answer's JSON."""
    fix = found.fix
    (latitude, longitude), radius = fix.latlon or (0.0, 0.0), round(fix.radius(confidence / 100), 1)
    return LocateAnswer(
        location=Location(lat=round(latitude, 7), lng=round(longitude, 7), accuracy=radius),
        radius=radius,
        confidence=confidence,
        ellipse=Axes(**axes_of(ellipse_at(fix, confidence / 100))),
        trusted=found.trusted,
        evidence=_evidence(found),
        unknownCells=len(found.unknown),
        dropped=dropped,
        fallback=found.fallback,
        notes=list(found.notes),
        mixture=_mixture(fix) if "mixture" in desired else None,
        heatmap=_heatmap(fix) if "heatmap" in desired else None,
    )


def axes_of(ellipse: Ellipse) -> dict[str, float]:
    """Axes [m] and direction [compass degrees]; an axis has two ends, the one in [0°, 180°) is named."""
    return {
        "semiMajor": round(ellipse.major, 1),
        "semiMinor": round(ellipse.minor, 1),
        "orientation": round(compass_from_azimuth(ellipse.azimuth) % 180, 1) % 180,
    }


def unknown_cell(cell: MeasuredCell) -> CellEvidence:
    """A cell that no area has."""
    return _cell(HeardCell(cell, Known.UNKNOWN))


def _evidence(found: Answer) -> Evidence:
    residuals = [cell.residual for cell in found.cells if cell.residual is not None]
    spread = round(float(np.std(residuals, ddof=1)), 1) if len(residuals) > 1 else None
    cells = [_cell(cell) for cell in found.cells]
    return Evidence(area=found.area, cells=cells, residualSpread=spread, fit=round(found.fix.fit, 4))


def _cell(cell: HeardCell) -> CellEvidence:
    measured, residual = cell.measured, cell.residual
    return CellEvidence(
        technology=measured.technology or None,
        channel=_whole(measured.channel),
        pci=_whole(measured.pci),
        cid=_whole(measured.identity),
        serving=measured.serving,
        rsrp=measured.rsrp,
        knownBy=cell.known.name.lower(),
        mappedRsrp=None if cell.mapped is None else round(cell.mapped, 1),
        residual=None if residual is None else round(residual, 1),
    )


def _whole(value: float) -> int | None:
    return None if math.isnan(value) else int(value)


def _mixture(fix: Fix) -> list[Part]:
    assert fix.frame is not None
    parts = []
    for peak in peaks_of(fix, MIXTURE_PARTS):
        latitude, longitude = fix.frame.to_wgs84(peak.mean)
        ellipse = Fix(peak.mean, peak.covariance, fix.heatmap, fix.grid, fix.frame).ellipse
        place = {"lat": round(float(latitude), 7), "lng": round(float(longitude), 7)}
        parts.append(Part(weight=round(peak.weight, 4), **place, **axes_of(ellipse)))
    return parts


def _heatmap(fix: Fix) -> Heatmap:
    assert fix.frame is not None
    centres, mass = likely_cells(fix, HEATMAP_SHARE, HEATMAP_CELLS)
    latitude, longitude = fix.frame.to_wgs84(centres)
    rows = np.stack([latitude.round(6), longitude.round(6), mass.round(6)], axis=1).tolist()
    return Heatmap(
        resolution=fix.grid.resolution,
        share=round(float(mass.sum()), 4),
        cells=[(row[0], row[1], row[2]) for row in rows],
    )
