"""`raylocus maps show`: one layer of R."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raylocus.cli.parsing import verb_parser
from raylocus.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from raylocus.propagation.traced_place import TracedPlace


def run(arguments: Sequence[str]) -> int:
    """Draws one layer, of one cell and beam where it has them."""
    parser = verb_parser("maps show", "Draw one radio map.")
    parser.add_argument("place", type=Path, help="traced place folder")
    parser.add_argument(
        "--feature", default="rsrp", help="layer of R: rsrp, toa, path_gain, aoa_azimuth, sinr, …"
    )
    parser.add_argument(
        "--cell", type=int, default=0, help="index of the cell; its site, for layers over sites"
    )
    parser.add_argument("--beam", type=int, default=0, help="index of the SSB beam, for layers over beams")
    parser.add_argument("--out", type=Path, required=True, help="picture, such as toa.png")
    given = parser.parse(arguments)
    from raylocus.cli.pictures import save_picture
    from raylocus.propagation.traced_place import open_place
    from raylocus.viz.maps import layer_figure

    place = open_place(given.place)
    layer = chosen_layer(place, given.feature, given.cell, given.beam)
    azimuth = f"cell {given.cell} (PCI {place.deployment.cells[given.cell].pci})"
    save_picture(layer_figure(layer, place, f"{place.name}: {given.feature}, {azimuth}"), given.out)
    return 0


def chosen_layer(place: TracedPlace, feature: str, cell: int, beam: int) -> xr.DataArray:
    """One layer over (y, x).

    Raises:
        InputError: there is no such layer, cell or beam.
    """
    maps, cells, beams = place.radio_maps, len(place.deployment.cells), place.deployment.beam_count
    if feature not in maps:
        raise InputError(
            f"there is no layer {feature!r}; {place.folder} has {', '.join(map(str, maps.data_vars))}"
        )
    if not 0 <= cell < cells:
        raise InputError(f"there is no cell {cell}; {place.folder} has cells 0 to {cells - 1}")
    if not 0 <= beam < beams:
        raise InputError(f"there is no beam {beam}; {place.folder} has beams 0 to {beams - 1}")
    chosen = {"cell": cell, "site": place.deployment.cells[cell].site, "beam": beam}
    return maps[feature].isel({axis: index for axis, index in chosen.items() if axis in maps[feature].dims})
