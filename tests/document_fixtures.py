"""What the pages of the documents ask a reader to type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from raylocus.cli.main import VERBS

REPOSITORY = Path(__file__).parents[1]
PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]


def logical_lines(page: Path) -> Iterator[str]:
    """Lines of fenced blocks, continued ones joined, and what stands in backticks."""
    text = page.read_text()
    for fenced in re.findall(r"^```\w*(?: run)?\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield from fenced.replace("\\\n", " ").splitlines()
    for inline in re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)):
        yield " ".join(inline.split())


@cache
def commands() -> dict[tuple[str, ...], set[str]]:
    """The options that pages give each command."""
    found: dict[tuple[str, ...], set[str]] = {}
    for page in PAGES:
        for line in logical_lines(page):
            match = re.match(r"(?:[A-Z_]+=\S+ )*raylocus ((?:[a-z]+ ?)+)", line)
            words = match[1].split() if match else []
            if not words or words[0] not in {verb.words[0] for verb in VERBS}:  # what a command prints
                continue
            verb = next((verb for verb in VERBS if list(verb.words) == words[: len(verb.words)]), None)
            assert verb is not None, f"{page.name}: there is no command raylocus {' '.join(words)}"
            found.setdefault(verb.words, set()).update(
                re.findall(r"(?<= )(--[a-z][\w.-]*)", line.split(" | ")[0])
            )
    return found
