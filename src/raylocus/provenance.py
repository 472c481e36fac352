"""Where an artefact comes from: resolved configuration, seed, input hashes and versions."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from raylocus.errors import InputError
from raylocus.json_text import parse_json

#: The highest seed that numpy's and torch's generators both take.
MOST_SEED = 2**32 - 1
#: Packages whose version can change the numbers.
VERSIONED_PACKAGES = ("raylocus", "sionna-rt", "mitsuba", "drjit", "torch", "numpy", "xarray", "zarr")


def check_seed(name: str, seed: int) -> None:
    """Refuses a seed that some generator does not take, with an InputError that calls it by its name."""
    if not 0 <= seed <= MOST_SEED:
        raise InputError(f"{name} is {seed}; give a whole number from 0 to {MOST_SEED}")


def versions() -> dict[str, str]:
    """Installed versions of the packages that can change the numbers; absent ones are left out."""
    found = {name: _version(name) for name in VERSIONED_PACKAGES}
    return {name: version for name, version in found.items() if version is not None}


@cache
def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_configuration(configuration: Any) -> str:
    """SHA-256 of a configuration's canonical JSON: equal for equal content, whatever the key order."""
    return hashlib.sha256(json.dumps(_plain(configuration), sort_keys=True).encode()).hexdigest()


@dataclasses.dataclass(frozen=True)
class Provenance:
    """The record that every artefact carries."""

    configuration: dict[str, Any]
    """The resolved configuration, as plain JSON."""
    seed: int | None
    """The seed of all random draws; None where nothing was drawn."""
    inputs: dict[str, str]
    """SHA-256 by input name."""
    versions: dict[str, str]
    """Installed version by package."""

    @classmethod
    def collect(
        cls, configuration: Any, seed: int | None = None, inputs: dict[str, str] | None = None
    ) -> Provenance:
        """The record of an artefact made now, from a dataclass or plain mapping."""
        return cls(_plain(configuration), seed, dict(inputs or {}), versions())

    @property
    def digest(self) -> str:
        """SHA-256 of configuration, seed and inputs: what decides whether an artefact can be reused."""
        return hash_configuration([self.configuration, self.seed, self.inputs])

    def to_json(self) -> str:
        """The record as one line of JSON."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Provenance:
        """The record that `to_json` wrote."""
        return cls(**parse_json(text))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item"):
        return value.item()
    return value
