"""What all commands share: words that are no numbers, recipes by name, engines, pictures and tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raylocus.cli.console import (
    add_engine_arguments,
    engine_of,
    recipe_file,
    recipes,
    save_picture,
    save_table,
    tile_centre,
    verb_parser,
)
from raylocus.cli.main import EXTRAS, main
from raylocus.cli.train import with_recipe_files
from raylocus.errors import InputError
from raylocus.execution.task import ThisProcess
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.viz.style import new_axes


def test_a_word_of_the_wrong_kind_is_one_sentence_that_names_the_help() -> None:
    parser = verb_parser("scene fly", "Fly.")
    parser.add_argument("--height", type=float)
    assert parser.parse(["--height", "12"]).height == 12.0
    for words in (["--height", "low"], ["--hight", "12"], ["down"]):
        with pytest.raises(InputError) as refused:
            parser.parse(words)
        assert str(refused.value).endswith("; see: raylocus scene fly --help")
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--height", "low"], "--height takes a number, not low"),
        (["--height", ".nan"], "--height is nan; give a finite number"),
        (["--height", "1e999"], "--height is inf; give a finite number"),
        (["--seed", "1.5"], "--seed takes a whole number, not 1.5"),
        (["--seed", "-1"], "--seed is -1; give a whole number from 0 to 4294967295"),
        (["--scene.seed", "-1"], "--scene.seed is -1; give a whole number"),
        (["--seed", "4294967296"], "--seed is 4294967296; give"),
        (["--scene.tile_size", ".nan"], "--scene.tile_size is nan"),
        (["--most-sites", "few"], "--most-sites takes a whole number, not few; see: "),
        (["--scene.tile_size", "wide"], "--scene.tile_size takes a number, not wide; see: "),
        (["--workers", "0"], "--workers takes a whole number of 1 or more, not 0; see: "),
        (["--workers", "-2"], "--workers takes a whole number of 1 or more, not -2; see: "),
        (["--workers", "many"], "--workers takes a whole number of 1 or more, not many; see: "),
        (["--workers", "1.5"], "--workers takes a whole number of 1 or more, not 1.5; see: "),
    ],
)
def test_what_is_no_number_and_no_seed_is_refused(words: list[str], sentence: str) -> None:
    parser = verb_parser("scene fly", "Fly.")
    parser.add_argument("--height", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--most-sites", type=int)
    add_engine_arguments(parser)
    parser.add_class_arguments(SceneConfiguration, "scene")
    with pytest.raises(InputError, match=sentence):
        parser.parse(words)


@pytest.mark.parametrize(("text", "centre"), [("0,512", (0.0, 512.0)), ("-3.5,1e2", (-3.5, 100.0))])
def test_the_centre_of_a_tile(text: str, centre: tuple[float, float]) -> None:
    assert tile_centre(text) == centre


@pytest.mark.parametrize("text", ["1", "1,2,3", "a,b", "", "1;2"])
def test_what_is_no_centre_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="takes two numbers of metres"):
        tile_centre(text)


def test_a_recipe_is_known_by_its_name_and_ones_own_by_its_file(tmp_path: Path) -> None:
    for kind in ("dataset", "train", "benchmark", "ablation"):
        known = recipes(kind)
        assert known and all(recipe_file(kind, name) == file for name, file in known.items())
    own = tmp_path / "demo"
    own.write_text("")
    assert recipe_file("dataset", own) == own
    with pytest.raises(
        InputError, match="no file nothing.yaml and no train recipe of that name; recipes are .*demo"
    ):
        recipe_file("train", "nothing.yaml")


@pytest.mark.parametrize("words", [["--config", "demo"], ["--config=demo"]])
def test_training_takes_the_name_of_a_recipe(words: list[str]) -> None:
    found = " ".join(with_recipe_files(["fit", *words, "--seed_everything", "3"]))
    assert found.endswith("--seed_everything 3") and str(recipe_file("train", "demo")) in found


@pytest.mark.parametrize("words", [["--config", "mine.yaml"], ["--config=mine.yaml"], ["--config"], ["demo"]])
def test_other_words_of_training_stay(words: list[str]) -> None:
    assert with_recipe_files(words) == words


def test_engines_by_their_options() -> None:
    asked = []

    def fitting() -> int:
        asked.append(True)
        return 1

    assert isinstance(engine_of("local", None, None, fitting), ThisProcess) and len(asked) == 1
    assert isinstance(engine_of("local", 1, None, fitting), ThisProcess) and len(asked) == 1
    with pytest.raises(InputError, match="give --engine ray with it"):
        engine_of("local", 1, "head:6379", fitting)


def test_an_engine_that_is_not_known_is_refused() -> None:
    parser = verb_parser("maps trace", "Trace.")
    add_engine_arguments(parser)
    assert parser.parse([]).engine == "local"
    with pytest.raises(InputError, match="'slurm'"):
        parser.parse(["--engine", "slurm"])


def test_a_picture_is_written_in_the_format_of_its_name_or_not_at_all(tmp_path: Path) -> None:
    figure, _ = new_axes(2.0, 1.0)
    save_picture(figure, tmp_path / "one.svg")
    assert (tmp_path / "one.svg").read_text().startswith("<?xml")
    with pytest.raises(InputError, match=r"must end with one of \.png, \.svg, \.pdf"):
        save_picture(figure, tmp_path / "one.jpeg")
    assert [file.name for file in tmp_path.iterdir()] == ["one.svg"]


def test_a_table_stands_next_to_its_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_table("a b\n1 2", {"a": 1, "é": [2]}, tmp_path / "scores.json")
    assert (tmp_path / "scores.txt").read_text() == "a b\n1 2"
    assert json.loads((tmp_path / "scores.json").read_text()) == {"a": 1, "é": [2]}
    assert capsys.readouterr().out == "a b\n1 2\n"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MemoryError(), "does not hold the work (it ran out)"),
        (RuntimeError("CUDA out of memory. Tried"), "does not hold the work (CUDA out of memory. Tried)"),
        (OSError(28, "No space left on device"), "no space left on the disk"),
        (PermissionError(13, "Permission denied", "/root/x"), "cannot use /root/x: Permission denied"),
        *((ModuleNotFoundError(name=name), f"'raylocus[{extra}]'") for name, extra in EXTRAS.items()),
        (ModuleNotFoundError(name="torch.nn"), "'raylocus[train]'"),
    ],
)
def test_what_a_user_can_repair_is_one_sentence(
    error: Exception, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(words: list[str]) -> int:
        raise error

    monkeypatch.setattr("raylocus.cli.doctor.run_doctor", fail)
    assert main(["doctor"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("raylocus: ") and said.count("\n") == 1 and sentence in said
