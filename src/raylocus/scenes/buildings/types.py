"""OSM's values of `building` gathered into the few kinds that differ in height and material."""

from __future__ import annotations

#: Kinds that the priors know; `unknown` covers `building=yes`.
BUILDING_TYPES = ("outbuilding", "house", "apartments", "commercial", "industrial", "worship", "unknown")

_VALUES = {
    "outbuilding": "garage garages shed hut carport roof greenhouse kiosk service farm_auxiliary stable container "
    "toilets bunker transformer_tower sty cowshed guardhouse boathouse tent allotment_house outbuilding",
    "house": "house detached semidetached_house semi bungalow cabin farm terrace static_caravan houseboat villa",
    "apartments": "apartments residential dormitory hotel tower",
    "commercial": "commercial office retail public civic school university college hospital government supermarket "
    "kindergarten train_station transportation museum theatre library parking mixed fire_station "
    "commerce education medical entertainment",
    "industrial": "industrial warehouse hangar factory manufacture barn storage_tank silo works depot",
    "worship": "church cathedral chapel mosque temple synagogue shrine monastery religious basilica",
}
_TYPE_OF = {value: kind for kind, values in _VALUES.items() for value in values.split()}


def building_type(tags: dict[str, str]) -> str:
    """One of `BUILDING_TYPES`, from `building` or, for parts, `building:part`."""
    value = tags.get("building") or tags.get("building:part") or "yes"
    if value == "yes" and "shop" in tags:
        return "commercial"
    return _TYPE_OF.get(value, "unknown")
