"""A calibrated area: the same ground with the levels and positions of its sites as tagged reports say."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from raylocus.calibration.area_fit import AreaFit
from raylocus.calibration.calibrated_place import CALIBRATION_FILE
from raylocus.calibration.tagged_tokens import Estimates
from raylocus.errors import InputError
from raylocus.scenes.area import Area, open_area, save_area
from raylocus.scenes.place import AREA_FILE
from raylocus.scenes.sites import Deployment
from raylocus.storage import written_whole
from raylocus.units import SPEED_OF_LIGHT


def fitted_deployment(deployment: Deployment, found: AreaFit) -> Deployment:
    """The deployment with powers by each cell's own level, and sites where they are likeliest."""
    cells = tuple(
        dataclasses.replace(cell, power_dbm=cell.power_dbm + float(level))
        for cell, level in zip(deployment.cells, found.cell.value, strict=True)
    )
    moved, unsure = (each.reshape(2, -1).T for each in (found.moved.value, found.moved.deviation))
    sites = tuple(
        dataclasses.replace(
            site,
            position=(site.position[0] + float(step[0]), site.position[1] + float(step[1]), site.position[2]),
            deviation=float(np.sqrt((left**2).mean())) if site.deviation > 0 else 0.0,
        )
        for site, step, left in zip(deployment.sites, moved, unsure, strict=True)
    )
    return dataclasses.replace(deployment, cells=cells, sites=sites)


def save_calibrated_area(area: Area, found: AreaFit, reports: str, folder: Path) -> Area:
    """Writes an area with other powers and positions of sites, whole or not at all.

    Args:
        area: that was calibrated; without tiles.
        found: by its reports.
        reports: name of their file, for the record.
        folder: of the new area.

    Raises:
        InputError: the folder is the area's own, or the area has tiles, whose maps are of the listed network.
        StorageFullError: the disk filled up.
    """
    if folder.resolve() == area.folder.resolve():
        raise InputError(f"{folder} is the area that is calibrated; name another folder with --out")
    if area.tiles:
        raise InputError(
            f"{area.folder} has tiles with maps of their own; calibrate them one by one, --place TILE"
        )
    note = f"calibrated by {found.reports} reports of {reports}"
    deployment = fitted_deployment(area.deployment, found)
    made = dataclasses.replace(area, name=folder.name, deployment=deployment, notes=(*area.notes, note))
    with written_whole(folder) as aside:
        shutil.copytree(area.folder, aside, ignore=shutil.ignore_patterns(AREA_FILE, CALIBRATION_FILE))
        record = area_calibration_record(found, area.deployment)
        (aside / CALIBRATION_FILE).write_text(json.dumps(record, indent=1, allow_nan=False) + "\n")
        save_area(made, aside)
    return open_area(folder)


def area_calibration_record(found: AreaFit, deployment: Deployment) -> dict[str, Any]:
    """Every estimate with its standard deviation, as JSON."""
    cells = [
        {"pci": cell.pci, "reports": int(found.levels[index]), "level_db": _estimate(found.cell, index)}
        for index, cell in enumerate(deployment.cells)
    ]
    return {
        "reports": found.reports,
        "slope": _estimate(found.slope, 0),
        "level_at_1_m_db": _estimate(found.common, 0),
        "student_t_scale_db": round(found.level_scale, 2),
        "student_t_scale_of_arrivals_m": None if found.clock is None else round(found.arrival_scale, 1),
        "cells": cells,
        "sites": site_records(found.moved, found.clock, deployment),
    }


def site_records(moved: Estimates, clock: Estimates | None, deployment: Deployment) -> list[dict[str, Any]]:
    """Steps of each site off its listed position, and its clock where there is timing, as JSON."""
    sites = []
    for index, site in enumerate(deployment.sites):
        entry: dict[str, Any] = {"name": site.name}
        for axis, name in enumerate(("east_m", "north_m")):
            entry[name] = _estimate(moved, axis * len(deployment.sites) + index, digits=2)
        if clock is not None:
            entry["clock_s"] = _estimate(clock, index, 1 / SPEED_OF_LIGHT, 12)
        sites.append(entry)
    return sites


def _estimate(of: Estimates, index: int, unit: float = 1.0, digits: int = 3) -> dict[str, float]:
    value, deviation = float(of.value[index]), float(of.deviation[index])
    return {"estimate": round(value * unit, digits), "deviation": round(deviation * unit, digits)}
