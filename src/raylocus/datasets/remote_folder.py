"""A folder of an object store, behind a URL that fsspec knows, such as s3://."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raylocus.errors import RaylocusError, StoreUnreachableError
from raylocus.storage import MANIFEST, file_sizes


@dataclass(frozen=True)
class RemoteFolder:
    """A folder of an object store. One object is written whole or not at all, as such stores promise."""

    name: str
    """Its URL."""

    def read(self, file: str) -> bytes | None:
        """The bytes of a file; None where there is none."""
        with self._reached() as (system, path), suppress(FileNotFoundError):
            content: bytes = system.cat_file(f"{path}/{file}")
            return content
        return None

    def write(self, file: str, content: bytes) -> None:
        """Writes a file whole or not at all.

        Raises:
            StoreUnreachableError: the store does not answer.
        """
        with self._reached() as (system, path):
            system.pipe_file(f"{path}/{file}", content)

    def remove(self, file: str) -> None:
        """Removes a file, if there is one."""
        with self._reached() as (system, path), suppress(FileNotFoundError):
            system.rm_file(f"{path}/{file}")

    def sizes(self) -> dict[str, int]:
        """Size [bytes] of every file but the manifest."""
        with self._reached() as (system, path):
            system.invalidate_cache()
            found = system.find(f"{path}/", detail=True)
        sizes = {name.removeprefix(f"{path}/"): int(entry["size"]) for name, entry in found.items()}
        return {file: sizes[file] for file in sorted(sizes) if Path(file).name != MANIFEST}

    def tidy(self) -> None:
        """An object store shows no half-written objects."""

    def zarr_store(self) -> Any:
        """A store that reads the objects."""
        from zarr.storage import FsspecStore

        return FsspecStore.from_url(self.name, read_only=True)

    def unreadable(self, error: Exception) -> RaylocusError:
        """The store does not answer, or not as it should."""
        return StoreUnreachableError(
            f"cannot reach {self.name} ({type(error).__name__}: {error}); "
            "run the command again when it answers, and it continues from what is complete"
        )

    def upload(self, folder: Path) -> None:
        """Writes a folder's files; its manifest comes last, so that a store without one is not whole.

        Raises:
            StoreUnreachableError: the store does not answer.
        """
        self.remove(MANIFEST)
        new = file_sizes(folder)
        for file in set(self.sizes()) - set(new):
            self.remove(file)
        for file in (*new, MANIFEST):
            self.write(file, (folder / file).read_bytes())

    @contextmanager
    def _reached(self) -> Generator[tuple[Any, str], None, None]:
        """The client, which fsspec keeps, and where in it the folder is; one sentence where it is out of reach."""
        try:
            import fsspec

            system, path = fsspec.core.url_to_fs(self.name)
            yield system, path.rstrip("/")
        except FileNotFoundError:
            raise
        except ImportError as error:
            raise StoreUnreachableError(
                f"{self.name} needs a package ({error}); run: pip install 'raylocus[s3]'"
            ) from error
        except Exception as error:  # every protocol's client has its own
            raise self.unreadable(error) from error
