"""OpenStreetMap files by the ends of their names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

#: osmium's format by how a file's name ends, in lower case; the longer ends come first.
FORMATS = {
    ".osm.gz": "osm.gz",
    ".osm.bz2": "osm.bz2",
    ".osm.pbf": "pbf",
    ".osm.xml": "osm",
    ".xml.gz": "osm.gz",
    ".xml": "osm",
    ".osm": "osm",
    ".pbf": "pbf",
    ".o5m": "o5m",
}


def format_of(name: str) -> str | None:
    """osmium's format of a file; None where it is not an OpenStreetMap file by its name."""
    return next((form for end, form in FORMATS.items() if name.lower().endswith(end)), None)


def osm_file(path: Path) -> Any:
    """The file as osmium opens it, whatever the case of its name."""
    import osmium

    return osmium.io.File(str(path), format_of(path.name) or "")
