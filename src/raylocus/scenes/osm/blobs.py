"""Blobs of a binary OpenStreetMap file whose bytes no checksum protects, and a safe look at what they hold.

A compressed blob carries zlib's checksum, so a flipped byte is found when it is unpacked. An uncompressed one
does not, and osmium, which trusts its strings, can end the process over a broken one.
Source: the PBF format, https://wiki.openstreetmap.org/wiki/PBF_Format, messages BlobHeader and Blob.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

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
