"""What a polygon of a building file is: a building only where nothing in its row speaks against it."""

from __future__ import annotations

from raylocus.scenes.map_sources.building_columns import KIND, OTHER_KEYS, Columns
from raylocus.scenes.osm.tags import is_building

#: Areas of `amenity` that are no building.
_OPEN_AMENITIES = (
    "parking",
    "parking_space",
    "motorcycle_parking",
    "bicycle_parking",
    "grave_yard",
    "fountain",
    "marketplace",
)
#: What a column of kinds calls a row that is no building, and the tag that it stands for where one is used.
_GROUND = {
    "natural=water": "water river lake reservoir pond sea ocean stream canal riverbank dock basin",
    "natural=wood": "wood forest orchard",
    "": "park grass grassland meadow farmland vineyard cemetery garden pitch playground golf_course scrub heath "
    "beach sand wetland road street highway path footway railway runway taxiway apron land land_use landuse "
    "land_cover natural bathymetry segment connector infrastructure division division_area place address "
    "administrative parcel lot plot vegetation tree square plaza quarry allotments nature_reserve swimming_pool "
    "residential_area parking_lot parking",
}
_NOT_BUILDINGS = {word: tag for tag, words in _GROUND.items() for word in words.split()}
#: Words of such a column that name the shape or the table and not the kind of building.
_NO_KINDS = (
    "multipolygon",
    "polygon",
    "boundary",
    "building",
    "buildings",
    "way",
    "relation",
    "node",
    "feature",
    "yes",
)


def as_building(tags: dict[str, str], columns: Columns) -> tuple[dict[str, str], str | None]:
    """A polygon's tags, and what speaks against its being a building; None where nothing does.

    Args:
        tags: of its row.
        columns: of its table.
    """
    kinds = tags.get(KIND, "").split(";")
    plain = {key: value for key, value in tags.items() if key != KIND}
    if columns.says_building():
        return plain, None if is_building(plain) else _contradiction(plain)
    against = _other_key(plain)
    if against is not None:
        return plain, against
    other = next((kind for kind in kinds if _is_other_kind(kind, columns)), None)
    if other is not None:
        key, _, value = _NOT_BUILDINGS[other].partition("=")
        return plain | ({key: value} if key else {}), other
    if "building_part" in kinds:
        return plain | {"building:part": "yes"}, None
    return plain | {"building": next((kind for kind in kinds if kind and kind not in _NO_KINDS), "yes")}, None


def _is_other_kind(kind: str, columns: Columns) -> bool:
    # Overture's buildings of class `parking` are multi-storey; its schema is known by its columns.
    overture = any(name in ("num_floors", "has_parts", "is_underground") for name in _names(columns))
    return kind in _NOT_BUILDINGS and not (kind == "parking" and overture)


def _names(columns: Columns) -> list[str]:
    return [*columns.unused, *(name for found in columns.keys.values() for name in found)]


def _contradiction(tags: dict[str, str]) -> str:
    other = _other_key(tags)
    return other or ("building=no" if "building" in tags else "its column `building` is empty")


def _other_key(tags: dict[str, str]) -> str | None:
    if tags.get("amenity") in _OPEN_AMENITIES and tags.get("parking") not in ("multi-storey", "underground"):
        return f"amenity={tags['amenity']}"
    return next((key for key in OTHER_KEYS if tags.get(key, "no") != "no"), None)
