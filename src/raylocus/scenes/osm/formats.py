"""OpenStreetMap files: what they are, by content where it says so and else by name, and why one is refused."""

from __future__ import annotations

import bz2
import gzip
import io
import mmap
import os
import re
import zlib
from pathlib import Path
from typing import Any, BinaryIO
from xml.parsers import expat

from raylocus.errors import InputError

#: Protocol buffers' keys (number · 8 + wire type) of BlobHeader.datasize, and of Blob.raw, which is uncompressed.
DATA_SIZE, RAW = 3 << 3, 1 << 3 | 2
#: Largest header of a blob [byte]; the format allows 64 KiB.
LARGEST_HEADER = 1 << 16


def has_uncompressed_blob(path: Path) -> bool:
    """Whether a binary file has a blob of data that is not compressed; False of what is no binary file."""
    with path.open("rb") as file:
        while (size := _data_size(file)) is not None:
            if size and file.read(1) == bytes([RAW]):
                return True
            file.seek(max(size - 1, 0), os.SEEK_CUR)
    return False


def read_every_tag(path: Path) -> None:
    """Reads all tags as text, without filters.

    Raises:
        UnicodeDecodeError: a tag is no text.
    """
    import osmium

    for item in osmium.FileProcessor(str(path)):
        for tag in item.tags:
            _ = tag.k, tag.v


def _data_size(file: BinaryIO) -> int | None:
    """Size of the blob that follows [byte]; None at the end, or where there is no header."""
    length = int.from_bytes(file.read(4), "big")
    if not 0 < length < LARGEST_HEADER:
        return None
    header, position, size = file.read(length), 0, None
    while position < len(header):
        key, position = _varint(header, position)
        value, position = _varint(header, position)
        if key == DATA_SIZE:
            size = value
        elif key & 7 == 2:  # a text or bytes, of that length
            position += value
    return size


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A number of seven bits a byte, least significant first, and where the next one starts."""
    value = shift = 0
    while position < len(data):
        byte = data[position]
        value, position, shift = value | (byte & 0x7F) << shift, position + 1, shift + 7
        if not byte & 0x80:
            break
    return value, position


#: Format by how a file's name ends, in lower case; the longer ends come first.
FORMATS = {
    ".osm.json": "json",
    ".osm.gz": "osm.gz",
    ".osm.bz2": "osm.bz2",
    ".osm.pbf": "pbf",
    ".osm.xml": "osm",
    ".xml.gz": "osm.gz",
    ".xml.bz2": "osm.bz2",
    ".xml": "osm",
    ".osm": "osm",
    ".pbf": "pbf",
    ".o5m": "o5m",
}
#: Formats whose content is XML.
XML_FORMATS = ("osm", "osm.gz", "osm.bz2")
#: Format by the bytes that a file starts with.
_STARTS = {b"\x1f\x8b": "osm.gz", b"BZh": "osm.bz2", b"\xff\xe0\x04o5": "o5m", b"{": "json", b"<": "osm"}
#: Expat's errors of a text that ends too early: no element, unclosed token, partial character, unclosed CDATA.
_ENDS_EARLY = (3, 5, 6, 20)
#: XML of other kinds of maps, which are read as building files.
_OTHER_XML = re.compile(rb"CityModel|FeatureCollection|<kml")
_AGAIN = "is not a whole OpenStreetMap file"


def format_of(name: str) -> str | None:
    """The format that a name promises; None where it is not an OpenStreetMap file by its name."""
    return next((form for end, form in FORMATS.items() if name.lower().endswith(end)), None)


def detected_format(path: Path) -> str:
    """The format that a file's first bytes show, else that of its name, else the empty string."""
    with path.open("rb") as file:
        start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"OSMHeader" in start:
        return "pbf"
    seen = next((form for mark, form in _STARTS.items() if start.startswith(mark)), None)
    return seen or format_of(path.name) or ""


def is_osm(path: Path) -> bool:
    """Whether a file is OpenStreetMap's: by its content where that says so, else by its name."""
    form = detected_format(path)
    if form == "json":
        return is_overpass_json(path)
    start = _unpacked_start(path, form)
    if form in XML_FORMATS and b"<osm" in start:
        return True
    return form in ("pbf", "o5m") or (format_of(path.name) is not None and not _OTHER_XML.search(start))


def _unpacked_start(path: Path, form: str) -> bytes:
    """The first bytes of a file, unpacked; none where they cannot be."""
    try:
        with path.open("rb") as file:
            if form == "osm.gz":
                return gzip.GzipFile(fileobj=file).read(4096)
            return bz2.BZ2File(file).read(4096) if form == "osm.bz2" else file.read(4096)
    except (OSError, EOFError, zlib.error):
        return b""


def is_overpass_json(path: Path) -> bool:
    """Whether a file is what an Overpass server answers to `[out:json]`, whatever its name."""
    with path.open("rb") as file:
        start = file.read(1 << 16).replace(b" ", b"")
    return start.lstrip(b"\xef\xbb\xbf\r\n\t").startswith(b"{") and b'"elements":' in start


def osm_file(path: Path) -> Any:
    """The file as osmium opens it, whatever its name."""
    import osmium

    return osmium.io.File(str(path), detected_format(path))


def header_bounds(path: Path) -> tuple[float, float, float, float] | None:
    """(west, south, east, north) [degrees] of the first box that a file's header says it covers; None without one."""
    import osmium

    reader = osmium.io.Reader(osm_file(path), osmium.osm.NOTHING)
    try:
        box = reader.header().box()
        if not box.valid():
            return None
        low, high = box.bottom_left, box.top_right
        return low.lon, low.lat, high.lon, high.lat
    finally:
        reader.close()


def content_of(path: Path) -> bytes | mmap.mmap:
    """All bytes of a text file, unpacked."""
    form = detected_format(path)
    if form == "osm.gz":
        return gzip.decompress(path.read_bytes())
    if form == "osm.bz2":
        return bz2.decompress(path.read_bytes())
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""


def refusal(path: Path, error: BaseException) -> InputError:
    """What to say of a file that cannot be read; to download it again only where bytes are missing."""
    with path.open("rb") as file:
        start = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        return InputError(f"{path} {_AGAIN} (it is empty); download it again")
    if start.startswith(b"PK\x03\x04"):
        return InputError(f"{path} is a zip archive; unpack it and give the .osm or .osm.pbf file in it")
    if b"<html" in start.lower() or start.lower().startswith(b"<!doctype html"):
        return InputError(f"{path} holds a web page, not a map; save the file that the page's link leads to")
    if b"<osmChange" in start or "<osmChange>" in str(error):
        return InputError(
            f"{path} is a change file, not a map; apply it to its extract (osmium apply-changes) and give the result"
        )
    words = " ".join(start.decode(errors="replace").split())
    if start[:1].isalnum() and words.isprintable() and detected_format(path) in ("osm", "json"):
        return InputError(
            f"{path} begins with {words[:60]!r}, which is no OpenStreetMap file; a server's message says what it "
            "refused, so ask it again for .osm or .osm.pbf"
        )
    what = " ".join(str(error).split())
    if _ends_early(path, error):
        return InputError(f"{path} {_AGAIN} ({what}); download it again")
    return InputError(
        f"{path} is not an OpenStreetMap file that can be read ({what}); save it again as .osm or .osm.pbf"
    )


def _ends_early(path: Path, error: BaseException) -> bool:
    if any(words in str(error) for words in ("EOF", "premature", "truncated", "end-of-stream")):
        return True
    if detected_format(path) == "json":
        return not bytes(content_of(path)).rstrip().endswith(b"}")
    return detected_format(path) in XML_FORMATS and _xml_ends_early(path)


def _xml_ends_early(path: Path) -> bool:
    """Whether the last bytes of an XML file, packed or not, are missing."""
    try:
        expat.ParserCreate().ParseFile(io.BytesIO(content_of(path)))
    except expat.ExpatError as error:
        return error.code in _ENDS_EARLY
    except Exception:  # packed by nothing that is known
        return False
    return False
