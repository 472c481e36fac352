"""A calibrated place: the same ground and paths with antennas as measurements say, R computed again without a trace."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from raylocus.calibration.antenna_gains import NARROWEST
from raylocus.calibration.calibrate import Calibration
from raylocus.calibration.crowns import Crowns
from raylocus.calibration.parameters import OF_CELL, OF_NETWORK, Layout
from raylocus.calibration.rough_walls import roughened
from raylocus.errors import InputError
from raylocus.geo import compass_from_azimuth, wrap_angle
from raylocus.propagation.atlas.atlas import PathAtlas
from raylocus.propagation.atlas.atlas_store import StoredAtlas, save_atlas
from raylocus.propagation.maps.layers.complete import GROUPS, RadioMapConfiguration
from raylocus.propagation.maps.radio_files import save_radio_maps
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.propagation.tracing.trace_folders import radio_provenance
from raylocus.provenance import Provenance
from raylocus.scenes.place import save_place
from raylocus.scenes.sites import Cell, Deployment
from raylocus.storage import written_whole

#: File of what was estimated, in the place's folder.
CALIBRATION_FILE = "calibration.json"
#: Values that change paths.
OF_PATHS = ("crowns", "walls")


def calibrated_cell(cell: Cell, layout: Layout, values: Float[np.ndarray, " value"], index: int) -> Cell:
    """A cell with the values of a calibration."""
    own = {name: float(values[layout.index(name).start + index]) for name in OF_CELL}
    common = float(values[layout.index("common").start])
    pattern = dataclasses.replace(
        cell.pattern,
        beamwidth_azimuth=max(cell.pattern.beamwidth_azimuth + own["width_azimuth"], NARROWEST),
        beamwidth_elevation=max(cell.pattern.beamwidth_elevation + own["width_elevation"], NARROWEST),
        side_lobe_floor=max(cell.pattern.side_lobe_floor + own["floor"], 0.0),
        back_lobe_floor=max(cell.pattern.back_lobe_floor + own["floor"], 0.0),
    )
    return dataclasses.replace(
        cell,
        azimuth=wrap_angle(cell.azimuth + own["azimuth"]),
        downtilt=cell.downtilt + own["downtilt"],
        power_dbm=cell.power_dbm + own["level"] + common,
        pattern=pattern,
    )


def calibrated_deployment(
    deployment: Deployment, layers: list[tuple[Calibration, tuple[int, ...]]]
) -> Deployment:
    """The deployment with the antennas of its carriers' calibrations, each with the indices of its cells."""
    cells = list(deployment.cells)
    for found, indices in layers:
        for own, index in enumerate(indices):
            cells[index] = calibrated_cell(cells[index], found.prior.layout, found.posterior.values, own)
    return dataclasses.replace(deployment, cells=tuple(cells))


def check_target(place: TracedPlace, folder: Path) -> None:
    """Refuses to write a calibrated place over the one that it is made of.

    Raises:
        InputError: the folder is the place's own.
    """
    if folder.resolve() == place.folder.resolve():
        raise InputError(f"{folder} is the place that is calibrated; name another folder with --out")


def calibrated_atlas(place: TracedPlace, layout: Layout, values: Float[np.ndarray, " value"]) -> PathAtlas:
    """The paths of a place of one carrier with what trees cost, and walls scatter, by a calibration."""
    crowns, walls = (float(values[layout.index(name)][0]) for name in OF_PATHS)
    return roughened(Crowns(place).changed(place.atlas, crowns), walls)


def save_calibrated_place(
    place: TracedPlace,
    layers: list[tuple[Calibration, tuple[int, ...]]],
    record: dict[str, Any],
    folder: Path,
) -> TracedPlace:
    """Writes a place with other antennas, powers and patterns; its paths are the other's, but for `OF_PATHS`.

    Args:
        place: that was calibrated.
        layers: calibrations of its carriers, each with the indices of its cells.
        record: for `CALIBRATION_FILE`.
        folder: of the new place.

    Raises:
        InputError: the folder is the place's own.
        StorageFullError: the disk filled up.
    """
    check_target(place, folder)
    deployment = calibrated_deployment(place.deployment, layers)
    with written_whole(folder) as aside:
        shutil.copytree(place.folder, aside, copy_function=_linked, ignore=_rewritten)
        moved = dataclasses.replace(
            place, folder=aside, name=folder.name, deployment=deployment, notes=(*place.notes, _note(record))
        )
        save_place(moved)
        for layer, (found, _) in zip(place.layers(), layers, strict=True):
            _save_paths(layer, found, aside)
        (aside / CALIBRATION_FILE).write_text(json.dumps(record, indent=1, allow_nan=False) + "\n")
        wanted = radio_configuration(place)
        paths = Provenance.from_json(StoredAtlas.open(place.atlas_files[0]).provenance)
        budget = TraceConfiguration().memory_budget
        save_radio_maps(open_place(aside), wanted, radio_provenance(moved, paths, wanted), budget)
    return open_place(folder)


def _save_paths(layer: TracedPlace, found: Calibration, folder: Path) -> None:
    """Writes a carrier's paths again where they are other than as traced; of several at a frequency the last."""
    layout, values, path = found.prior.layout, found.posterior.values, folder / layer.atlas_file.name
    if not any(values[layout.index(name)][0] for name in OF_PATHS):
        return
    provenance = Provenance.from_json(StoredAtlas.open(path).provenance)
    shutil.rmtree(path)
    save_atlas(calibrated_atlas(layer, layout, values), path, provenance)


def radio_configuration(place: TracedPlace) -> RadioMapConfiguration:
    """What R of a place holds."""
    maps = place.radio_maps
    groups = tuple(name for name, layers in GROUPS.items() if layers[0].name in maps)
    table = int(maps.attrs.get("cqi_table", RadioMapConfiguration().cqi_table))
    return RadioMapConfiguration(layers=groups, cqi_table=table)


def _note(record: dict[str, Any]) -> str:
    counted = f"{record['points']} points and {record['unlabelled']} reports without positions"
    return f"calibrated by {counted} of {record['reports']}"


def _linked(source: str, target: str) -> None:
    """The file itself under another name where the disk can, else a copy; nothing of a place is written in place."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _rewritten(folder: str, names: list[str]) -> list[str]:
    return [
        name for name in names if name in ("radio.zarr", "place.json", CALIBRATION_FILE) or name[0] == "."
    ]


def calibration_record(found: Calibration, deployment: Deployment) -> dict[str, Any]:
    """What was estimated of one carrier's cells as JSON: every value with its standard deviation."""
    layout, values = found.prior.layout, found.posterior.values
    noise, measured = found.noise, found.labelled.model.measured if found.labelled else None
    return {
        "carrier": deployment.carrier.name,
        "points": measured.points if measured else 0,
        "levels": len(measured.heard.level) if measured else 0,
        "unlabelled": found.unlabelled.reports if found.unlabelled else 0,
        "kept": list(found.kept),
        "held_out_gain_nats": {each.group: round(float(each.gain), 4) for each in found.scores},
        "network": {name: _estimate(found, layout.index(name).start) for name in OF_NETWORK},
        "errors": {
            "student_t_scale_db": round(noise.levels.scale, 2),
            "freedom": noise.levels.freedom,
            "own_share": round(noise.levels.own_share, 3),
            "distance_m": round(noise.levels.distance, 1),
            "beam_scale_db": round(noise.beams.scale, 2),
            "dropout": noise.dropout,
        },
        "cells": [
            {
                "pci": cell.pci,
                "site": deployment.sites[cell.site].name,
                "azimuth_compass_degrees": round(
                    compass_from_azimuth(cell.azimuth + values[layout.index("azimuth")][index]), 2
                ),
                "azimuth_error_degrees": _estimate(found, layout.index("azimuth").start + index, np.pi / 180),
                "downtilt_error_degrees": _estimate(
                    found, layout.index("downtilt").start + index, np.pi / 180
                ),
                "level_db": _level_estimate(found, index),
                "beamwidth_azimuth_error_degrees": _estimate(
                    found, layout.index("width_azimuth").start + index
                ),
                "beamwidth_elevation_error_degrees": _estimate(
                    found, layout.index("width_elevation").start + index
                ),
                "floor_error_db": _estimate(found, layout.index("floor").start + index),
            }
            for index, cell in enumerate(deployment.cells)
        ],
    }


def _estimate(found: Calibration, index: int, unit: float = 1.0) -> dict[str, float | None]:
    """A value with its standard deviation; null where it was not fitted."""
    value, deviation = found.posterior.values[index], found.posterior.deviation[index]
    fitted = bool(found.posterior.free[index])
    return {
        "estimate": round(float(value / unit), 3),
        "deviation": round(float(deviation / unit), 3) if fitted else None,
    }


def _level_estimate(found: Calibration, cell: int) -> dict[str, float]:
    """A cell's level, what all share included."""
    own, shared = (found.prior.layout.index(name).start for name in ("level", "common"))
    value = found.posterior.values[own + cell] + found.posterior.values[shared]
    block = found.posterior.covariance[np.ix_([own + cell, shared], [own + cell, shared])]
    return {"estimate": round(float(value), 3), "deviation": round(float(np.sqrt(block.sum())), 3)}
