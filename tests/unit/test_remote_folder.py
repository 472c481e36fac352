"""A dataset's folder behind a URL: whole or not there, whatever is interrupted; a store in memory stands for S3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st

from raylocus.datasets.remote_folder import RemoteFolder
from raylocus.errors import StoreUnreachableError
from raylocus.storage import MANIFEST, parse_manifest, write_manifest

NAMES = st.text("abcxyz019._-", min_size=1, max_size=8).filter(lambda name: name.strip(".") == name)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


@pytest.fixture(autouse=True)
def empty_memory() -> Iterator[None]:
    """Nothing is there before a test, and nothing is left of it."""
    MemoryFileSystem.store.clear()
    yield
    MemoryFileSystem.store.clear()


@pytest.fixture
def folder() -> RemoteFolder:
    return RemoteFolder("memory://bucket/data.zarr")


def store(path: Path, **files: bytes) -> Path:
    """A folder of files with its manifest."""
    path.mkdir()
    for name, content in files.items():
        (path / name).write_bytes(content)
    write_manifest(path)
    return path


@given(file=PATHS, content=st.binary(max_size=200))
def test_what_was_written_is_read_until_it_is_removed(file: str, content: bytes) -> None:
    folder = RemoteFolder("memory://bucket/there-and-back")
    assert folder.read(file) is None
    folder.write(file, content)
    assert folder.read(file) == content
    assert folder.sizes() == ({} if Path(file).name == MANIFEST else {file: len(content)})
    folder.remove(file)
    folder.remove(file)  # which is no error where there is none
    assert folder.read(file) is None and folder.sizes() == {}


@pytest.mark.parametrize(
    "url", ["memory://bucket/data.zarr", "memory://bucket/data.zarr/", "memory://bucket/a/b"]
)
def test_a_slash_at_the_end_is_the_same_folder(url: str) -> None:
    folder = RemoteFolder(url)
    folder.write("x/y", b"12")
    assert folder.sizes() == {"x/y": 2} and RemoteFolder(url.rstrip("/")).read("x/y") == b"12"
    assert folder.name == url


def test_another_folder_is_another_folder(folder: RemoteFolder) -> None:
    folder.write("a", b"1")
    other = RemoteFolder("memory://bucket/other.zarr")
    other.write("b", b"22")
    assert folder.sizes() == {"a": 1} and other.sizes() == {"b": 2} and other.read("a") is None


def test_an_upload_is_the_folder_and_nothing_of_before(folder: RemoteFolder, tmp_path: Path) -> None:
    folder.upload(store(tmp_path / "old", a=b"1", stale=b"222"))
    folder.upload(store(tmp_path / "new", a=b"333", b=b""))
    assert folder.sizes() == {"a": 3, "b": 0}
    assert folder.read("stale") is None and folder.read("a") == b"333"
    listed = parse_manifest((folder.read(MANIFEST) or b"").decode())
    assert {name: size for name, (size, _) in listed.items()} == folder.sizes()


class BreakingOff(MemoryFileSystem):
    """A store that stops answering after a number of writes; it shares its content with all in memory."""

    protocol = "breaking"
    writes = 0

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.replace("breaking://", "memory://"))

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **options: object) -> None:
        type(self).writes -= 1
        if self.writes < 0:
            raise ConnectionError("the line is dead")
        super().pipe_file(path, value, mode, **options)


@pytest.mark.parametrize("writes", range(4))
def test_an_upload_that_breaks_off_leaves_no_whole_store(
    folder: RemoteFolder, tmp_path: Path, writes: int
) -> None:
    fsspec.register_implementation("breaking", BreakingOff, clobber=True)
    fresh = store(tmp_path / "new", a=b"1", b=b"2", c=b"3")
    folder.upload(fresh)
    BreakingOff.writes = writes
    with pytest.raises(StoreUnreachableError, match="the line is dead.*continues from what is complete"):
        RemoteFolder(folder.name.replace("memory", "breaking")).upload(fresh)
    assert folder.read(MANIFEST) is None
    folder.upload(fresh)
    assert folder.read(MANIFEST) is not None and len(folder.sizes()) == 3


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("nothing://bucket/data", "cannot reach nothing://bucket/data .*Protocol not known"),
        (
            "absentpackage://bucket/data",
            r"needs a package \(install absent_package\); run: pip install 'raylocus\[s3\]'",
        ),
    ],
)
def test_a_store_that_nobody_can_reach_is_one_sentence(url: str, sentence: str) -> None:
    fsspec.register_implementation(
        "absentpackage", "absent_package.Nothing", clobber=True, errtxt="install absent_package"
    )
    with pytest.raises(StoreUnreachableError, match=sentence) as refused:
        RemoteFolder(url).read("a")
    assert "\n" not in str(refused.value) and url in str(refused.value)


def test_what_cannot_be_read_names_the_store_and_the_reason(folder: RemoteFolder) -> None:
    said = str(folder.unreadable(OSError("no route to host")))
    assert said.startswith("cannot reach memory://bucket/data.zarr (OSError: no route to host)")
