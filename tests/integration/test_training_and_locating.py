"""Training through the real entry point, and a locator in a process of its own."""

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from layer_fixtures import complete_place
from model_fixtures import synthetic_place, synthetic_reports
from raylocus.cli.main import main as command
from raylocus.errors import CheckpointError, InputError, PlaceError
from raylocus.evaluation.area_scores import score_in_area
from raylocus.inference.locator import Locator
from raylocus.inference.place_method import PlaceMethod
from raylocus.models.checkpoint import (
    CHECKPOINT_KEY,
    CHECKPOINT_SCHEMA,
    PosteriorCalibration,
    TrainedNetwork,
    load_network,
    save_network,
)
from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.density import DISPLACED_MAPS, ESTIMATORS, estimate, fine_centres
from raylocus.models.inputs.maps import place_maps
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.location_network import LocationNetwork
from raylocus.provenance import Provenance
from raylocus.training.averaging import moved_average
from raylocus.training.calibration import TEMPERATURES, best_estimator, calibrate
from raylocus.training.cli import main
from training_fixtures import save_synthetic_dataset, small_place

FRESH = """
import json, sys
from pathlib import Path
import numpy as np
from raylocus.evaluation.area_scores import score_in_area
from raylocus.inference.locator import Locator
from raylocus.inference.place_method import PlaceMethod
from raylocus.network.reports.report_files import load_reports
from raylocus.propagation.maps.traced_place import open_place

model, place, reports = map(Path, sys.argv[1:])
posterior = Locator.load(model).locate(load_reports(reports), open_place(place))
heavy = [name for name in ("sionna", "mitsuba", "drjit", "lightning") if name in sys.modules]
print(json.dumps({"mean": posterior.mean.tolist(), "peak": posterior.density.max((1, 2)).tolist(), "heavy": heavy}))
"""


DEMO = "src/raylocus/recipes/train/demo.yaml"


def run(arguments: list[str], repository) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(repository / "src"), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory, repository):
    """A run of a few steps with the demo's own configuration on a tiny dataset."""
    folder = tmp_path_factory.mktemp("training")
    dataset = save_synthetic_dataset(folder)
    words = words_for(folder / "run", repository, f"--data.dataset={dataset}", "--model.schedule.steps=5")
    assert command(["train", "fit", *words]) == 0
    return folder


def test_a_fresh_process_gives_the_same_fixes_without_the_tracer(trained, repository):
    from raylocus.network.reports.report_files import save_reports

    place = small_place(2)
    reports = synthetic_reports(place, 4, 9)
    save_reports(reports, trained / "some.zarr", Provenance.collect({}, 9))
    model = trained / "run" / "locator.ckpt"
    done = run(["-c", FRESH, str(model), str(trained / "south"), str(trained / "some.zarr")], repository)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["heavy"] == []
    here = Locator.load(model).locate(reports, place)
    np.testing.assert_allclose(found["mean"], here.mean, atol=1e-3)
    np.testing.assert_allclose(found["peak"], here.density.max((1, 2)), rtol=1e-3)


def test_the_checkpoint_carries_what_it_was_made_from(trained):
    stored = load_network(trained / "run" / "locator.ckpt")
    assert stored.network.configuration.fusion_width == 8
    assert "dataset" in stored.provenance.inputs
    assert (
        stored.provenance.versions["torch"] == torch.__version__.split("+")[0]
        or "torch" in stored.provenance.versions
    )
    encoder = stored.network.radio_encoder
    assert set(encoder.reads()) == {"rsrp", "rsrq", "sinr", "l1_rsrp", "timing_advance"}
    fresh = LocationNetwork(LocationNetworkConfiguration()).radio_encoder
    assert not torch.equal(encoder.features.mean, fresh.features.mean)


def test_lightnings_own_checkpoint_serves_as_well(trained):
    paths = list((trained / "run").rglob("epoch*.ckpt"))
    assert paths
    assert isinstance(load_network(paths[0]).network, LocationNetwork)


def words_for(folder, repository, *more: str) -> list[str]:
    return [
        f"--config={repository / DEMO}",
        f"--trainer.default_root_dir={folder}",
        f"--trainer.logger.init_args.save_dir={folder}",
        "--data.batch_size=4",
        "--model.network.fusion_width=8",
        "--model.network.token_width=16",
        *more,
    ]


def test_a_network_of_all_layers_is_trained_kept_and_asked_like_any_other(trained, repository, tmp_path):
    words = (
        f"--data.dataset={trained / 'reports.zarr'}",
        "--model.schedule.steps=2",
        "--model.network.map_layers=all",
    )
    main(["fit", *words_for(tmp_path / "run", repository, *words)])
    locator = Locator.load(tmp_path / "run" / "locator.ckpt")
    assert locator.trained.network.configuration.map_layers == "all"
    place = small_place(2)
    reports = synthetic_reports(place, 2, 9)
    bare, complete = locator.locate(reports, place), locator.locate(reports, complete_place(place))
    for found in (bare, complete):
        np.testing.assert_allclose(found.density.sum((1, 2)), 1, rtol=1e-5)
    assert not np.allclose(bare.density, complete.density)


def test_a_batch_of_no_place_is_refused_before_anything_is_written(trained, repository, tmp_path, capsys):
    words = ("--data.places_per_batch=0", f"--data.dataset={trained / 'reports.zarr'}")
    assert command(["train", "fit", *words_for(tmp_path / "run", repository, *words)]) == 2
    assert "set places_per_batch between 1 and batch_size" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_averaged_weights_are_validated_kept_and_go_on_from_a_checkpoint(trained, repository, tmp_path):
    dataset = f"--data.dataset={trained / 'reports.zarr'}"
    steps = "--model.schedule.steps="
    fitted = main(["fit", *words_for(tmp_path / "first", repository, dataset, f"{steps}4")])
    (path,) = (tmp_path / "first").rglob("epoch*.ckpt")
    kept = torch.load(path, weights_only=True)
    average, weights = kept["state_dict"], kept["current_model_state"]
    assert any(not torch.equal(average[name], weights[name]) for name in average)
    for name, value in kept[CHECKPOINT_KEY]["weights"].items():
        assert torch.equal(value, average[f"network.{name}"])
    locator = load_network(tmp_path / "first" / "locator.ckpt").network.state_dict()
    assert all(torch.equal(value, average[f"network.{name}"]) for name, value in locator.items())

    seen = float(fitted.trainer.callback_metrics["validation/loss"])
    again = main(["validate", *words_for(tmp_path / "again", repository, dataset, f"--ckpt_path={path}")])
    assert float(again.trainer.callback_metrics["validation/loss"]) == pytest.approx(seen, rel=1e-6)

    resumed = [dataset, f"{steps}5", f"--ckpt_path={path}"]
    main(["fit", *words_for(tmp_path / "second", repository, *resumed)])
    (path,) = (tmp_path / "second").rglob("epoch*.ckpt")
    later = torch.load(path, weights_only=True)
    assert later["global_step"] == 5
    for name, _ in fitted.model.named_parameters():
        step = moved_average(0.99, average[name], later["current_model_state"][name], 4)
        torch.testing.assert_close(later["state_dict"][name], step, rtol=1e-6, atol=1e-8, msg=name)


def test_the_average_of_the_weights_forgets_the_first_steps_soon():
    weights = torch.arange(1.0, 4.0)
    average = weights[0]
    for updates, weight in enumerate(weights[1:], start=1):
        average = moved_average(0.99, average, weight, updates)
    # Decays of 3/12 and 4/13 at steps 2 and 3.
    assert float(average) == pytest.approx((1 * 3 / 12 + 2 * 9 / 12) * 4 / 13 + 3 * 9 / 13)
    assert float(moved_average(0.99, torch.zeros(()), torch.ones(()), 10_000)) == pytest.approx(0.01)


def test_tensorboard_logs_are_written(trained):
    assert list((trained / "run").rglob("events.out.tfevents*"))


def test_densities_are_probabilities_on_the_grid_of_the_place(trained):
    place = small_place(2)
    reports = synthetic_reports(place, 5, 11)
    posterior = Locator.load(trained / "run" / "locator.ckpt").posterior(reports, place)
    assert posterior.density.shape == (len(reports), *place.tile.shape)
    np.testing.assert_allclose(posterior.density.sum((1, 2)), 1, atol=1e-4)
    # Inside of outlines only as far as maps may lie displaced.
    inside = place.geometry_maps["footprint"].values > 0
    assert np.all(posterior.density[:, inside].sum(1) < DISPLACED_MAPS)
    assert np.all(np.linalg.eigvalsh(posterior.covariance) > 0)


def test_a_fix_holds_the_mass_it_says(trained):
    place = small_place(2)
    fix = Locator.load(trained / "run" / "locator.ckpt").fixes(synthetic_reports(place, 3, 11), place)[0]
    within = np.linalg.norm(fix.grid.centres - fix.position, axis=1) <= fix.radius(0.9)
    held = float(fix.heatmap.ravel()[within].sum())
    assert 0.9 - 1e-4 <= held < 0.95
    assert fix.radius(0.5) < fix.radius(0.9)
    assert fix.ellipse.major >= fix.ellipse.minor > 0
    assert fix.latlon is None


def test_what_evaluates_scores_what_locates(trained):
    place = small_place(2)
    locator, reports = Locator.load(trained / "run" / "locator.ckpt"), synthetic_reports(place, 5, 11)
    scores = score_in_area(PlaceMethod(locator, place), reports, place.deployment)
    posterior = locator.posterior(reports, place)
    truth = reports.position[reports.last_report, :2]
    error = np.linalg.norm(posterior.mean - truth, axis=1)
    np.testing.assert_allclose(scores.errors["raylocus, maps"], error, atol=1e-4)
    flat = posterior.density.reshape(len(posterior.density), -1)
    own = flat[np.arange(len(flat)), place.tile.index(truth)]
    np.testing.assert_allclose(scores.log_density, np.log(own / place.tile.resolution**2), atol=1e-4)


def test_reports_of_another_place_are_refused(trained):
    place, other = small_place(2), small_place(1)
    other_reports = synthetic_reports(other, 3, 11)
    other_reports.pci[:] = 999
    with pytest.raises(PlaceError, match="PCI 999"):
        Locator.load(trained / "run" / "locator.ckpt").locate(other_reports, place)


def test_a_checkpoint_that_is_not_one_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint at .* train"):
        load_network(tmp_path / "absent.ckpt")
    foreign = tmp_path / "foreign.ckpt"
    torch.save({"state_dict": {}}, foreign)
    with pytest.raises(CheckpointError, match="not a checkpoint of raylocus"):
        load_network(foreign)
    foreign.write_bytes(b"not a checkpoint")
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        load_network(foreign)
    torch.save({CHECKPOINT_KEY: {"schema": "raylocus.checkpoint.v0"}}, foreign)
    with pytest.raises(CheckpointError, match=r"v0.*" + CHECKPOINT_SCHEMA):
        load_network(foreign)
    whole = tmp_path / "whole.ckpt"
    save_network(
        TrainedNetwork(
            LocationNetwork(LocationNetworkConfiguration()), PosteriorCalibration(), Provenance.collect({})
        ),
        whole,
    )
    foreign.write_bytes(whole.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        load_network(foreign)


def test_two_processes_train_one_network(trained, repository, tmp_path):
    more = [
        f"--data.dataset={trained / 'reports.zarr'}",
        "--model.schedule.steps=2",
        "--trainer.devices=2",
        "--trainer.strategy=ddp_find_unused_parameters_true",
    ]
    words = ["-m", "raylocus", "train", "fit", *words_for(tmp_path, repository, *more)]
    done = run(words, repository)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.rglob("epoch*.ckpt")
    assert torch.load(path, weights_only=True)["global_step"] == 2
    assert (
        load_network(tmp_path / "locator.ckpt").provenance.inputs["dataset"]
        == (load_network(trained / "run" / "locator.ckpt").provenance.inputs["dataset"])
    )


def test_training_starts_from_the_weights_of_a_checkpoint(trained, repository, tmp_path):
    given = load_network(trained / "run" / "locator.ckpt").network
    more = [
        f"--data.dataset={trained / 'reports.zarr'}",
        "--model.schedule.steps=1",
        "--model.schedule.learning_rate=1e-12",
        f"--model.start={trained / 'run' / 'locator.ckpt'}",
    ]
    main(["fit", *words_for(tmp_path, repository, *more)])
    found = load_network(tmp_path / "locator.ckpt").network
    for name, value in found.state_dict().items():
        torch.testing.assert_close(value, given.state_dict()[name], atol=1e-6, rtol=1e-5)


def test_training_never_goes_on_from_what_is_no_number(trained, repository, tmp_path):
    more = [
        f"--data.dataset={trained / 'reports.zarr'}",
        "--model.schedule.steps=50",
        "--model.schedule.learning_rate=1e30",
        "--trainer.gradient_clip_val=0",
    ]
    with pytest.raises(InputError, match=r"loss of step \d+ is not a number.* lower model.schedule"):
        main(["fit", *words_for(tmp_path, repository, *more)])
    assert not (tmp_path / "locator.ckpt").exists()


def test_a_checkpoint_of_another_feature_table_is_refused(trained, tmp_path):
    content = torch.load(trained / "run" / "locator.ckpt", weights_only=True)
    content[CHECKPOINT_KEY]["features"]["rsrp"][1] = -140.0
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(CheckpointError, match=r"another feature table .*rsrp.* train it again"):
        load_network(tmp_path / "other.ckpt")


def test_reports_without_a_column_are_located_and_reports_without_any_value_are_refused(trained):
    place, locator = small_place(2), Locator.load(trained / "run" / "locator.ckpt")
    reports = synthetic_reports(place, 3, 11)
    bare = dataclasses.replace(
        reports,
        features=reports.features[:, :1],
        censored=reports.censored[:, :1],
        feature_names=reports.feature_names[:1],
    )
    assert np.isfinite(locator.locate(bare, place).density).all()
    silent = dataclasses.replace(bare, features=np.full_like(bare.features, np.nan))
    with pytest.raises(InputError, match="none of the features"):
        locator.locate(silent, place)


def test_calibration_undoes_overconfidence():
    """A network whose evidence is sharpened tenfold gets a temperature above that of the network itself."""
    place = small_place(1)
    maps = place_maps(place)
    sequences = sequence_tensors(synthetic_reports(place, 24, 3), place.deployment)
    torch.manual_seed(0)
    network = LocationNetwork(LocationNetworkConfiguration(token_width=16, fusion_width=8))
    with torch.no_grad():
        network.evidence.log_weights -= np.log(10.0)
    sober = calibrate(network, [(maps, sequences)])
    with torch.no_grad():
        network.evidence.log_weights += np.log(10.0)
    sharpened = calibrate(network, [(maps, sequences)])
    assert sharpened.temperature > sober.temperature
    assert {sober.temperature, sharpened.temperature} <= set(TEMPERATURES)


def test_calibration_survives_on_disk(tmp_path):
    calibration = PosteriorCalibration(temperature=1.4, estimator="mode")
    save_network(
        TrainedNetwork(LocationNetwork(LocationNetworkConfiguration()), calibration, Provenance.collect({})),
        tmp_path / "some.ckpt",
    )
    assert load_network(tmp_path / "some.ckpt").calibration == calibration


def test_the_estimator_of_least_mean_error_is_chosen_though_another_has_the_least_median():
    """Of ten sequences, six peak at the truth, which a mode hits; of four it misses a whole block."""
    maps = place_maps(small_place(1))
    centres, side = fine_centres(maps), maps.fine_outdoor.shape[-1]

    def lumps(*parts: tuple[float, float, float]) -> torch.Tensor:
        density = torch.zeros(len(centres))
        for x, y, mass in parts:
            lump = torch.exp(-0.5 * ((centres - torch.tensor([x, y])) / 6.0).square().sum(dim=1))
            density += mass * lump / lump.sum()
        return density.reshape(1, side, side)

    peaked = lumps((-40.0, 0.0, 0.55), (10.0, 0.0, 0.15), (25.0, 10.0, 0.15), (25.0, -10.0, 0.15))
    triangle = lumps((-45.0, -30.0, 0.36), (45.0, -30.0, 0.32), (0.0, 50.0, 0.32))
    density = torch.cat([peaked] * 6 + [triangle] * 4)
    target = torch.tensor([[-40.0, 0.0]] * 6 + [[45.0, -30.0], [0.0, 50.0]] * 2)
    median = {
        name: float((estimate(density, maps, name) - target).norm(dim=1).median()) for name in ESTIMATORS
    }
    assert min(median, key=lambda name: median[name]) == "mode"
    assert best_estimator([(density, maps, target)]) == "geometric_median"


def test_the_locator_that_ships_locates_in_a_place_it_never_saw():
    place = synthetic_place(2, size=256.0, sites=3, beams=4)
    reports = synthetic_reports(place, 20, 9)
    located = Locator.pretrained().locate(reports, place)
    error = np.linalg.norm(located.mean - reports.position[reports.last_report, :2], axis=1)
    centre = np.linalg.norm(reports.position[reports.last_report, :2], axis=1)
    assert np.median(error) < 0.4 * np.median(centre)


def test_curves_go_to_weights_and_biases_without_a_network(tmp_path):
    pytest.importorskip("wandb", reason="the extra wandb is not installed")
    dataset = save_synthetic_dataset(tmp_path)
    main(
        [
            "fit",
            "--config=src/raylocus/recipes/train/tiny.yaml",
            f"--data.dataset={dataset}",
            f"--trainer.default_root_dir={tmp_path}/run",
            "--trainer.logger=lightning.pytorch.loggers.WandbLogger",
            f"--trainer.logger.init_args.save_dir={tmp_path}/run",
            "--trainer.logger.init_args.offline=true",
            "--trainer.log_every_n_steps=1",
            "--model.schedule.steps=2",
        ]
    )
    assert list(tmp_path.glob("run/wandb/offline-run-*/*.wandb"))
