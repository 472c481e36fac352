import torch

from raylocus.models.evidence.motion import LEAST_SHARE, LEAST_SPREAD, moved_on

SIZE, COUNT = 256.0, 64


def a_point():
    """One phone by two heads, both sure of one ground cell."""
    found = torch.full((1, 2, COUNT, COUNT), -40.0)
    found[..., 30, 33] = 0.0
    return found


def test_what_was_one_place_is_a_gaussian_of_how_far_the_phone_came():
    found = moved_on(a_point(), torch.tensor([[12.0, 20.0]]), SIZE)[0].exp() - LEAST_SHARE
    for head, spread in enumerate((12.0, 20.0)):
        for off in (3, 6):
            expected = 0.5 * (off * SIZE / COUNT) ** 2 / (spread**2 + LEAST_SPREAD**2)
            along, across = found[head, 30, 33 + off], found[head, 30 - off, 33]
            assert torch.allclose(-torch.stack([along, across]).log(), torch.tensor(expected), rtol=0.02)


def test_a_phone_at_rest_is_where_it_was_and_one_that_moves_is_nowhere_ruled_out():
    log_density = 3 * torch.randn(2, 2, COUNT, COUNT, generator=torch.Generator().manual_seed(1))
    log_density = log_density - log_density.amax((-2, -1), keepdim=True)
    at_rest, moving = (moved_on(log_density, torch.full((2, 2), spread), SIZE) for spread in (0.0, 500.0))
    near = torch.corrcoef(torch.stack([at_rest.exp().flatten(), log_density.exp().flatten()]))[0, 1]
    assert near > 0.95
    assert float(moving.std()) < 0.2 < float(at_rest.std())
    assert float(moved_on(a_point(), torch.zeros(1, 2), SIZE).min()) > -7


def test_how_fast_phones_are_has_a_gradient():
    speed = torch.tensor(8.0, requires_grad=True)
    moved_on(a_point(), speed.expand(1, 2), SIZE)[0, 0, 30, 36].backward()
    assert float(speed.grad) > 0
