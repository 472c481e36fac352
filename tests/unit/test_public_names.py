from __future__ import annotations

import subprocess
import sys

import pytest

import raylocus


def test_public_names_are_what_they_say() -> None:
    from raylocus.inference.locator import Locator
    from raylocus.propagation.maps.traced_place import open_place

    assert raylocus.Locator is Locator
    assert raylocus.open_place is open_place
    assert {"Locator", "open_place", "load_reports"} <= set(raylocus.__all__)
    with pytest.raises(AttributeError, match="no attribute 'locate_everything'"):
        raylocus.locate_everything  # noqa: B018


def test_importing_raylocus_loads_nothing_heavy() -> None:
    program = (
        "import sys, raylocus; print([m for m in ('torch', 'numpy', 'sionna', 'drjit') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
