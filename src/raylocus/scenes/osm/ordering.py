"""Any dialect's objects as osmium reads them: each once, with its nodes in the file, by kind and rising number."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import osmium

from raylocus.scenes.osm.elements import Content, Corner, Element, Member, numbered
from raylocus.scenes.tagged import Bounds

#: Added to the numbers of objects that were never uploaded; JOSM counts them downwards from −1.
OFFSET = 1 << 40
#: First number of nodes that a file gives no number, and of those that it does not place either.
UNNAMED, UNPLACED = 1 << 41, 1 << 42

_LETTERS = {"node": "n", "way": "w", "relation": "r"}


def write_in_order(content: Content, target: Path, tally: Counter[str]) -> None:
    """Writes what a file holds as nodes, ways and relations, with every number positive.

    Args:
        content: in any order, objects several times, their places inside them or in nodes of their own.
        target: a file that osmium writes.
        tally: counts what is left out.
    """
    nodes, ways, relations = _complete(_once(content.elements, tally))
    header = osmium.io.Header()
    if content.bounds:
        header.add_box(_box(content.bounds))
    with osmium.SimpleWriter(str(target), header=header, overwrite=True) as writer:
        for node in nodes:
            writer.add_node(osmium.osm.mutable.Node(location=node.corner, **_named(node)))
        for way in ways:
            writer.add_way(
                osmium.osm.mutable.Way(nodes=[each for each in way.nodes if each is not None], **_named(way))
            )
        for relation in relations:
            members = [(_LETTERS[each.kind], each.number, each.role) for each in relation.members]
            writer.add_relation(osmium.osm.mutable.Relation(members=members, **_named(relation)))


def _named(element: Element) -> dict[str, Any]:
    return {"id": element.number, "version": 1, "tags": element.tags}


def _once(elements: Iterable[Element], tally: Counter[str]) -> list[Element]:
    """Each object once: its newest version, of which every copy gives what the others lack."""
    copies: dict[tuple[str, int], list[Element]] = {}
    for element in elements:
        copies.setdefault((element.kind, element.number), []).append(element)
    whole = []
    for same in copies.values():
        newest = max(each.version for each in same)
        current = [each for each in same if each.version in (0, newest)]
        if any(each.deleted for each in current):
            tally["object left out: the file says that it is deleted"] += 1
        else:
            whole.append(_positive(_merged(current)))
    return whole


def _merged(copies: list[Element]) -> Element:
    """Of each field the fullest, whatever the order of the copies."""
    if len(copies) == 1:
        return copies[0]

    def fullest(name: str) -> Any:
        return max(
            (getattr(each, name) for each in copies), key=lambda value: (len(repr(value)), repr(value))
        )

    tags = max((each.tags for each in copies), key=lambda tags: (len(tags), sorted(tags.items())))
    corner = max((each.corner for each in copies if each.corner), default=None)
    return dataclasses.replace(
        copies[0],
        tags=tags,
        corner=corner,
        nodes=fullest("nodes"),
        corners=fullest("corners"),
        members=fullest("members"),
    )


def _positive(element: Element) -> Element:
    nodes = tuple(None if ref is None else _above_zero(ref) for ref in element.nodes)
    members = tuple(dataclasses.replace(each, number=_above_zero(each.number)) for each in element.members)
    return dataclasses.replace(element, number=_above_zero(element.number), nodes=nodes, members=members)


def _above_zero(number: int) -> int:
    return number if number > 0 else OFFSET - number


def _complete(elements: list[Element]) -> tuple[list[Element], list[Element], list[Element]]:
    """Nodes, ways and relations by rising number, with the nodes and ways that only others describe."""
    nodes = {each.number: each for each in numbered(elements, "node") if each.corner is not None}
    ways = {each.number: each for each in numbered(elements, "way")}
    relations = numbered(elements, "relation")
    for member in itertools.chain.from_iterable(each.members for each in relations):
        if member.corners and (member.number not in ways or not ways[member.number].nodes):
            ways[member.number] = _way_of(member, ways.get(member.number))
    corners = _Corners(nodes)
    placed = [corners.placed(each) for each in numbered(ways.values(), "way")]
    return numbered(nodes.values(), "node"), placed, relations


def _way_of(member: Member, known: Element | None) -> Element:
    tags = known.tags if known else {}
    return Element("way", member.number, tags, nodes=(None,) * len(member.corners), corners=member.corners)


class _Corners:
    """Turns places inside ways into nodes; places that are equal are one node."""

    def __init__(self, nodes: dict[int, Element]) -> None:
        self._nodes = nodes
        self._numbers: dict[Corner, int] = {}
        self._unplaced = itertools.count(UNPLACED)

    def placed(self, way: Element) -> Element:
        """The way with a number for each of its nodes."""
        if not way.corners and None not in way.nodes:
            return way
        pairs = zip(way.nodes, way.corners or (None,) * len(way.nodes), strict=False)
        return dataclasses.replace(way, nodes=tuple(self._number(ref, corner) for ref, corner in pairs))

    def _number(self, ref: int | None, corner: Corner | None) -> int:
        if corner is None:
            return next(self._unplaced) if ref is None else ref
        if ref is None:
            ref = self._numbers.setdefault(_rounded(corner), UNNAMED + len(self._numbers))
        self._nodes.setdefault(ref, Element("node", ref, {}, corner=corner))
        return ref


def _rounded(corner: Corner) -> Corner:
    """To osmium's resolution [1e-7 degrees]."""
    return round(corner[0], 7), round(corner[1], 7)


def _box(bounds: list[Bounds]) -> Any:
    """One box around all."""
    west, south, east, north = zip(*bounds, strict=True)
    return osmium.osm.Box(min(west), min(south), max(east), max(north))
