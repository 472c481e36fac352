"""Files that osmium's one-pass reading cannot follow: objects out of order, or never uploaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import osmium

from raylocus.scenes.osm.formats import osm_file

#: Added to the numbers of objects that were never uploaded; JOSM counts them downwards from −1.
OFFSET = 1 << 40


def write_in_order(path: Path, target: Path) -> None:
    """Copies a file as nodes, ways, relations, with every number positive."""
    with osmium.SimpleWriter(str(target), overwrite=True) as writer:
        for item in osmium.FileProcessor(osm_file(path), osmium.osm.NODE):
            writer.add_node(item.replace(id=_positive(item.id)))
        for item in osmium.FileProcessor(osm_file(path), osmium.osm.WAY):
            writer.add_way(
                item.replace(id=_positive(item.id), nodes=[_positive(node.ref) for node in item.nodes])
            )
        for item in osmium.FileProcessor(osm_file(path), osmium.osm.RELATION):
            writer.add_relation(item.replace(id=_positive(item.id), members=_members(item)))


def _positive(number: int) -> int:
    return number if number > 0 else OFFSET - number


def _members(relation: Any) -> list[tuple[str, int, str]]:
    return [(member.type, _positive(member.ref), member.role) for member in relation.members]
