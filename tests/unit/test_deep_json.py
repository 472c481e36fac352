"""Files and words of a user whose lists go deeper than a parser: one sentence, whatever reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from raylocus.cli.main import main
from raylocus.datasets.building.place_tasks import solver_versions
from raylocus.datasets.exchange.scenario import read_parameters
from raylocus.datasets.folders import verify_store
from raylocus.errors import InputError
from raylocus.evaluation.baselines.fitted_classics import CLASSICS_SCHEMA, Classics
from raylocus.json_text import parse_json
from raylocus.network.formats.column_map import load_column_map
from raylocus.scenes.area import open_area
from raylocus.scenes.building_records import read_building_records
from raylocus.scenes.place import load_place
from raylocus.storage import check_whole
from raylocus.yaml_text import MOST_LEVELS, check_depth

METHOD = {"kind": "StrongestCell", "name": "strongest cell", "reach": 1.0, "spread": 1.0}


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("place.json", load_place),
        ("area.json", open_area),
        ("meshes/buildings.json", read_building_records),
        ("manifest.json", check_whole),
        ("params.json", read_parameters),
        ("columns.yaml", lambda folder: load_column_map(folder / "columns.yaml")),
        ("classics.json", lambda folder: Classics.load(folder / "classics.json")),
    ],
)
def test_a_file_nested_too_deeply_or_cut_short_is_refused(
    name: str, read: Callable[[Path], object], tmp_path: Path
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    for text in (nested(100_000), "[{"):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError):
            read(tmp_path)


def test_a_store_nested_too_deeply_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(nested(100_000))
    (finding,) = verify_store(tmp_path)
    assert "is broken" in finding.sentence
    (tmp_path / "radio.zarr").mkdir()
    (tmp_path / "radio.zarr" / "zarr.json").write_text(nested(100_000))
    assert solver_versions(tmp_path) is None


def test_classics_whose_provenance_is_nested_too_deeply_are_refused(tmp_path: Path) -> None:
    record = {"schema": CLASSICS_SCHEMA, "methods": [METHOD], "provenance": nested(100_000)}
    (tmp_path / "classics.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="delete it and evaluate again"):
        Classics.load(tmp_path / "classics.json")


@pytest.mark.parametrize(
    "text",
    [f"places: {nested(100_000)}", "places:\n  " + "- " * 100_000 + "1", f"seed: '{nested(100_000)}'"],
    ids=["flow", "blocks", "a string"],
)
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["dataset", "build", "FILE", "--out", "x.zarr"], "FILE is not a dataset configuration: "),
        (["ablate", "FILE", "--out", "x"], "FILE is not a recipe of an ablation: "),
        (["train", "fit", "--config", "FILE"], "see: raylocus train fit --help"),
        (["maps", "trace", "x", "--trace", "FILE"], "see: raylocus maps trace --help"),
    ],
    ids=["dataset", "ablation", "training", "options"],
)
def test_yaml_nested_too_deeply_is_refused_by_every_command(
    words: list[str], sentence: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The parser in C would end the process."""
    file = tmp_path / "deep.yaml"
    file.write_text(text)
    assert main([word.replace("FILE", str(file)) for word in words]) == 2
    said = capsys.readouterr().err
    assert "lists and mappings are nested more than 100 deep" in said and said.count("\n") == 1
    assert sentence.replace("FILE", str(file)) in said
    assert list(tmp_path.iterdir()) == [file]


def test_a_word_nested_too_deeply_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["maps", "trace", "x", f"--trace.seed={nested(60_000)}"]) == 2
    assert (
        "nested more than 100 deep; nest them less; see: raylocus maps trace --help"
        in capsys.readouterr().err
    )


def test_yaml_as_deep_as_it_may_be_is_read() -> None:
    for text in (
        nested(MOST_LEVELS),
        "[" + "[], " * 200 + "]",
        "a: '" + "]" * 200 + "'",
        "a: '" + "[" * 90 + "'",
    ):
        check_depth(text)
    for text in (nested(MOST_LEVELS + 1), f"a: {nested(MOST_LEVELS)}", f"a: '{nested(MOST_LEVELS + 1)}'"):
        with pytest.raises(ValueError, match="more than 100 deep"):
            check_depth(text)


def test_a_command_answers_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "manifest.json").write_text(nested(100_000))
    assert main(["dataset", "inspect", str(tmp_path)]) == 2
    assert "is broken; delete it" in "".join(capsys.readouterr())


def test_other_text_is_what_it_says() -> None:
    assert parse_json('{"a": [1, null]}') == {"a": [1, None]}
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json(nested(100_000))
