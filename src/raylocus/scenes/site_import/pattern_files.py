"""Measured antenna patterns: files of the MSI Planet form (`.msi`, `.pln`), two cuts in 360 steps each.

Lines are `KEY value`; below `HORIZONTAL n` and `VERTICAL n` stand n pairs of angle [degrees] and loss below the maximum
[dB]. Horizontal angles run clockwise from boresight, vertical ones downward from the horizon (90 is straight down).
GAIN without a unit is in dBd. The form has no standard; this is how planning tools write it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from raylocus.errors import InputError, PlaceError
from raylocus.scenes.site_import.records import SiteRecord
from raylocus.scenes.sites import ElementPattern, PatternCuts

#: Endings of pattern files.
ENDINGS = (".msi", ".pln")
#: Gain of a half-wave dipole [dBi].
DIPOLE = 2.15
#: Largest pattern file [byte], and fewest and most steps of a cut.
LARGEST_FILE, FEWEST_STEPS, MOST_STEPS = 1_000_000, 36, 3600
#: Largest gain [dBi] and loss [dB] of an antenna.
HIGHEST_GAIN, DEEPEST = 40.0, 100.0


def read_patterns(folder: Path) -> dict[str, ElementPattern]:
    """The patterns of a folder by the names of their files, in lower case and without their endings.

    Raises:
        InputError: there is none, or a file is none; the message names it.
    """
    if not folder.is_dir():
        raise InputError(
            f"--patterns: {folder} is no folder; give one with {' or '.join(ENDINGS)} files in it"
        )
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in ENDINGS)
    if not files:
        raise InputError(f"--patterns: {folder} has no file that ends with {' or '.join(ENDINGS)}")
    return {file.stem.lower(): read_pattern(file) for file in files}


def read_pattern(path: Path) -> ElementPattern:
    """The pattern of a file.

    An antenna has it as a whole, so its cell has an array of one element. A file whose ELECTRICAL_TILT says that it
    looks down, and whose vertical cut is strongest above the horizon, counts angles upward and is turned over.

    Raises:
        InputError: it cannot be read, lacks a cut or the gain, or a number cannot be; the message names the line.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path} is too large for an antenna pattern of two cuts; give an MSI file")
        lines = path.read_text(encoding="latin-1").splitlines()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    file = _PatternFile(path, tuple(line.split() for line in lines))
    horizontal, vertical = file.cut("HORIZONTAL"), file.cut("VERTICAL")
    if file.looks_down and 0 < int(np.argmin(vertical)) * 360 / len(vertical) - 180 < 180:
        vertical = np.roll(vertical[::-1], 1)
    cuts = PatternCuts(tuple(horizontal.tolist()), tuple(vertical.tolist()))
    deepest = float(max(horizontal.max(), vertical.max()))
    return ElementPattern(back_lobe_floor=deepest, side_lobe_floor=deepest, gain=file.gain, cuts=cuts)


def named_antennas(
    path: Path, records: Sequence[SiteRecord], patterns: Mapping[str, ElementPattern], notes: Counter[str]
) -> list[ElementPattern | None]:
    """The measured pattern of each record's antenna; None where it names none, or no patterns were given.

    Raises:
        PlaceError: patterns were given, and one that is named is not among them.
    """
    found: list[ElementPattern | None] = []
    for record in records:
        name = "" if record.antenna is None else record.antenna.lower()
        pattern = patterns.get(name, patterns.get(Path(name).stem))
        if patterns and name and pattern is None:
            raise PlaceError(
                f"{path}, line {record.line}: there is no pattern of the antenna {record.antenna!r}; the patterns are "
                f"{', '.join(list(patterns)[:12])}"
            )
        found.append(pattern)
    named = sum(record.antenna is not None for record in records)
    key = (
        "cells with a measured antenna pattern"
        if patterns
        else "cells with a named antenna and no --patterns"
    )
    notes[key] += named
    return found


@dataclass(frozen=True)
class _PatternFile:
    path: Path
    lines: tuple[list[str], ...]

    @property
    def keys(self) -> Mapping[str, tuple[int, str]]:
        """Number and value of each line that starts with a word."""
        words = ((number, line) for number, line in enumerate(self.lines, 1) if line)
        return {
            line[0].upper(): (number, " ".join(line[1:]))
            for number, line in words
            if re.match(r"[A-Za-z]", line[0])
        }

    @property
    def gain(self) -> float:
        """dBi."""
        number, text = self.keys.get("GAIN", (0, ""))
        match = re.fullmatch(r"([+-]?\d+(?:\.\d+)?)\s*(dBi|dBd)?", text, re.IGNORECASE)
        if match is None:
            what = f"line {number}: GAIN {text!r} is" if number else "there is no line GAIN with"
            raise InputError(f"{self.path}, {what} no gain such as '15.5 dBd' or '17.6 dBi'; correct it")
        gain = float(match.group(1)) + (0.0 if (match.group(2) or "").lower() == "dbi" else DIPOLE)
        if not -20 <= gain <= HIGHEST_GAIN:
            raise InputError(f"{self.path}, line {number}: no antenna has a gain of {gain:g} dBi; correct it")
        return gain

    @property
    def looks_down(self) -> bool:
        """Whether it says that its cut is tilted down."""
        match = re.match(r"\d+(\.\d+)?", self.keys.get("ELECTRICAL_TILT", (0, ""))[1])
        return match is not None and float(match.group(0)) > 0

    def cut(self, key: str) -> Float[np.ndarray, " step"]:
        """Loss [dB] of a cut at even steps from 0 degrees."""
        number, text = self.keys.get(key, (0, ""))
        count = int(text) if text.isdigit() else 0
        if not FEWEST_STEPS <= count <= MOST_STEPS:
            raise InputError(
                f"{self.path} has no line '{key} 360' with a cut below it; give an MSI file of two cuts"
            )
        rows = self.lines[number : number + count]
        try:
            table = np.array([[float(value) for value in line] for line in rows]).reshape(count, 2)
        except ValueError as error:
            raise InputError(
                f"{self.path}, below line {number}: {key} has not {count} lines of an angle and a loss; correct it"
            ) from error
        if not np.allclose(table[:, 0], np.arange(count) * 360 / count, atol=0.01):
            raise InputError(
                f"{self.path}, below line {number}: the angles of {key} are not even steps from 0 to 360"
            )
        loss = -table[:, 1] if (table[:, 1] <= 0).all() else table[:, 1]
        if not (np.isfinite(loss).all() and loss.min() >= 0 and loss.max() <= DEEPEST):
            raise InputError(
                f"{self.path}, below line {number}: losses of {key} are not between 0 and {DEEPEST:g} dB; correct them"
            )
        return loss
