"""`raylocus maps trace`, `show` and `export`: path atlas and radio maps of a place."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raylocus.cli.console import (
    add_engine_arguments,
    engine_of,
    progress_lines,
    save_picture,
    verb_parser,
)
from raylocus.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from raylocus.propagation.maps.traced_place import TracedPlace


def run_maps_trace(arguments: Sequence[str]) -> int:
    """Traces the place or area and says where the maps are.

    A killed trace resumes at the next site; other antennas, powers or layers cost no trace.
    """
    from raylocus.propagation.maps.layers.complete import RadioMapConfiguration
    from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
    from raylocus.propagation.tracing.trace_folders import trace_place
    from raylocus.scenes.area import is_area

    parser = verb_parser("maps trace", "Trace a place: one ray launch a site, then radio maps of every cell.")
    parser.add_argument("place", type=Path, help="place or area folder made by: raylocus scene build")
    parser.add_class_arguments(TraceConfiguration, "trace")
    parser.add_class_arguments(RadioMapConfiguration, "maps")
    add_engine_arguments(parser)
    given = parser.parse(arguments)
    made = parser.instantiate(given)
    if is_area(given.place):
        return _trace_area(given, made.trace, made.maps)
    trace_place(given.place, made.trace, progress_lines("sites", every=2.0), made.maps)
    print(f"{given.place}: atlas.zarr and radio.zarr are complete")
    print(f"next: raylocus maps show {given.place} --feature rsrp --cell 0 --out rsrp.png")
    return 0


def _trace_area(given: Any, trace: Any, maps: Any) -> int:
    from raylocus.execution.engines import WORKER_BASE, workers_that_fit
    from raylocus.propagation.maps.layers.complete import RadioMapConfiguration
    from raylocus.propagation.tracing.trace_folders import trace_area

    if maps == RadioMapConfiguration():
        # Of hundreds of cells, only the layers that worlds and locators read, unless others are asked for.
        maps = dataclasses.replace(maps, layers=())

    def fitting() -> int:
        return workers_that_fit(WORKER_BASE + int(trace.memory_budget * 2**30))

    progress = progress_lines("masts in windows", every=5.0), progress_lines("windows", every=5.0)
    with engine_of(given.engine, given.workers, given.address, fitting) as engine:
        area = trace_area(given.place, trace, maps, engine, progress)
    print(f"{given.place}: {len(area.tiles)} windows are traced")
    print(f"next: raylocus locate reports.zarr --place {given.place}")
    return 0


#: The feature that stands for every layer.
ALL = "all"


def run_maps_show(arguments: Sequence[str]) -> int:
    """Draws one layer, of one cell, beam and stream where it has them, or every layer of one cell."""
    parser = verb_parser("maps show", "Draw one radio map, or all of one cell.")
    parser.add_argument("place", type=Path, help="traced place folder")
    parser.add_argument(
        "--feature", default="rsrp", help=f"layer of R: rsrp, toa, aoa_azimuth, throughput, …, or {ALL}"
    )
    parser.add_argument(
        "--cell", type=int, default=0, help="index of the cell; its site, for layers over sites"
    )
    parser.add_argument("--beam", type=int, default=0, help="index of the SSB beam, for layers over beams")
    parser.add_argument("--stream", type=int, default=0, help="index of the stream, for singular values")
    parser.add_argument("--out", type=Path, required=True, help="picture, such as toa.png")
    given = parser.parse(arguments)
    from raylocus.propagation.maps.layers.complete import ALL_LAYERS
    from raylocus.propagation.maps.traced_place import open_place
    from raylocus.viz.maps import all_layers_figure, layer_figure

    place = open_place(given.place)
    chosen = {"cell": given.cell, "beam": given.beam, "stream": given.stream}
    known = [layer.name for layer in ALL_LAYERS if layer.name in place.radio_maps]
    names = known if given.feature == ALL else [given.feature]
    layers = [chosen_layer(place, name, chosen) for name in names]
    cell = place.deployment.cells[given.cell]
    whose = f"cell {given.cell} (PCI {cell.pci}) of site {cell.site}"
    if given.feature == ALL:
        figure = all_layers_figure(layers, place, f"{place.name}: all layers of {whose}")
    else:
        figure = layer_figure(layers[0], place, f"{place.name}: {given.feature}, {whose}")
    save_picture(figure, given.out)
    return 0


def chosen_layer(place: TracedPlace, feature: str, chosen: dict[str, int]) -> xr.DataArray:
    """One layer over (y, x), azimuths in compass degrees.

    Args:
        place: a traced place.
        feature: name of the layer.
        chosen: index of the cell (and so of its site), beam and stream.

    Raises:
        InputError: there is no such layer, cell, beam or stream.
    """
    from raylocus.propagation.maps.radio_files import with_compass

    maps = place.radio_maps
    if feature not in maps.data_vars:
        raise InputError(
            f"there is no layer {feature!r}; {place.folder} has {', '.join(map(str, maps.data_vars))}"
        )
    for axis, index in chosen.items():
        count = maps.sizes.get(axis, 1)
        if not 0 <= index < count:
            raise InputError(f"there is no {axis} {index}; {place.folder} has {axis}s 0 to {count - 1}")
    everything = {**chosen, "site": place.deployment.cells[chosen["cell"]].site}
    layer = maps[feature]
    return with_compass(layer.isel({axis: value for axis, value in everything.items() if axis in layer.dims}))


def run_maps_export(arguments: Sequence[str]) -> int:
    """Writes layers of R as GeoTIFF, one file a layer (R itself is zarr already: PLACE/radio.zarr)."""
    parser = verb_parser("maps export", "Write radio maps for other tools, one file a layer.")
    parser.add_argument("place", type=Path, help="traced place folder")
    parser.add_argument("--geotiff", action="store_true", help="as GeoTIFF, for QGIS and the like")
    parser.add_argument("--feature", action="append", default=[], help="a layer of R; all where left out")
    parser.add_argument("--out", type=Path | None, default=None, help="folder; PLACE/geotiff where left out")
    given = parser.parse(arguments)
    if not given.geotiff:
        raise InputError(
            "say which format to export to: --geotiff (R itself is zarr already: PLACE/radio.zarr)"
        )
    from raylocus.propagation.maps.radio_files import export_geotiff
    from raylocus.propagation.maps.traced_place import open_place

    place = open_place(given.place)
    folder = given.out or given.place / "geotiff"
    files = export_geotiff(place, folder, given.feature)
    where = "in UTM" if place.frame.georeferenced else "in local metres, for this place is not georeferenced"
    print(f"{folder}: {len(files)} GeoTIFF files written, {where}")
    return 0
