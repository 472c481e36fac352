"""What several methods did on the test sequences of one place, as one small file that a killed run goes on from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from raylocus.errors import StoreError
from raylocus.evaluation.bound.self_check import SelfCheck
from raylocus.evaluation.breakdown import Circumstances
from raylocus.evaluation.evaluation import ROWS, Evaluation, Truth
from raylocus.storage import packed, unpacked, written_whole

#: Version of the file.
SCORES_SCHEMA = "raylocus.place-scores.v1"
_TRUTH, _CIRCUMSTANCES = Truth.names(), Circumstances.names()


@dataclass(frozen=True)
class PlaceScores:
    """The scores of all methods on the test sequences of one place."""

    place: str
    """Name of the place."""
    circumstances: Circumstances
    evaluations: tuple[Evaluation, ...]
    """One a method: models, the classics, the bound, the true maps; references that refuse are left out."""
    refusals: dict[str, str]
    """Why a reference is not there, one sentence by its name."""
    self_checks: dict[float, SelfCheck]
    """Coverage of the bound's regions on sequences drawn from its own law, by severity; empty where it refuses."""

    @property
    def self_check(self) -> SelfCheck | None:
        """All of them as one; None where there is none."""
        return SelfCheck.pooled(list(self.self_checks.values())) if self.self_checks else None

    def select(self, members: Bool[np.ndarray, " sample"]) -> PlaceScores:
        """Those of some sequences."""
        evaluations = tuple(one.select(members) for one in self.evaluations)
        circumstances = self.circumstances.select(members)
        return dataclasses.replace(self, circumstances=circumstances, evaluations=evaluations)

    def save(self, path: Path, made_from: str) -> None:
        """Writes the file.

        `made_from` is the digest of all that decides its content.

        Raises:
            StorageFullError: the disk filled up.
        """
        document = {
            "schema": SCORES_SCHEMA,
            "made_from": made_from,
            "place": self.place,
            "refusals": self.refusals,
            "self_checks": [[key, dataclasses.asdict(check)] for key, check in self.self_checks.items()],
            "methods": [[one.name, one.seconds] for one in self.evaluations],
        }
        with written_whole(path) as aside:
            aside.write_bytes(packed(document, self._arrays()))

    def _arrays(self) -> dict[str, Any]:
        truth = self.evaluations[0].truth
        return {
            **{name: getattr(truth, name) for name in _TRUTH},
            **{name: getattr(self.circumstances, name) for name in _CIRCUMSTANCES},
            **{name: np.stack([getattr(one, name) for one in self.evaluations]) for name in ROWS},
        }


def pooled(scores: Sequence[PlaceScores]) -> list[Evaluation]:
    """One evaluation a method that answers in every place."""
    of_place = [{one.name: one for one in place.evaluations} for place in scores]
    common = [name for name in of_place[0] if all(name in found for found in of_place)]
    return [Evaluation.concatenate([found[name] for found in of_place]) for name in common]


def kept_scores(path: Path, made_from: str, make: Callable[[], PlaceScores]) -> PlaceScores:
    """The scores of a file, made first where it does not hold them, see `stored_scores`."""
    found = stored_scores(path, made_from)
    if found is None:
        found = make()
        found.save(path, made_from)
    return found


def stored_scores(path: Path, made_from: str) -> PlaceScores | None:
    """The scores of a file; None where there is none, or one of something else.

    `made_from` is the digest of all that decides its content.

    Raises:
        StoreError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        document, arrays = unpacked(path.read_bytes(), (*_TRUTH, *_CIRCUMSTANCES, *ROWS))
    except ValueError as error:
        raise StoreError(f"{path} is damaged; delete it and run the command again") from error
    if (document["schema"], document["made_from"]) != (SCORES_SCHEMA, made_from):
        return None
    truth = Truth(*(arrays[name] for name in _TRUTH))
    return PlaceScores(
        place=document["place"],
        circumstances=Circumstances(*(arrays[name] for name in _CIRCUMSTANCES)),
        evaluations=tuple(
            Evaluation(name=name, truth=truth, seconds=seconds, **{row: arrays[row][index] for row in ROWS})
            for index, (name, seconds) in enumerate(document["methods"])
        ),
        refusals=document["refusals"],
        self_checks={severity: SelfCheck(**check) for severity, check in document["self_checks"]},
    )
