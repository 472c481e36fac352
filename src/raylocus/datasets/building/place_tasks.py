"""Building and tracing one place, and the check whether that was done."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raylocus.datasets.configuration import DatasetConfiguration
from raylocus.datasets.splits import PlaceChoice
from raylocus.errors import InputError, PlaceError
from raylocus.json_text import parse_json
from raylocus.propagation.maps.path_loss import heard_cells
from raylocus.propagation.maps.traced_place import open_place
from raylocus.propagation.tracing.trace_folders import is_traced, trace_place
from raylocus.provenance import hash_file, versions
from raylocus.scenes.build import build_place, place_provenance
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.scenes.deployment import LAYOUTS
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.map_errors.perturb import is_perturbed, perturbed_place
from raylocus.scenes.place import load_place, no_place
from raylocus.storage import MANIFEST

#: Stores of a place that its reports depend on.
PLACE_STORES = ("geometry.zarr", "atlas.zarr", "radio.zarr")
#: Packages whose versions decide what is traced: places of different ones are not mixed.
SOLVER_PACKAGES = ("raylocus", "sionna-rt", "mitsuba", "drjit")


@dataclass(frozen=True)
class PlaceTask:
    """Builds and traces one place of a dataset where its folder does not hold it yet."""

    place_index: int
    choice: PlaceChoice
    configuration: DatasetConfiguration

    @property
    def name(self) -> str:
        """Its folder."""
        return str(self.choice.folder)

    def perform(self) -> None:
        """Builds and traces what is missing.

        Raises:
            InputError: the source cannot be used, or a site cannot be traced from.
        """
        folder, truth = self.choice.folder, self.choice.true_folder
        if self.choice.source is not None and not self._is_built():
            build_place(self.choice.source, folder, self.scene, heard_cells)
        self._trace(folder)
        if truth != folder:
            perturbed_place(*self._draw)
            self._trace(truth)

    def is_done(self) -> bool:
        """Whether the place is there and traced, from this source and by these versions."""
        try:
            built = self.choice.source is None or self._is_built()
            true = self.choice.true_folder == self.choice.folder or is_perturbed(*self._draw)
            if not (built and true):
                return False
            return all(self._is_traced(folder) for folder in {self.choice.folder, self.choice.true_folder})
        except InputError:
            return False

    @property
    def scene(self) -> SceneConfiguration:
        """How the place is cut out of its source."""
        chosen: dict[str, Any] = {"centre": self.choice.centre, "seed": self.choice.seed}
        if self.choice.layouts:
            # The layout says where antennas stand; the carriers, and how far the network goes, are the dataset's.
            asked = self.configuration.scene.deployment
            chosen["deployment"] = dataclasses.replace(
                LAYOUTS[self.choice.layouts[0]], carriers=asked.carriers, reach=asked.reach
            )
        return dataclasses.replace(self.configuration.scene, **chosen)

    @property
    def _draw(self) -> tuple[Path, Path, MapErrorLaw, int]:
        choice = self.choice
        return choice.folder, choice.true_folder, self.configuration.map_errors_of(choice), choice.seed

    def _is_built(self) -> bool:
        """Whether the folder holds the place of this source, settings and version of raylocus."""
        wanted = place_provenance(str(self.choice.source), self.scene)
        try:
            found = load_place(self.choice.folder).provenance
        except PlaceError:
            return False
        return found.digest == wanted.digest and found.versions.get("raylocus") == versions().get("raylocus")

    def _trace(self, folder: Path) -> None:
        """Traces a place; one that was traced by hand stays as it is."""
        if self._is_given(folder):
            place_hashes(folder)
            return
        if solver_versions(folder) not in (None, installed_solver()):
            for store in (folder / "atlas.zarr", folder / "radio.zarr"):
                shutil.rmtree(store, ignore_errors=True)
        trace_place(folder, self.configuration.trace, maps=self.configuration.maps)

    def _is_traced(self, folder: Path) -> bool:
        place_hashes(folder)
        if self._is_given(folder):
            return True
        settings = self.configuration.trace, self.configuration.maps
        return solver_versions(folder) == installed_solver() and is_traced(open_place(folder), *settings)

    def _is_given(self, folder: Path) -> bool:
        """Whether a place was traced before and is taken as it is."""
        return (
            self.choice.source is None and folder == self.choice.folder and (folder / "radio.zarr").exists()
        )


def place_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of what the reports of a place depend on, by file name.

    A store is known by its manifest, which lists its files' hashes, and its root's metadata.

    Raises:
        PlaceError: the place is absent or not traced.
    """
    if not (folder / "place.json").is_file():
        raise PlaceError(no_place(folder))
    hashes = {"place.json": hash_file(folder / "place.json")}
    for name in PLACE_STORES:
        try:
            parts = [hash_file(folder / name / MANIFEST), hash_file(folder / name / "zarr.json")]
        except OSError as error:
            raise PlaceError(f"{folder} has no whole {name}; run: raylocus maps trace {folder}") from error
        hashes[name] = hashlib.sha256("".join(parts).encode()).hexdigest()
    return hashes


def solver_versions(folder: Path) -> dict[str, str] | None:
    """Versions of what traced a place, by package; None where its maps do not say."""
    try:
        attributes = parse_json((folder / "radio.zarr" / "zarr.json").read_text())["attributes"]
        stated = parse_json(attributes["provenance"])["versions"]
    except (OSError, KeyError, ValueError):
        return None
    return {name: stated[name] for name in SOLVER_PACKAGES if name in stated}


def installed_solver() -> dict[str, str]:
    """Installed versions of the same packages."""
    installed = versions()
    return {name: installed[name] for name in SOLVER_PACKAGES if name in installed}


def check_same_solver(places: list[PlaceChoice]) -> None:
    """Refuses places that were traced by different versions.

    Raises:
        InputError: two were.
    """
    traced = ((place.folder, solver_versions(place.true_folder)) for place in places)
    known = [(folder, found) for folder, found in traced if found is not None]
    for folder, found in known[1:]:
        for name in SOLVER_PACKAGES:
            one, other = known[0][1].get(name), found.get(name)
            if one != other:
                raise InputError(
                    f"{known[0][0]} was traced by {name} {one} and {folder} by {name} {other}, and one dataset "
                    f"cannot mix them; delete the older radio.zarr and atlas.zarr and run: raylocus maps trace"
                )
