"""From the store to a batch on the device: the same numbers by any way, read lazily, maps moved once."""

import os
import pickle
import shutil

import numpy as np
import pytest
import torch

from raylocus.datasets.store import open_report_dataset
from raylocus.errors import InputError, StoreError
from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.inputs.place_batches import SequenceDataset
from raylocus.models.inputs.tensors import OBSERVED
from raylocus.training.cli import main
from raylocus.training.data import ReportData
from raylocus.training.module import LocationModule
from training_fixtures import save_synthetic_dataset

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return save_synthetic_dataset(tmp_path_factory.mktemp("reading"))


@pytest.fixture(scope="module")
def stored(path):
    return open_report_dataset(path)


@pytest.fixture
def data(path):
    data = ReportData(str(path), batch_size=3)
    data.setup()
    return data


def tensors_of(part) -> list[torch.Tensor]:
    dense = part.sequences.dense()
    return [dense.observed, dense.beams, dense.serving, dense.censored, dense.age, dense.position]


def test_an_epoch_holds_the_training_split_and_nothing_else(data, stored):
    chosen = np.flatnonzero(stored.split == "train")
    place = stored.place(int(stored.place_index[chosen[0]]))
    expected = sequence_tensors(stored.reports.select(chosen), place.deployment)
    found = [part.sequences.dense() for batch in data.train_dataloader() for part in batch]
    assert [len(dense) <= 3 for dense in found] == [True] * len(found)
    ends = torch.cat([dense.target for dense in found])
    assert sorted(map(tuple, ends.tolist())) == sorted(map(tuple, expected.target.tolist()))
    heard = torch.cat([dense.observed[:, -1] for dense in found])
    torch.testing.assert_close(
        heard.nan_to_num().sum((0, 1)), expected.observed[:, -1].nan_to_num().sum((0, 1)), rtol=1e-5, atol=0
    )


def test_a_spawned_worker_reads_what_this_process_reads(path, data):
    reading = ReportData(str(path), batch_size=3, num_workers=1)
    loader = reading.val_dataloader()
    assert loader.multiprocessing_context.get_start_method() == "spawn"
    # It imports what reads, not Lightning: half of the time to start and a third of the memory.
    assert b"raylocus.training" not in pickle.dumps((loader.dataset, loader.collate_fn))
    for _ in range(2):
        epoch = list(loader)
        workers = {worker.pid for worker in loader._iterator._workers}
        for batch, expected in zip(epoch, data.val_dataloader(), strict=True):
            for part, same in zip(batch, expected, strict=True):
                assert part.place == same.place
                for found, wanted in zip(tensors_of(part), tensors_of(same), strict=True):
                    torch.testing.assert_close(found, wanted, equal_nan=True, rtol=0, atol=0)
        # The second epoch comes from the same process.
        assert os.getpid() not in workers and len(workers) == 1
        assert workers == {worker.pid for worker in loader._iterator._workers}


def test_what_goes_to_a_worker_does_not_grow_with_what_was_read(data):
    loader = data.val_dataloader()
    before = len(pickle.dumps(loader.dataset))
    assert isinstance(loader.dataset, SequenceDataset)
    list(loader)
    assert len(pickle.dumps(loader.dataset)) == before


def test_maps_are_moved_to_a_device_once(data):
    batches = []
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        for batch in loader:
            for part, moved in zip(batch, data.transfer_batch_to_device(batch, CPU, 0), strict=True):
                batches.append((part.place, moved.maps))
    places = {place for place, _ in batches}
    assert len(batches) > len(places) == 2
    for place in places:
        assert len({id(maps) for index, maps in batches if index == place}) == 1


def test_no_more_maps_are_kept_than_are_at_hand(path):
    data = ReportData(str(path), batch_size=3, places_at_hand=1)
    train, test = next(iter(data.train_dataloader())), next(iter(data.test_dataloader()))
    first = data.transfer_batch_to_device(train, CPU, 0)[0].maps
    assert data.transfer_batch_to_device(train, CPU, 0)[0].maps is first
    data.transfer_batch_to_device(test, CPU, 0)
    assert data.transfer_batch_to_device(train, CPU, 0)[0].maps is not first


def test_statistics_are_those_of_the_training_tensors(data, stored):
    chosen = np.flatnonzero(stored.split == "train")
    place = stored.place(int(stored.place_index[chosen[0]]))
    observed = sequence_tensors(stored.reports.select(chosen), place.deployment).observed
    columns = observed.flatten(0, 2).double().numpy()
    found = data.feature_statistics()
    for column, name in enumerate(OBSERVED):
        mean, deviation = found[name]
        assert mean == pytest.approx(np.nanmean(columns[:, column]), rel=1e-4)
        assert deviation == pytest.approx(np.nanstd(columns[:, column]), rel=1e-3)
    assert set(found) == {*OBSERVED, "l1_rsrp"}
    assert 20 < found["timing_advance"][0] < 500


def test_the_loss_of_two_places_is_the_mean_over_their_sequences(data):
    torch.manual_seed(0)
    module = LocationModule(LocationNetworkConfiguration(token_width=16, fusion_width=8)).eval()
    module.log = lambda *_, **__: None
    batches = [next(iter(loader)) for loader in (data.train_dataloader(), data.test_dataloader())]
    north, south = (data.transfer_batch_to_device(batch, CPU, 0)[0] for batch in batches)
    with torch.no_grad():
        module.generator.manual_seed(5)
        alone = [module.training_step([part], 0) for part in (north, south)]
        module.generator.manual_seed(5)
        together = module.training_step([north, south], 0)
    sizes = [len(part.sequences) for part in (north, south)]
    torch.testing.assert_close(together, torch.stack(alone) @ torch.tensor(sizes).float() / sum(sizes))


def test_a_damaged_dataset_is_refused_with_the_fix(path, tmp_path):
    copy = tmp_path / "damaged.zarr"
    shutil.copytree(path, copy)
    chunk = max((file for file in copy.rglob("c/*") if file.is_file()), key=lambda file: file.stat().st_size)
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(content)
    with pytest.raises(StoreError, match="other bytes than were written.*raylocus dataset build"):
        ReportData(str(copy)).setup()


def test_a_dataset_that_is_not_there_is_named():
    with pytest.raises(StoreError, match=r"absent\.zarr"):
        ReportData("/tmp/absent.zarr").setup()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="pinning memory needs CUDA")
def test_batches_are_pinned_where_there_is_cuda(data):
    part = next(iter(data.train_dataloader()))[0]
    assert part.sequences.features.is_pinned() and part.sequences.report_offsets.is_pinned()


@pytest.mark.parametrize(
    "words",
    [
        ["--data.dataset=/tmp/absent.zarr"],
        ["--data=raylocus.training.data.ReportData", "--data.init_args.dataset=/tmp/absent.zarr"],
        ["--config=src/raylocus/recipes/train/demo.yaml", "--data.dataset=/tmp/absent.zarr"],
    ],
)
def test_lightnings_names_reach_the_data_module(words, tmp_path, monkeypatch, repository):
    monkeypatch.chdir(repository)
    folders = [
        f"--trainer.default_root_dir={tmp_path}",
        "--trainer.logger=false",
        "--trainer.accelerator=cpu",
    ]
    with pytest.raises(StoreError, match=r"absent\.zarr"):
        main(["fit", *words, *folders])


@pytest.mark.parametrize("places", [0, 3])
def test_a_batch_of_too_many_places_is_one_sentence(places):
    with pytest.raises(InputError, match="places_per_batch between 1 and batch_size"):
        ReportData("any", batch_size=2, places_per_batch=places).setup()
