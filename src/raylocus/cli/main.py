"""`raylocus`: finds the verb, runs it, and turns errors that a user can meet into one sentence."""

from __future__ import annotations

import errno
import gc
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata

from raylocus.errors import RaylocusError
from raylocus.execution.memory import keep_freed_memory

#: Threads that wait for work sleep. They would otherwise spin, and where another process wants the cores, ten times
#: as long as they work: OpenMP's of torch (GNU and LLVM) and OpenBLAS's read these when they are loaded.
SLEEPING_THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0", "OPENBLAS_THREAD_TIMEOUT": "4"}
for _name, _value in SLEEPING_THREADS.items():
    os.environ.setdefault(_name, _value)

#: New objects after which Python looks for garbage. At its own 700 it does so a thousand times while torch and
#: Lightning are imported: a quarter of the start of a command.
GARBAGE_THRESHOLD = 10_000

#: Packages that an extra of raylocus brings, by their module; all others come with `train`.
EXTRAS = {
    "pyarrow": "parquet",
    "ray": "ray",
    "s3fs": "s3",
    "pdoc": "docs",
    **dict.fromkeys(("fastapi", "httpx", "prometheus_client", "pydantic", "starlette", "uvicorn"), "serve"),
}

#: Exit codes.
DONE, USER_ERROR, INTERRUPTED = 0, 2, 130


@dataclass(frozen=True)
class Verb:
    """One command: its words, the module of `raylocus.cli` that holds it, and what it does."""

    words: tuple[str, ...]
    module: str
    summary: str

    @property
    def function(self) -> str:
        """Name of the function that runs it."""
        return "_".join(("run", *self.words))


VERBS = (
    Verb(("doctor",), "doctor", "what this machine can trace with, and the fix if it cannot"),
    Verb(("demo",), "demo", "build a dataset, train on it, locate phones in a city never seen"),
    Verb(("scene", "build"), "scene_build", "build a place: scene, geometry maps, sites"),
    Verb(("scene", "validate"), "scene", "check that rays, rasters, sites and frame of a place agree"),
    Verb(("scene", "export"), "scene", "write a place for other tools: GeoTIFF, GeoJSON"),
    Verb(("scene", "perturb"), "scene", "draw a place as it may truly stand, from its map"),
    Verb(("scene", "show"), "scene", "draw a place's buildings and sites"),
    Verb(("maps", "trace"), "maps", "trace a place: path atlas and radio maps"),
    Verb(("maps", "show"), "maps", "draw one radio map, or all of a cell"),
    Verb(("maps", "export"), "maps", "write radio maps as GeoTIFF"),
    Verb(("dataset", "build"), "dataset", "observe phones in many worlds of many places"),
    Verb(
        ("dataset", "inspect"),
        "dataset",
        "say what a dataset holds, and whether its splits keep apart",
    ),
    Verb(("dataset", "export"), "dataset_exchange", "write a dataset for other tools: Parquet, DeepMIMO"),
    Verb(("dataset", "import"), "dataset_exchange", "make reports of a DeepMIMO scenario or a Parquet table"),
    Verb(("reports", "import"), "reports_import", "make reports of a phone's or a drive test's log"),
    Verb(("reports", "area"), "reports", "make an area of the sites that come with a measurement"),
    Verb(
        ("reports", "evaluate"),
        "reports_evaluate",
        "locate reports of known positions, next to what needs no model",
    ),
    Verb(("reports", "inspect"), "reports", "say and draw what a reports file holds at a place"),
    Verb(("calibrate", "check"), "calibrate", "say how wrong a map is, by reports of its network"),
    Verb(("calibrate", "fit"), "calibrate", "fit a place's antennas and levels to reports"),
    Verb(("calibrate", "materials"), "calibrate", "estimate a place's materials from reports"),
    Verb(("network", "explain"), "reports", "print one report as an engineer reads a trace"),
    Verb(("train", "area"), "train", "train the network that locates in areas, on drawn networks"),
    Verb(
        ("train", "adapt"),
        "train",
        "adapt a checkpoint to one network by a few reports of known position",
    ),
    Verb(("train",), "train", "fit, validate or test a model (LightningCLI)"),
    Verb(("evaluate",), "evaluate", "compare a run with the classics and the bound"),
    Verb(("benchmark",), "benchmark", "compare models with all other methods in fixed unseen places"),
    Verb(("ablate",), "benchmark", "answer one question by a list of overrides, several seeds each"),
    Verb(("view",), "view", "write a place, its maps and phones as one 3-D page that fetches nothing"),
    Verb(("locate",), "locate", "locate the phones of a reports file"),
    Verb(("serve",), "serve", "answer over HTTP where phones are"),
)


class UsageError(RaylocusError):
    """The command line names no verb."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: the words after `raylocus`; those of this process by default.

    Returns:
        Exit code: 0 done, 2 an error the user can fix (said in one sentence), 130 interrupted.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(given)
    except SystemExit as stop:  # a parser's --help
        return stop.code if isinstance(stop.code, int) else USER_ERROR
    except KeyboardInterrupt:
        return _say("interrupted; the same command continues from what is complete", INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone (`raylocus … | head`); nobody is left to read it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        return _say(sentence, USER_ERROR)


def _run(given: list[str]) -> int:
    if not given or given[0] in ("-h", "--help"):
        print(_help(VERBS))
        return DONE
    if given[0] == "--version":
        print(f"raylocus {metadata.version('raylocus')}")
        return DONE
    verb = _find(given)
    keep_freed_memory()
    gc.set_threshold(GARBAGE_THRESHOLD)
    from raylocus.cli.console import read_help

    read_help(given)
    module = importlib.import_module(f"raylocus.cli.{verb.module}")
    code: int = getattr(module, verb.function)(given[len(verb.words) :])
    return code


def _find(given: list[str]) -> Verb:
    for verb in VERBS:
        if tuple(given[: len(verb.words)]) == verb.words:
            return verb
    known = [
        verb for verb in VERBS if verb.words[0] == given[0]
    ] or VERBS  # of a group such as `raylocus scene`
    if "--help" in given or "-h" in given:
        print(_help(known))
        raise SystemExit(DONE)
    names = ", ".join(" ".join(verb.words) for verb in known)
    raise UsageError(f"there is no command {' '.join(given[:2])!r}; there are {names}")


def _help(known: Sequence[Verb]) -> str:
    width = max(len(" ".join(verb.words)) for verb in known)
    verbs = "\n".join(f"  {' '.join(verb.words):<{width}}  {verb.summary}" for verb in known)
    return (
        "usage: raylocus COMMAND ...\n\n"
        "Where is the phone, and how sure can we be?\n\n"
        f"commands:\n{verbs}\n\n"
        "raylocus COMMAND --help says what a command takes; raylocus --version says which raylocus this is."
    )


def _sentence(error: BaseException) -> str | None:
    """One sentence for an error that the user can fix; None for a fault of raylocus."""
    for cause in _chain(error):
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            return (
                str(error)
                if isinstance(error, RaylocusError)
                else f"no space left on the disk ({cause}); free some"
            )
    if isinstance(error, RaylocusError):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"cannot use {error.filename}: {error.strerror}"
    if any(_says_memory_ran_out(cause) for cause in _chain(error)):
        return (
            f"the memory of this machine, or of its card, does not hold the work ({str(error)[:160] or 'it ran out'}); "
            "train with a smaller --data.batch_size, or give smaller places or fewer reports at a time"
        )
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("raylocus"):
        extra = EXTRAS.get(error.name.split(".")[0], "train")
        return f"the package {error.name!r} is not installed; run: pip install 'raylocus[{extra}]'"
    return None


def _says_memory_ran_out(error: BaseException) -> bool:
    # Torch raises plain RuntimeErrors, of the card with one wording and of the machine with another.
    words = ("out of memory", "can't allocate memory")
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(each in str(error) for each in words)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _say(sentence: str, code: int) -> int:
    print(f"raylocus: {' '.join(sentence.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
