"""Layers over sets, sequences and maps: what may change them, what may not, and maps of any size."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from raylocus.models.map_backbones import (
    PATCH,
    Convolutional,
    MultiResolution,
    PatchCrossing,
    VisionTransformer,
    enlarged,
    patch_positions,
    whole_patches,
)
from raylocus.models.set_layers import (
    KERNEL,
    DeepSetsBlock,
    Recurrence,
    SetBlock,
    TimeConvolution,
    zero_linear,
)

WIDTH = 8
SETS: list[Callable[[], nn.Module]] = [lambda: SetBlock(WIDTH, 2), lambda: DeepSetsBlock(WIDTH)]
SEQUENCES: list[Callable[[], nn.Module]] = [lambda: TimeConvolution(WIDTH), lambda: Recurrence(WIDTH)]
MAPS = [Convolutional, VisionTransformer, MultiResolution]


def made(layer: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """A layer with weights that are the same in every run."""
    torch.manual_seed(seed)
    return layer().eval()


def drawn(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(autouse=True, scope="module")
def without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.mark.parametrize("layer", SETS, ids=["attention", "deep sets"])
@settings(max_examples=25)
@given(order=st.permutations(range(6)), absent=st.sets(st.integers(0, 5), max_size=5))
def test_a_set_has_no_order(layer: Callable[[], nn.Module], order: list[int], absent: set[int]) -> None:
    block, tokens = made(layer), drawn(1, 6, WIDTH)
    present = torch.tensor([[element not in absent for element in range(6)]])
    plain, moved = block(tokens, present), block(tokens[:, order], present[:, order])
    kept = present[:, order][0]
    torch.testing.assert_close(moved[0, kept], plain[:, order][0, kept], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("layer", [*SETS, *SEQUENCES], ids=["attention", "deep sets", "convolution", "GRU"])
@settings(max_examples=25)
@given(absent=st.sets(st.integers(0, 5), min_size=1, max_size=5), value=st.floats(-50, 50))
def test_what_is_absent_changes_nothing(
    layer: Callable[[], nn.Module], absent: set[int], value: float
) -> None:
    block, tokens = made(layer), drawn(1, 6, WIDTH)
    present = torch.tensor([[element not in absent for element in range(6)]])
    other = tokens.clone()
    other[~present] = value + drawn(len(absent), WIDTH, seed=2)
    plain, changed = block(tokens, present), block(other, present)
    torch.testing.assert_close(changed[present], plain[present], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("layer", SETS, ids=["attention", "deep sets"])
def test_every_element_hears_of_every_other(layer: Callable[[], nn.Module]) -> None:
    block, tokens, present = made(layer), drawn(1, 4, WIDTH), torch.ones(1, 4, dtype=torch.bool)
    plain = block(tokens, present)
    for element in range(4):
        other = tokens.clone()
        other[0, element] += drawn(WIDTH, seed=3)
        assert ((block(other, present) - plain).abs().amax(-1) > 1e-6).all()


@pytest.mark.parametrize("layer", [*SETS, *SEQUENCES], ids=["attention", "deep sets", "convolution", "GRU"])
def test_nothing_at_all_gives_numbers(layer: Callable[[], nn.Module]) -> None:
    block, tokens = made(layer), drawn(2, 5, WIDTH)
    present = torch.zeros(2, 5, dtype=torch.bool)
    present[1, 0] = True
    assert torch.isfinite(block(tokens, present)).all()


@pytest.mark.parametrize("time", range(6))
def test_a_convolution_sees_a_report_and_its_neighbours_and_a_recurrence_what_came_before(time: int) -> None:
    present, reports = torch.ones(1, 6, dtype=torch.bool), drawn(1, 6, WIDTH)
    other = reports.clone()
    other[0, time] += drawn(WIDTH, seed=4)
    moved = [
        ((block(other, present) - block(reports, present)).abs().amax(-1)[0] > 1e-7).nonzero()[:, 0].tolist()
        for block in map(made, SEQUENCES)
    ]
    reach = KERNEL // 2
    assert moved[0] == list(range(max(time - reach, 0), min(time + reach, 5) + 1))
    assert moved[1] == list(range(time, 6))


def test_absent_reports_do_not_age_a_recurrence() -> None:
    block, reports = made(SEQUENCES[1]), drawn(1, 3, WIDTH)
    gaps = torch.zeros(1, 6, WIDTH)
    present = torch.tensor([[False, True, False, True, True, False]])
    gaps[present] = reports[0]
    plain = block(reports, torch.ones(1, 3, dtype=torch.bool))
    torch.testing.assert_close(block(gaps, present)[present], plain[0], atol=1e-6, rtol=1e-6)


def test_a_zero_layer_says_nothing_and_still_learns() -> None:
    layer, given_in = zero_linear(3, 2), drawn(5, 3)
    assert not layer(given_in).any()
    with torch.enable_grad():
        (layer(given_in) - 1).square().sum().backward()
    assert layer.weight.grad is not None and layer.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("backbone", MAPS)
@settings(max_examples=15)
@given(height=st.integers(4, 19), width=st.integers(4, 19))
def test_maps_of_any_size_keep_it(backbone: type[nn.Module], height: int, width: int) -> None:
    encoded = made(lambda: backbone(3, WIDTH))(drawn(2, 3, height, width))
    assert encoded.shape == (2, WIDTH, height, width) and torch.isfinite(encoded).all()


@given(height=st.integers(1, 17), width=st.integers(1, 17))
def test_whole_patches_add_zeros_at_the_far_edges_only(height: int, width: int) -> None:
    maps = drawn(1, 2, height, width)
    padded = whole_patches(maps)
    assert torch.equal(padded[..., :height, :width], maps)
    assert all(
        side % PATCH == 0 and 0 <= side - own < PATCH
        for side, own in zip(padded.shape[2:], (height, width), strict=True)
    )
    assert not padded[..., height:, :].any() and not padded[..., width:].any()


def test_no_two_patches_of_a_city_have_one_position() -> None:
    places = patch_positions(24, 24, 32, torch.zeros(1))
    assert places.shape == (24 * 24, 32) and places.abs().max() <= 1
    apart = torch.cdist(places, places) + torch.eye(len(places))
    assert apart.min() > 1e-2
    # About the middle: a patch and its mirror image differ in their sines only.
    torch.testing.assert_close(places.flip(0).abs(), places.abs(), atol=1e-5, rtol=1e-5)


def test_convolutions_are_local_and_move_with_the_map() -> None:
    encode, maps = made(lambda: Convolutional(2, WIDTH)), drawn(1, 2, 16, 16)
    moved = encode(torch.roll(maps, (3, 5), (2, 3)))
    # Two cells from the edges that the maps have now and had before: there no zero from outside is seen.
    torch.testing.assert_close(moved[..., 5:-2, 7:-2], encode(maps)[..., 2:-5, 2:-7], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("backbone", "sees"), [(Convolutional, False), (VisionTransformer, True), (MultiResolution, True)]
)
def test_who_sees_the_other_end_of_a_map(backbone: type[nn.Module], sees: bool) -> None:
    encode, maps = made(lambda: backbone(2, WIDTH)), drawn(1, 2, 32, 32)
    other = maps.clone()
    other[..., -4:, -4:] += 3.0
    changed = (encode(other) - encode(maps)).abs()[..., :4, :4].amax()
    assert (changed > 1e-6) == sees


def test_maps_that_look_at_another_map_take_nothing_from_each_other() -> None:
    crossing = made(lambda: PatchCrossing(WIDTH))
    maps, other = drawn(3, WIDTH, 10, 9), drawn(1, WIDTH, 10, 9, seed=5)
    together = crossing(maps, other)
    for index in range(3):
        alone = crossing(maps[index : index + 1], other)
        torch.testing.assert_close(together[index : index + 1], alone, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(together, crossing(maps, other + 1.0), atol=1e-4)


def test_enlarging_keeps_a_constant_and_stays_within_what_was_there() -> None:
    flat = torch.full((1, 2, 3, 4), 2.5)
    torch.testing.assert_close(enlarged(flat, 12, 16), torch.full((1, 2, 12, 16), 2.5))
    maps = drawn(1, 2, 3, 4)
    larger = enlarged(maps, 11, 13)
    assert larger.min() >= maps.min() - 1e-6 and larger.max() <= maps.max() + 1e-6
