"""Overpass servers' answers (OSM JSON) to a file that osmium reads."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import osmium

_ORDER = ("node", "way", "relation")
_MEMBER = {"node": "n", "way": "w", "relation": "r"}


def write_elements(answers: Iterable[dict[str, Any]], target: Path) -> None:
    """Writes the elements of all answers once each, as nodes, ways and relations in order.

    Raises:
        KeyError: an element lacks what its kind needs.
    """
    elements: dict[tuple[int, int], dict[str, Any]] = {}
    for answer in answers:
        for element in answer.get("elements", ()):
            if element["type"] in _ORDER:
                known = elements.setdefault((_ORDER.index(element["type"]), element["id"]), element)
                if "tags" in element and "tags" not in known:
                    elements[(_ORDER.index(element["type"]), element["id"])] = element
    with osmium.SimpleWriter(str(target), overwrite=True) as writer:
        for _, element in sorted(elements.items(), key=lambda item: item[0]):
            _write(writer, element)


def _write(writer: Any, element: dict[str, Any]) -> None:
    common = {"id": element["id"], "version": 1, "tags": element.get("tags", {})}
    if element["type"] == "node":
        writer.add_node(osmium.osm.mutable.Node(location=(element["lon"], element["lat"]), **common))
    elif element["type"] == "way":
        writer.add_way(osmium.osm.mutable.Way(nodes=element["nodes"], **common))
    else:
        members = [(_MEMBER[each["type"]], each["ref"], each["role"]) for each in element["members"]]
        writer.add_relation(osmium.osm.mutable.Relation(members=members, **common))
