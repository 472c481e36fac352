"""The tags that are read of OpenStreetMap's objects, which carry many others."""

from __future__ import annotations

from typing import Any

#: Keys that buildings ask for.
BUILDING_KEYS = (
    "building", "building:part", "height", "building:height", "building:levels", "building:levels:underground",
    "min_height", "building:min_level", "roof:shape", "roof:height", "roof:levels", "roof:material",
    "building:material", "building:facade:material", "facade:material", "material", "shop",
    "location", "amenity", "parking",
)  # fmt: skip
#: Keys that water, vegetation and pavements ask for.
GROUND_KEYS = (
    "natural", "landuse", "waterway", "highway", "area:highway", "area", "layer", "tunnel", "bridge",
)  # fmt: skip
#: Keys that roads, coastlines and rows of trees ask for.
LINE_KEYS = ("highway", "natural", "width", "lanes", "layer", "tunnel", "bridge", "area")
#: Values of `natural` of lines that are read, other than roads.
NATURAL_LINES = ("coastline", "tree_row")


def area_tags(tags: Any) -> dict[str, str]:
    """The tags of an area, osmium's or a dictionary, that buildings or the ground ask for."""
    return _known(tags, BUILDING_KEYS + GROUND_KEYS if is_building(tags) else GROUND_KEYS)


def line_tags(tags: Any) -> dict[str, str]:
    """The tags of a line that something asks for."""
    return _known(tags, LINE_KEYS)


def is_building(tags: Any) -> bool:
    """Whether tags are those of a building or of a part of one."""
    return tags.get("building", "no") != "no" or tags.get("building:part", "no") != "no"


def _known(tags: Any, keys: tuple[str, ...]) -> dict[str, str]:
    # To ask osmium for each key takes a fraction of what it takes to be handed every tag.
    return {key: value for key in keys if (value := tags.get(key)) is not None}
