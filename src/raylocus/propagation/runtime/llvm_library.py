"""Finding a libLLVM that Dr.Jit can compile with.

LLVM before 17 must never reach Dr.Jit on x86-64: it cannot select instructions for `llvm.minimum`
(llvm/llvm-project issue 53353) and *aborts the process* at the first kernel. Tried with Dr.Jit 1.5:
14 is refused, 15 and 16 abort, 17, 18, 19, 22 and 23 trace.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

#: Oldest LLVM whose kernels compile.
MINIMUM_LLVM = 17
#: The package on PyPI that carries a libLLVM (Linux on x86-64).
LLVM_PACKAGE = "karellen-llvm-core"
#: Where Linux distributions and Homebrew put libLLVM.
SYSTEM_PATTERNS = (
    "/usr/lib/llvm-*/lib/libLLVM[-.]*so*",
    "/usr/lib/*-linux-gnu/libLLVM[-.]*so*",
    "/usr/lib64/llvm*/lib*/libLLVM[-.]*so*",
    "/usr/lib64/libLLVM[-.]*so*",
    "/usr/lib/libLLVM[-.]*so*",
    "/usr/local/lib/libLLVM[-.]*so*",
    "/opt/homebrew/opt/llvm*/lib/libLLVM.dylib",
)

Version = tuple[int, int, int]

# LLVMGetVersion exists since LLVM 16, so a library without it is too old.
_PRINT_VERSION = """
import ctypes, sys
parts = [ctypes.c_uint() for _ in range(3)]
ctypes.CDLL(sys.argv[1]).LLVMGetVersion(*map(ctypes.byref, parts))
print(*(part.value for part in parts))
"""


@dataclass(frozen=True)
class LlvmLibrary:
    """A libLLVM that Dr.Jit can compile with."""

    path: Path
    version: Version
    source: Literal["environment", "pypi", "system"]
    companions: tuple[Path, ...] = ()
    """C++ runtime libraries to load first, in this order."""


def library_version(path: Path) -> Version | None:
    """Version that a libLLVM reports of itself; None where it cannot be loaded or is older than 16.

    Asked in a process of its own: a second LLVM in one process would share the first one's symbols.
    """
    command = [sys.executable, "-I", "-c", _PRINT_VERSION, str(path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        return None
    major, minor, patch = map(int, answer.stdout.split())
    return major, minor, patch


def library_from_environment(path: Path) -> LlvmLibrary | None:
    """The library the user named in DRJIT_LIBLLVM_PATH, where it is new enough."""
    packaged = library_from_pypi()
    if packaged is not None and path.exists() and path.samefile(packaged.path):
        return packaged
    return _checked(path, "environment")


def library_from_pypi() -> LlvmLibrary | None:
    """The library of the `karellen-llvm-core` package, where that is installed and new enough."""
    try:
        files = metadata.distribution(LLVM_PACKAGE).files or []
    except metadata.PackageNotFoundError:
        return None
    paths = [Path(str(file.locate())).resolve() for file in files if "/lib" in str(file)]
    libraries = [path for path in paths if _named_version(path) >= MINIMUM_LLVM and path.is_file()]
    if not libraries:
        return None
    library = max(libraries, key=_named_version)
    runtimes = {path.name.removesuffix(".0"): path for path in paths if path.name.startswith("libc++")}
    # libc++ needs libc++abi, so that comes first.
    companions = [runtimes[name] for name in ("libc++abi.so.1", "libc++.so.1") if name in runtimes]
    return _checked(library, "pypi", tuple(companions))


def library_from_system(patterns: tuple[str, ...] = SYSTEM_PATTERNS) -> LlvmLibrary | None:
    """The newest good library of the operating system; old ones are passed over unloaded."""
    newest_first = sorted(
        set(_matches(patterns)), key=lambda path: (_named_version(path), str(path)), reverse=True
    )
    # A name without a version (0) may be anything, so it is asked as well.
    candidates = [path for path in newest_first if not 0 < _named_version(path) < MINIMUM_LLVM]
    good = (_checked(path, "system") for path in candidates)
    return next((library for library in good if library is not None), None)


def _checked(
    path: Path, source: Literal["environment", "pypi", "system"], companions: tuple[Path, ...] = ()
) -> LlvmLibrary | None:
    version = library_version(path)
    if version is None or version[0] < MINIMUM_LLVM:
        return None
    return LlvmLibrary(path, version, source, companions)


def _matches(patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        root = Path(pattern).anchor
        yield from (path.resolve() for path in Path(root).glob(str(Path(pattern).relative_to(root))))


def _named_version(path: Path) -> int:
    """Major version in a name such as libLLVM-15.so.1, libLLVM.so.19.1 or libLLVM-17.so; 0 if there is none."""
    found = re.match(r"libLLVM(?:-(\d+)[.\d]*\.so|\.so\.(\d+))", path.name)
    return int(found.group(1) or found.group(2)) if found else 0
