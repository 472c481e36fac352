"""What is wrong with a store: every file against its hash, and the fix."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from raylocus.datasets.folders import Folder, folder_at
from raylocus.datasets.schema import DATASET_SCHEMA
from raylocus.errors import StoreError
from raylocus.storage import MANIFEST, parse_manifest

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


def verify_store(path: Path | str) -> list[StoreFault]:
    """Reads every file of a dataset and compares it with its size and SHA-256 in the manifest.

    Raises:
        StoreUnreachableError: the store behind a URL does not answer.
    """
    folder = folder_at(path)
    text = folder.read(MANIFEST)
    if text is None:
        foreign = f"has no {MANIFEST}: it was cut short or was not written by raylocus"
        problem = foreign if folder.sizes() else "does not exist"
        return [StoreFault(folder.name, problem, "run: raylocus dataset build")]
    try:
        listed = parse_manifest(text.decode())
    except ValueError:
        return [StoreFault(MANIFEST, "is broken", REBUILD)]
    there = folder.sizes()
    findings = []
    for name, (size, digest) in sorted(listed.items()):
        wrong = _problem_of(folder, name, size, digest, there)
        if wrong is not None:
            findings.append(StoreFault(name, wrong, REBUILD))
    added = sorted(set(there) - set(listed))
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


def _problem_of(
    folder: Folder, name: str, size: int, digest: str | None, there: dict[str, int]
) -> str | None:
    if name not in there:
        return "is missing"
    if there[name] != size:
        return f"has {there[name]} bytes where {size} were written"
    content = folder.read(name)
    if content is None:
        return "is missing"
    if digest is not None and hashlib.sha256(content).hexdigest() != digest:
        return "has other bytes than were written"
    return None


def _schema_findings(folder: Folder) -> list[StoreFault]:
    try:
        found = json.loads(folder.read("zarr.json") or b"{}").get("attributes", {}).get("schema")
    except ValueError:
        return []  # its hash has shown it already
    if found == DATASET_SCHEMA:
        return []
    fix = "build it again with this version, or read it with the version that wrote it"
    return [StoreFault(folder.name, f"has schema {found!r} where {DATASET_SCHEMA!r} is needed", fix)]
