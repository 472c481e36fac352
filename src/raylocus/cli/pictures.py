"""Saving a figure to a file that the user named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from raylocus.errors import InputError
from raylocus.storage import written_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")


def save_picture(figure: Figure, path: Path) -> None:
    """Writes the figure whole, in the format that the name ends with.

    Raises:
        InputError: the name ends with no known format.
        StorageFullError: the disk filled up.
    """
    if path.suffix not in FORMATS:
        raise InputError(f"{path} must end with one of {', '.join(FORMATS)}")
    with written_whole(path) as aside:
        figure.savefig(aside, format=path.suffix[1:], dpi=150)
    print(f"{path} written")
