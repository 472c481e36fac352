"""Binary files whose bytes no checksum protects: a broken tag is a sentence, not the end of the process."""

from __future__ import annotations

from pathlib import Path

import osmium
import pytest

from raylocus.errors import InputError
from raylocus.scenes.osm.formats import has_uncompressed_blob
from raylocus.scenes.osm.reader import read_osm

CORNERS = ((11.0, 48.0), (11.001, 48.0), (11.001, 48.001), (11.0, 48.001))


def house(path: Path, compression: str) -> Path:
    """A file of one building named äöü."""
    with osmium.SimpleWriter(osmium.io.File(str(path), f"pbf,pbf_compression={compression}")) as writer:
        for number, corner in enumerate(CORNERS, 1):
            writer.add_node(osmium.osm.mutable.Node(id=number, location=corner, version=1))
        tags = {"building": "house", "building:levels": "2", "name": "äöü"}
        writer.add_way(osmium.osm.mutable.Way(id=7, nodes=[1, 2, 3, 4, 1], tags=tags, version=1))
    return path


@pytest.mark.parametrize(("compression", "uncompressed"), [("none", True), ("zlib", False)])
def test_blobs_say_whether_they_are_compressed(tmp_path: Path, compression: str, uncompressed: bool) -> None:
    path = house(tmp_path / "house.osm.pbf", compression)
    assert has_uncompressed_blob(path) is uncompressed
    assert len(read_osm(path).areas) == 1


def test_a_tag_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = house(tmp_path / "house.osm.pbf", "none")
    path.write_bytes(path.read_bytes().replace("äöü".encode(), b"\x98\x98\x98\x98\x98\x98"))
    with pytest.raises(InputError, match="can't decode byte"):
        read_osm(path)


@pytest.mark.parametrize("content", [b"", b"\0\0\0\5hello", b"\xff" * 64, b"no binary file at all"])
def test_what_is_no_binary_file_has_no_blobs(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert not has_uncompressed_blob(tmp_path / "x")
