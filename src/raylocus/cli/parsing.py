"""The parser that every verb uses: bad options are one sentence, like every other error."""

from __future__ import annotations

from collections.abc import Sequence

from jsonargparse import ArgumentParser, Namespace

from raylocus.errors import InputError


class VerbParser(ArgumentParser):
    """A jsonargparse parser of one verb."""

    def parse(self, arguments: Sequence[str]) -> Namespace:
        """The values of the given words.

        Raises:
            InputError: a word is unknown, missing or of the wrong kind.
        """
        try:
            return self.parse_args(list(arguments))
        except (SystemExit, InputError):
            raise
        except Exception as error:  # argparse and jsonargparse raise many kinds for a bad word
            raise InputError(f"{_one_line(str(error))}; see: {self.prog} --help") from error


def verb_parser(verb: str, description: str) -> VerbParser:
    """The parser of `raylocus VERB`."""
    return VerbParser(prog=f"raylocus {verb}", description=description, exit_on_error=False)


def tile_centre(text: str) -> tuple[float, float]:
    """The two numbers of `X,Y` [m].

    Raises:
        InputError: the text is not two numbers.
    """
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--tile takes two numbers of metres such as 0,512, not {text!r}") from error
    return x, y


def _one_line(message: str) -> str:
    return " ".join(message.split())[:400].rstrip(".")
