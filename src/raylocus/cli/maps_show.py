"""`raylocus maps show`: one layer of R, or all layers of a cell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raylocus.cli.console import verb_parser
from raylocus.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from raylocus.propagation.maps.traced_place import TracedPlace

#: The feature that stands for every layer.
ALL = "all"


def run(arguments: Sequence[str]) -> int:
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
    from raylocus.cli.console import save_picture
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
    from raylocus.propagation.maps.export import with_compass

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
