"""What traces on this machine: CUDA where it works, else LLVM. The one module that decides.

Dr.Jit picks a libLLVM once, when it is first imported, and would take Debian's LLVM 15, which aborts
the process at the first kernel. So `activate` runs before anything of Sionna RT is imported.
"""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from raylocus.errors import RuntimeUnavailableError
from raylocus.propagation.runtime.llvm_library import (
    LLVM_PACKAGE,
    MINIMUM_LLVM,
    LlvmLibrary,
    Version,
    library_from_environment,
    library_from_pypi,
    library_from_system,
)
from raylocus.propagation.runtime.one_ray import traces

#: Environment variable by which Dr.Jit is given its libLLVM.
LIBRARY_VARIABLE = "DRJIT_LIBLLVM_PATH"
CUDA_VARIANT = "cuda_ad_mono_polarized"
LLVM_VARIANT = "llvm_ad_mono_polarized"
#: What to do on a machine where nothing traces.
FIX = (
    f"no libLLVM of version {MINIMUM_LLVM} or newer was found, so nothing can be traced; on Linux x86-64 run "
    f"'pip install {LLVM_PACKAGE}', elsewhere install one (Debian and Ubuntu: 'apt install libllvm19', "
    f"macOS: 'brew install llvm') or set {LIBRARY_VARIABLE} to its file"
)


@dataclass(frozen=True)
class Runtime:
    """What traces on this machine."""

    variant: str
    """Mitsuba variant."""
    source: Literal["cuda", "environment", "pypi", "system"]
    """Where the compiler comes from."""
    library: LlvmLibrary | None = None
    """The libLLVM that Dr.Jit loads; None only where CUDA traces and there is no good libLLVM."""
    notes: tuple[str, ...] = ()
    """What was found and passed over, one sentence each."""

    @property
    def llvm_version(self) -> Version | None:
        """Version of the libLLVM, where there is one."""
        return self.library.version if self.library else None


@cache
def find_runtime() -> Runtime:
    """Decides what traces, without importing Dr.Jit into this process.

    The library a user names comes first, then the package from PyPI (the tested one), then the
    system's. CUDA is tried by tracing one ray in a process of its own, where a driver is present.

    Raises:
        RuntimeUnavailableError: neither CUDA nor a good libLLVM was found; the message has the fix.
    """
    library, notes = _find_library()
    if _cuda_driver_answers():
        if traces(CUDA_VARIANT):
            return Runtime(CUDA_VARIANT, "cuda", library, notes)
        notes = (*notes, "a CUDA device is present but traces no ray (is OptiX there?), so LLVM is used")
    if library is None:
        raise RuntimeUnavailableError(" ".join([*notes, FIX]))
    return Runtime(LLVM_VARIANT, library.source, library, notes)


@cache
def activate() -> Runtime:
    """Prepares this process for tracing; call it before importing sionna, mitsuba or drjit.

    Sets DRJIT_LIBLLVM_PATH, loads the library's C++ runtime and sets the Mitsuba variant, which
    sionna.rt then keeps. Calling it again changes nothing.

    Raises:
        RuntimeUnavailableError: nothing traces here, or Dr.Jit has already loaded a bad libLLVM.
    """
    if "drjit" in sys.modules:
        _check_loaded_library()
    runtime = find_runtime()
    if runtime.library is not None:
        # RTLD_LOCAL: with global symbols the next C++ exception of matplotlib aborts the process.
        for companion in runtime.library.companions:
            ctypes.CDLL(str(companion), mode=ctypes.RTLD_LOCAL)
        os.environ[LIBRARY_VARIABLE] = str(runtime.library.path)
    import mitsuba

    if mitsuba.variant() is None:
        mitsuba.set_variant(runtime.variant)
    return runtime


def _find_library() -> tuple[LlvmLibrary | None, tuple[str, ...]]:
    named = os.environ.get(LIBRARY_VARIABLE)
    notes: tuple[str, ...] = ()
    if named:
        library = library_from_environment(Path(named))
        if library is not None:
            return library, notes
        notes = (
            f"{LIBRARY_VARIABLE}={named} is no libLLVM of version {MINIMUM_LLVM} or newer and is passed over",
        )
    return library_from_pypi() or library_from_system(), notes


def _check_loaded_library() -> None:
    import drjit

    version = drjit.detail.llvm_version()
    if 0 < version[0] < MINIMUM_LLVM:
        raise RuntimeUnavailableError(
            f"Dr.Jit was imported before raylocus and has loaded LLVM {version[0]}, which aborts at the "
            "first kernel; call raylocus.propagation.runtime.runtime.activate() "
            "before importing sionna, mitsuba or drjit"
        )


def _cuda_driver_answers() -> bool:
    """Whether an NVIDIA driver is present and sees a device."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int()
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
