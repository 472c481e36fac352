"""Two lists of paths laid side by side: what is one path, what are two, and what the union holds."""

from __future__ import annotations

import numpy as np

from raylocus.propagation.atlas.channel_response import PointPaths
from raylocus.propagation.oracles.reference import chosen, partners, united


def some_paths(seed: int, count: int = 40) -> PointPaths:
    generator = np.random.default_rng(seed)
    arrival = generator.normal(size=(count, 3))
    arrival /= np.linalg.norm(arrival, axis=1, keepdims=True)
    field = generator.normal(size=(count, 2, 2)) * (1 + 1j)
    length = generator.uniform(100, 200, count)
    point = np.sort(generator.integers(0, 5, count))
    return PointPaths(point, 5, 0.1, length, arrival, arrival, field, np.zeros(count, bool))


def as_another_engine_has_them(paths: PointPaths, order: np.ndarray) -> PointPaths:
    """The same in another order, with the noise of single precision and 3 % of the field."""
    other = chosen(paths, order)
    noise = 1e-5 * np.random.default_rng(9).normal(size=other.arrival.shape)
    return PointPaths(
        other.point, 5, 0.1, other.length + 1e-5, other.departure, other.arrival + noise, 1.03 * other.field,
        other.line_of_sight,
    )  # fmt: skip


def test_a_path_s_partner_is_itself() -> None:
    paths, order = some_paths(0), np.random.default_rng(1).permutation(40)[:25]
    other = as_another_engine_has_them(paths, order)
    assert partners(other, paths).tolist() == order.tolist()
    back = np.full(40, -1)
    back[order] = np.arange(25)
    assert partners(paths, other).tolist() == back.tolist()


def test_of_two_paths_with_one_geometry_the_field_decides() -> None:
    # Two edges in one line: 3 dB apart either may be meant, and the nearer is; 60 dB apart they are two.
    one = chosen(some_paths(2), np.array([0]))
    for ratio, same in ((0.7, [-1, 0]), (1e-3, [0, -1])):
        twins = chosen(one, np.array([0, 0]))
        twins.field[0] *= 1.0 if same == [0, -1] else ratio
        twins.field[1] *= 1.0 if same == [-1, 0] else ratio
        assert partners(twins, one).tolist() == same
    assert partners(chosen(twins, np.array([1])), one).tolist() == [-1]


def test_a_union_counts_a_path_of_several_lists_once() -> None:
    paths = some_paths(3)
    first, rest = chosen(paths, np.arange(30)), np.arange(20, 40)
    second = as_another_engine_has_them(paths, rest)
    union, parts = united([first, second, chosen(paths, np.arange(5))])
    assert len(union.point) == 40
    np.testing.assert_array_equal(union.gain[:30], first.gain)
    assert [len(part.point) for part in parts] == [30, 20, 5]
    np.testing.assert_array_equal(parts[1].gain[:10], first.gain[20:])  # as the first list has them
    np.testing.assert_allclose(parts[1].length, second.length, atol=1e-4)
