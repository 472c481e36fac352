"""What a path is that a command cannot use: nothing, an archive, another tool's folder; and what to do then."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

#: Files of DeepMIMO 3 and earlier: BS1_BS.mat and BS1_UE_0-1024.mat, O1_60.1.CIR.mat and O1_60.params.mat.
_DEEPMIMO_3 = re.compile(
    r"(BS\d+_(BS|UE).*|.*\.(CIR|DoD|DoA|LoS|PL|params|TX_Loc|Loc)|params)\.mat", re.IGNORECASE
)
#: Matrices of DeepMIMO 4.
_DEEPMIMO_4 = re.compile(r".+_t\d+_tx\d+_r\d+\.(mat|npz)")
#: Names of a DeepMIMO 4 scenario's parameters.
_PARAMETERS = "params.json"
#: Archives by how their files begin.
_ARCHIVES = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"7z\xbc\xaf": "7-Zip", b"Rar!": "RAR", b"\xfd7zXZ": "xz"}


def absence(path: Path) -> str | None:
    """A sentence on a path that does not exist, else None; the nearest folder that does is named."""
    if path.exists():
        return None
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    where = (
        "" if parent == path.absolute().parent else f"; {parent} is there, but nothing of that name below it"
    )
    return f"there is no file or folder {path}{where}; check the path"


def archive(path: Path) -> str | None:
    """A sentence on an archive, with what lies in it, else None."""
    if not path.is_file():
        return None
    if zipfile.is_zipfile(path):
        return f"{path} is a zip archive{_holding(path)}; unpack it and give {_wanted(path)}"
    with path.open("rb") as file:
        start = file.read(6)
    kind = next((name for mark, name in _ARCHIVES.items() if start.startswith(mark)), None)
    return None if kind is None else f"{path} is compressed ({kind}); unpack it and give what was in it"


def deepmimo_folder(path: Path) -> str | None:
    """What kind of DeepMIMO scenario a folder is, `DeepMIMO 3` or `DeepMIMO 4`; None of any other path."""
    if not path.is_dir():
        return None
    names = [file.name for file in path.iterdir()]
    if _PARAMETERS in names or any(_DEEPMIMO_4.fullmatch(name) for name in names):
        return "DeepMIMO 4"
    return "DeepMIMO 3" if any(_DEEPMIMO_3.fullmatch(name) for name in names) else None


def deepmimo_parts(path: Path) -> str | None:
    """A sentence on a file of a DeepMIMO scenario, or a folder of scenarios, with what to give instead; else None."""
    if (
        path.is_file()
        and deepmimo_folder(path.parent) is not None
        and path.suffix in (".json", ".mat", ".npz")
    ):
        return f"{path} is one file of a DeepMIMO scenario; give its folder, {path.parent}"
    inside = sorted(path.iterdir()) if path.is_dir() else []
    scenarios = [folder for folder in inside if deepmimo_folder(folder) is not None]
    if not scenarios or deepmimo_folder(path) is not None:
        return None
    return f"{path} is a folder of DeepMIMO scenarios ({len(scenarios)}); give one of them, such as {scenarios[0]}"


def parquet_parts(path: Path) -> str | None:
    """A sentence on a folder of Parquet files, as Spark and Dask write tables, else None."""
    parts = sorted(path.glob("*.parquet")) if path.is_dir() else []
    if not parts:
        return None
    return f"{path} is a folder of Parquet files ({len(parts)}); join them in one file, sorted by sequence and report"


def names_in_zip(path: Path) -> list[str]:
    """What lies in a zip archive; nothing where it cannot be read."""
    try:
        with zipfile.ZipFile(path) as packed:
            return packed.namelist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return []


def _holding(path: Path) -> str:
    names = [name for name in names_in_zip(path) if not name.endswith("/")]
    more = " …" if len(names) > 2 else ""
    return f" of {', '.join(names[:2])}{more}" if names else ""


def _wanted(path: Path) -> str:
    folders = {name.split("/")[0] for name in names_in_zip(path) if "/" in name}
    return "the folder in it" if folders else "the file in it"
