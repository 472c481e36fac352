"""What traces here, tried in processes of their own: a bad LLVM aborts the one that loads it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from raylocus.propagation.runtime import llvm_library
from raylocus.propagation.runtime.llvm_library import (
    MINIMUM_LLVM,
    library_from_environment,
    library_from_pypi,
    library_from_system,
    library_version,
)

OLD_LIBRARIES = [
    path
    for path in map(
        Path, ("/usr/lib/x86_64-linux-gnu/libLLVM-15.so.1", "/usr/lib/x86_64-linux-gnu/libLLVM-14.so.1")
    )
    if path.exists()
]

TRACE = """
    import json, os
    from raylocus.propagation.runtime.runtime import activate
    from raylocus.propagation.runtime.one_ray import trace_one_ray
    runtime = activate()
    assert activate() is runtime
    import drjit, mitsuba
    print(json.dumps({
        "source": runtime.source,
        "variant": mitsuba.variant(),
        "notes": runtime.notes,
        "llvm": drjit.detail.llvm_version()[0],
        "path": os.environ.get("DRJIT_LIBLLVM_PATH", ""),
        "distance": trace_one_ray(runtime.variant),
    }))
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "DRJIT_LIBLLVM_PATH"}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=clean | environment)


def traced(**environment: str) -> dict[str, object]:
    answer = run(TRACE, **environment)
    assert answer.returncode == 0, answer.stderr
    found: dict[str, object] = json.loads(answer.stdout.splitlines()[-1])
    return found


def test_this_machine_traces_one_ray_and_sionna_keeps_the_variant() -> None:
    found = traced()
    code = (
        "from raylocus.propagation.runtime.runtime import activate; a = activate(); import sionna.rt, mitsuba"
    )
    assert run(f"{code}; print(mitsuba.variant() == a.variant)").stdout.strip() == "True"
    assert found["distance"] == pytest.approx(2.0, abs=1e-5)
    assert str(found["variant"]).endswith("_ad_mono_polarized")
    assert found["notes"] == []


@pytest.mark.skipif(library_from_pypi() is None, reason="karellen-llvm-core is for Linux on x86-64")
def test_the_package_from_pypi_is_taken_and_new_enough() -> None:
    library = library_from_pypi()
    assert library is not None
    assert library.source == "pypi"
    assert library.version[0] >= MINIMUM_LLVM
    assert [path.name.split(".so")[0] for path in library.companions] == ["libc++abi", "libc++"]
    assert library_version(library.path) == library.version


@pytest.mark.skipif(not OLD_LIBRARIES, reason="this machine has no libLLVM 14 or 15")
@pytest.mark.parametrize("path", OLD_LIBRARIES, ids=lambda path: path.name)
def test_an_old_library_named_by_the_user_is_passed_over(path: Path) -> None:
    assert library_version(path) is None
    assert library_from_environment(path) is None
    found = traced(DRJIT_LIBLLVM_PATH=str(path))
    assert found["distance"] == pytest.approx(2.0, abs=1e-5)
    assert found["path"] != str(path)
    assert str(path) in str(found["notes"])


def test_a_file_that_is_no_library_is_passed_over(tmp_path: Path) -> None:
    nonsense = tmp_path / "libLLVM.so"
    nonsense.write_text("nonsense")
    assert library_from_environment(nonsense) is None
    assert library_from_environment(tmp_path / "absent.so") is None


@pytest.mark.skipif(library_from_pypi() is None, reason="needs a good libLLVM to point at")
def test_a_good_library_named_by_the_user_is_taken(tmp_path: Path) -> None:
    library = library_from_pypi()
    assert library is not None
    link = tmp_path / "libLLVM-mine.so"
    link.symlink_to(library.path)
    found = traced(DRJIT_LIBLLVM_PATH=str(link))
    assert found["path"] == str(library.path)
    assert found["distance"] == pytest.approx(2.0, abs=1e-5)


@pytest.mark.skipif(library_from_pypi() is None, reason="needs a good libLLVM to point at")
def test_the_system_gives_its_newest_good_library(tmp_path: Path) -> None:
    library = library_from_pypi()
    assert library is not None
    (tmp_path / "libLLVM-15.so.1").write_text("too old to be opened")
    (tmp_path / "libLLVM-99.so").write_text("new, but broken")
    (tmp_path / library.path.name).symlink_to(library.path)
    found = library_from_system((f"{tmp_path}/libLLVM[-.]*so*",))
    assert found is not None
    assert found.path == library.path
    assert found.source == "system"


def test_a_system_without_a_good_library_gives_none(tmp_path: Path) -> None:
    (tmp_path / "libLLVM-15.so.1").write_text("too old to be opened")
    assert library_from_system((f"{tmp_path}/libLLVM[-.]*so*",)) is None


@pytest.mark.parametrize(
    ("file", "version"),
    [
        ("libLLVM-14.so.1", 14),
        ("libLLVM-14.0.6.so.1", 14),
        ("libLLVM-15.so", 15),
        ("libLLVM.so.19.1", 19),
        ("libLLVM-17.so", 17),
        ("libLLVM.so.23.1", 23),
        ("libLLVM.so", 0),
        ("libLLVM.dylib", 0),
    ],
)
def test_versions_in_file_names(file: str, version: int) -> None:
    assert llvm_library._named_version(Path("/lib") / file) == version


WITHOUT_ANY_LIBRARY = """
    from raylocus.propagation.runtime import llvm_library, runtime
    from raylocus.errors import RuntimeUnavailableError
    runtime.library_from_pypi = lambda: None
    runtime.library_from_system = lambda: None
    runtime._cuda_driver_answers = lambda: False
    try:
        runtime.find_runtime()
    except RuntimeUnavailableError as error:
        print(error)
"""


def test_a_machine_with_nothing_gets_the_fix() -> None:
    sentence = run(WITHOUT_ANY_LIBRARY).stdout
    assert "pip install karellen-llvm-core" in sentence
    assert "apt install" in sentence


@pytest.mark.skipif(not OLD_LIBRARIES, reason="this machine has no libLLVM 14 or 15")
def test_drjit_imported_too_early_is_said_and_not_suffered() -> None:
    code = """
        import drjit
        from raylocus.propagation.runtime.runtime import activate
        activate()
    """
    answer = run(code, DRJIT_LIBLLVM_PATH=str(OLD_LIBRARIES[0]))
    assert answer.returncode == 1
    assert "before importing sionna, mitsuba or drjit" in answer.stderr


def test_deciding_does_not_load_drjit() -> None:
    code = """
        import sys
        from raylocus.propagation.runtime.runtime import find_runtime
        find_runtime()
        print({"drjit", "mitsuba", "sionna"} & set(sys.modules))
    """
    assert run(code).stdout.strip() == "set()"


def test_matplotlib_still_raises_and_catches_in_an_activated_process() -> None:
    # With the C++ runtime loaded globally, the next C++ exception of matplotlib aborts the process.
    code = """
        from raylocus.propagation.runtime.runtime import activate
        activate()
        from matplotlib import ft2font
        try:
            ft2font.FT2Font("/dev/null")
        except RuntimeError as error:
            print("caught", type(error).__name__)
    """
    answer = run(code)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("caught")
