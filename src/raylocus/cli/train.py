"""`raylocus train`: hands its words to LightningCLI."""

from __future__ import annotations

from collections.abc import Sequence

from raylocus.cli.console import recipe_file, recipes


def run(arguments: Sequence[str]) -> int:
    """Fits, validates or tests as LightningCLI is asked to."""
    from raylocus.training.cli import main

    main(with_recipe_files(arguments))
    return 0


def with_recipe_files(words: Sequence[str]) -> list[str]:
    """The words with the file of a recipe where `--config` names one."""
    known, found = recipes("train"), list(words)
    for index, word in enumerate(words):
        option, equals, name = word.partition("=")
        if option != "--config":
            continue
        if equals and name in known:
            found[index] = f"--config={recipe_file('train', name)}"
        elif not equals and words[index + 1 : index + 2] and words[index + 1] in known:
            found[index + 1] = str(recipe_file("train", words[index + 1]))
    return found
