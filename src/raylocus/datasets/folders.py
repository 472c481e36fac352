"""Folders that a build reads and writes, here or behind a URL that fsspec knows (s3://), and what is wrong with one."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raylocus.datasets.remote_folder import RemoteFolder
from raylocus.datasets.schema import DATASET_SCHEMA
from raylocus.errors import RaylocusError, StoreError
from raylocus.json_text import parse_json
from raylocus.storage import (
    MANIFEST,
    file_sizes,
    parse_manifest,
    remove_leftovers,
    schema_fault,
    written_whole,
)


@dataclass(frozen=True)
class LocalFolder:
    """A folder on this machine."""

    path: Path

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    def read(self, file: str) -> bytes | None:
        """The bytes of a file; None where there is none."""
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return (self.path / file).read_bytes()
        return None

    def write(self, file: str, content: bytes) -> None:
        """Writes a file whole or not at all.

        Raises:
            StorageFullError: the disk filled up.
        """
        with written_whole(self.path / file) as aside:
            aside.write_bytes(content)

    def remove(self, file: str) -> None:
        """Removes a file, if there is one."""
        (self.path / file).unlink(missing_ok=True)

    def sizes(self) -> dict[str, int]:
        """Size [bytes] of every file but the manifest."""
        return file_sizes(self.path)

    def tidy(self) -> None:
        """Removes what killed writers on this machine left half-written."""
        remove_leftovers(self.path)

    def zarr_store(self) -> Any:
        """The folder's path."""
        return str(self.path)

    def unreadable(self, error: Exception) -> RaylocusError:
        """The store is damaged."""
        return StoreError(
            f"{self.name} cannot be read ({type(error).__name__}: {error}); "
            f"see what is wrong with: raylocus dataset inspect {self.name}"
        )


#: Named files; each is there whole or not at all.
Folder = LocalFolder | RemoteFolder


def folder_at(path: Path | str) -> Folder:
    """The folder at a path or a URL; file:// and plain paths are local."""
    text = str(path)
    if text.startswith("file://"):
        return LocalFolder(Path(text.removeprefix("file://")))
    return (
        RemoteFolder(text.rstrip("/")) if isinstance(path, str) and "://" in text else LocalFolder(Path(path))
    )


@contextmanager
def folder_written_whole(target: Folder) -> Generator[Path, None, None]:
    """Yields a local folder that takes the target's place when it is whole.

    Raises:
        StorageFullError: the disk filled up; nothing half-written is left.
        StoreUnreachableError: the store does not answer; the target has no manifest, so nobody reads it.
    """
    if isinstance(target, LocalFolder):
        with written_whole(target.path) as aside:
            aside.mkdir()
            yield aside
        return
    with tempfile.TemporaryDirectory(prefix="raylocus-", ignore_cleanup_errors=True) as scratch:
        local = Path(scratch) / "dataset"
        with folder_written_whole(LocalFolder(local)) as aside:
            yield aside
        target.upload(local)


#: What to do about a store that is damaged.
REBUILD = "delete it and run the same raylocus dataset build again: only what is missing is made"


@dataclass(frozen=True)
class StoreFault:
    """One thing that is wrong with a store."""

    name: str
    """The file, or the store itself."""
    problem: str
    fix: str

    @property
    def sentence(self) -> str:
        """All of it in one sentence."""
        return f"{self.name} {self.problem}; {self.fix}"


def check_files(folder: Folder) -> None:
    """Checks that the store's files are there and of their sizes.

    Raises:
        StoreError: they are not.
    """
    listed = _listed(folder)
    if isinstance(listed, StoreFault):
        raise StoreError(listed.sentence)
    if {name: size for name, (size, _) in listed.items()} != folder.sizes():
        raise StoreError(
            f"{folder.name} is truncated or was changed by hand; "
            f"see what is wrong with: raylocus dataset inspect {folder.name}"
        )


def verify_store(path: Path | str) -> list[StoreFault]:
    """Reads every file of a dataset and compares it with its size and SHA-256 in the manifest.

    Raises:
        StoreUnreachableError: the store behind a URL does not answer.
    """
    folder = folder_at(path)
    listed = _listed(folder)
    if isinstance(listed, StoreFault):
        return [listed]
    problems = {name: _problem_of(folder.read(name), *listed[name]) for name in sorted(listed)}
    findings = [StoreFault(name, wrong, REBUILD) for name, wrong in problems.items() if wrong is not None]
    added = sorted(set(folder.sizes()) - set(listed))
    findings += [StoreFault(name, "does not belong to the dataset", "delete this file") for name in added]
    return findings + _schema_findings(folder)


def require_intact(path: Path | str) -> None:
    """Refuses a dataset that is damaged.

    Raises:
        StoreError: a file is missing, changed or added, or the schema is another.
        StoreUnreachableError: the store behind a URL does not answer.
    """
    findings = verify_store(path)
    if findings:
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        raise StoreError(f"{path} is damaged: {findings[0].sentence}{more}")


def _listed(folder: Folder) -> dict[str, tuple[int, str | None]] | StoreFault:
    """Size and SHA-256 of the files that the manifest lists; what is wrong where it lists none."""
    text = folder.read(MANIFEST)
    if text is None:
        foreign = f"has no {MANIFEST}: it was cut short or was not written by raylocus"
        problem = foreign if folder.sizes() else "does not exist"
        return StoreFault(folder.name, problem, "build it with: raylocus dataset build")
    try:
        return parse_manifest(text.decode())
    except ValueError:
        return StoreFault(f"{MANIFEST} of {folder.name}", "is broken", REBUILD)


def _problem_of(content: bytes | None, size: int, digest: str | None) -> str | None:
    if content is None:
        return "is missing"
    if len(content) != size:
        return f"has {len(content)} bytes where {size} were written"
    if digest is not None and hashlib.sha256(content).hexdigest() != digest:
        return "has other bytes than were written"
    return None


def _schema_findings(folder: Folder) -> list[StoreFault]:
    try:
        found = parse_json(folder.read("zarr.json") or b"{}").get("attributes", {}).get("schema")
    except ValueError:
        return []  # its hash has shown it already
    fault = schema_fault(found, DATASET_SCHEMA)
    return [] if fault is None else [StoreFault(folder.name, *fault)]
