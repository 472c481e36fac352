"""Wall and roof materials: from tags where they are, else drawn by region and type.

The shares are raylocus's own choice: what streets of each region mostly show outwards.
"""

from __future__ import annotations

from itertools import accumulate

#: OSM's values of building:material, building:facade:material and roof:material, by class of MATERIALS.
_VALUES = {
    "concrete": "concrete reinforced_concrete cement_block cement plaster stucco render rendered tar_paper eternit "
    "asphalt gravel rammed_earth adobe mud concrete_blocks panel asbestos bitumen roofing_felt",
    "brick": "brick bricks clay roof_tiles tile tiles masonry terracotta ceramic block",
    "marble": "stone marble limestone sandstone granite slate masonry_stone flint bath_stone limestone_ashlar",
    "metal": "metal steel copper aluminium aluminum zinc tin metal_sheet corrugated_metal iron lead metal_plates",
    "wood": "wood timber thatch timber_framing log shingle grass vinyl vinyl_siding bamboo",
    "glass": "glass mirror curtain_wall plexiglass acrylic_glass glass_curtain",
}
_MATERIAL_OF = {value: material for material, values in _VALUES.items() for value in values.split()}

#: Share of each wall material by region, for houses, town buildings and industry.
_WALLS = {
    "house": {
        "north_america": {"wood": 0.75, "brick": 0.2, "concrete": 0.05},
        "europe": {"brick": 0.6, "concrete": 0.35, "wood": 0.05},
        "east_asia": {"wood": 0.5, "concrete": 0.4, "brick": 0.1},
        "elsewhere": {"brick": 0.5, "concrete": 0.45, "wood": 0.05},
    },
    "town": {
        "north_america": {"brick": 0.45, "concrete": 0.35, "glass": 0.12, "marble": 0.08},
        "europe": {"concrete": 0.4, "brick": 0.35, "marble": 0.2, "glass": 0.05},
        "east_asia": {"concrete": 0.85, "glass": 0.1, "brick": 0.05},
        "elsewhere": {"concrete": 0.65, "brick": 0.3, "glass": 0.05},
    },
    "industry": {
        "north_america": {"metal": 0.6, "concrete": 0.3, "brick": 0.1},
        "europe": {"metal": 0.5, "concrete": 0.3, "brick": 0.2},
        "east_asia": {"metal": 0.55, "concrete": 0.45},
        "elsewhere": {"metal": 0.5, "concrete": 0.3, "brick": 0.2},
    },
}
_GROUP = {"outbuilding": "house", "house": "house", "industrial": "industry"}
#: Towers above this are mostly glass outside [m].
TOWER_HEIGHT = 60.0
_TOWER_WALLS = {"glass": 0.55, "concrete": 0.3, "marble": 0.15}


def tagged_material(tags: dict[str, str], *keys: str) -> str | None:
    """The class that the first known value of the keys belongs to; None where there is none."""
    for key in keys:
        for value in tags.get(key, "").lower().split(";"):
            if value.strip() in _MATERIAL_OF:
                return _MATERIAL_OF[value.strip()]
    return None


def wall_material(tags: dict[str, str], kind: str, height: float, region: str, uniform: float) -> str:
    """One of MATERIALS for a building's walls; `uniform` in (0, 1) decides where no tag does."""
    tagged = tagged_material(
        tags, "building:facade:material", "facade:material", "building:material", "material"
    )
    if tagged:
        return tagged
    group = _GROUP.get(kind, "house" if kind == "unknown" and height < 8.0 else "town")
    shares = _TOWER_WALLS if height > TOWER_HEIGHT else _WALLS[group][region]
    for material, edge in zip(shares, accumulate(shares.values()), strict=True):
        if uniform < edge:
            return material
    return next(iter(shares))


def roof_material(tags: dict[str, str], pitched: bool, kind: str) -> str:
    """One of MATERIALS for a building's roof: tiles on pitched ones, sheet metal on industry, else concrete."""
    tagged = tagged_material(tags, "roof:material")
    if tagged:
        return tagged
    if pitched:
        return "brick"
    return "metal" if kind == "industrial" else "concrete"
