"""Styles whose buildings stand apart, with open ground between them."""

from __future__ import annotations

from raylocus.scenes.towns.fill_blocks import BuiltLots
from raylocus.scenes.towns.fill_streets import BuildingRows, StreetHouses
from raylocus.scenes.towns.street_grid import StreetGrid, StreetTree
from raylocus.scenes.towns.style import (
    BARN,
    BUNGALOW,
    CITY_HOUSE,
    FARMHOUSE,
    GARAGE,
    HALL,
    INSTITUTE,
    MID_RISE,
    SLAB,
    TANK,
    Greenery,
    Relief,
    TownStyle,
)

_NARROW_HOUSES = StreetHouses(
    CITY_HOUSE,
    frontage=8.4,
    setback=4.0,
    width=(6.0, 7.5),
    depth=(13.0, 17.0),
    gap=1.0,
    angled=0.1,
    empty=0.12,
    shed=GARAGE,
    shed_share=0.7,
    shed_scale=0.45,
)

LOW_RISE_GRID = TownStyle(
    name="low-rise-grid",
    description="a straight grid of narrow houses far below the antennas, garages behind them",
    streets=StreetGrid(
        block=(190.0, 88.0), jitter=0.05, width=9.0, corridor=15.0, avenue_every=5, avenue_corridor=26.0
    ),
    fillings=(
        (_NARROW_HOUSES, 0.97),
        (BuiltLots(MID_RISE, lot_area=900.0, narrowest_lot=16.0, gap=3.0, empty=0.35), 0.03),
    ),
    park_share=0.05,
    greenery=Greenery(street_tree_spacing=14.0, trees_per_hectare=10.0),
)

DETACHED_SUBURB = TownStyle(
    name="detached-suburb",
    description="winding streets and detached houses among trees, open over the roofs",
    streets=StreetGrid(
        block=(230.0, 82.0), jitter=0.12, width=7.5, corridor=15.0, staggered=True, missing=0.15, warp=32.0
    ),
    fillings=(
        (
            StreetHouses(
                BUNGALOW,
                frontage=19.5,
                setback=7.0,
                width=(11.0, 16.0),
                depth=(9.0, 13.0),
                angled=0.4,
                turned=0.05,
            ),
            1.0,
        ),
    ),
    park_share=0.06,
    greenery=Greenery(trees_per_hectare=35.0),
    relief=Relief(rise=6.0, hills=2.5, wavelength=700.0),
)

_FARMS = StreetHouses(
    FARMHOUSE,
    frontage=22.0,
    setback=4.0,
    width=(8.0, 14.0),
    depth=(7.0, 10.0),
    angled=0.35,
    turned=0.15,
    empty=0.15,
    shed=BARN,
    shed_share=0.45,
    shed_scale=0.9,
)

VILLAGE = TownStyle(
    name="village",
    description="a street village with barns among open fields, where hardly anything reflects",
    streets=StreetTree(),
    fillings=((_FARMS, 1.0),),
    park_share=0.0,
    greenery=Greenery(trees_per_hectare=14.0, crown_radius=(2.5, 6.0)),
    relief=Relief(rise=14.0, hills=5.0, wavelength=600.0),
    settled_radius=260.0,
)

HIGH_RISE_SLABS = TownStyle(
    name="high-rise-slabs",
    description="parallel slabs of flats on open ground, with few and strong reflections",
    streets=StreetGrid(
        block=(220.0, 170.0), jitter=0.12, width=11.0, corridor=22.0, avenue_every=3, avenue_corridor=38.0
    ),
    fillings=(
        (
            BuildingRows(
                SLAB,
                length=(40.0, 75.0),
                width=(11.0, 14.0),
                row_gap=38.0,
                end_gap=16.0,
                setback=7.0,
                empty=0.05,
                turned=0.3,
            ),
            0.9,
        ),
        (
            BuildingRows(
                INSTITUTE,
                length=(35.0, 60.0),
                width=(28.0, 40.0),
                row_gap=30.0,
                end_gap=24.0,
                setback=10.0,
                plans=(("u", 0.5), ("l", 0.5)),
            ),
            0.1,
        ),
    ),
    park_share=0.05,
    greenery=Greenery(street_tree_spacing=12.0, trees_per_hectare=25.0),
)

INDUSTRIAL = TownStyle(
    name="industrial",
    description="metal halls and tanks on wide yards, reflective and without order",
    streets=StreetGrid(block=(260.0, 170.0), jitter=0.15, width=10.0, corridor=22.0, missing=0.1),
    fillings=(
        (
            BuildingRows(
                HALL,
                length=(40.0, 110.0),
                width=(25.0, 55.0),
                row_gap=20.0,
                end_gap=16.0,
                setback=8.0,
                plans=(("bar", 0.8), ("l", 0.2)),
                wing=30.0,
            ),
            0.85,
        ),
        (
            BuildingRows(
                TANK, length=(18.0, 30.0), width=(18.0, 30.0), row_gap=12.0, plans=(("round", 1.0),)
            ),
            0.15,
        ),
    ),
    park_share=0.03,
    greenery=Greenery(trees_per_hectare=4.0),
)

CAMPUS = TownStyle(
    name="campus",
    description="brick institutes with wings on lawns with old trees",
    streets=StreetGrid(block=(300.0, 230.0), jitter=0.2, width=7.0, corridor=13.0, missing=0.3, warp=18.0),
    fillings=(
        (
            BuildingRows(
                INSTITUTE,
                length=(32.0, 75.0),
                width=(16.0, 42.0),
                row_gap=20.0,
                end_gap=18.0,
                plans=(("bar", 0.45), ("l", 0.3), ("u", 0.25)),
                wing=16.0,
                empty=0.2,
                turned=0.4,
            ),
            1.0,
        ),
    ),
    park_share=0.08,
    greenery=Greenery(trees_per_hectare=30.0, crown_radius=(3.0, 6.0)),
    relief=Relief(rise=5.0, hills=2.0, wavelength=700.0),
)
