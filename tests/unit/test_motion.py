import torch

from raylocus.models.evidence.motion import CHANGES, LEAST_SHARE, LEAST_SPREAD, changes, moved_on
from raylocus.models.time_heads import PooledObservations

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


def observed(level, heard, beam, beam_known):
    """One phone's levels (head, cell) and beams (head, cell, beam), each with its share of the reports."""
    of_cells = torch.zeros(1, *level.shape)
    others = ("reported", "timing", "timed", "weakest_beam", "beams_known", "quality", "quality_known")
    return PooledObservations(
        level=level[None],
        heard=heard[None],
        beam=beam[None],
        beam_known=beam_known[None],
        weakest=of_cells[..., 0],
        token=of_cells[..., None],
        **dict.fromkeys(others, of_cells),
    )


def test_what_has_changed_is_the_mean_square_over_what_both_heads_have():
    level = torch.tensor([[-80.0, -90.0, -100.0], [-77.0, -94.0, 0.0], [-80.0, -90.0, -60.0]])
    heard = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.5, 0.0], [1.0, 1.0, 0.0]])
    beam, known = torch.zeros(3, 3, 2), torch.zeros(3, 3, 2)
    beam[1, 0], known[:2, 0] = torch.tensor([0.0, -6.0]), 1.0
    age = torch.tensor([[0.2, 3.0, 14.0]])
    found = changes(observed(level, heard, beam, known), age)
    # 9 dB² of one cell and 16 of another with half the weight; nothing; 36 dB² of one beam of two; nothing in common.
    expected = torch.tensor([[(9 + 0.5 * 16) / 1.5, 0.0, 18.0, 0.0, 3.0, 14.0]]).log1p()
    assert found.shape == (1, 2 * CHANGES)
    torch.testing.assert_close(found, expected)


def test_a_device_or_a_world_that_is_off_by_a_constant_changes_nothing_and_one_that_moves_does():
    generator = torch.Generator().manual_seed(1)
    level, share = -90 + 8 * torch.randn(1, 5, generator=generator).expand(3, 5), torch.ones(3, 5)
    beam, known = torch.zeros(3, 5, 2), torch.zeros(3, 5, 2)
    age = torch.tensor([[0.2, 3.0, 14.0]])
    at_rest = changes(observed(level, share, beam, known), age)
    assert float(at_rest[:, :4].abs().max()) == 0
    shadows = level + torch.tensor([0.0, 5.0, 8.0])[:, None] * torch.randn(3, 5, generator=generator)
    for offset in (0.0, 7.0):
        moving = changes(observed(shadows + offset, share, beam, known), age)
        assert (moving[0, :2] > 2).all() and (moving[0, 2:4] == 0).all()
