"""Plain technical English: words that a reader of another field would stumble over stay out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
#: What is written instead, by the pattern of the word (parts of names count, `_` separates them).
BANNED = {
    r"mend(s|ed|ing)?": "fix, repair",
    r"chances?": "random, randomness, probability",
    r"whereabouts": "location",
    r"anew": "again",
    r"beside": "next to, compared with, relative to, in addition to",
    r"told": "reported, given, distinguished",
    r"tells?": "says, shows, reports",
    r"by nothing that found": "independently",
}
#: Words that stand, by file and by the phrase around them, each with its reason.
EXCEPTIONS = {
    ("docs/measurements/scenes.md", "mended"): "a table as an older version of the benchmark printed it",
    ("docs/propagation.md", "Rays down to the ground tell whether"): "rays do say it",
    ("docs/tutorial.md", "can tell, such as those"): "to find out, in common English",
}
WRITTEN = ("src/**/*.py", "src/**/*.yaml", "src/**/*.csv", "docs/**/*.md", "examples/**/*.py", "tests/**/*.py", ".ci/*",
           "Makefile", "*.md")  # fmt: skip
#: Files that have to name what is banned.
NAMING = ("CHANGELOG.md", "tests/contract/test_words.py", "tests/contract/test_documents.py")


def written() -> list[Path]:
    """Everything that a user or a contributor reads, the history apart."""
    found = {file for pattern in WRITTEN for file in REPOSITORY.glob(pattern)}
    return sorted(found - {REPOSITORY / name for name in NAMING})


def found_words(text: str, pattern: str) -> list[str]:
    """Lines with a banned word."""
    word = re.compile(rf"(?<![A-Za-z])(?:{pattern})(?![A-Za-z])", re.IGNORECASE)
    return [line.strip() for line in text.splitlines() if word.search(line)]


@pytest.mark.parametrize("pattern", BANNED)
def test_banned_words_stay_out(pattern: str) -> None:
    stumbled = [
        f"{name}: {line}"
        for file in written()
        for name in [str(file.relative_to(REPOSITORY))]
        for line in found_words(file.read_text(), pattern)
        if not any(name == where and phrase in line for where, phrase in EXCEPTIONS)
    ]
    assert not stumbled, f"write {BANNED[pattern]} instead: {stumbled}"


def test_a_banned_word_is_found_wherever_it_stands() -> None:
    assert found_words("the mend\nMENDED = 1\ndef mended_buildings\nto amend it", "mend(s|ed|ing)?") == [
        "the mend",
        "MENDED = 1",
        "def mended_buildings",
    ]
