"""The kinds of building that the styles are made of."""

from __future__ import annotations

from raylocus.scenes.towns.structures import BuildingType

_STONE = (("brick", 0.6), ("concrete", 0.25), ("marble", 0.15))
_MODERN = (("concrete", 0.6), ("glass", 0.4))
_TILES = (("brick", 0.8), ("metal", 0.2))
_SHEET_METAL = (("metal", 1.0),)

OLD_HOUSE = BuildingType(
    storeys=4.5, spread=0.2, fewest=2, most=7, storey_height=3.4, walls=_STONE, roofs=_TILES, pitched=0.6
)
TENEMENT = BuildingType(
    storeys=5.5, spread=0.1, fewest=4, most=7, storey_height=3.4, walls=_STONE, roofs=_TILES, pitched=0.5
)
OFFICE = BuildingType(storeys=8.0, spread=0.5, fewest=3, most=25, storey_height=3.6, walls=_MODERN)
TOWER = BuildingType(storeys=30.0, spread=0.45, fewest=14, most=80, storey_height=3.8, walls=_MODERN)
MID_RISE = BuildingType(storeys=6.0, spread=0.3, fewest=4, most=14, walls=(("concrete", 1.0),))
SLAB = BuildingType(
    storeys=15.0, spread=0.25, fewest=8, most=30, storey_height=2.9, walls=(("concrete", 0.9), ("glass", 0.1))
)
HILL_HOUSE = BuildingType(
    storeys=5.5,
    spread=0.65,
    fewest=2,
    most=25,
    storey_height=3.1,
    walls=(("concrete", 0.6), ("brick", 0.4)),
    roofs=_TILES,
    pitched=0.4,
)
CITY_HOUSE = BuildingType(
    storeys=2.0, spread=0.2, most=3, walls=(("brick", 0.8), ("wood", 0.2)), pitched=0.3, pitch=0.3
)
LIGHT_HOUSE = BuildingType(
    storeys=2.3, spread=0.2, most=4, walls=(("wood", 0.6), ("concrete", 0.4)), pitched=0.4
)
BUNGALOW = BuildingType(
    storeys=1.5, spread=0.3, most=2, storey_height=2.9, walls=(("wood", 0.7), ("brick", 0.3)), pitched=0.9
)
FARMHOUSE = BuildingType(
    storeys=1.6, spread=0.3, most=3, walls=(("brick", 0.7), ("wood", 0.3)), roofs=_TILES, pitched=0.95
)
BARN = BuildingType(
    storeys=1.7, spread=0.2, most=2, walls=(("wood", 0.7), ("metal", 0.3)), roofs=_TILES, pitched=0.9
)
GARAGE = BuildingType(
    storeys=1.0, spread=0.0, most=1, storey_height=2.6, walls=(("wood", 0.6), ("concrete", 0.4))
)
HALL = BuildingType(
    storeys=2.0,
    spread=0.3,
    most=4,
    storey_height=4.5,
    walls=(("metal", 0.7), ("concrete", 0.3)),
    roofs=_SHEET_METAL,
    pitched=0.3,
    pitch=0.15,
)
TANK = BuildingType(
    storeys=3.0, spread=0.2, most=5, storey_height=4.0, walls=_SHEET_METAL, roofs=_SHEET_METAL
)
INSTITUTE = BuildingType(
    storeys=3.2,
    spread=0.45,
    most=8,
    storey_height=3.7,
    walls=(("brick", 0.6), ("concrete", 0.2), ("glass", 0.2)),
)
