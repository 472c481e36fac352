"""What is worked out again for the backward pass has the gradients of the formula itself."""

import pytest
import torch

from raylocus.models.evidence import gaussian as gaussian_module
from raylocus.models.evidence import nearest_turn as nearest_turn_module
from raylocus.models.evidence.gaussian import gaussian_evidence
from raylocus.models.evidence.nearest_turn import beam_distance
from raylocus.models.evidence.rasters import LEVEL_UNITS


@pytest.fixture(autouse=True)
def little_ground_at_once(monkeypatch):
    for module, name in ((gaussian_module, "AT_ONCE"), (nearest_turn_module, "CACHED")):
        monkeypatch.setattr(module, name, 50)


def drawn(seed, *shapes):
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def compared(function, formula, arguments):
    """Values and gradients of both, for one draw of what comes from above."""
    found, expected = [], []
    for each, into in ((function, found), (formula, expected)):
        leaves = [argument.clone().requires_grad_() for argument in arguments]
        outputs = each(*leaves)
        above = drawn(9, *(output.shape for output in outputs))
        gradients = torch.autograd.grad(outputs, leaves, above)
        into.extend([*outputs, *gradients])
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_beams_have_the_gradient_of_the_turn_that_fits_best():
    seen, weight, offset, turn, mapped = drawn(1, (2, 4, 3), (2, 4, 3), (), (7,), (2, 3, 7, 53))
    weight[0, 1, 2] = 0

    def formula(seen, weight, offset, turn):
        residual = seen[..., None, None] - 5 * mapped[:, None]
        held = (weight[..., None, None] * residual).sum(2)
        common = (offset / (1 + offset * weight.sum(2)))[..., None, None]
        distance = (weight[..., None, None] * residual.square()).sum(2) - common * held.square()
        every = distance + turn[:, None]
        assert len(every.argmin(2).unique()) == 7
        return [every.amin(2)]

    compared(lambda *each: [beam_distance(*each, 5 * mapped)], formula, [5 * seen, weight, offset, turn])


def test_beams_have_the_same_distance_where_no_gradient_is_wanted():
    seen, weight, offset, turn, mapped = drawn(3, (2, 4, 3), (2, 4, 3), (), (7,), (2, 3, 7, 53))
    with_gradient = beam_distance(5 * seen, weight.requires_grad_(), offset, turn, 5 * mapped)
    assert with_gradient.requires_grad
    with torch.no_grad():
        without = beam_distance(5 * seen, weight, offset, turn, 5 * mapped)
    torch.testing.assert_close(without, with_gradient.detach(), rtol=1e-12, atol=1e-12)


def test_levels_have_the_gradient_of_the_multivariate_normal():
    level, precision, mapped, share, site, common = drawn(
        2, (2, 3, 4, 2), (2, 3, 4, 2), (4, 2, 5, 6), (4, 2, 5, 6), (), ()
    )
    heard = torch.tensor([1.0, 1.0, 0.0, 1.0])[:, None]
    moments = torch.stack([share, share * mapped, share * mapped**2], 1)

    def function(level, precision, site, common):
        units = LEVEL_UNITS.centre + LEVEL_UNITS.scale * level
        found = gaussian_evidence(units, heard * precision, moments, torch.arange(4), site, common)
        return [found.distance, found.log_width, found.offset]

    def formula(level, precision, site, common):
        off = LEVEL_UNITS.scale * (level[..., None, None] - mapped)
        weight = share * (heard * precision)[..., None, None]
        held = 1 + site * weight.sum(3)
        first = (weight * off).sum(3)
        square = (weight * off.square()).sum((2, 3)) - (site * first.square() / held).sum(2)
        total, mean = (weight.sum(3) / held).sum(2), (first / held).sum(2)
        wide = 1 + common * total
        offset = common * mean / wide
        return [square - offset * mean, held.log().sum(2) + wide.log(), offset]

    compared(function, formula, [level, precision, site, common])
