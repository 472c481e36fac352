"""Styles whose streets are closed by buildings on both sides."""

from __future__ import annotations

from raylocus.scenes.towns.fill_blocks import BuiltLots, CourtyardHouses, PerimeterBlocks
from raylocus.scenes.towns.street_grid import StreetGrid
from raylocus.scenes.towns.street_old_town import StreetStar, StreetWeb
from raylocus.scenes.towns.style import (
    HILL_HOUSE,
    LIGHT_HOUSE,
    MID_RISE,
    OFFICE,
    OLD_HOUSE,
    TENEMENT,
    TOWER,
    Greenery,
    Relief,
    TownStyle,
)

EUROPEAN_CORE = TownStyle(
    name="european-core",
    description="narrow crooked streets between houses with courtyards, where little is in line of sight",
    streets=StreetWeb(block=(100.0, 80.0), width=5.5, corridor=11.0, main_width=10.0, main_corridor=20.0),
    fillings=((CourtyardHouses(OLD_HOUSE, lot_area=620.0, depth=(7.0, 10.0)), 1.0),),
    park_share=0.08,
)

PERIMETER_BLOCKS = TownStyle(
    name="perimeter-blocks",
    description="boulevards and closed blocks of even height about green courtyards",
    streets=StreetStar(boulevards=7, boulevard_corridor=28.0),
    fillings=((PerimeterBlocks(TENEMENT, lot_area=600.0, rear=0.4), 1.0),),
    greenery=Greenery(street_tree_spacing=11.0, trees_per_hectare=12.0),
)

TOWER_GRID = TownStyle(
    name="tower-grid",
    description="straight canyons between towers on podiums, covered along the avenues only",
    streets=StreetGrid(
        block=(210.0, 80.0), jitter=0.06, width=10.0, corridor=20.0, avenue_every=3, avenue_corridor=30.0
    ),
    fillings=(
        (
            BuiltLots(OFFICE, lot_area=520.0, narrowest_lot=12.0, empty=0.1, tower=TOWER, tower_share=0.6),
            0.75,
        ),
        (BuiltLots(TENEMENT, lot_area=170.0, narrowest_lot=7.0, empty=0.15), 0.25),
    ),
    park_share=0.05,
    greenery=Greenery(street_tree_spacing=18.0, crown_radius=(1.5, 2.5)),
)

ASIAN_LOW_RISE = TownStyle(
    name="asian-low-rise",
    description="lanes of a car's width between small houses two or three metres apart, tall ones on the main streets",
    streets=StreetGrid(
        block=(66.0, 40.0),
        jitter=0.18,
        width=4.5,
        corridor=9.0,
        avenue_every=7,
        avenue_corridor=16.0,
        staggered=True,
        missing=0.12,
        warp=12.0,
    ),
    fillings=(
        (BuiltLots(LIGHT_HOUSE, lot_area=92.0, narrowest_lot=7.0, gap=1.2, empty=0.12), 0.88),
        (BuiltLots(MID_RISE, lot_area=500.0, narrowest_lot=14.0, gap=2.0, empty=0.15), 0.12),
    ),
    greenery=Greenery(trees_per_hectare=6.0, crown_radius=(1.5, 2.5)),
)

WATERFRONT = TownStyle(
    name="waterfront",
    description="closed blocks behind a quay, with a free view and strong reflections over the water",
    streets=StreetGrid(
        block=(120.0, 85.0), jitter=0.12, width=9.0, corridor=20.0, avenue_every=4, avenue_corridor=30.0
    ),
    fillings=(
        (PerimeterBlocks(TENEMENT, depth=14.0, lot_area=600.0), 0.75),
        (BuiltLots(OFFICE, lot_area=900.0, narrowest_lot=18.0, gap=3.0, empty=0.15), 0.25),
    ),
    park_share=0.08,
    greenery=Greenery(street_tree_spacing=13.0, trees_per_hectare=8.0),
    water_share=0.38,
)

HILL_TOWN = TownStyle(
    name="hill-town",
    description="tall houses along winding streets on a steep slope, which shadows whatever lies behind it",
    streets=StreetGrid(
        block=(180.0, 70.0),
        jitter=0.2,
        width=7.0,
        corridor=12.0,
        avenue_every=6,
        avenue_corridor=18.0,
        staggered=True,
        missing=0.45,
        warp=30.0,
    ),
    fillings=((BuiltLots(HILL_HOUSE, lot_area=430.0, narrowest_lot=12.0, gap=2.5, empty=0.35), 1.0),),
    park_share=0.15,
    greenery=Greenery(trees_per_hectare=22.0),
    relief=Relief(rise=110.0, hills=9.0, wavelength=500.0),
)
