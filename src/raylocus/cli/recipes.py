"""Recipes that come with raylocus, by name: datasets to build and training runs to make of them."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Literal

from raylocus.errors import InputError

Kind = Literal["dataset", "train"]


def recipes(kind: Kind) -> dict[str, Path]:
    """The files of all recipes of a kind, by name."""
    folder = Path(str(resources.files("raylocus"))) / "recipes" / kind
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))}


def recipe_file(kind: Kind, given: str | Path) -> Path:
    """The file of a recipe: one's own by its path, or one of raylocus' by its name.

    Raises:
        InputError: there is neither such a file nor such a recipe.
    """
    path, known = Path(given), recipes(kind)
    if path.is_file():
        return path
    if str(given) not in known:
        raise InputError(
            f"there is no file {given} and no {kind} recipe of that name; recipes are {', '.join(known)}"
        )
    return known[str(given)]
