"""OpenStreetMap objects out of any dialect: XML of JOSM and Overpass, Overpass JSON, and whatever osmium reads."""

from __future__ import annotations

import io
import mmap
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import osmium

from raylocus.errors import InputError
from raylocus.json_text import parse_json
from raylocus.scenes.osm.formats import XML_FORMATS, content_of, detected_format, header_bounds, osm_file
from raylocus.scenes.tagged import Bounds

#: Kinds of objects, in osmium's order.
KINDS = ("node", "way", "relation")
_LETTERS = {"n": "node", "w": "way", "r": "relation"}

#: Longitude and latitude [degrees].
Corner = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a relation."""

    kind: str
    number: int
    role: str
    corners: tuple[Corner | None, ...] = ()
    """Overpass' `out geom`: where a way runs; None where it leaves the box that was asked for."""


@dataclass(frozen=True, slots=True)
class Element:
    """One copy of an object, as a file holds it; what the copy does not say is empty."""

    kind: str
    number: int
    tags: dict[str, str]
    version: int = 0
    """0 where it is not stated."""
    deleted: bool = False
    corner: Corner | None = None
    """Of a node."""
    nodes: tuple[int | None, ...] = ()
    """Of a way; None for a node that the file does not name."""
    corners: tuple[Corner | None, ...] = ()
    """Of a way, where the file holds them inside it."""
    members: tuple[Member, ...] = ()


@dataclass(frozen=True)
class Content:
    """What a file holds."""

    elements: list[Element] = field(default_factory=list)
    bounds: list[Bounds] = field(default_factory=list)
    """Boxes that the file says it covers."""


def read_elements(path: Path) -> Content:
    """Everything in a file.

    Raises:
        InputError: a server could not finish its answer.
        ParseError, ValueError, KeyError, RuntimeError, OSError, EOFError: the file is no OpenStreetMap file.
    """
    form = detected_format(path)
    if form in XML_FORMATS:
        return _xml_content(path, content_of(path))
    if form == "json":
        return json_content(str(path), [parse_json(bytes(content_of(path)))])
    bounds = header_bounds(path)
    return Content(
        [_of_osmium(item) for item in osmium.FileProcessor(osm_file(path))], [bounds] if bounds else []
    )


def json_content(name: str, answers: Iterable[dict[str, Any]]) -> Content:
    """What Overpass servers answered.

    Args:
        name: what to call it where a server could not finish.
        answers: in Overpass' JSON.

    Raises:
        InputError: a server could not finish its answer.
        KeyError: an object lacks what its kind needs.
    """
    content = Content()
    for answer in answers:
        _refuse_remark(name, str(answer.get("remark", "")))
        content.elements.extend(
            _of_json(each) for each in answer.get("elements", ()) if each["type"] in KINDS
        )
    return content


def _refuse_remark(name: str, remark: str) -> None:
    if "error" in remark.lower():
        raise InputError(
            f"{name} is not a whole answer: the server says {remark.strip()!r}; "
            "ask for less, or with a longer [timeout:]"
        )


def _xml_content(path: Path, text: bytes | mmap.mmap) -> Content:
    content = Content()
    stream = ElementTree.iterparse(io.BytesIO(text), events=("start", "end"))
    _, root = next(stream)
    if root.tag != "osm":
        raise ValueError(f"it starts with <{root.tag}>")
    depth = 0
    for event, item in stream:
        depth += 1 if event == "start" else -1
        if event == "end" and depth == 0:
            _take_xml(str(path), item, content)
            root.clear()
    return content


def _take_xml(name: str, item: ElementTree.Element, content: Content) -> None:
    if item.tag in KINDS:
        content.elements.append(_of_xml(item))
    elif item.tag == "bounds":
        west, south, east, north = (
            float(item.attrib[key]) for key in ("minlon", "minlat", "maxlon", "maxlat")
        )
        content.bounds.append((west, south, east, north))
    elif item.tag == "remark":
        _refuse_remark(name, item.text or "")


def _of_xml(item: ElementTree.Element) -> Element:
    attributes = item.attrib
    return Element(
        item.tag,
        int(attributes["id"]),
        {tag.attrib["k"]: tag.attrib["v"] for tag in item.iterfind("tag")},
        int(attributes.get("version", 0)),
        attributes.get("action") == "delete" or attributes.get("visible") == "false",
        _corner(attributes),
        tuple(_number(node.attrib.get("ref")) for node in item.iterfind("nd")),
        _corners(node.attrib for node in item.iterfind("nd")),
        tuple(_member(each.attrib, [node.attrib for node in each.iterfind("nd")]) for each in item.iterfind("member")),
    )  # fmt: skip


def _of_json(item: dict[str, Any]) -> Element:
    corners = _corners(item.get("geometry", ()))
    return Element(
        item["type"],
        int(item["id"]),
        {str(key): str(value) for key, value in item.get("tags", {}).items()},
        int(item.get("version", 0)),
        item.get("visible", True) is False,
        _corner(item),
        tuple(int(ref) for ref in item.get("nodes", ())) or (None,) * len(corners),
        corners,
        tuple(_member(each, each.get("geometry", ())) for each in item.get("members", ())),
    )


def _of_osmium(item: Any) -> Element:
    kind = _LETTERS[item.type_str()]
    corners = tuple(_place(node.location) for node in item.nodes) if kind == "way" else ()
    return Element(
        kind,
        item.id,
        dict(item.tags),
        item.version,
        item.deleted,
        _place(item.location) if kind == "node" else None,
        tuple(node.ref for node in item.nodes) if kind == "way" else (),
        corners if any(corners) else (),
        tuple(Member(_LETTERS[each.type], each.ref, each.role) for each in item.members)
        if kind == "relation"
        else (),
    )


def _member(attributes: Any, corners: Iterable[Any]) -> Member:
    found = _corners(corners) if attributes["type"] == "way" else ()
    return Member(attributes["type"], int(attributes["ref"]), attributes.get("role") or "", found)


def _corners(places: Iterable[Any]) -> tuple[Corner | None, ...]:
    found = tuple(_corner(place) if place else None for place in places)
    return found if any(found) else ()


def _corner(place: Any) -> Corner | None:
    if place.get("lon") is None or place.get("lat") is None:
        return None
    return float(place["lon"]), float(place["lat"])


def _place(location: Any) -> Corner | None:
    return (location.lon, location.lat) if location.valid() else None


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def numbered(elements: Iterable[Element], kind: str) -> list[Element]:
    """Those of one kind, by rising number."""
    return sorted((each for each in elements if each.kind == kind), key=lambda each: each.number)
