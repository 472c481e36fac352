"""`raylocus locate`: fixes of the phones of a reports file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raylocus.cli.console import verb_parser

if TYPE_CHECKING:
    from raylocus.evaluation.area.scores import AreaMethod
    from raylocus.geo import Extent
    from raylocus.inference.area_locator import AreaLocator
    from raylocus.inference.explanation import CellResidual
    from raylocus.inference.fix import Fix
    from raylocus.models.physics.variants import PhysicsVariant
    from raylocus.network.reports.known_cells import KnownReports
    from raylocus.scenes.area import Area
    from raylocus.scenes.place import Place
    from raylocus.scenes.sites import Deployment

#: Confidence of the radius that is printed.
CONFIDENCE = 0.9


def run(arguments: Sequence[str]) -> int:
    """Prints a table of fixes; writes them as JSON and GeoJSON where asked."""
    parser = verb_parser(
        "locate", "Locate the phones of a reports file: one fix for each sequence's last report."
    )
    parser.add_argument(
        "reports", type=Path, help="reports file such as runs/demo/reports.zarr, or a Parquet table"
    )
    parser.add_argument(
        "--place", type=Path, required=True, help="area folder, or place folder the reports were made in"
    )
    parser.add_argument(
        "--model",
        type=Path | None,
        default=None,
        help="checkpoint: of a traced place such as runs/demo/locator.ckpt, or of raylocus train area for an area; "
        "left out, those that ship: on maps where the place or area is traced, else by sites, levels and timing",
    )
    parser.add_argument("--out", type=Path, help="JSON file for the fixes")
    parser.add_argument("--geojson", type=Path, help="GeoJSON file for the fixes and their circles")
    parser.add_argument(
        "--refine",
        choices=["bilinear", "drjit", "images", "path_solver"],
        help="move each estimate by gradient to where posterior and measurements agree best: by R, by the atlas's "
        "paths, or by rays traced at every step (seconds a fix); on a traced place only",
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="print what was measured of each cell and what the map has there; on a traced place only",
    )
    given = parser.parse(arguments)
    from rich.console import Console

    located = _located(given.reports, given.place, given.model, given.refine)
    records = [
        fix_record(sequence, fix, hears)
        for sequence, (fix, hears) in enumerate(zip(located.fixes, located.hears, strict=True))
    ]
    from raylocus.cli.fix_tables import fix_table, residual_table

    Console().print(fix_table(records, CONFIDENCE))
    if given.explain:
        Console().print(residual_table(_explained(located)))
    for note in located.notes:
        print(f"note: {note}")
    _write(given.out, records)
    if given.geojson:
        from raylocus.inference.geojson import fixes_geojson

        _write(given.geojson, fixes_geojson(located.fixes, records, CONFIDENCE))
    return 0


@dataclass(frozen=True)
class _Located:
    fixes: list[Fix]
    hears: list[bool]
    """Whether each names a cell of the place."""
    notes: tuple[str, ...]
    residuals: Callable[[], list[CellResidual]] | None = None
    """Computes what the fixes rest on; None where there is no map."""


def _located(path: Path, folder: Path, model: Path | None, refine: PhysicsVariant | None) -> _Located:
    """By what the model and the place are for."""
    from raylocus.errors import InputError
    from raylocus.models.area.trained import is_area_network
    from raylocus.propagation.maps.traced_area import open_traced_area
    from raylocus.propagation.maps.traced_place import open_place
    from raylocus.scenes.area import is_area

    by_sites = model is not None and is_area_network(model)
    if refine and (by_sites or is_area(folder) or not open_place(folder).radio_file.exists()):
        raise InputError(
            "--refine needs the maps of one traced place; leave it out, or trace the place first"
        )
    if model is not None and is_area_network(model):
        return _in_network(path, folder, model)
    if is_area(folder):
        traced = model is not None or open_traced_area(folder).traced
        return (_in_windows if traced else _in_network)(path, folder, model)
    if model is not None or open_place(folder).radio_file.exists():
        return _on_maps(path, folder, model, refine)
    return _in_network(path, folder, model)


def _on_maps(path: Path, folder: Path, model: Path | None, refine: PhysicsVariant | None) -> _Located:
    """By a trained model on the traced maps of a place."""
    from raylocus.inference.explanation import explained
    from raylocus.inference.locator import Locator
    from raylocus.propagation.maps.traced_place import open_place

    locator = replace(Locator.pretrained() if model is None else Locator.load(model), refine=refine)
    place = open_place(folder)
    known, notes = reports_at(path, place.deployment)
    fixes = locator.fixes(known.reports, place)
    hears = [bool(each) for each in known.hears]
    return _Located(fixes, hears, notes, lambda: explained(locator, known.reports, place, fixes))


def _explained(located: _Located) -> list[CellResidual]:
    from raylocus.errors import InputError

    if located.residuals is None:
        raise InputError(
            "--explain needs the maps of one traced place, which did not locate here; leave it out"
        )
    return located.residuals()


def _in_network(path: Path, folder: Path, model: Path | None) -> _Located:
    """By sites, levels and timing alone, in an area or a place."""
    from raylocus.inference.area_locator import AreaLocator
    from raylocus.scenes.networks import extent_of, open_network

    locator = AreaLocator.pretrained() if model is None else AreaLocator.load(model)
    network = open_network(folder)
    return _in_area(path, network, extent_of(network), locator, locator)


def _in_windows(path: Path, folder: Path, model: Path | None) -> _Located:
    """First by sites, levels and timing, then by a trained model on the traced maps about the candidates."""
    from raylocus.inference.area_locator import AreaLocator
    from raylocus.inference.area_windows import WindowLocator
    from raylocus.inference.locator import Locator
    from raylocus.propagation.maps.traced_area import open_traced_area

    first, area = AreaLocator.pretrained(), open_traced_area(folder)
    second = Locator.pretrained() if model is None else Locator.load(model)
    windows = WindowLocator(first, second, area, area.tile.size)
    return _in_area(path, area, area.extent, first, windows)


def _in_area(
    path: Path, network: Area | Place, extent: Extent, first: AreaLocator, method: AreaMethod
) -> _Located:
    """The fixes of a method, and which reports name a cell."""
    from raylocus.inference.area_locator import fixes_in
    from raylocus.network.reports.checked_reports import checked_reports
    from raylocus.network.reports.known_cells import known_reports

    read = checked_reports(path)
    notes = known_reports(read.reports, network.deployment).notes
    hears = [bool(each) for each in first.hears(read.reports, network.deployment)]
    located = method.located(read.reports, network.deployment)
    fixes = fixes_in(located, len(read.reports), network.frame, extent)
    return _Located(fixes, hears, read.notes + notes + _deaf(hears, "anywhere in the area"))


def reports_at(path: Path, deployment: Deployment) -> tuple[KnownReports, tuple[str, ...]]:
    """The reports of a file as the place knows them, and what is to be said of them."""
    from raylocus.network.reports.checked_reports import checked_reports
    from raylocus.network.reports.known_cells import known_reports

    read = checked_reports(path)
    known = known_reports(read.reports, deployment)
    hears = [bool(each) for each in known.hears]
    return known, read.notes + known.notes + _deaf(hears, "fixed by the map alone")


def _deaf(hears: Sequence[bool], answer: str) -> tuple[str, ...]:
    deaf = [str(sequence) for sequence, each in enumerate(hears) if not each]
    if not deaf:
        return ()
    named = ", ".join(deaf[:20]) + (f" … ({len(deaf)})" if len(deaf) > 20 else "")
    return (f"sequences that name no cell of the place, {answer}: {named}",)


def _write(path: Path | None, content: Any) -> None:
    from raylocus.storage import written_whole

    if path is None:
        return
    with written_whole(path) as aside:
        aside.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
    print(f"{path} written")


def fix_record(sequence: int, fix: Fix, hears: bool = True) -> dict[str, Any]:
    """A fix as JSON: metres in the place's frame, compass degrees, latitude and longitude where known.

    Args:
        sequence: its number.
        fix: the fix; what is not finite becomes null.
        hears: whether the reports name a cell of the place; a fix without one is never trusted.
    """
    from raylocus.geo import compass_from_azimuth

    latitude, longitude = fix.latlon or (None, None)
    ellipse = fix.ellipse
    record = {
        "sequence": sequence,
        "x_m": round(float(fix.position[0]), 2),
        "y_m": round(float(fix.position[1]), 2),
        "latitude": latitude,
        "longitude": longitude,
        "radius_m": round(fix.radius(CONFIDENCE), 2),
        "confidence": CONFIDENCE,
        "ellipse_major_m": round(ellipse.major, 2),
        "ellipse_minor_m": round(ellipse.minor, 2),
        # An axis has two ends; the one in [0°, 180°) is named.
        "ellipse_compass_degrees": round(compass_from_azimuth(ellipse.azimuth) % 180, 1),
        "fit": round(fix.fit, 4),
        "trusted": bool(fix.trusted) and hears,
    }
    return {name: value if _is_json(value) else None for name, value in record.items()}


def _is_json(value: int | float | None) -> bool:
    return value is None or math.isfinite(value)
