"""Work that is done side by side gives what it gives one after the other, gradients of a training step too."""

from __future__ import annotations

import threading

import pytest
import torch

from model_fixtures import synthetic_place, synthetic_reports
from raylocus.execution.side_by_side import side_by_side
from raylocus.execution.threads import one_thread
from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.inputs.maps import place_maps
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.location_network import hidden_channels
from raylocus.training.data import PlaceBatch
from raylocus.training.known_loss import loss_and_gradients
from raylocus.training.module import LocationModule


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[PlaceBatch]:
    """A batch of two places."""
    places = [synthetic_place(seed, size=128.0, resolution=4.0, sites=2, beams=4) for seed in (1, 2)]
    return [
        PlaceBatch(
            place_maps(place),
            sequence_tensors(synthetic_reports(place, 6, 3), place.deployment),
            tmp_path_factory.mktemp("place"),
        )
        for place in places
    ]


def test_items_are_worked_on_at_once_and_come_in_their_order() -> None:
    meeting = threading.Barrier(2, timeout=20)

    def work(item: int) -> int:
        meeting.wait()
        return 10 * item

    assert list(side_by_side(work, [1, 2, 3, 4], 2)) == [10, 20, 30, 40]
    assert list(side_by_side(lambda item: 10 * item, [1, 2, 3], 1)) == [10, 20, 30]
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda item: 1 // item, [1, 0], 2))


def test_one_thread_says_how_many_there_were_and_gives_them_back() -> None:
    before = torch.get_num_threads()
    with one_thread() as threads:
        assert (threads, torch.get_num_threads()) == (before, 1)
    assert torch.get_num_threads() == before


def test_known_losses_have_the_gradients_of_one_graph() -> None:
    weights = [torch.randn(3, requires_grad=True), torch.randn(2, requires_grad=True)]
    # The second loss does not depend on the second weight.
    losses = [lambda: (weights[0] ** 2).sum() * weights[1].sum(), lambda: torch.sin(weights[0]).sum()]
    expected = torch.autograd.grad(0.3 * losses[0]() + 0.7 * losses[1](), weights)
    first, second = (loss_and_gradients(loss, weights) for loss in losses)
    assert second.gradients[1] is None
    together = 0.3 * first.attached(weights) + 0.7 * second.attached(weights)
    torch.testing.assert_close(torch.autograd.grad(together, weights), expected)


def test_a_step_is_the_same_to_the_last_bit_whatever_threads_there_are(parts: list[PlaceBatch]) -> None:
    torch.manual_seed(0)
    module = LocationModule(LocationNetworkConfiguration(token_width=16, fusion_width=8))
    module.log = lambda *_, **__: None

    def step(threads: int) -> list[torch.Tensor]:
        module.generator.manual_seed(5)
        module._side_by_side = threads
        module.zero_grad()
        loss = module.training_step(parts, 0)
        loss.backward()
        return [loss.detach(), *(each.grad.clone() for each in module.parameters() if each.grad is not None)]

    alone, together = step(1), step(2)
    assert len(alone) > 20
    assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))


def test_hidden_channels_keep_their_mean_and_their_draws_are_the_generators() -> None:
    channels = torch.ones(400, 30, 2, 2)
    hidden = hidden_channels(channels, 0.25, torch.Generator().manual_seed(3))
    kept = hidden[:, :, 0, 0] > 0
    assert float(kept.float().mean()) == pytest.approx(0.75, abs=0.02)
    assert float(hidden.mean()) == pytest.approx(1.0, abs=0.03)
    assert torch.equal(hidden, hidden_channels(channels, 0.25, torch.Generator().manual_seed(3)))
    assert hidden_channels(channels, 0.25, None) is channels
