"""Artefacts on disk: written to a temporary name and renamed when whole, read with a check."""

from __future__ import annotations

import errno
import glob
import io
import json
import os
import shutil
import time
import zipfile
import zlib
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from raylocus.errors import RaylocusError, StorageFullError, StoreError
from raylocus.json_text import parse_json
from raylocus.provenance import hash_file

#: Name of the list of files, sizes and hashes that every store carries.
MANIFEST = "manifest.json"

#: Size [bytes] and SHA-256 of every file of a store; stores of raylocus 0.1 have no hashes.
Manifest = dict[str, tuple[int, str | None]]


@contextmanager
def written_whole(path: Path) -> Generator[Path, None, None]:
    """Yields a temporary path next to `path`, renamed to it on success and removed on failure.

    Works for files and folders; what stood at `path` stays readable until the rename. What a killed
    process left next to `path` is cleared first.

    Raises:
        StorageFullError: the disk filled up; nothing half-written is left.
        StoreError: `path` is what would be lost: a device, a file for a folder or the reverse, another's folder.
    """
    aside = _sibling(path, "partial")
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise StoreError(f"{path} is a device, which cannot be replaced; give the name of a file or folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(path)
        yield aside
        _replace(aside, path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError(
                f"no space left while writing {path}; free some and run the command again"
            ) from error
        if error.filename == str(aside):  # what the user named is the path
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        _remove_for_good(aside)


def _sibling(path: Path, role: str) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.{role}")


def remove_leftovers(folder: Path) -> None:
    """Removes what killed writers of a folder's artefacts left half-written."""
    for left in folder.glob(".*.partial"):
        writer = left.name.removesuffix(".partial").rpartition(".")[2]
        if writer.isdecimal() and not _runs(int(writer)):
            _remove(left)


def _clear_leftovers(path: Path) -> None:
    """Removes what killed writers of `path` left, and puts the old artefact back if they took it away."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        writer, role = left.name.removeprefix(f".{path.name}.").partition(".")[::2]
        if role not in ("partial", "old") or not writer.isdecimal() or _runs(int(writer)):
            continue
        if role == "old" and not path.exists():
            left.rename(path)
        else:
            _remove(left)


def _runs(process: int) -> bool:
    if process == os.getpid():
        return False
    try:
        with suppress(PermissionError):  # it runs, and is somebody else's
            os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def write_manifest(store: Path) -> None:
    """Lists the files of a store, with their sizes and hashes, in its manifest."""
    listed = {name: (size, hash_file(store / name)) for name, size in file_sizes(store).items()}
    (store / MANIFEST).write_text(json.dumps(listed, sort_keys=True))


def parse_manifest(text: str) -> Manifest:
    """What `write_manifest` wrote.

    Raises:
        ValueError: the text is no manifest.
    """
    listed = parse_json(text)
    if not isinstance(listed, dict):
        raise ValueError("a manifest lists files")
    return {
        name: (found, None) if isinstance(found, int) else (int(found[0]), str(found[1]))
        for name, found in listed.items()
    }


def file_sizes(store: Path) -> dict[str, int]:
    """Size [bytes] of every file of a store, its manifest left out."""
    # Strings: with a `Path` for each file it takes twice as long.
    names = (os.path.join(folder, name) for folder, _, found in os.walk(store) for name in found)
    files = sorted(name for name in names if os.path.isfile(name) and os.path.basename(name) != MANIFEST)
    return {os.path.relpath(name, store): os.path.getsize(name) for name in files}


def publish_store(folder: Path, path: Path) -> None:
    """Makes a folder that holds all parts of a store the store at `path`, in place of what stood there.

    Args:
        folder: next to `path`; it is gone afterwards.
        path: name of the store.
    """
    _clear_leftovers(path)
    write_manifest(folder)
    _replace(folder, path)


def check_whole(path: Path) -> None:
    """Checks that a store holds just the files that were written.

    Raises:
        StoreError: the store is absent, truncated or changed.
    """
    # zarr reads a missing chunk as fill values, so a truncated store would pass for one with missing data.
    if not path.exists():
        raise StoreError(f"{path} does not exist; build it first")
    try:
        expected = parse_manifest((path / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} was not written by raylocus or was cut short; build it again") from error
    if {name: size for name, (size, _) in expected.items()} != file_sizes(path):
        raise StoreError(f"{path} is truncated or was changed by hand; delete it and build it again")


#: What a store holds, by the word after `raylocus` in its schema.
_CONTENT = {"reports": "reports", "dataset": "a dataset", "radio": "radio maps", "geometry": "geometry maps",
            "coarse_ground": "coarse ground", "atlas": "a path atlas", "unit": "a part of a dataset"}  # fmt: skip


def schema_fault(found: object, needed: str) -> tuple[str, str] | None:
    """What is wrong with a store by its schema, such as `raylocus.radio.v3`, and what to do; None where nothing is."""
    if found == needed:
        return None
    content, wanted = (_CONTENT.get(".".join(str(each).split(".")[1:2])) for each in (found, needed))
    if content and wanted and content != wanted:
        return f"holds {content} where {wanted} should be", "check the path"
    fix = "build it again with this version, or read it with the version that wrote it"
    return f"has schema {found!r} where {needed!r} is needed", fix


def _refuse_loss(aside: Path, path: Path) -> None:
    """Refuses, with StoreError, to put what was written where something else stands.

    A folder is one of the same kind if it is empty or has a file of the same name.
    """
    if path.exists() and aside.is_dir() != path.is_dir():
        stands, wanted = ("folder", "file") if path.is_dir() else ("file", "folder")
        raise StoreError(f"{path} is a {stands} and is kept; name a {wanted} that may be written")
    strange = path.is_dir() and any(path.iterdir())
    if strange and not any(each.is_file() and (path / each.name).is_file() for each in aside.iterdir()):
        raise StoreError(f"{path} is a folder of something else and is kept; name another, or remove it")


def _replace(aside: Path, path: Path) -> None:
    _refuse_loss(aside, path)
    if path.is_dir():
        # A folder cannot be renamed over another, so the old one steps aside first.
        old = _sibling(path, "old")
        path.rename(old)
        aside.rename(path)
        _remove(old)
    else:
        os.replace(aside, path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()


def _remove_for_good(path: Path) -> None:
    """Removes a path until it stays away: when one of zarr's writers fails, the others go on for a moment."""
    for _ in range(100):
        if not path.exists():
            return
        with suppress(OSError):
            _remove(path)
        time.sleep(0.05)


@contextmanager
def readable(path: Path) -> Generator[None, None, None]:
    """What reading a store raises, as one sentence: the store says something else than was written.

    Raises:
        StoreError: whatever a codec, zarr, xarray or a reader's own code raised.
    """
    try:
        yield
    except RaylocusError:
        raise
    except Exception as error:  # each codec has its own, and a broken size asks for any memory
        cause = f"{type(error).__name__}: {error}"[:200]
        raise StoreError(f"{path} cannot be read ({cause}); delete it and build it again") from error


def packed(document: Any, arrays: Mapping[str, Shaped[np.ndarray, "..."]]) -> bytes:
    """Arrays, and a document that JSON can hold, as one compressed file; equal ones have equal bytes."""
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps(document).encode(), np.uint8)
    np.savez_compressed(buffer, allow_pickle=False, document=text, **arrays)
    return buffer.getvalue()


def unpacked(content: bytes, names: Sequence[str]) -> tuple[Any, dict[str, Shaped[np.ndarray, "..."]]]:
    """The document and the arrays of such names that `packed` made a file of.

    Raises:
        ValueError: it was cut short, is damaged or lacks one of them.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return parse_json(archive["document"].tobytes()), {name: archive[name] for name in names}
    except (OSError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"damaged: {error}") from error
