"""The few errors a user can meet. Each message is one sentence that names the thing and the fix."""

from __future__ import annotations


class RaylocusError(Exception):
    """Base of every error that the command line turns into one sentence and exit code 2."""


class InputError(RaylocusError):
    """A file, name or value given by the user cannot be used."""


class PlaceError(InputError):
    """A place is unknown, incomplete, or does not hold what is asked of it."""


class StoreError(InputError):
    """A zarr store is truncated, foreign, or of another schema version."""


class CheckpointError(InputError):
    """A checkpoint cannot be read or is of another schema version."""


class RuntimeUnavailableError(RaylocusError):
    """Nothing on this machine can trace rays; the message carries the fix."""


class StorageFullError(RaylocusError):
    """The disk filled up while an artefact was written; nothing half-written is left."""


class StoreUnreachableError(RaylocusError):
    """A store behind a network does not answer; what was written to it is whole."""


class MemoryBudgetError(RaylocusError):
    """There is not enough memory for the smallest piece of the work."""


class LeakageError(RaylocusError):
    """Test samples of a dataset share with its training what the declared split rule forbids."""


class ServiceError(RaylocusError):
    """A service does not answer, or has no time to."""
