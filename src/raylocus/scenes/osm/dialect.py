"""Whether osmium can read a file as it is, or its objects have to be put in order first."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

import numpy as np
import osmium

from raylocus.scenes.osm.formats import XML_FORMATS, content_of, detected_format, osm_file

#: What osmium does not understand in XML: how it is found fast, and what it must look like.
_FOREIGN = (
    # Objects that JOSM, a history or a change file says are gone.
    (b"action=", re.compile(rb"\saction=['\"]delete")),
    (b"visible=", re.compile(rb"\svisible=['\"]false")),
    # Overpass: places inside ways and members (out geom), and what went wrong on the server.
    (b"<nd", re.compile(rb"<nd\s(?:[^>]*\s)?lat=")),
    # Areas by their middles alone (out center).
    (b"<center", re.compile(rb"<center")),
    (b"<remark", re.compile(rb"<remark")),
    # Objects that were never uploaded.
    (b"='-", re.compile(rb"\s(?:id|ref)='-")),
    (b'="-', re.compile(rb'\s(?:id|ref)="-')),
)
#: The start of what osmium takes for a map.
_ROOT = re.compile(rb"<osm\s[^>]*version=['\"]0\.6")
_NUMBERS = {
    kind: re.compile(rb"<%b\s[^>]*?\bid=['\"](\d+)" % kind) for kind in (b"node", b"way", b"relation")
}


def is_plain(path: Path) -> bool:
    """Whether a file holds each of its objects once, whole, and in osmium's order.

    XML is looked through; of binary formats the header is believed, and disorder shows when they are read.

    Raises:
        RuntimeError, OSError, EOFError: the file is not whole.
    """
    form = detected_format(path)
    if form in XML_FORMATS:
        text = content_of(path)
        return _ROOT.search(text[:4096]) is not None and not _foreign(text) and _ordered(text)
    if form == "json":
        return False
    reader = osmium.io.Reader(osm_file(path), osmium.osm.NOTHING)
    try:
        header = reader.header()
        features = {header.get(f"pbf_optional_feature_{number}") for number in range(4)}
        return not header.has_multiple_object_versions and "LocationsOnWays" not in features
    finally:
        reader.close()


def _foreign(text: bytes | mmap.mmap) -> bool:
    return text[:].count(b"<bounds") > 1 or any(
        text.find(hint) >= 0 and pattern.search(text) is not None for hint, pattern in _FOREIGN
    )


def _ordered(text: bytes | mmap.mmap) -> bool:
    """Whether nodes come before ways and ways before relations, each by rising numbers."""
    last = -1
    for kind, pattern in _NUMBERS.items():
        first = text.find(b"<" + kind)
        if first < 0:
            continue
        numbers = np.array(pattern.findall(text)).astype(np.int64)
        if first < last or len(numbers) == 0 or (np.diff(numbers) <= 0).any():
            return False
        last = text.rfind(b"<" + kind)
    return True
