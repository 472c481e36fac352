"""Antennas that do not point where they are listed: layers of R, and the sharp evidence that tries each turn."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
import xarray as xr
from test_evidence import noiseless

from model_fixtures import synthetic_place
from propagation_fixtures import two_site_atlas, two_site_network
from raylocus.models.evidence import nearest_turn
from raylocus.models.evidence.sharp import SharpEvidence
from raylocus.models.inputs.between_turns import with_halfway
from raylocus.models.inputs.maps import PlaceMaps, place_maps
from raylocus.models.inputs.nominal_maps import BEAM_FLOOR
from raylocus.propagation.maps.layers.complete import RadioMapConfiguration, complete_radio_maps
from raylocus.propagation.maps.layers.turned import LEVEL_STEP, TURNS, layer_name, turned
from raylocus.propagation.maps.radio_maps import radio_maps
from raylocus.training.symmetry import Symmetry


def test_the_layer_of_a_turn_is_r_of_antennas_that_are_turned() -> None:
    atlas, deployment = two_site_atlas(), two_site_network()
    maps = complete_radio_maps(atlas, deployment, RadioMapConfiguration(("turned",)))
    for turn in TURNS:
        expected = radio_maps(atlas, turned(deployment, np.deg2rad(turn)))["rsrp_beam"].values
        found = maps[layer_name(turn)].values
        np.testing.assert_array_equal(np.isnan(found), np.isnan(maps["rsrp_beam"].values))
        np.testing.assert_allclose(found, expected, atol=LEVEL_STEP / 2 + 1e-4)
        assert np.nanmax(np.abs(found - maps["rsrp_beam"].values)) > 1


def test_turns_of_nothing_and_back_again_are_the_listed_azimuths() -> None:
    deployment = two_site_network()
    back = turned(turned(deployment, 0.3), -0.3)
    azimuths = [[cell.azimuth for cell in each.cells] for each in (back, deployment)]
    np.testing.assert_allclose(*azimuths)


def test_between_two_turns_of_r_beams_are_those_of_an_antenna_in_between() -> None:
    """Halfway they are half as far off as those of either turn, nulls included; between inner turns less."""
    atlas, deployment = two_site_atlas(), two_site_network()

    def beams(degrees: float) -> np.ndarray:
        level = radio_maps(atlas, turned(deployment, np.deg2rad(degrees)))["rsrp_beam"].values
        return np.maximum(level - np.fmax.reduce(level, axis=1, keepdims=True), BEAM_FLOOR)

    known = np.sort([0, *TURNS])
    finer, turns = with_halfway(
        torch.from_numpy(np.stack([beams(each) for each in known], 2)), torch.from_numpy(np.deg2rad(known))
    )
    assert torch.rad2deg(turns).round().tolist() == list(range(-18, 19, 3))
    for turn, least in ((-15, 1.8), (-9, 2.2), (3, 2.2), (15, 1.8)):
        at = int((torch.rad2deg(turns) - turn).abs().argmin())
        exact, nearer = beams(turn), beams(turn - 3)
        off = np.sqrt(np.nanmean((finer[:, :, at].numpy() - exact) ** 2))
        assert least * off < np.sqrt(np.nanmean((nearer - exact) ** 2))


def test_the_turns_of_r_stay_what_they_are_and_a_cubic_is_met_halfway() -> None:
    turns = torch.linspace(-0.3, 0.3, 7, dtype=torch.float64)
    beams = (4 * turns**3 - turns**2 + 0.5 * turns - 3)[None, :, None, None]
    finer, between = with_halfway(beams, turns)
    torch.testing.assert_close(between, torch.linspace(-0.3, 0.3, 13, dtype=torch.float64))
    torch.testing.assert_close(finer[:, ::2], beams)
    expected = 4 * between**3 - between**2 + 0.5 * between - 3
    torch.testing.assert_close(finer[0, 2:-2, 0, 0], expected[2:-2])
    torch.testing.assert_close(finer[0, 1, 0, 0], beams[0, :2].mean())


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_turns_are_met_at_their_means(count: int) -> None:
    beams, turns = torch.arange(float(count))[None, :, None, None], torch.arange(float(count))
    finer, between = with_halfway(beams, turns)
    torch.testing.assert_close(finer[0, :, 0, 0], torch.arange(2 * count - 1) / 2)
    torch.testing.assert_close(between, torch.arange(2 * count - 1) / 2)


def with_turns(seed: int) -> PlaceMaps:
    """Tensors of a synthetic place whose R has a layer of each turn: beams that are moved on by so many degrees."""
    place = synthetic_place(seed, size=128.0, sites=3, beams=4)
    maps = place.radio_maps
    beam, step = maps["rsrp_beam"], 120.0 / 4
    layers = {}
    for turn in TURNS:
        # Between two beams by how far the antenna is turned from one to the other: any map will do that differs.
        share = turn / step
        other = beam.isel(beam=np.clip(np.arange(4) - int(np.sign(share)), 0, 3)).values
        layers[layer_name(turn)] = (beam.dims, (1 - abs(share)) * beam.values + abs(share) * other)
    return place_maps(_Held(place, maps.assign(layers)))


@dataclasses.dataclass(frozen=True)
class _Held:
    place: object
    radio_maps: xr.Dataset

    def __getattr__(self, name: str) -> object:
        return getattr(self.place, name)


@pytest.fixture(scope="module")
def maps() -> PlaceMaps:
    return with_turns(1)


def test_the_middle_turn_is_the_listed_azimuth(maps: PlaceMaps) -> None:
    assert torch.rad2deg(maps.turns).round().int().tolist() == list(range(-18, 19, 3))
    listed = place_maps(synthetic_place(1, size=128.0, sites=3, beams=4))
    assert listed.turns.tolist() == [0.0]
    for each in (maps.as_listed, listed):
        torch.testing.assert_close(each.sharp_beams, listed.sharp_beams)
        torch.testing.assert_close(each.turns, listed.turns)


def test_the_distance_is_that_of_the_turn_that_fits_best(maps: PlaceMaps) -> None:
    """The minimum over turns of each one's distance by the law of one turn, and the turn's own deviations squared."""
    evidence, pooled = SharpEvidence().requires_grad_(False), noiseless(maps, 5, 7)
    beams = pooled.beam + 2 * torch.randn(pooled.beam.shape, generator=torch.Generator().manual_seed(3))
    pooled = dataclasses.replace(pooled, beam=beams * pooled.beam_known)
    found = evidence._beams(pooled, maps)
    evidence.log_beam[1] = evidence.log_beam[0]
    each = []
    for index, turn in enumerate(maps.turns):
        alone = dataclasses.replace(
            maps, sharp_beams=maps.sharp_beams[:, :, index, None], turns=torch.zeros(1)
        )
        each.append([evidence._beams(_of_cell(pooled, cell), alone) + (turn / evidence.log_turn.exp()) ** 2
                     for cell in range(pooled.beam.shape[2])])  # fmt: skip
    heard = [cell for cell in range(pooled.beam.shape[2]) if pooled.beam_known[0, 0, cell].any()]
    assert len(heard) > 1
    best = torch.stack([torch.stack([each[turn][cell] for cell in heard]) for turn in range(len(maps.turns))])
    torch.testing.assert_close(found, best.amin(0).sum(0), atol=2e-2, rtol=1e-3)


def test_cells_that_are_looked_at_together_are_those_that_are_looked_at_alone(
    maps: PlaceMaps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cells are heard by some phones each, and by as many beams as those report."""
    generator = torch.Generator().manual_seed(4)
    pooled = noiseless(maps, 5, 7)
    pooled = type(pooled)(
        **{name: each.repeat(6, *(1,) * (each.ndim - 1)) for name, each in vars(pooled).items()}
    )
    known = (torch.rand(pooled.beam.shape, generator=generator) < 0.3).float()
    pooled = dataclasses.replace(pooled, beam=pooled.beam * known, beam_known=known)
    evidence, found = SharpEvidence().requires_grad_(False), []
    for numbers in (1, 1 << 20):
        monkeypatch.setattr(nearest_turn, "CACHED", numbers)
        found.append(evidence._beams(pooled, maps))
    assert len({int(each) for each in (known.sum(3) > 0).sum((0, 1))}) > 1
    assert (found[0] > 1).any()
    torch.testing.assert_close(*found, atol=1e-3, rtol=1e-4)


def _of_cell(pooled, cell):
    """What was observed of the beams of one cell."""
    known = torch.zeros_like(pooled.beam_known)
    known[:, :, cell] = pooled.beam_known[:, :, cell]
    return dataclasses.replace(pooled, beam_known=known)


def test_beams_of_a_turned_antenna_fit_the_phones_place_only_where_turns_are_tried(maps: PlaceMaps) -> None:
    evidence, pooled, turn, (y, x) = (
        SharpEvidence().requires_grad_(False),
        noiseless(maps, 5, 7),
        10,
        (10, 14),
    )
    beams = maps.sharp_beams[None, None, :, :, turn, y, x].float()
    pooled = dataclasses.replace(pooled, beam=beams, beam_known=torch.zeros_like(beams))
    pooled.beam_known[:, :, int((beams - maps.as_listed.sharp_beams[:, :, 0, y, x]).std(-1).argmax())] = 1
    known, listed = (evidence._beams(pooled, each)[0, 0, y, x] for each in (maps, maps.as_listed))
    price = float((maps.turns[turn] / evidence.log_turn.exp()) ** 2)
    assert price - 0.2 < known < price + 0.05, "or one that fits almost as well and is cheaper"
    assert listed > known + 1


def test_a_mirrored_city_has_its_antennas_turned_the_other_way(maps: PlaceMaps) -> None:
    mirrored = Symmetry(0, mirrored=True).place(maps)
    torch.testing.assert_close(mirrored.turns, maps.turns)
    torch.testing.assert_close(
        mirrored.sharp_beams[:, :, -1], maps.sharp_beams[:, :, 0].flip(-1).flip(1), msg="left becomes right"
    )
    turned_round = Symmetry(1, mirrored=False).place(maps)
    torch.testing.assert_close(
        turned_round.sharp_beams[:, :, -1], torch.rot90(maps.sharp_beams[:, :, -1], 1, (-1, -2)).contiguous()
    )
