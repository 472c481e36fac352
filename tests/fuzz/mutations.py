"""Ways of breaking an input: bytes whatever they mean, and values within JSON, XML, tables and archives."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from raylocus.storage import MANIFEST, write_manifest

Generator = np.random.Generator
#: Changes a file in place.
Mutation = Callable[[Path, Generator], None]

#: What numbers become.
NUMBERS = (
    "0",
    "-1",
    "1",
    "nan",
    "inf",
    "-inf",
    "1e308",
    "-1e-308",
    "999999999999999999999",
    "2147483648",
    "",
)
#: What words become.
WORDS = (
    "",
    "null",
    "NaN",
    "-",
    "\x00",
    "ü\u202e",
    "a" * 5000,
    "0x41",
    "1,2",
    "<",
    "]]>",
    "&amp;",
    "../..",
    "%s",
)
#: What values of JSON become.
VALUES = (None, True, -1, 0, 1.5, 1e308, -(2**63), 2**40, "", "x", [], {}, [[]], [None], "NaN", float("nan"))
#: Bytes that mean something to somebody.
BYTES = (
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\n",
    b'"',
    b"<",
    b"{",
    b",",
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x80",
)


def bytes_changed(path: Path, generator: Generator) -> None:
    """One to four changes of a file's bytes."""
    content = bytearray(path.read_bytes())
    for _ in range(int(generator.integers(1, 5))):
        change = BYTE_CHANGES[int(generator.integers(len(BYTE_CHANGES)))]
        start = int(generator.integers(len(content) + 1))
        length = int(min(len(content) - start, generator.integers(1, 33)))
        change(content, start, length, generator)
    path.write_bytes(content)


def _flipped(content: bytearray, start: int, length: int, generator: Generator) -> None:
    if start < len(content):
        content[start] ^= 1 << int(generator.integers(8))


def _overwritten(content: bytearray, start: int, length: int, generator: Generator) -> None:
    content[start : start + length] = generator.bytes(length)


def _meaningful(content: bytearray, start: int, length: int, generator: Generator) -> None:
    piece = BYTES[int(generator.integers(len(BYTES)))]
    content[start : start + len(piece)] = piece


def _removed(content: bytearray, start: int, length: int, generator: Generator) -> None:
    del content[start : start + length]


def _repeated(content: bytearray, start: int, length: int, generator: Generator) -> None:
    content[start:start] = content[start : start + length] * int(generator.integers(1, 9))


def _cut(content: bytearray, start: int, length: int, generator: Generator) -> None:
    if generator.random() < 0.3:
        del content[start:]


def _moved(content: bytearray, start: int, length: int, generator: Generator) -> None:
    piece = content[start : start + length]
    del content[start : start + length]
    place = int(generator.integers(len(content) + 1))
    content[place:place] = piece


BYTE_CHANGES = (_flipped, _flipped, _overwritten, _meaningful, _removed, _repeated, _cut, _moved)


def words_changed(path: Path, generator: Generator) -> None:
    """Numbers, or what stands between quotes, exchanged in a text."""
    text = path.read_text(errors="surrogateescape")
    pattern = (
        r"-?\d+(\.\d+)?([eE][+-]?\d+)?" if generator.random() < 0.5 else r"(?<=['\"])[^'\"<>\n]*(?=['\"])"
    )
    found = list(re.finditer(pattern, text))
    for match in _some(found, generator):
        text = text[: match.start()] + _word(match.group(), generator) + text[match.end() :]
    path.write_text(text, errors="surrogateescape")


def lines_changed(path: Path, generator: Generator) -> None:
    """Lines removed, repeated, moved or joined."""
    lines = path.read_text(errors="surrogateescape").split("\n")
    for _ in range(int(generator.integers(1, 4))):
        here, there = (int(each) for each in generator.integers(len(lines), size=2))
        kind = int(generator.integers(4))
        if kind == 0 and len(lines) > 1:
            del lines[here]
        elif kind == 1:
            lines.insert(there, lines[here])
        elif kind == 2:
            lines[here], lines[there] = lines[there], lines[here]
        else:
            lines[here] = lines[here] + lines[there]
    path.write_text("\n".join(lines), errors="surrogateescape")


def json_changed(path: Path, generator: Generator) -> None:
    """Values of a JSON document exchanged, removed or renamed."""
    document = json.loads(path.read_text())
    for _ in range(int(generator.integers(1, 4))):
        document = value_changed(document, generator)
    path.write_text(json.dumps(document))


def value_changed(document: Any, generator: Generator) -> Any:
    """The document with one value, anywhere in it, replaced."""
    if isinstance(document, dict) and document and generator.random() < 0.9:
        key = list(document)[int(generator.integers(len(document)))]
        kind = generator.random()
        if kind < 0.1:
            return {name: value for name, value in document.items() if name != key}
        if kind < 0.15:
            return {(f"{name}x" if name == key else name): value for name, value in document.items()}
        return {**document, key: value_changed(document[key], generator)}
    if isinstance(document, list) and document and generator.random() < 0.9:
        index = int(generator.integers(len(document)))
        kind = generator.random()
        if kind < 0.1:
            return document[:index] + document[index + 1 :]
        if kind < 0.15:
            return document[: index + 1] + document[index:]
        return [*document[:index], value_changed(document[index], generator), *document[index + 1 :]]
    return VALUES[int(generator.integers(len(VALUES)))]


def _some(found: list[Any], generator: Generator) -> list[Any]:
    """One to three of a list, the last first, so that the places of the others stay."""
    count = min(len(found), int(generator.integers(1, 4)))
    chosen = sorted(generator.choice(len(found), count, replace=False), reverse=True) if found else []
    return [found[index] for index in chosen]


def _word(old: str, generator: Generator) -> str:
    kind = generator.random()
    if kind < 0.5:
        return NUMBERS[int(generator.integers(len(NUMBERS)))]
    if kind < 0.85:
        return WORDS[int(generator.integers(len(WORDS)))]
    return old + old


def in_folder(mutation: Mutation, pattern: str = "*") -> Mutation:
    """A mutation of one file of a folder whose name fits."""

    def changed(folder: Path, generator: Generator) -> None:
        files = [file for file in sorted(folder.rglob(pattern)) if file.is_file()]
        mutation(files[int(generator.integers(len(files)))], generator)

    return changed


def file_removed(folder: Path, generator: Generator) -> None:
    """One file of a folder is gone, empty or a folder."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    file = files[int(generator.integers(len(files)))]
    file.unlink()
    kind = generator.random()
    if kind < 0.3:
        file.touch()
    elif kind < 0.4:
        file.mkdir()


def listed_again(mutation: Mutation) -> Mutation:
    """A mutation of a store whose manifest fits afterwards, so that only what it says is wrong."""

    def changed(folder: Path, generator: Generator) -> None:
        mutation(folder, generator)
        for manifest in sorted(folder.rglob(MANIFEST), reverse=True):
            if manifest.is_file():
                write_manifest(manifest.parent)

    return changed
