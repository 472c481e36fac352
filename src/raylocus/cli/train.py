"""`raylocus train`: hands its words to LightningCLI."""

from __future__ import annotations

from collections.abc import Sequence


def run(arguments: Sequence[str]) -> int:
    """Fits, validates or tests as LightningCLI is told."""
    from raylocus.training.cli import main

    main(list(arguments))
    return 0
